//! Cart, check-out and orders.

use std::sync::Arc;

use askama::Template;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderValue, header};
use axum::response::Response;
use serde::Deserialize;

use super::{Frame, go, page};
use crate::Shop;
use crate::catalog::search::cards;
use crate::catalog::{self, Form as SaleForm};
use crate::config::Payment as Provider;
use crate::error::{Error, Result};
use crate::id::Id;
use crate::orders::cart::{self, CartLine};
use crate::orders::history::{self, Orders, Side};
use crate::orders::place::{self, Item, NewOrder, Payment};
use crate::orders::{self, Delivery, Full, Method, State as OrderState, deals, settle};
use crate::people::Person;
use crate::secret;
use crate::store::{args, read};
use crate::web::guard::{Form, IdPath, LoggedIn, Visitor};
use crate::web::layers::policy;

#[derive(Template)]
#[template(path = "cart.html")]
struct CartPage {
    f: Frame,
    lines: Vec<CartLine>,
    total: i64,
}

fn total(lines: &[CartLine]) -> i64 {
    lines.iter().map(|line| line.card.product.price * line.quantity).sum()
}

pub(super) async fn cart(State(shop): State<Arc<Shop>>, visitor: Visitor, who: LoggedIn) -> Result<Response> {
    let lines = cart::of(&shop, &who.person).await?;
    page(&CartPage { f: Frame::of(&visitor), total: total(&lines), lines })
}

/// How many.
#[derive(Deserialize)]
pub(super) struct QuantityForm {
    #[serde(default = "one")]
    quantity: i64,
}

fn one() -> i64 {
    1
}

pub(super) async fn add_to_cart(
    State(shop): State<Arc<Shop>>,
    IdPath(id): IdPath,
    who: LoggedIn,
    Form(input): Form<QuantityForm>,
) -> Result<Response> {
    cart::set(&shop, &who.person, id, input.quantity).await?;
    Ok(go("/cart"))
}

pub(super) async fn set_cart(
    State(shop): State<Arc<Shop>>,
    IdPath(id): IdPath,
    who: LoggedIn,
    Form(input): Form<QuantityForm>,
) -> Result<Response> {
    cart::set(&shop, &who.person, id, input.quantity).await?;
    Ok(go("/cart"))
}

#[derive(Template)]
#[template(path = "checkout.html")]
struct CheckOutPage {
    f: Frame,
    person: Arc<Person>,
    lines: Vec<CartLine>,
    total: i64,
    product: String,
    quantity: i64,
    key: String,
    test: bool,
    meet: bool,
}

/// One product, or the cart.
#[derive(Deserialize)]
pub(super) struct What {
    #[serde(default)]
    product: String,
    #[serde(default = "one")]
    quantity: i64,
}

pub(super) async fn checkout(
    State(shop): State<Arc<Shop>>,
    visitor: Visitor,
    who: LoggedIn,
    Query(what): Query<What>,
) -> Result<Response> {
    let lines = if what.product.is_empty() {
        cart::of(&shop, &who.person).await?
    } else {
        let id: Id = what.product.parse().map_err(|_| Error::NotFound("page"))?;
        let quantity = what.quantity.clamp(1, 1000);
        let found = read!(shop.database, Committed, [], |c| {
            let product = catalog::find(c, id).await?;
            cards(c, vec![product]).await
        });
        found.await?.into_iter().map(|card| CartLine { card, quantity }).collect()
    };
    if lines.is_empty() {
        return Ok(go("/cart"));
    }
    page(&CheckOutPage {
        f: Frame::of(&visitor),
        person: who.person,
        total: total(&lines),
        meet: lines.iter().any(|line| line.card.product.form == SaleForm::Direct),
        lines,
        product: what.product,
        quantity: what.quantity,
        key: secret::token(),
        test: shop.config.payment == Provider::Test,
    })
}

/// The check-out form's fields.
#[derive(Deserialize)]
pub(super) struct OrderForm {
    key: String,
    #[serde(default)]
    product: String,
    #[serde(default = "one")]
    quantity: i64,
    #[serde(default)]
    recipient: String,
    #[serde(default)]
    phone: String,
    #[serde(default)]
    address: String,
    #[serde(default)]
    token: String,
}

