//! Broadcasts, comments and the chat.

use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::products::query;
use crate::Shop;
use crate::error::{Error, Result};
use crate::id::Id;
use crate::live::broadcasts::{
    self, Air, Broadcast, BroadcastChange, Comment, Listed, NewBroadcast, Shown, SignedComment,
};
use crate::live::chat::{self, Message, Silence};
use crate::store::read;
use crate::web::guard::{IdPath, Json, LoggedIn};
use crate::web::problem::Problem;

/// Which broadcasts.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Which {
    /// `live`, `scheduled` or `ended`.
    #[serde(default)]
    state: Option<Air>,
}

/// Broadcasts in one state.
#[utoipa::path(get, path = "/broadcasts", tag = "live", params(Which), responses(
    (status = 200, body = [Listed]), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn list(
    State(shop): State<Arc<Shop>>,
    which: Result<Query<Which>, QueryRejection>,
) -> Result<Answer<Vec<Listed>>> {
    let air = query(which)?.state.unwrap_or(Air::Live);
    broadcasts::list(&shop, air, 60).await.map(Answer)
}

/// Announces a broadcast.
#[utoipa::path(post, path = "/broadcasts", tag = "live", request_body = NewBroadcast,
    security(("bearer" = []), ("cookie" = [])), responses(
    (status = 201, body = Broadcast), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn announce(
    State(shop): State<Arc<Shop>>,
    who: LoggedIn,
    input: Json<NewBroadcast>,
) -> Result<Response> {
    let broadcast = broadcasts::announce(&shop, &who.person, input.0).await?;
    Ok((StatusCode::CREATED, Answer(broadcast)).into_response())
}

/// A broadcast with its products.
#[utoipa::path(get, path = "/broadcasts/{id}", tag = "live", params(("id" = String, Path)), responses(
    (status = 200, body = Shown), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn show(State(shop): State<Arc<Shop>>, IdPath(id): IdPath) -> Result<Answer<Shown>> {
    read!(shop.database, Committed, [], |c| broadcasts::show(c, id).await).await.map(Answer)
}

/// Pins a product, changes slow mode, or calls a broadcast off.
#[utoipa::path(patch, path = "/broadcasts/{id}", tag = "live", params(("id" = String, Path)),
    request_body = BroadcastChange, security(("bearer" = []), ("cookie" = [])), responses(
    (status = 200, body = Broadcast), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn change(
    State(shop): State<Arc<Shop>>,
    IdPath(id): IdPath,
    who: LoggedIn,
    input: Json<BroadcastChange>,
) -> Result<Answer<Broadcast>> {
    broadcasts::change(&shop, &who.person, id, input.0).await.map(Answer)
}

/// Comments on a broadcast's notice, newest first.
#[utoipa::path(get, path = "/broadcasts/{id}/comments", tag = "live", params(("id" = String, Path)), responses(
    (status = 200, body = [SignedComment]), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn comments(State(shop): State<Arc<Shop>>, IdPath(id): IdPath) -> Result<Answer<Vec<SignedComment>>> {
    let found = read!(shop.database, Relaxed, [], |c| {
        broadcasts::find(c, id).await?;
        broadcasts::comments(c, id).await
    });
    found.await.map(Answer)
}

/// Some words.
#[derive(Deserialize, ToSchema)]
pub(super) struct Words {
    text: String,
}

/// Comments on a broadcast's notice.
#[utoipa::path(post, path = "/broadcasts/{id}/comments", tag = "live", params(("id" = String, Path)),
    request_body = Words, security(("bearer" = []), ("cookie" = [])), responses(
    (status = 201, body = Comment), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn comment(
    State(shop): State<Arc<Shop>>,
    IdPath(id): IdPath,
    who: LoggedIn,
    input: Json<Words>,
) -> Result<Response> {
    let comment = broadcasts::comment(&shop, &who.person, id, input.0.text).await?;
    Ok((StatusCode::CREATED, Answer(comment)).into_response())
}

/// The chat's newest messages, oldest first.
#[utoipa::path(get, path = "/broadcasts/{id}/chat", tag = "live", params(("id" = String, Path)), responses(
    (status = 200, body = [Message]), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn history(State(shop): State<Arc<Shop>>, IdPath(id): IdPath) -> Result<Answer<Vec<Message>>> {
    let found = read!(shop.database, Committed, [], |c| {
        broadcasts::find(c, id).await?;
        chat::history(c, id).await
    });
    found.await.map(Answer)
}

/// Says something in the chat.
#[utoipa::path(post, path = "/broadcasts/{id}/chat", tag = "live", params(("id" = String, Path)),
    request_body = Words, security(("bearer" = []), ("cookie" = [])), responses(
    (status = 201, body = Message), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn say(
    State(shop): State<Arc<Shop>>,
    IdPath(id): IdPath,
    who: LoggedIn,
    input: Json<Words>,
) -> Result<Response> {
    let message = chat::say(&shop, &who.person, id, &input.0.text).await?;
    Ok((StatusCode::CREATED, Answer(message)).into_response())
}

/// Takes a message out of the chat.
#[utoipa::path(delete, path = "/broadcasts/{id}/chat/{message}", tag = "live",
    params(("id" = String, Path), ("message" = String, Path)), security(("bearer" = []), ("cookie" = [])), responses(
    (status = 204), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn hide(
    State(shop): State<Arc<Shop>>,
    path: Result<Path<(Id, Id)>, PathRejection>,
    who: LoggedIn,
) -> Result<StatusCode> {
    let Path((room, message)) = path.map_err(|_| Error::NotFound("message"))?;
    chat::hide(&shop, &who.person, room, message).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Mutes or bans somebody in the rooms of the broadcast's seller.
#[utoipa::path(post, path = "/broadcasts/{id}/silences", tag = "live", params(("id" = String, Path)),
    request_body = Silence, security(("bearer" = []), ("cookie" = [])), responses(
    (status = 204), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn silence(
    State(shop): State<Arc<Shop>>,
    IdPath(id): IdPath,
    who: LoggedIn,
    input: Json<Silence>,
) -> Result<StatusCode> {
    chat::silence(&shop, &who.person, id, input.0).await?;
    Ok(StatusCode::NO_CONTENT)
}
