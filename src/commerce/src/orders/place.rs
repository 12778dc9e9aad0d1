//! Placing an order: stock, order, outbox and idempotency key in one transaction.
//!
//! Stock is taken by one conditional UPDATE whose row count decides. It is never read first: between a read and a
//! write another order fits.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::rows::{insert, tell_provider};
use super::{Full, Line, Method, Order};
use crate::Shop;
use crate::catalog::Form;
use crate::clock::{self, DAY};
use crate::error::{Check, Error, Result};
use crate::id::Id;
use crate::live::hub;
use crate::operations::events;
use crate::orders::{Delivery, State};
use crate::people::Person;
use crate::store::{Connection, Row, args, transact};

/// Different products in one order.
const LINES: usize = 20;
/// Pieces of one product in one order.
const PIECES: i64 = 1000;
/// How long somebody who wants to meet holds the thing.
const MEET_WINDOW: i64 = 3 * DAY;

/// A product and how many.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub(crate) struct Item {
    /// Which product.
    pub(crate) product_id: Id,
    /// How many.
    #[serde(default = "one")]
    pub(crate) quantity: i64,
}

fn one() -> i64 {
    1
}

/// What an order takes.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub(crate) struct NewOrder {
    /// The products, all of one seller.
    pub(crate) items: Vec<Item>,
    /// To whom it is sent.
    #[serde(default)]
    pub(crate) recipient: String,
    /// Their telephone.
    #[serde(default)]
    pub(crate) phone: String,
    /// Where it is sent.
    #[serde(default)]
    pub(crate) address: String,
    /// What the payment provider's page in the browser gave; may follow later by `/orders/{id}/payment`.
    #[serde(default)]
    pub(crate) payment_token: Option<String>,
}

impl NewOrder {
    fn check(&self) -> Result<()> {
        let mut check = Check::default();
        check.that((1..=LINES).contains(&self.items.len()), "items", "must be 1 to 20");
        check.that(self.items.iter().all(|i| (1..=PIECES).contains(&i.quantity)), "quantity", "must be 1 to 1000");
        let mut ids: Vec<Id> = self.items.iter().map(|i| i.product_id).collect();
        ids.sort();
        ids.dedup();
        check.that(ids.len() == self.items.len(), "items", "must name each product once");
        check.text(&self.recipient, 0, 40, "recipient").text(&self.phone, 0, 20, "phone");
        check.text(&self.address, 0, 100, "address");
        check.that(self.payment_token.as_ref().is_none_or(|t| t.len() <= 300), "payment_token", "is too long");
        check.done()
    }

    /// Refuses an order that nobody could send anywhere.
    fn is_addressed(&self) -> Result<()> {
        let mut check = Check::default();
        check.text(&self.recipient, 1, 40, "recipient").text(&self.phone, 1, 20, "phone");
        check.text(&self.address, 1, 100, "address").done()
    }
}

/// An order that was placed now or, under the same key, before.
pub(crate) struct Placed {
    /// The order.
    pub(crate) full: Full,
    /// Whether this call placed it.
    pub(crate) fresh: bool,
    /// What is left of each product.
    pub(super) stocks: Vec<(Id, i64)>,
}

/// An order as it was asked for.
#[derive(Clone)]
pub(super) struct Asked {
    /// By whom.
    pub(super) buyer: Id,
    /// Under which key.
    pub(super) key: String,
    /// The digest of what was asked, to know the key's reuse for something else.
    pub(super) body: String,
    /// What.
    pub(super) input: Arc<NewOrder>,
}

/// What the shop asks of every order.
#[derive(Clone, Copy)]
pub(crate) struct Terms {
    /// The shop's part, in hundredths of a percent.
    pub(crate) basis_points: i64,
    /// How long stock is held for a payment, in milliseconds.
    pub(crate) window: i64,
}

/// Checks an Idempotency-Key.
pub(crate) fn check_key(key: &str) -> Result<()> {
    let printable = key.bytes().all(|b| (0x21..0x7f).contains(&b));
    if (8..=200).contains(&key.len()) && printable {
        return Ok(());
    }
    Err(Error::Malformed("the header `Idempotency-Key` must have 8 to 200 printable characters".into()))
}

/// Places an order, once for each key.
pub(crate) async fn place(shop: &Shop, buyer: &Person, key: &str, input: NewOrder) -> Result<Placed> {
    check_key(key)?;
    input.check()?;
    let body = crate::secret::hex(&Sha256::digest(serde_json::to_vec(&input).unwrap_or_default()));
    let mut input = input;
    // Row locks in one order, whoever asks.
    input.items.sort_by_key(|item| item.product_id);
    let asked = Asked { buyer: buyer.id, key: key.to_owned(), body, input: Arc::new(input) };
    let together = if asked.is_plain() { shop.till.take(asked.clone()).await } else { None };
    let placed = match together {
        Some(placed) => placed,
        None => alone(shop, asked).await?,
    };
    if placed.fresh {
        for (product, stock) in &placed.stocks {
            hub::stock(shop, *product, *stock);
        }
        shop.metrics.orders.inc();
        shop.outbox.notify_one();
        events::order(shop, "order.placed", &placed.full.order);
    }
    Ok(placed)
}

