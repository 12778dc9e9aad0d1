//! What only admins may do.

use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::Shop;
use crate::error::{Error, Result};
use crate::operations::audit::Entry;
use crate::people;
use crate::store::read;
use crate::web::guard::{IdPath, Json, LoggedIn};
use crate::web::problem::Problem;

/// Whether somebody is locked out.
#[derive(Deserialize, ToSchema)]
pub(super) struct Suspension {
    suspended: bool,
}

/// Locks somebody out, or lets them in again.
#[utoipa::path(put, path = "/admin/people/{id}/suspension", tag = "admin", params(("id" = String, Path)),
    request_body = Suspension, security(("bearer" = []), ("cookie" = [])), responses(
    (status = 204), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn suspend(
    State(shop): State<Arc<Shop>>,
    IdPath(id): IdPath,
    who: LoggedIn,
    input: Json<Suspension>,
) -> Result<StatusCode> {
    people::suspend(&shop, &who.person, id, input.0.suspended).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The newest entries of the audit log.
#[utoipa::path(get, path = "/admin/audit", tag = "admin", security(("bearer" = []), ("cookie" = [])), responses(
    (status = 200, body = [Entry]), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn audit(State(shop): State<Arc<Shop>>, who: LoggedIn) -> Result<Answer<Vec<Entry>>> {
    who.person.must_be_admin()?;
    let found = read!(shop.database, Committed, [], |c| c.all::<Entry>("ORDER BY number DESC LIMIT 200", vec![]).await);
    found.await.map(Answer)
}

/// How the built-in payment provider fails.
#[derive(Deserialize, ToSchema)]
pub(super) struct Faults {
    /// The share of calls, 0 to 1.
    share: f64,
}

/// Makes the built-in payment provider fail.
#[utoipa::path(put, path = "/admin/test-provider", tag = "admin", request_body = Faults,
    security(("bearer" = []), ("cookie" = [])), responses(
    (status = 204), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn faults(State(shop): State<Arc<Shop>>, who: LoggedIn, input: Json<Faults>) -> Result<StatusCode> {
    who.person.must_be_admin()?;
    let provider = shop.provider.built_in().ok_or(Error::NotFound("test provider"))?;
    if !(0.0..=1.0).contains(&input.0.share) {
        return Err(Error::invalid("share", "must be 0 to 1"));
    }
    provider.fail(input.0.share);
    Ok(StatusCode::NO_CONTENT)
}
