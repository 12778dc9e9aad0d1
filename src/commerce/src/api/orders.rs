//! Cart, orders, sales and the seller's statement.

use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::products::query;
use crate::Shop;
use crate::error::{Error, Result};
use crate::orders::cart::{self, CartLine};
use crate::orders::history::{self, Orders, Side};
use crate::orders::ledger::{self, Ad, NewAd, Statement};
use crate::orders::place::{self, NewOrder, Payment};
use crate::orders::{Full, deals, settle};
use crate::store::read;
use crate::web::guard::{IdPath, Json, LoggedIn};
use crate::web::problem::Problem;

/// The Idempotency-Key of a request.
fn key(headers: &HeaderMap) -> Result<&str> {
    let given = headers.get("idempotency-key").and_then(|value| value.to_str().ok());
    given.ok_or_else(|| Error::Malformed("the header `Idempotency-Key` is needed".into()))
}

/// What is in the cart.
#[utoipa::path(get, path = "/cart", tag = "orders", security(("bearer" = []), ("cookie" = [])), responses(
    (status = 200, body = [CartLine]), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn cart(State(shop): State<Arc<Shop>>, who: LoggedIn) -> Result<Answer<Vec<CartLine>>> {
    cart::of(&shop, &who.person).await.map(Answer)
}

/// How many of a product.
#[derive(Deserialize, ToSchema)]
pub(super) struct Quantity {
    /// Zero takes it out.
    quantity: i64,
}