async fn alone(shop: &Shop, asked: Asked) -> Result<Placed> {
    let terms = shop.config.terms();
    let placed = transact!(shop.database, [asked], |c| {
        if let Some(known) = repeated(c, &asked).await? {
            return Ok(known);
        }
        let order = reserve(c, &asked, terms).await?;
        let sql = "INSERT INTO idempotency (person_id, token, body, order_id, created_at) VALUES (?, ?, ?, ?, ?)";
        let id = order.full.order.id;
        c.execute(sql, args![asked.buyer, asked.key, asked.body, id, order.full.order.created_at]).await?;
        Ok(order)
    });
    match placed.await {
        // Two requests with one key met: the other one won, and its order is the answer.
        Err(Error::Conflict("exists", _)) => {
            let again = transact!(shop.database, [asked], |c| repeated(c, &asked).await);
            again.await?.ok_or_else(|| Error::Unavailable("the order is under way: try again".into()))
        }
        other => other.inspect_err(|e| {
            if matches!(e, Error::Conflict("sold-out", _)) {
                shop.metrics.sold_out.inc();
            }
        }),
    }
}

async fn repeated(c: &mut dyn Connection, asked: &Asked) -> Result<Option<Placed>> {
    let sql = "SELECT body, order_id FROM idempotency WHERE person_id = ? AND token = ?";
    let found = c.query(sql, args![asked.buyer, asked.key.as_str()]).await?;
    let Some(mut row) = found.into_iter().next() else { return Ok(None) };
    if row.take::<String>()? != asked.body {
        return Err(Error::Conflict("key-reused", "this Idempotency-Key was used for another order".into()));
    }
    let id: Id = row.take()?;
    let order = c.one::<Order>("WHERE id = ?", args![id]).await?.ok_or(Error::NotFound("order"))?;
    let lines = super::lines(c, id).await?;
    Ok(Some(Placed { full: Full { order, lines }, fresh: false, stocks: Vec::new() }))
}

async fn reserve(c: &mut dyn Connection, asked: &Asked, terms: Terms) -> Result<Placed> {
    let (mut sold, mut stocks) = (Vec::new(), Vec::new());
    for item in &asked.input.items {
        let sql = "UPDATE products SET stock = stock - ?
            WHERE id = ? AND stock >= ? AND state = 'active' AND form <> 'auction'";
        let taken = c.execute(sql, args![item.quantity, item.product_id, item.quantity]).await?;
        let sql = "SELECT seller_id, form, title, price, stock, state FROM products WHERE id = ?";
        let rows = c.query(sql, args![item.product_id]).await?;
        let mut row = rows.into_iter().next().ok_or(Error::NotFound("product"))?;
        let product = Sold::read(&mut row)?;
        if taken == 0 {
            let title = &product.title;
            return Err(match (product.form, row.take::<String>()?.as_str()) {
                (Form::Auction, _) => Error::Conflict("auction", format!("`{title}` is auctioned: bid for it")),
                (_, "hidden") => Error::NotFound("product"),
                _ => Error::Conflict("sold-out", format!("there are not {} of `{title}` left", item.quantity)),
            });
        }
        stocks.push((item.product_id, product.stock));
        sold.push(product);
    }
    let full = asked.order(&sold, terms)?;
    insert(c, &full.order, &full.lines, asked.token(full.order.method)).await?;
    Ok(Placed { full, fresh: true, stocks })
}

/// What an order must know of a product.
pub(super) struct Sold {
    seller: Id,
    form: Form,
    title: String,
    price: i64,
    /// What is left of it.
    pub(super) stock: i64,
}

impl Sold {
    /// Its columns.
    pub(super) const COLUMNS: &str = "seller_id, form, title, price, stock";

    /// Reads them.
    pub(super) fn read(row: &mut Row) -> Result<Self> {
        let (seller, form, title) = (row.take()?, row.take()?, row.take()?);
        Ok(Sold { seller, form, title, price: row.take()?, stock: row.take()? })
    }
}

impl Asked {
    /// Whether it is of one product and complete, so that it can be placed together with others.
    fn is_plain(&self) -> bool {
        self.input.items.len() == 1 && self.input.payment_token.is_some() && self.input.is_addressed().is_ok()
    }

    /// What the payment provider needs, if it has a part in it.
    fn token(&self, method: Method) -> Option<&str> {
        self.input.payment_token.as_deref().filter(|_| method == Method::Online)
    }

