//! A call of the media server: signed with a shared secret, fresh, and taken once. The signature makes plain HTTP inside a
//! private network as safe from forgery as HTTPS, so neither way of reaching the service is refused. Refuses to know what
//! is asked.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{FromRequest, OriginalUri, Request};
use axum::http::HeaderMap;
use axum::response::IntoResponse;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use crate::Shop;
use crate::clock::{self, SECOND};
use crate::error::{Error, Result};
use crate::secret;
use crate::store::{Connection, args, transact};

/// The body of such a call.
pub(crate) struct Signed<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<Arc<Shop>> for Signed<T> {
    type Rejection = axum::response::Response;

    async fn from_request(request: Request, shop: &Arc<Shop>) -> Result<Self, Self::Rejection> {
        let headers = request.headers().clone();
        let uri = request.extensions().get::<OriginalUri>().map_or_else(|| request.uri().clone(), |uri| uri.0.clone());
        let body = Bytes::from_request(request, shop).await.map_err(IntoResponse::into_response)?;
        checked(shop, uri.path_and_query().map_or("/", |path| path.as_str()), &headers, &body)
            .await
            .map_err(IntoResponse::into_response)
    }
}

/// The whole of a call, checked.
async fn checked<T: DeserializeOwned>(shop: &Shop, path: &str, headers: &HeaderMap, body: &[u8]) -> Result<Signed<T>> {
    shop.limits.callback()?;
    authentic(shop, path, headers, body).await?;
    let read = serde_json::from_slice(body);
    read.map(Signed).map_err(|e| Error::Malformed(format!("the body is not what the contract says: {e}")))
}

/// How far the media server's clock may be off.
const AGE: i64 = 300 * SECOND;

/// Refuses a call that is not the media server's, or was heard before.
async fn authentic(shop: &Shop, path: &str, headers: &HeaderMap, body: &[u8]) -> Result<()> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("");
    let (at, nonce) = (header("terrace-timestamp"), header("terrace-nonce"));
    let age = at.parse::<i64>().map_or(i64::MAX, |at| (clock::now() - at.saturating_mul(SECOND)).saturating_abs());
    if age > AGE || nonce.len() != 32 || !nonce.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) {
        return Err(Error::Unauthenticated);
    }
    let given = header("terrace-signature").strip_prefix("v1=").unwrap_or("");
    if !shop.config.media_secrets().any(|key| secret::same(given, &signature(key, path, at, nonce, body))) {
        return Err(Error::Unauthenticated);
    }
    let nonce = format!("nonce-{nonce}");
    let taken = transact!(shop.database, [nonce], |c| once(c, &nonce).await);
    if taken.await? { Ok(()) } else { Err(Error::Unauthenticated) }
}

fn signature(key: &str, path: &str, at: &str, nonce: &str, body: &[u8]) -> String {
    let text = format!("v1\nPOST\n{path}\n{at}\n{nonce}\n{}", secret::hex(&Sha256::digest(body)));
    secret::sign(key.as_bytes(), text.as_bytes())
}

/// Notes a token; whether it is new.
pub(super) async fn once(c: &mut dyn Connection, token: &str) -> Result<bool> {
    let sql = format!("{} INTO taken (token, created_at) VALUES (?, ?)", c.dialect().insert_or_skip());
    Ok(c.execute(&sql, args![token, clock::now()]).await? == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_the_contract_s_test_vector() {
        let signed = signature(
            "0123456789abcdef0123456789abcdef",
            "/hooks/media/events",
            "1700000000",
            "000102030405060708090a0b0c0d0e0f",
            br#"{"hello":"media"}"#,
        );
        assert_eq!(signed, "b56b7c7a097a84e9943a5cd97a649ff4a015c760076a26b043bd05f2773835a9");
    }
}
