//! HTTP, common to the pages and the API: who asks, what is refused before anything is done, and how errors look.

pub(crate) mod assets;
pub(crate) mod guard;
pub(crate) mod layers;
pub(crate) mod problem;
pub(crate) mod rest;

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};

use crate::Shop;
use crate::error::{Error, Result};
use crate::payments::webhook;

/// `GET /pictures/…`: a stored picture; its name is never used for another, so it may be kept forever.
pub(crate) async fn picture(State(shop): State<Arc<Shop>>, Path(name): Path<String>) -> Result<Response> {
    let bytes = shop.pictures.read(&name).await?;
    let headers =
        [(header::CONTENT_TYPE, "image/jpeg"), (header::CACHE_CONTROL, "public, max-age=31536000, immutable")];
    Ok((headers, bytes).into_response())
}

/// `POST /hooks/payments`: what the payment provider says by itself.
pub(crate) async fn payment_notice(
    State(shop): State<Arc<Shop>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<StatusCode> {
    webhook::take(&shop, &headers, &body).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Any path that is none.
pub(crate) async fn not_found(uri: Uri, visitor: guard::Visitor) -> Response {
    let error = Error::NotFound("page");
    if uri.path().starts_with("/api/") || uri.path().starts_with("/hooks/") {
        return error.into_response();
    }
    crate::pages::failure(&visitor, &error)
}

/// A path that is one, by another method.
pub(crate) async fn not_allowed(method: Method) -> Response {
    problem::answer(StatusCode::METHOD_NOT_ALLOWED, "method", &format!("{method} is not possible here"), &[])
}
