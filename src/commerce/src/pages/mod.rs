//! The shop's face: pages rendered on the server, in two languages, that work without a script and better with one.

pub(crate) mod account;
mod browse;
mod buying;
mod live;
mod selling;
pub(crate) mod words;

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};

use crate::Shop;
use crate::clock;
use crate::error::{Error, Result};
use crate::orders::{Method, Order, State};
use crate::people::Person;
use crate::web::assets;
use crate::web::guard::Visitor;
use words::Words;

/// The largest form: a product's pictures and its texts.
const FORM: usize = 72 * 1024 * 1024;

/// What every page needs.
pub(crate) struct Frame {
    /// The words.
    pub(crate) t: &'static Words,
    /// The language's tag.
    pub(crate) tag: &'static str,
    /// Who looks.
    pub(crate) person: Option<Arc<Person>>,
    /// The token of forms.
    pub(crate) csrf: String,
    /// Where the page is.
    pub(crate) path: String,
}

impl Frame {
    /// The frame for a visitor.
    pub(crate) fn of(visitor: &Visitor) -> Self {
        Frame {
            t: visitor.words(),
            tag: visitor.language.tag(),
            person: visitor.session.as_ref().map(|session| Arc::clone(&session.person)),
            csrf: visitor.csrf().to_owned(),
            path: visitor.path.clone(),
        }
    }

    fn asset(&self, name: &str) -> &'static str {
        assets::url(name)
    }

    /// Money as the language writes it.
    fn won(&self, amount: &i64) -> String {
        let digits = amount.unsigned_abs().to_string();
        let groups: Vec<&str> =
            digits.as_bytes().rchunks(3).rev().map(|group| std::str::from_utf8(group).unwrap_or("")).collect();
        let sign = if *amount < 0 { "−" } else { "" };
        let number = groups.join(",");
        if self.tag == "ko" { format!("{sign}{number}원") } else { format!("{sign}₩{number}") }
    }

    fn when(&self, at: &i64) -> String {
        clock::shown(*at)
    }

    fn form(&self, form: &crate::catalog::Form) -> &'static str {
        use crate::catalog::Form;
        match form {
            Form::Ordinary => self.t.ordinary,
            Form::Used => self.t.used,
            Form::Direct => self.t.direct,
            Form::Auction => self.t.auction,
        }
    }

    fn state(&self, order: &Order) -> &'static str {
        match (order.state, order.method) {
            (State::Pending, Method::Meet) => self.t.state_meeting,
            (State::Pending, Method::Online) if order.address.is_empty() => self.t.state_awaiting,
            (State::Pending, Method::Online) => self.t.state_pending,
            (State::Paid, Method::Meet) => self.t.state_done,
            (State::Paid, Method::Online) => self.t.state_paid,
            (State::Failed, _) => self.t.state_failed,
            (State::Expired, _) => self.t.state_expired,
            (State::Cancelled, _) => self.t.state_cancelled,
            (State::Refunding, _) => self.t.state_refunding,
            (State::Refunded, _) => self.t.state_refunded,
        }
    }

    fn category(&self, category: &crate::catalog::Category) -> String {
        if self.tag == "ko" { category.korean.clone() } else { category.english.clone() }
    }
}

/// A rendered page.
fn page(template: &impl Template) -> Result<Response> {
    let text = template.render().map_err(|e| Error::Internal(format!("a page could not be rendered: {e}")))?;
    Ok(Html(text).into_response())
}

/// Goes on to another page after a form.
fn go(to: impl AsRef<str>) -> Response {
    Redirect::to(to.as_ref()).into_response()
}

#[derive(Template)]
#[template(path = "failure.html")]
struct Failure {
    f: Frame,
    text: String,
}

