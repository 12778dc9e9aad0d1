//! Accounts, sessions and stream keys.

use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Shop;
use crate::error::{Error, Result};
use crate::people::{self, Person, Profile, SignUp, sessions, stream_keys};
use crate::web::guard::{From, Json, LoggedIn};
use crate::web::problem::Problem;

/// Makes an account.
#[utoipa::path(post, path = "/people", tag = "people", request_body = SignUp, responses(
    (status = 201, body = Person), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn sign_up(State(shop): State<Arc<Shop>>, place: From, input: Json<SignUp>) -> Result<Response> {
    shop.limits.sign_up(&place.0)?;
    let person = people::sign_up(&shop, input.0).await?;
    Ok((StatusCode::CREATED, Answer(person)).into_response())
}

/// What logging in takes.
#[derive(Deserialize, ToSchema)]
pub(super) struct LogIn {
    email: String,
    password: String,
}

/// An open session.
#[derive(Serialize, ToSchema)]
pub(super) struct Opened {
    /// To be sent as `Authorization: Bearer`.
    token: String,
    /// To be sent by forms.
    csrf: String,
    /// Who is logged in.
    person: Person,
}

/// Logs in.
#[utoipa::path(post, path = "/session", tag = "people", request_body = LogIn, responses(
    (status = 201, body = Opened), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn log_in(State(shop): State<Arc<Shop>>, place: From, input: Json<LogIn>) -> Result<Response> {
    shop.limits.login(&input.0.email, &place.0)?;
    let person = people::authenticate(&shop, &input.0.email, &input.0.password).await?;
    let (token, session) = sessions::open(&shop, person.clone()).await?;
    let cookie = crate::pages::account::session_cookie(&shop, &token);
    let opened = Opened { token, csrf: session.csrf, person };
    Ok((StatusCode::CREATED, [(header::SET_COOKIE, cookie)], Answer(opened)).into_response())
}

/// Logs out.
#[utoipa::path(delete, path = "/session", tag = "people", security(("bearer" = []), ("cookie" = [])), responses(
    (status = 204), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn log_out(State(shop): State<Arc<Shop>>, who: LoggedIn) -> Result<StatusCode> {
    sessions::close(&shop, &who.session).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Who is logged in.
#[utoipa::path(get, path = "/me", tag = "people", security(("bearer" = []), ("cookie" = [])), responses(
    (status = 200, body = Person), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn me(who: LoggedIn) -> Answer<Person> {
    Answer(who.person.as_ref().clone())
}

/// Changes a profile.
#[utoipa::path(patch, path = "/me", tag = "people", request_body = Profile, security(("bearer" = []), ("cookie" = [])),
    responses((status = 200, body = Person), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn change_me(
    State(shop): State<Arc<Shop>>,
    who: LoggedIn,
    input: Json<Profile>,
) -> Result<Answer<Person>> {
    people::change(&shop, &who.person, input.0).await.map(Answer)
}

/// The stream key that works, without its secret.
#[utoipa::path(get, path = "/me/stream-key", tag = "people", security(("bearer" = []), ("cookie" = [])), responses(
    (status = 200, body = stream_keys::StreamKey),
    (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn stream_key(State(shop): State<Arc<Shop>>, who: LoggedIn) -> Result<Answer<stream_keys::StreamKey>> {
    who.person.must_sell()?;
    stream_keys::current(&shop, &who.person).await?.map(Answer).ok_or(Error::NotFound("stream key"))
}

/// Makes a stream key, tells its secret this once, and ends the one before.
#[utoipa::path(post, path = "/me/stream-key", tag = "people", security(("bearer" = []), ("cookie" = [])), responses(
    (status = 201, body = stream_keys::NewKey),
    (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn rotate_stream_key(State(shop): State<Arc<Shop>>, who: LoggedIn) -> Result<Response> {
    let key = stream_keys::rotate(&shop, &who.person).await?;
    Ok((StatusCode::CREATED, Answer(key)).into_response())
}

/// Ends the stream key.
#[utoipa::path(delete, path = "/me/stream-key", tag = "people", security(("bearer" = []), ("cookie" = [])), responses(
    (status = 204), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn revoke_stream_key(State(shop): State<Arc<Shop>>, who: LoggedIn) -> Result<StatusCode> {
    who.person.must_sell()?;
    stream_keys::revoke(&shop, &who.person).await?;
    Ok(StatusCode::NO_CONTENT)
}