pub(super) async fn order(
    State(shop): State<Arc<Shop>>,
    who: LoggedIn,
    Form(given): Form<OrderForm>,
) -> Result<Response> {
    shop.limits.order(who.person.id)?;
    let mut input = NewOrder {
        items: Vec::new(),
        recipient: given.recipient,
        phone: given.phone,
        address: given.address,
        payment_token: Some(given.token).filter(|token| !token.is_empty()),
    };
    if given.product.is_empty() {
        let placed = cart::check_out(&shop, &who.person, &given.key, input).await?;
        return Ok(match placed.as_slice() {
            [one] => go(format!("/orders/{}", one.full.order.id)),
            _ => go("/orders"),
        });
    }
    let product_id = given.product.parse().map_err(|_| Error::NotFound("page"))?;
    input.items = vec![Item { product_id, quantity: given.quantity }];
    let placed = place::place(&shop, &who.person, &given.key, input).await?;
    Ok(go(format!("/orders/{}", placed.full.order.id)))
}

#[derive(Template)]
#[template(path = "orders.html")]
pub(super) struct OrdersPage {
    pub(super) f: Frame,
    pub(super) sold: bool,
    pub(super) found: Orders,
}

/// What continues a list.
#[derive(Deserialize)]
pub(super) struct After {
    #[serde(default)]
    pub(super) after: Option<String>,
}

pub(super) async fn orders(
    State(shop): State<Arc<Shop>>,
    visitor: Visitor,
    who: LoggedIn,
    Query(after): Query<After>,
) -> Result<Response> {
    let found = history::list(&shop, &who.person, Side::Bought, after.after.as_deref()).await?;
    page(&OrdersPage { f: Frame::of(&visitor), sold: false, found })
}

#[derive(Template)]
#[template(path = "order.html")]
struct OrderPage {
    f: Frame,
    full: Full,
    buyer: Person,
    seller: Person,
    /// Whether the viewer sells it.
    sells: bool,
    test: bool,
    /// The key of Toss's page, if the buyer pays there now.
    toss: Option<String>,
}

impl OrderPage {
    /// What the order is called on the provider's page, which takes 100 characters.
    fn title(&self) -> String {
        let first = self.full.lines.first().map_or("", |line| line.title.as_str());
        let more = self.full.lines.len().saturating_sub(1);
        let name: String = first.chars().take(80).collect();
        if more == 0 { name } else { format!("{name} +{more}") }
    }

    fn waits(&self) -> bool {
        let order = &self.full.order;
        order.method == Method::Online
            && self.toss.is_none()
            && (matches!(order.state, OrderState::Refunding)
                || (order.state == OrderState::Pending && !order.address.is_empty()))
    }

    fn to_pay(&self) -> bool {
        let order = &self.full.order;
        !self.sells && order.state == OrderState::Pending && order.method == Method::Online && order.address.is_empty()
    }

    fn meets(&self) -> bool {
        self.full.order.state == OrderState::Pending && self.full.order.method == Method::Meet
    }

    fn confirmed(&self) -> bool {
        if self.sells { self.full.order.seller_confirmed } else { self.full.order.buyer_confirmed }
    }

    fn delivery(&self) -> &'static str {
        match self.full.order.delivery {
            Delivery::None => self.f.t.delivery_none,
            Delivery::Shipped => self.f.t.delivery_shipped,
            Delivery::Received => self.f.t.delivery_received,
        }
    }

    fn paid_online(&self) -> bool {
        self.full.order.state == OrderState::Paid && self.full.order.method == Method::Online
    }

    fn may_cancel(&self) -> bool {
        self.full.order.state == OrderState::Pending
    }
}