/// The page of an error.
pub(crate) fn failure(visitor: &Visitor, error: &Error) -> Response {
    let (status, code) = error.kind();
    let text = match error {
        Error::NotFound("page") => visitor.words().not_found.to_owned(),
        Error::Internal(_) | Error::Unavailable(_) => visitor.words().refusal(code, "try again"),
        other => visitor.words().refusal(code, &other.to_string()),
    };
    match page(&(Failure { f: Frame::of(visitor), text })) {
        Ok(response) => (status, response).into_response(),
        Err(e) => e.into_response(),
    }
}

/// Turns the problem documents that handlers answer with into pages, and "log in first" into the log-in page.
async fn humane(axum::extract::State(shop): axum::extract::State<Arc<Shop>>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let visitor = {
        use axum::extract::FromRequestParts;
        match Visitor::from_request_parts(&mut parts, &shop).await {
            Ok(visitor) => visitor,
            Err(e) => return e.into_response(),
        }
    };
    let response = next.run(Request::from_parts(parts, body)).await;
    let problem = HeaderValue::from_static("application/problem+json");
    if response.headers().get(header::CONTENT_TYPE) != Some(&problem) {
        return response;
    }
    if response.status() == StatusCode::UNAUTHORIZED {
        let back = if visitor.path.len() < 300 { visitor.path.as_str() } else { "/" };
        return go(format!("/login?next={}", encoded(back)));
    }
    let status = response.status();
    let bytes = axum::body::to_bytes(response.into_body(), 64 * 1024).await.unwrap_or_default();
    let told: serde_json::Value = serde_json::from_slice(&bytes).unwrap_or_default();
    let part = |name: &str| told.get(name).and_then(|v| v.as_str()).unwrap_or("");
    let text = visitor.words().refusal(part("code"), part("detail"));
    match page(&Failure { f: Frame::of(&visitor), text }) {
        Ok(page) => (status, page).into_response(),
        Err(e) => e.into_response(),
    }
}

/// A text inside a query string.
fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-_.~/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
        out
    })
}

/// The pages' routes.
pub(crate) fn routes() -> Router<Arc<Shop>> {
    Router::new()
        .route("/", get(browse::home))
        .route("/products", get(browse::list))
        .route("/products/{id}", get(browse::product))
        .route("/products/{id}/review", post(browse::review))
        .route("/products/{id}/bid", post(browse::bid))
        .route("/products/{id}/cart", post(buying::add_to_cart))
        .route("/products/{id}/edit", get(selling::edit).post(selling::change))
        .route("/people/{id}", get(browse::person))
        .route("/sell", get(selling::form).post(selling::post))
        .route("/cart", get(buying::cart))
        .route("/cart/{id}", post(buying::set_cart))
        .route("/checkout", get(buying::checkout).post(buying::order))
        .route("/orders", get(buying::orders))
        .route("/orders/{id}", get(buying::show))
        .route("/orders/{id}/paid", get(buying::paid))
        .route("/orders/{id}/{step}", post(buying::step))
        .route("/sales", get(selling::sales))
        .route("/statement", get(selling::statement))
        .route("/ads", post(selling::book_ad))
        .route("/live", get(live::list))
        .route("/live/{id}", get(live::show))
        .route("/live/{id}/comments", post(live::comment))
        .route("/live/{id}/change", post(live::change))
        .route("/studio", get(live::studio).post(live::schedule))
        .route("/studio/key", post(live::key))
        .route("/signup", get(account::sign_up_form).post(account::sign_up))
        .route("/login", get(account::log_in_form).post(account::log_in))
        .route("/logout", post(account::log_out))
        .route("/account", get(account::show).post(account::change))
        .route("/language", post(account::language))
        .layer(DefaultBodyLimit::max(FORM))
}

/// Puts the error pages around the pages' routes.
pub(crate) fn with_failures(router: Router<Arc<Shop>>, shop: &Arc<Shop>) -> Router<Arc<Shop>> {
    router.layer(axum::middleware::from_fn_with_state(Arc::clone(shop), humane))
}
