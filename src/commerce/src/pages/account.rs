//! Signing up, logging in and out, the profile, the language.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::{Frame, go, page, words};
use crate::Shop;
use crate::clock::SECOND;
use crate::error::{Error, Result};
use crate::people::{self, Profile, Role, SignUp, Sort, sessions};
use crate::web::guard::{COOKIE, Form, From, LoggedIn, Visitor};

/// The cookie that carries a session's token.
pub(crate) fn session_cookie(shop: &Shop, token: &str) -> String {
    let secure = if shop.config.secure() { "; Secure" } else { "" };
    let age = sessions::ABSOLUTE / SECOND;
    format!("{COOKIE}={token}; Path=/; HttpOnly; SameSite=Lax; Max-Age={age}{secure}")
}

/// A path of this shop to go back to; anything else is the first page.
fn inside(path: &str) -> &str {
    let plain = path.starts_with('/') && !path.starts_with("//") && !path.contains(['\\', '\r', '\n']);
    if plain { path } else { "/" }
}

#[derive(Template)]
#[template(path = "signup.html")]
struct SignUpPage {
    f: Frame,
    given: SignUpForm,
    failure: String,
}

/// The sign-up form's fields.
#[derive(Default, Deserialize)]
pub(super) struct SignUpForm {
    #[serde(default)]
    email: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    seller: String,
    #[serde(default)]
    company: String,
    #[serde(default)]
    registration: String,
}

pub(super) async fn sign_up_form(visitor: Visitor) -> Result<Response> {
    page(&SignUpPage { f: Frame::of(&visitor), given: SignUpForm::default(), failure: String::new() })
}

pub(super) async fn sign_up(
    State(shop): State<Arc<Shop>>,
    visitor: Visitor,
    place: From,
    Form(given): Form<SignUpForm>,
) -> Result<Response> {
    shop.limits.sign_up(&place.0)?;
    let input = SignUp {
        email: given.email.clone(),
        password: given.password.clone(),
        name: given.name.clone(),
        seller: !given.seller.is_empty(),
        company: Some(given.company.clone()),
        registration: Some(given.registration.clone()),
    };
    match people::sign_up(&shop, input).await {
        Ok(person) => enter(&shop, person, "/").await,
        Err(e @ (Error::Invalid { .. } | Error::Conflict(..))) => {
            let (status, code) = e.kind();
            let failure = visitor.words().refusal(code, &e.to_string());
            Ok((status, page(&SignUpPage { f: Frame::of(&visitor), given, failure })?).into_response())
        }
        Err(e) => Err(e),
    }
}

/// Opens a session, always a new one, and goes on.
async fn enter(shop: &Shop, person: people::Person, to: &str) -> Result<Response> {
    let (token, _) = sessions::open(shop, person).await?;
    Ok(([(header::SET_COOKIE, session_cookie(shop, &token))], go(inside(to))).into_response())
}

#[derive(Template)]
#[template(path = "login.html")]
struct LogInPage {
    f: Frame,
    email: String,
    next: String,
    failure: &'static str,
}

/// Where to go after logging in.
#[derive(Deserialize)]
pub(super) struct Next {
    #[serde(default)]
    next: String,
}

/// The log-in form's fields.
#[derive(Deserialize)]
pub(super) struct LogInForm {
    #[serde(default)]
    email: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    next: String,
}

pub(super) async fn log_in_form(visitor: Visitor, Query(next): Query<Next>) -> Result<Response> {
    page(&LogInPage { f: Frame::of(&visitor), email: String::new(), next: next.next, failure: "" })
}

pub(super) async fn log_in(
    State(shop): State<Arc<Shop>>,
    visitor: Visitor,
    place: From,
    Form(given): Form<LogInForm>,
) -> Result<Response> {
    shop.limits.login(&given.email, &place.0)?;
    match people::authenticate(&shop, &given.email, &given.password).await {
        Ok(person) => enter(&shop, person, &given.next).await,
        Err(Error::Unauthenticated) => {
            let failure = visitor.words().wrong_login;
            let shown = LogInPage { f: Frame::of(&visitor), email: given.email, next: given.next, failure };
            // 401 would send the visitor to this same page.
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page(&shown)?).into_response())
        }
        Err(e) => Err(e),
    }
}

/// A form without fields of its own.
#[derive(Deserialize)]
pub(super) struct Empty {}

pub(super) async fn log_out(State(shop): State<Arc<Shop>>, who: LoggedIn, _: Form<Empty>) -> Result<Response> {
    sessions::close(&shop, &who.session).await?;
    let gone = format!("{COOKIE}=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0");
    Ok(([(header::SET_COOKIE, gone)], go("/")).into_response())
}

#[derive(Template)]
#[template(path = "account.html")]
struct AccountPage {
    f: Frame,
    person: Arc<people::Person>,
    saved: bool,
}

/// Whether the profile was just saved.
#[derive(Deserialize)]
pub(super) struct Saved {
    #[serde(default)]
    saved: Option<String>,
}

pub(super) async fn show(visitor: Visitor, who: LoggedIn, Query(saved): Query<Saved>) -> Result<Response> {
    page(&AccountPage { f: Frame::of(&visitor), person: who.person, saved: saved.saved.is_some() })
}

/// The profile form's fields.
#[derive(Deserialize)]
pub(super) struct ProfileForm {
    name: String,
    #[serde(default)]
    about: String,
    #[serde(default)]
    seller: String,
}

pub(super) async fn change(
    State(shop): State<Arc<Shop>>,
    who: LoggedIn,
    Form(given): Form<ProfileForm>,
) -> Result<Response> {
    let input = Profile { name: given.name, about: given.about, seller: !given.seller.is_empty() };
    people::change(&shop, &who.person, input).await?;
    Ok(go("/account?saved=1"))
}

/// The language form's fields.
#[derive(Deserialize)]
pub(super) struct LanguageForm {
    #[serde(default)]
    tag: String,
    #[serde(default)]
    next: String,
}

pub(super) async fn language(axum::Form(given): axum::Form<LanguageForm>) -> Result<Response> {
    let chosen = words::Language::from_tag(&given.tag).ok_or_else(|| Error::invalid("tag", "is not a language"))?;
    let cookie = format!("{}={}; Path=/; SameSite=Lax; Max-Age=31536000", words::COOKIE, chosen.tag());
    Ok(([(header::SET_COOKIE, cookie)], go(inside(&given.next))).into_response())
}

#[cfg(test)]
mod tests {
    use super::inside;

    #[test]
    fn only_paths_of_this_shop_are_gone_back_to() {
        assert_eq!(inside("/orders?after=1"), "/orders?after=1");
        for elsewhere in ["", "//evil.example", "https://evil.example", "/\\evil.example", "/a\r\nSet-Cookie: x"] {
            assert_eq!(inside(elsewhere), "/");
        }
    }
}