    /// The order of these products, whose stock is held. Decides all that can be decided without a database.
    pub(super) fn order(&self, sold: &[Sold], terms: Terms) -> Result<Full> {
        if sold.iter().any(|product| product.seller == self.buyer) {
            return Err(Error::Conflict("own-product", "nobody buys from themselves".into()));
        }
        let seller = sold.first().map(|product| product.seller).ok_or(Error::NotFound("product"))?;
        if sold.iter().any(|product| product.seller != seller) {
            return Err(Error::invalid("items", "must be of one seller"));
        }
        let direct = sold.iter().any(|product| product.form == Form::Direct);
        if direct && sold.len() > 1 {
            return Err(Error::invalid("items", "must not mix a direct deal with other things"));
        }
        if !direct {
            self.input.is_addressed()?;
        }
        let lines: Vec<Line> = (self.input.items.iter().zip(sold))
            .map(|(item, product)| Line {
                product_id: item.product_id,
                title: product.title.clone(),
                quantity: item.quantity,
                price: product.price,
            })
            .collect();
        let total = lines.iter().map(|line| line.price * line.quantity).sum::<i64>();
        let now = clock::now();
        let order = Order {
            id: Id::new(),
            buyer_id: self.buyer,
            seller_id: seller,
            method: if direct { Method::Meet } else { Method::Online },
            state: State::Pending,
            delivery: Delivery::None,
            total,
            commission: if direct { 0 } else { total * terms.basis_points / 10_000 },
            recipient: self.input.recipient.trim().to_owned(),
            phone: self.input.phone.trim().to_owned(),
            address: self.input.address.trim().to_owned(),
            buyer_confirmed: false,
            seller_confirmed: false,
            wants_refund: false,
            released: false,
            reason: None,
            created_at: now,
            expires_at: now + if direct { MEET_WINDOW } else { terms.window },
            settled_at: None,
        };
        Ok(Full { order, lines })
    }
}

/// The payment of an order that waits for one, and where to send it if that is not known yet.
#[derive(Clone, Debug, serde::Deserialize, utoipa::ToSchema)]
pub(crate) struct Payment {
    /// What the payment provider's page in the browser gave.
    pub(crate) payment_token: String,
    /// To whom it is sent.
    #[serde(default)]
    pub(crate) recipient: String,
    /// Their telephone.
    #[serde(default)]
    pub(crate) phone: String,
    /// Where it is sent.
    #[serde(default)]
    pub(crate) address: String,
}

/// Gives the payment of an order that waits for one, as after a won auction.
pub(crate) async fn pay(shop: &Shop, buyer: &Person, id: Id, input: Payment) -> Result<Full> {
    let mut check = Check::default();
    check.that((1..=300).contains(&input.payment_token.len()), "payment_token", "must have 1 to 300 characters");
    check.text(&input.recipient, 0, 40, "recipient").text(&input.phone, 0, 20, "phone");
    check.text(&input.address, 0, 100, "address").done()?;
    let buyer = buyer.clone();
    let paid = transact!(shop.database, [buyer, input], |c| {
        let full = super::find(c, &buyer, id).await?;
        if full.order.buyer_id != buyer.id {
            return Err(Error::Forbidden("only the buyer pays"));
        }
        let kept = |known: &str, given: &str| if known.is_empty() { given.trim().to_owned() } else { known.to_owned() };
        let address = kept(&full.order.address, &input.address);
        if address.is_empty() {
            return Err(Error::invalid("address", "must be told"));
        }
        let recipient = if input.recipient.trim().is_empty() { &full.order.recipient } else { &input.recipient };
        let phone = kept(&full.order.phone, &input.phone);
        let sql = "UPDATE orders SET token = ?, recipient = ?, phone = ?, address = ?
            WHERE id = ? AND state = 'pending' AND method = 'online' AND expires_at > ?";
        let values = args![&input.payment_token, recipient.trim(), phone, address, id, clock::now()];
        if c.execute(sql, values).await? == 0 {
            return Err(Error::Conflict("not-payable", "this order does not wait for a payment".into()));
        }
        tell_provider(c, id, "charge", full.order.total).await?;
        super::find(c, &buyer, id).await
    });
    let full = paid.await?;
    shop.outbox.notify_one();
    Ok(full)
}

/// Notes where an order goes that nobody paid yet, as after a won auction.
pub(crate) async fn address(
    shop: &Shop,
    buyer: &Person,
    id: Id,
    [recipient, phone, address]: [String; 3],
) -> Result<()> {
    let mut check = Check::default();
    check.text(&recipient, 1, 40, "recipient").text(&phone, 1, 20, "phone");
    check.text(&address, 1, 100, "address").done()?;
    let buyer = buyer.id;
    let noted = transact!(shop.database, [recipient, phone, address], |c| {
        let sql = "UPDATE orders SET recipient = ?, phone = ?, address = ?
            WHERE id = ? AND buyer_id = ? AND state = 'pending' AND method = 'online' AND token IS NULL";
        if c.execute(sql, args![recipient.trim(), phone.trim(), address.trim(), id, buyer]).await? == 0 {
            return Err(Error::Conflict("not-payable", "this order does not wait for a payment".into()));
        }
        Ok(())
    });
    noted.await
}
