//! What happens to every request: a number, a log line, the headers that keep browsers strict, and the refusal of
//! writes that another site's page sends.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tracing::Instrument;

use super::guard::{bearer, same_origin};
use crate::Shop;
use crate::config::Config;
use crate::error::Error;
use crate::secret;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Refuses a write by a browser that comes from another site. Bearer tokens and signed calls carry their own proof.
pub(crate) async fn forgery(State(shop): State<Arc<Shop>>, request: Request, next: Next) -> Response {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let proven = bearer(request.headers()).is_some() || request.uri().path().starts_with("/hooks/");
    if !reads && !proven && !same_origin(request.headers(), &shop.config) {
        return Error::Forbidden("the page that sent this is of another site").into_response();
    }
    next.run(request).await
}

/// Numbers, times, counts and logs a request, and sets headers on its answer.
pub(crate) async fn observe(State(shop): State<Arc<Shop>>, request: Request, next: Next) -> Response {
    let given = request.headers().get(&REQUEST_ID).and_then(|v| v.to_str().ok());
    let id =
        given.filter(|id| (8..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'));
    let id = id.map_or_else(|| secret::hex(&secret::random::<8>()), str::to_owned);
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let began = Instant::now();
    let span = tracing::info_span!("request", id = %id);
    let mut response = next.run(request).instrument(span.clone()).await;
    let (status, took) = (response.status().as_u16(), began.elapsed());
    shop.metrics.answered(&method, &route, status, took);
    if status == 429 {
        shop.metrics.limited.inc();
    }
    span.in_scope(|| tracing::debug!(%method, path, status, ms = took.as_millis() as u64, "answered"));
    let policy = policy(&shop.config, "");
    let headers = response.headers_mut();
    let mut set = |name: HeaderName, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.entry(name).or_insert(value);
        }
    };
    set(REQUEST_ID, &id);
    set(header::CONTENT_SECURITY_POLICY, &policy);
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::REFERRER_POLICY, "same-origin");
    set(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    set(HeaderName::from_static("permissions-policy"), "camera=(), microphone=(), geolocation=()");
    set(header::CACHE_CONTROL, "private, no-store");
    if shop.config.secure() {
        set(header::STRICT_TRANSPORT_SECURITY, "max-age=31536000; includeSubDomains");
    }
    response
}

/// What a page may load, and from where; `provider` is where a payment provider's page comes from.
pub(crate) fn policy(config: &Config, provider: &str) -> String {
    let media = config.media_url.as_deref().map(|url| format!(" {}", origin(url))).unwrap_or_default();
    let frames = if provider.is_empty() { String::new() } else { format!("frame-src{provider}; ") };
    format!(
        "default-src 'self'; script-src 'self'{provider}; style-src 'self'; img-src 'self' data:{media}; \
         connect-src 'self'{media}{provider}; media-src 'self' blob:{media}; worker-src 'self' blob:; {frames}\
         object-src 'none'; base-uri 'none'; form-action 'self'{provider}; frame-ancestors 'none'"
    )
}

/// The scheme and host of a URL.
fn origin(url: &str) -> &str {
    let after = url.find("://").map_or(0, |at| at + 3);
    url[after..].find('/').map_or(url, |end| &url[..after + end])
}
