//! Placing an order: stock, order, outbox and idempotency key in one transaction.
//!
//! Stock is taken by one conditional UPDATE whose row count decides. It is never read first: between a read and a
//! write another order fits.

use sha2::{Digest, Sha256};

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
use crate::store::{Connection, Value, args, transact};

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
}

/// An order that was placed now or, under the same key, before.
pub(crate) struct Placed {
    /// The order.
    pub(crate) full: Full,
    /// Whether this call placed it.
    pub(crate) fresh: bool,
    /// What is left of each product.
    stocks: Vec<(Id, i64)>,
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
    let (buyer_id, key, input) = (buyer.id, key.to_owned(), std::sync::Arc::new(input));
    let terms = Terms { basis_points: shop.config.commission, window: shop.config.payment_window() };
    let placed = transact!(shop.database, [key, body, input], |c| {
        if let Some(known) = repeated(c, buyer_id, &key, &body).await? {
            return Ok(known);
        }
        let order = reserve(c, buyer_id, &input, terms).await?;
        let sql = "INSERT INTO idempotency (person_id, token, body, order_id, created_at) VALUES (?, ?, ?, ?, ?)";
        c.execute(sql, args![buyer_id, key, body, order.full.order.id, order.full.order.created_at]).await?;
        Ok(order)
    });
    let placed = match placed.await {
        // Two requests with one key met: the other one won, and its order is the answer.
        Err(Error::Conflict("exists", _)) => {
            let again = transact!(shop.database, [key, body], |c| repeated(c, buyer_id, &key, &body).await);
            again.await?.ok_or_else(|| Error::Unavailable("the order is under way: try again".into()))?
        }
        other => other.inspect_err(|e| {
            if matches!(e, Error::Conflict("sold-out", _)) {
                shop.metrics.sold_out.inc();
            }
        })?,
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

#[derive(Clone, Copy)]
struct Terms {
    basis_points: i64,
    window: i64,
}

async fn repeated(c: &mut dyn Connection, buyer: Id, key: &str, body: &str) -> Result<Option<Placed>> {
    let sql = "SELECT body, order_id FROM idempotency WHERE person_id = ? AND token = ?";
    let Some(mut row) = c.query(sql, args![buyer, key]).await?.into_iter().next() else { return Ok(None) };
    if row.take::<String>()? != body {
        return Err(Error::Conflict("key-reused", "this Idempotency-Key was used for another order".into()));
    }
    let id: Id = row.take()?;
    let order = c.one::<Order>("WHERE id = ?", args![id]).await?.ok_or(Error::NotFound("order"))?;
    let lines = super::lines(c, id).await?;
    Ok(Some(Placed { full: Full { order, lines }, fresh: false, stocks: Vec::new() }))
}

async fn reserve(c: &mut dyn Connection, buyer: Id, input: &NewOrder, terms: Terms) -> Result<Placed> {
    let now = clock::now();
    let (mut lines, mut stocks, mut sellers, mut forms) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for item in &input.items {
        let sql = "UPDATE products SET stock = stock - ?
            WHERE id = ? AND stock >= ? AND state = 'active' AND form <> 'auction'";
        let taken = c.execute(sql, args![item.quantity, item.product_id, item.quantity]).await?;
        let sql = "SELECT seller_id, form, title, price, stock, state FROM products WHERE id = ?";
        let rows = c.query(sql, args![item.product_id]).await?;
        let mut row = rows.into_iter().next().ok_or(Error::NotFound("product"))?;
        let (seller, form, title): (Id, Form, String) = (row.take()?, row.take()?, row.take()?);
        let (price, stock): (i64, i64) = (row.take()?, row.take()?);
        if taken == 0 {
            return Err(match (form, row.take::<String>()?.as_str()) {
                (Form::Auction, _) => Error::Conflict("auction", format!("`{title}` is auctioned: bid for it")),
                (_, "hidden") => Error::NotFound("product"),
                _ => Error::Conflict("sold-out", format!("there are not {} of `{title}` left", item.quantity)),
            });
        }
        if seller == buyer {
            return Err(Error::Conflict("own-product", "nobody buys from themselves".into()));
        }
        sellers.push(seller);
        forms.push(form);
        stocks.push((item.product_id, stock));
        lines.push(Line { product_id: item.product_id, title, quantity: item.quantity, price });
    }
    let seller = sellers[0];
    if sellers.iter().any(|other| *other != seller) {
        return Err(Error::invalid("items", "must be of one seller"));
    }
    let direct = forms.contains(&Form::Direct);
    if direct && forms.len() > 1 {
        return Err(Error::invalid("items", "must not mix a direct deal with other things"));
    }
    if !direct {
        let mut check = Check::default();
        check.text(&input.recipient, 1, 40, "recipient").text(&input.phone, 1, 20, "phone");
        check.text(&input.address, 1, 100, "address").done()?;
    }
    let total = lines.iter().map(|line| line.price * line.quantity).sum::<i64>();
    let order = Order {
        id: Id::new(),
        buyer_id: buyer,
        seller_id: seller,
        method: if direct { Method::Meet } else { Method::Online },
        state: State::Pending,
        delivery: Delivery::None,
        total,
        commission: if direct { 0 } else { total * terms.basis_points / 10_000 },
        recipient: input.recipient.trim().to_owned(),
        phone: input.phone.trim().to_owned(),
        address: input.address.trim().to_owned(),
        buyer_confirmed: false,
        seller_confirmed: false,
        wants_refund: false,
        released: false,
        reason: None,
        created_at: now,
        expires_at: now + if direct { MEET_WINDOW } else { terms.window },
        settled_at: None,
    };
    insert(c, &order, &lines, input.payment_token.as_deref().filter(|_| !direct)).await?;
    Ok(Placed { full: Full { order, lines }, fresh: true, stocks })
}

/// Writes an order, its lines and, if it can be paid at once, what the provider must be told.
pub(crate) async fn insert(c: &mut dyn Connection, order: &Order, lines: &[Line], token: Option<&str>) -> Result<()> {
    let sql =
        "INSERT INTO orders (id, buyer_id, seller_id, method, state, delivery, total, commission, recipient, phone,
        address, token, buyer_confirmed, seller_confirmed, wants_refund, released, created_at, expires_at)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0, 0, 0, ?, ?)";
    let o = order;
    let values = args![
        o.id,
        o.buyer_id,
        o.seller_id,
        o.method,
        o.state,
        o.delivery,
        o.total,
        o.commission,
        &o.recipient,
        &o.phone,
        &o.address,
        token,
        o.created_at,
        o.expires_at
    ];
    c.execute(sql, values).await?;
    for line in lines {
        let sql = "INSERT INTO order_lines (order_id, product_id, title, quantity, price) VALUES (?, ?, ?, ?, ?)";
        c.execute(sql, args![o.id, line.product_id, &line.title, line.quantity, line.price]).await?;
    }
    if token.is_some() {
        tell_provider(c, o.id, "charge", o.total).await?;
    }
    Ok(())
}

/// Puts a message for the provider into the outbox, once for each order and kind.
pub(crate) async fn tell_provider(c: &mut dyn Connection, order: Id, kind: &str, amount: i64) -> Result<u64> {
    let sql = format!(
        "{} INTO outbox (id, order_id, kind, amount, state, attempts, due_at, created_at)
            VALUES (?, ?, ?, ?, 'waiting', 0, ?, ?)",
        c.dialect().insert_or_skip()
    );
    let now = clock::now();
    let values: Vec<Value> = args![Id::new(), order, kind, amount, now, now];
    c.execute(&sql, values).await
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