/// Sets how many of a product are in the cart.
#[utoipa::path(put, path = "/cart/{id}", tag = "orders", params(("id" = String, Path)), request_body = Quantity,
    security(("bearer" = []), ("cookie" = [])), responses(
    (status = 204), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn set_cart(
    State(shop): State<Arc<Shop>>,
    IdPath(id): IdPath,
    who: LoggedIn,
    input: Json<Quantity>,
) -> Result<StatusCode> {
    cart::set(&shop, &who.person, id, input.0.quantity).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Where the cart's orders go and how they are paid.
#[derive(Deserialize, ToSchema)]
pub(super) struct CheckOut {
    recipient: String,
    phone: String,
    address: String,
    #[serde(default)]
    payment_token: Option<String>,
}

/// Orders what is in the cart: one order for each seller.
#[utoipa::path(post, path = "/checkout", tag = "orders", request_body = CheckOut,
    params(("idempotency-key" = String, Header)), security(("bearer" = []), ("cookie" = [])), responses(
    (status = 201, body = [Full]), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn check_out(
    State(shop): State<Arc<Shop>>,
    who: LoggedIn,
    headers: HeaderMap,
    input: Json<CheckOut>,
) -> Result<Response> {
    shop.limits.order(who.person.id)?;
    let CheckOut { recipient, phone, address, payment_token } = input.0;
    let form = NewOrder { items: Vec::new(), recipient, phone, address, payment_token };
    let placed = cart::check_out(&shop, &who.person, key(&headers)?, form).await?;
    let orders: Vec<Full> = placed.into_iter().map(|order| order.full).collect();
    Ok((StatusCode::CREATED, Answer(orders)).into_response())
}

/// What continues a list.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct After {
    /// The `next` of the page before.
    #[serde(default)]
    after: Option<String>,
}

/// What the person bought, newest first.
#[utoipa::path(get, path = "/orders", tag = "orders", params(After), security(("bearer" = []), ("cookie" = [])),
    responses((status = 200, body = Orders), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn list(
    State(shop): State<Arc<Shop>>,
    who: LoggedIn,
    after: Result<Query<After>, QueryRejection>,
) -> Result<Answer<Orders>> {
    let after = query(after)?.after;
    history::list(&shop, &who.person, Side::Bought, after.as_deref()).await.map(Answer)
}

/// Places an order and reserves its stock, once for each key: the same key gives the same order.
#[utoipa::path(post, path = "/orders", tag = "orders", request_body = NewOrder,
    params(("idempotency-key" = String, Header)), security(("bearer" = []), ("cookie" = [])), responses(
    (status = 201, body = Full, description = "Placed now"), (status = 200, body = Full, description = "Placed before"),
    (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn place(
    State(shop): State<Arc<Shop>>,
    who: LoggedIn,
    headers: HeaderMap,
    input: Json<NewOrder>,
) -> Result<Response> {
    shop.limits.order(who.person.id)?;
    let placed = place::place(&shop, &who.person, key(&headers)?, input.0).await?;
    let status = if placed.fresh { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Answer(placed.full)).into_response())
}

/// An order of the person, or to them.
#[utoipa::path(get, path = "/orders/{id}", tag = "orders", params(("id" = String, Path)),
    security(("bearer" = []), ("cookie" = [])), responses(
    (status = 200, body = Full), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn show(State(shop): State<Arc<Shop>>, IdPath(id): IdPath, who: LoggedIn) -> Result<Answer<Full>> {
    let person = who.person;
    read!(shop.database, Committed, [person], |c| crate::orders::find(c, &person, id).await).await.map(Answer)
}

/// Gives the payment of an order that waits for one.
#[utoipa::path(post, path = "/orders/{id}/payment", tag = "orders", params(("id" = String, Path)),
    request_body = Payment, security(("bearer" = []), ("cookie" = [])), responses(
    (status = 202, body = Full), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn pay(
    State(shop): State<Arc<Shop>>,
    IdPath(id): IdPath,
    who: LoggedIn,
    input: Json<Payment>,
) -> Result<Response> {
    let full = place::pay(&shop, &who.person, id, input.0).await?;
    Ok((StatusCode::ACCEPTED, Answer(full)).into_response())
}

/// Calls off an order that is not paid.
#[utoipa::path(post, path = "/orders/{id}/cancel", tag = "orders", params(("id" = String, Path)),
    security(("bearer" = []), ("cookie" = [])), responses(
    (status = 200, body = Full), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn cancel(State(shop): State<Arc<Shop>>, IdPath(id): IdPath, who: LoggedIn) -> Result<Answer<Full>> {
    settle::cancel(&shop, &who.person, id).await.map(Answer)
}

/// Gives the money back, or asks for it once the goods were sent.
#[utoipa::path(post, path = "/orders/{id}/refund", tag = "orders", params(("id" = String, Path)),
    security(("bearer" = []), ("cookie" = [])), responses(
    (status = 200, body = Full), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn refund(State(shop): State<Arc<Shop>>, IdPath(id): IdPath, who: LoggedIn) -> Result<Answer<Full>> {
    settle::refund(&shop, &who.person, id).await.map(Answer)
}

/// The seller says that it is sent, the buyer that it arrived.
#[utoipa::path(post, path = "/orders/{id}/delivery", tag = "orders", params(("id" = String, Path)),
    security(("bearer" = []), ("cookie" = [])), responses(
    (status = 200, body = Full), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn deliver(State(shop): State<Arc<Shop>>, IdPath(id): IdPath, who: LoggedIn) -> Result<Answer<Full>> {
    settle::deliver(&shop, &who.person, id).await.map(Answer)
}

/// One side of a direct deal says that thing and money changed hands.
#[utoipa::path(post, path = "/orders/{id}/confirmation", tag = "orders", params(("id" = String, Path)),
    security(("bearer" = []), ("cookie" = [])), responses(
    (status = 200, body = Full), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn confirm(State(shop): State<Arc<Shop>>, IdPath(id): IdPath, who: LoggedIn) -> Result<Answer<Full>> {
    deals::confirm(&shop, &who.person, id).await.map(Answer)
}

/// What the person sold, newest first.
#[utoipa::path(get, path = "/sales", tag = "orders", params(After), security(("bearer" = []), ("cookie" = [])),
    responses((status = 200, body = Orders), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn sales(
    State(shop): State<Arc<Shop>>,
    who: LoggedIn,
    after: Result<Query<After>, QueryRejection>,
) -> Result<Answer<Orders>> {
    let after = query(after)?.after;
    history::list(&shop, &who.person, Side::Sold, after.as_deref()).await.map(Answer)
}

/// What the person earned.
#[utoipa::path(get, path = "/statement", tag = "orders", security(("bearer" = []), ("cookie" = [])), responses(
    (status = 200, body = Statement), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn statement(State(shop): State<Arc<Shop>>, who: LoggedIn) -> Result<Answer<Statement>> {
    ledger::statement(&shop, &who.person).await.map(Answer)
}

/// Books an advertising slot.
#[utoipa::path(post, path = "/ads", tag = "orders", request_body = NewAd, security(("bearer" = []), ("cookie" = [])),
    responses((status = 201, body = Ad), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn book_ad(State(shop): State<Arc<Shop>>, who: LoggedIn, input: Json<NewAd>) -> Result<Response> {
    let ad = ledger::book(&shop, &who.person, input.0).await?;
    Ok((StatusCode::CREATED, Answer(ad)).into_response())
}
