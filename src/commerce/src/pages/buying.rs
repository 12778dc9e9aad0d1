//! Cart, check-out and orders.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, Query, State};
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
use crate::store::read;
use crate::web::guard::{Form, IdPath, LoggedIn, Visitor};

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
}

impl OrderPage {
    fn waits(&self) -> bool {
        let order = &self.full.order;
        order.method == Method::Online
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
        let buyer = crate::people::find(c, full.order.buyer_id).await?;
        let seller = crate::people::find(c, full.order.seller_id).await?;
        Ok((full, buyer, seller))
    });
    let (full, buyer, seller) = found.await?;
    let sells = full.order.seller_id == who.person.id;
    let test = shop.config.payment == Provider::Test;
    page(&OrderPage { f: Frame::of(&visitor), full, buyer, seller, sells, test })
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
            place::pay(&shop, person, id, Payment { payment_token: token, recipient, phone, address }).await?
        }
        _ => return Err(Error::NotFound("page")),
    };
    Ok(go(format!("/orders/{}", full.order.id)))
}