pub(super) async fn show(
    State(shop): State<Arc<Shop>>,
    visitor: Visitor,
    who: LoggedIn,
    IdPath(id): IdPath,
) -> Result<Response> {
    let person = Arc::clone(&who.person);
    let found = read!(shop.database, Committed, [person], |c| {
        let full = orders::find(c, &person, id).await?;
        let unpaid =
            "SELECT COUNT(*) FROM orders WHERE id = ? AND state = 'pending' AND method = 'online' AND token IS NULL";
        let unpaid = c.number(unpaid, args![id]).await? == 1;
        let buyer = crate::people::find(c, full.order.buyer_id).await?;
        let seller = crate::people::find(c, full.order.seller_id).await?;
        Ok((full, unpaid, buyer, seller))
    });
    let (full, unpaid, buyer, seller) = found.await?;
    let sells = full.order.seller_id == who.person.id;
    let test = shop.config.payment == Provider::Test;
    let here = unpaid && !full.order.address.is_empty() && full.order.buyer_id == who.person.id;
    let toss = shop.config.toss_page().filter(|_| here).map(str::to_owned);
    let foreign = toss.is_some();
    let mut response = page(&OrderPage { f: Frame::of(&visitor), full, buyer, seller, sells, test, toss })?;
    if foreign && let Ok(policy) = HeaderValue::from_str(&policy(&shop.config, " https://*.tosspayments.com")) {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    Ok(response)
}

/// What Toss's page adds to the address it sends the buyer back to.
#[derive(Deserialize)]
pub(super) struct Approved {
    #[serde(rename = "paymentKey")]
    payment_key: String,
    #[serde(rename = "orderId")]
    order: String,
    amount: i64,
}

/// The buyer comes back from Toss's page: now the payment can be asked for. It moves no money by itself, so an address
/// that somebody made up does no harm.
pub(super) async fn paid(
    State(shop): State<Arc<Shop>>,
    IdPath(id): IdPath,
    who: LoggedIn,
    approved: Result<Query<Approved>, QueryRejection>,
) -> Result<Response> {
    let Query(approved) = approved.map_err(|e| Error::Malformed(e.body_text()))?;
    let person = Arc::clone(&who.person);
    let total =
        read!(shop.database, Committed, [person], |c| Ok(orders::find(c, &person, id).await?.order.total)).await?;
    if approved.order != id.to_string() || approved.amount != total {
        return Err(Error::Conflict("not-payable", "the payment is for something else".into()));
    }
    let nothing = String::new;
    let payment =
        Payment { payment_token: approved.payment_key, recipient: nothing(), phone: nothing(), address: nothing() };
    match place::pay(&shop, &who.person, id, payment).await {
        // Loaded again, or the order has ended: its page says how it stands.
        Ok(_) | Err(Error::Conflict("not-payable", _)) => {}
        Err(e) => return Err(e),
    }
    Ok(go(format!("/orders/{id}")))
}

/// The fields of an order's forms.
#[derive(Deserialize)]
pub(super) struct StepForm {
    #[serde(default)]
    token: String,
    #[serde(default)]
    recipient: String,
    #[serde(default)]
    phone: String,
    #[serde(default)]
    address: String,
}

pub(super) async fn step(
    State(shop): State<Arc<Shop>>,
    Path((id, step)): Path<(String, String)>,
    who: LoggedIn,
    Form(given): Form<StepForm>,
) -> Result<Response> {
    let id: Id = id.parse().map_err(|_| Error::NotFound("page"))?;
    let person = &who.person;
    let full = match step.as_str() {
        "cancel" => settle::cancel(&shop, person, id).await?,
        "refund" => settle::refund(&shop, person, id).await?,
        "delivery" => settle::deliver(&shop, person, id).await?,
        "confirmation" => deals::confirm(&shop, person, id).await?,
        "payment" => {
            let StepForm { token, recipient, phone, address } = given;
            if shop.config.toss_page().is_some() {
                // Where it goes is known now; the money comes by Toss's page.
                place::address(&shop, person, id, [recipient, phone, address]).await?;
                return Ok(go(format!("/orders/{id}")));
            }
            place::pay(&shop, person, id, Payment { payment_token: token, recipient, phone, address }).await?
        }
        _ => return Err(Error::NotFound("page")),
    };
    Ok(go(format!("/orders/{}", full.order.id)))
}
