//! Who asks: the visitor of a request by cookie or bearer token, and input taken only as it should be.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::rejection::{FormRejection, JsonRejection};
use axum::extract::{ConnectInfo, FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use serde::de::DeserializeOwned;

use crate::Shop;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::pages::words::{Language, Words};
use crate::people::Person;
use crate::people::sessions::{self, Session};

/// The session's cookie.
pub(crate) const COOKIE: &str = "session";

/// The value of a cookie.
pub(crate) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    lines
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(key, value)| (key == name).then_some(value))
}

/// Whoever asks, logged in or not.
#[derive(Clone)]
pub(crate) struct Visitor {
    /// Their session, if they are logged in.
    pub(crate) session: Option<Session>,
    /// Their language.
    pub(crate) language: Language,
    /// The path they asked for, to come back to.
    pub(crate) path: String,
}

impl Visitor {
    /// The words in their language.
    pub(crate) fn words(&self) -> &'static Words {
        self.language.words()
    }

    /// The person, if they are logged in.
    pub(crate) fn person(&self) -> Option<&Person> {
        self.session.as_ref().map(|session| session.person.as_ref())
    }

    /// The token their forms must carry.
    pub(crate) fn csrf(&self) -> &str {
        self.session.as_ref().map_or("", |session| session.csrf.as_str())
    }
}

/// The token a request shows: a bearer token, else the cookie.
fn token(headers: &HeaderMap) -> Option<&str> {
    bearer(headers).or_else(|| cookie(headers, COOKIE))
}

/// The bearer token of a request, which no browser sends by itself.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}

impl FromRequestParts<Arc<Shop>> for Visitor {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, shop: &Arc<Shop>) -> Result<Self> {
        if let Some(visitor) = parts.extensions.get::<Visitor>() {
            return Ok(visitor.clone());
        }
        let session = match token(&parts.headers) {
            Some(token) => sessions::find(shop, token).await?,
            None => None,
        };
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
        let visitor = Visitor { session, language: Language::of(&parts.headers), path };
        parts.extensions.insert(visitor.clone());
        Ok(visitor)
    }
}

/// Somebody who is logged in.
pub(crate) struct LoggedIn {
    /// Who.
    pub(crate) person: Arc<Person>,
    /// By which session.
    pub(crate) session: Session,
}

impl FromRequestParts<Arc<Shop>> for LoggedIn {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, shop: &Arc<Shop>) -> Result<Self> {
        let visitor = Visitor::from_request_parts(parts, shop).await?;
        let session = visitor.session.ok_or(Error::Unauthenticated)?;
        Ok(LoggedIn { person: Arc::clone(&session.person), session })
    }
}

/// Where a request comes from, for rate limits.
pub(crate) struct From(pub(crate) String);

impl FromRequestParts<Arc<Shop>> for From {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, shop: &Arc<Shop>) -> Result<Self, Infallible> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
        // The last entry is the balancer's own word; those before are the visitor's.
        let told = || parts.headers.get("x-forwarded-for")?.to_str().ok()?.rsplit(',').next()?.trim().parse().ok();
        let address: Option<IpAddr> = if shop.config.behind_proxy { told().or(peer) } else { peer };
        Ok(From(address.map_or_else(|| "unknown".to_owned(), |address| address.to_string())))
    }
}

/// A JSON body; what is wrong with it is a problem document.
pub(crate) struct Json<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<Arc<Shop>> for Json<T> {
    type Rejection = Error;

    async fn from_request(request: Request, shop: &Arc<Shop>) -> Result<Self> {
        match axum::Json::<T>::from_request(request, shop).await {
            Ok(axum::Json(body)) => Ok(Json(body)),
            Err(JsonRejection::JsonDataError(e)) => Err(Error::invalid("body", e.body_text())),
            Err(JsonRejection::MissingJsonContentType(_)) => {
                Err(Error::Unsupported("the body must be `application/json`".into()))
            }
            Err(e) if e.status() == StatusCode::PAYLOAD_TOO_LARGE => Err(Error::TooLarge(2 * 1024 * 1024)),
            Err(e) => Err(Error::Malformed(e.body_text())),
        }
    }
}

/// A page's form, with the token that shows it is ours.
pub(crate) struct Form<T>(pub(crate) T);

#[derive(serde::Deserialize)]
struct Csrf {
    #[serde(default)]
    csrf: String,
}

impl<T: DeserializeOwned> FromRequest<Arc<Shop>> for Form<T> {
    type Rejection = Error;

    async fn from_request(request: Request, shop: &Arc<Shop>) -> Result<Self> {
        let (mut parts, body) = request.into_parts();
        let visitor = Visitor::from_request_parts(&mut parts, shop).await?;
        let bytes = axum::body::to_bytes(body, 256 * 1024).await.map_err(|_| Error::TooLarge(256 * 1024))?;
        let again = || Request::from_parts(parts.clone(), axum::body::Body::from(bytes.clone()));
        let wrong = |e: FormRejection| Error::Malformed(e.body_text());
        if visitor.session.is_some() {
            let axum::Form(given) = axum::Form::<Csrf>::from_request(again(), shop).await.map_err(wrong)?;
            check_csrf(&visitor, &given.csrf)?;
        }
        let axum::Form(form) = axum::Form::<T>::from_request(again(), shop).await.map_err(wrong)?;
        Ok(Form(form))
    }
}

/// Refuses a form without the session's token.
pub(crate) fn check_csrf(visitor: &Visitor, given: &str) -> Result<()> {
    match &visitor.session {
        Some(session) if !crate::secret::same(&session.csrf, given) => {
            Err(Error::Forbidden("the form is too old: load the page again"))
        }
        Some(_) | None => Ok(()),
    }
}

/// Whether a request is from one of our own pages, or from no page at all.
pub(crate) fn same_origin(headers: &HeaderMap, config: &Config) -> bool {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = header("sec-fetch-site")
        && !matches!(site, "same-origin" | "none")
    {
        return false;
    }
    let Some(origin) = header("origin") else { return true };
    if config.public_url.as_deref().is_some_and(|url| url.trim_end_matches('/') == origin) {
        return true;
    }
    let named = origin.split_once("://").map(|(_, host)| host);
    named.is_some() && named == header("host")
}

/// An id in a path; what is none is not found.
pub(crate) struct IdPath(pub(crate) crate::id::Id);

impl FromRequestParts<Arc<Shop>> for IdPath {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, shop: &Arc<Shop>) -> Result<Self> {
        let path = axum::extract::Path::<Vec<(String, String)>>::from_request_parts(parts, shop).await;
        let found = path.ok().and_then(|axum::extract::Path(all)| all.first()?.1.parse().ok());
        found.map(IdPath).ok_or(Error::NotFound("thing"))
    }
}
