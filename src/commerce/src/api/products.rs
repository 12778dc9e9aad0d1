//! Products, pictures, reviews and bids.

use std::sync::Arc;

use axum::Json as Answer;
use axum::body::Bytes;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Shop;
use crate::auctions::{self, Auction, Bid};
use crate::catalog::pictures::{self, Picture};
use crate::catalog::reviews::{self, NewReview, Review, Signed};
use crate::catalog::search::{self, Filter, Page};
use crate::catalog::{self, Category, NewProduct, Product, ProductChange, State as ProductState};
use crate::error::{Error, Result};
use crate::store::read;
use crate::web::guard::{IdPath, Json, LoggedIn, Visitor};
use crate::web::problem::Problem;

/// A query string that could be read.
pub(super) fn query<T>(given: Result<Query<T>, QueryRejection>) -> Result<T> {
    given.map(|Query(value)| value).map_err(|e| Error::Malformed(e.body_text()))
}

/// The shop's categories.
#[utoipa::path(get, path = "/categories", tag = "products", responses((status = 200, body = [Category])))]
pub(super) async fn categories(State(shop): State<Arc<Shop>>) -> Result<Answer<Vec<Category>>> {
    read!(shop.database, Relaxed, [], |c| c.all::<Category>("ORDER BY id", vec![]).await).await.map(Answer)
}

/// Finds products, newest first.
#[utoipa::path(get, path = "/products", tag = "products", params(Filter), responses(
    (status = 200, body = Page), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn list(
    State(shop): State<Arc<Shop>>,
    filter: Result<Query<Filter>, QueryRejection>,
) -> Result<Answer<Page>> {
    search::list(&shop, query(filter)?).await.map(Answer)
}

/// Puts something up for sale.
#[utoipa::path(post, path = "/products", tag = "products", request_body = NewProduct,
    security(("bearer" = []), ("cookie" = [])), responses(
    (status = 201, body = Product), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn put_up(State(shop): State<Arc<Shop>>, who: LoggedIn, input: Json<NewProduct>) -> Result<Response> {
    let product = catalog::put_up(&shop, &who.person, input.0).await?;
    Ok((StatusCode::CREATED, Answer(product)).into_response())
}

/// A product with all that its page shows.
#[derive(Serialize, ToSchema)]
pub(super) struct ShownProduct {
    #[serde(flatten)]
    product: Product,
    pictures: Vec<String>,
    auction: Option<Auction>,
}

/// A product.
#[utoipa::path(get, path = "/products/{id}", tag = "products", params(("id" = String, Path)), responses(
    (status = 200, body = ShownProduct), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn show(
    State(shop): State<Arc<Shop>>,
    IdPath(id): IdPath,
    visitor: Visitor,
) -> Result<Answer<ShownProduct>> {
    let found = read!(shop.database, Committed, [], |c| {
        let product = catalog::find(c, id).await?;
        let pictures = pictures::of(c, id).await?.iter().map(Picture::url).collect();
        let auction = match product.form {
            catalog::Form::Auction => Some(auctions::find(c, id).await?),
            catalog::Form::Ordinary | catalog::Form::Used | catalog::Form::Direct => None,
        };
        Ok(ShownProduct { product, pictures, auction })
    });
    let shown = found.await?;
    let owner = visitor.person().is_some_and(|p| p.must_own(shown.product.seller_id).is_ok());
    if shown.product.state == ProductState::Hidden && !owner {
        return Err(Error::NotFound("product"));
    }
    Ok(Answer(shown))
}

/// Changes a product.
#[utoipa::path(patch, path = "/products/{id}", tag = "products", params(("id" = String, Path)),
    request_body = ProductChange, security(("bearer" = []), ("cookie" = [])), responses(
    (status = 200, body = Product), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn change(
    State(shop): State<Arc<Shop>>,
    IdPath(id): IdPath,
    who: LoggedIn,
    input: Json<ProductChange>,
) -> Result<Answer<Product>> {
    catalog::change(&shop, &who.person, id, input.0).await.map(Answer)
}

/// Adds a picture; the body is the file.
#[utoipa::path(post, path = "/products/{id}/pictures", tag = "products", params(("id" = String, Path)),
    request_body(content = Vec<u8>, content_type = "image/jpeg"), security(("bearer" = []), ("cookie" = [])), responses(
    (status = 201, body = Picture), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn add_picture(
    State(shop): State<Arc<Shop>>,
    IdPath(id): IdPath,
    who: LoggedIn,
    headers: HeaderMap,
    request: axum::extract::Request,
) -> Result<Response> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or("");
    if !matches!(kind, "image/jpeg" | "image/png" | "image/webp") {
        return Err(Error::Unsupported("the body must be `image/jpeg`, `image/png` or `image/webp`".into()));
    }
    let body: Bytes = axum::body::to_bytes(request.into_body(), pictures::LARGEST)
        .await
        .map_err(|_| Error::TooLarge(pictures::LARGEST))?;
    let picture = pictures::add(&shop, &who.person, id, body).await?;
    Ok((StatusCode::CREATED, Answer(picture)).into_response())
}

/// A product's reviews, newest first.
#[utoipa::path(get, path = "/products/{id}/reviews", tag = "products", params(("id" = String, Path)), responses(
    (status = 200, body = [Signed]), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn reviews(State(shop): State<Arc<Shop>>, IdPath(id): IdPath) -> Result<Answer<Vec<Signed>>> {
    let found = read!(shop.database, Relaxed, [], |c| {
        catalog::find(c, id).await?;
        reviews::of(c, id).await
    });
    found.await.map(Answer)
}

/// Reviews a product that was bought.
#[utoipa::path(post, path = "/products/{id}/reviews", tag = "products", params(("id" = String, Path)),
    request_body = NewReview, security(("bearer" = []), ("cookie" = [])), responses(
    (status = 201, body = Review), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn review(
    State(shop): State<Arc<Shop>>,
    IdPath(id): IdPath,
    who: LoggedIn,
    input: Json<NewReview>,
) -> Result<Response> {
    let review = reviews::write(&shop, &who.person, id, input.0).await?;
    Ok((StatusCode::CREATED, Answer(review)).into_response())
}

/// The bids of an auction, highest first.
#[utoipa::path(get, path = "/products/{id}/bids", tag = "products", params(("id" = String, Path)), responses(
    (status = 200, body = [Bid]), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn bids(State(shop): State<Arc<Shop>>, IdPath(id): IdPath) -> Result<Answer<Vec<Bid>>> {
    let found = read!(shop.database, Committed, [], |c| {
        auctions::find(c, id).await?;
        auctions::bids(c, id).await
    });
    found.await.map(Answer)
}

/// What a bid takes.
#[derive(Deserialize, ToSchema)]
pub(super) struct NewBid {
    /// Won.
    amount: i64,
}

/// Bids in an auction.
#[utoipa::path(post, path = "/products/{id}/bids", tag = "products", params(("id" = String, Path)),
    request_body = NewBid, security(("bearer" = []), ("cookie" = [])), responses(
    (status = 201, body = Auction), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn bid(
    State(shop): State<Arc<Shop>>,
    IdPath(id): IdPath,
    who: LoggedIn,
    input: Json<NewBid>,
) -> Result<Response> {
    shop.limits.bid(who.person.id)?;
    let auction = auctions::bid(&shop, &who.person, id, input.0.amount).await?;
    Ok((StatusCode::CREATED, Answer(auction)).into_response())
}
