//! The JSON API under `/api/v1`: it parses, calls one function of the subject, and answers. Its OpenAPI document is
//! made from the same declarations that make the routes, so the two cannot differ.

mod admin;
mod live;
mod orders;
mod people;
mod products;

use std::sync::Arc;

use axum::Router;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::get;
use utoipa::OpenApi;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Shop;

/// The document's head.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "commerce",
        description = "A shop that sells live. Writes with a session cookie are taken only from the shop's own pages; \
            programs log in by `POST /api/v1/session` and send the token as `Authorization: Bearer`.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    modifiers(&Security),
    components(schemas(crate::web::problem::Problem, crate::error::Flaw))
)]
struct Head;

struct Security;

impl utoipa::Modify for Security {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let components = document.components.get_or_insert_default();
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
        let cookie = ApiKey::Cookie(ApiKeyValue::new(crate::web::guard::COOKIE));
        components.add_security_scheme("cookie", SecurityScheme::ApiKey(cookie));
    }
}

fn router() -> OpenApiRouter<Arc<Shop>> {
    let v1 = OpenApiRouter::new()
        .routes(routes!(people::sign_up))
        .routes(routes!(people::log_in, people::log_out))
        .routes(routes!(people::me, people::change_me))
        .routes(routes!(people::stream_key, people::rotate_stream_key, people::revoke_stream_key))
        .routes(routes!(products::categories))
        .routes(routes!(products::list, products::put_up))
        .routes(routes!(products::show, products::change))
        .routes(routes!(products::add_picture))
        .routes(routes!(products::reviews, products::review))
        .routes(routes!(products::bids, products::bid))
        .routes(routes!(orders::cart))
        .routes(routes!(orders::set_cart))
        .routes(routes!(orders::check_out))
        .routes(routes!(orders::list, orders::place))
        .routes(routes!(orders::show))
        .routes(routes!(orders::pay))
        .routes(routes!(orders::cancel))
        .routes(routes!(orders::refund))
        .routes(routes!(orders::deliver))
        .routes(routes!(orders::confirm))
        .routes(routes!(orders::sales))
        .routes(routes!(orders::statement))
        .routes(routes!(orders::book_ad))
        .routes(routes!(live::list, live::announce))
        .routes(routes!(live::show, live::change))
        .routes(routes!(live::comments, live::comment))
        .routes(routes!(live::history, live::say))
        .routes(routes!(live::hide))
        .routes(routes!(live::silence))
        .routes(routes!(admin::suspend))
        .routes(routes!(admin::audit))
        .routes(routes!(admin::faults));
    OpenApiRouter::with_openapi(Head::openapi()).nest("/api/v1", v1)
}

/// The OpenAPI document.
pub(crate) fn document() -> utoipa::openapi::OpenApi {
    router().into_openapi()
}

async fn served() -> axum::response::Response {
    static TEXT: std::sync::LazyLock<String> = std::sync::LazyLock::new(|| document().to_json().unwrap_or_default());
    ([(header::CONTENT_TYPE, "application/json")], TEXT.as_str()).into_response()
}

/// The API's routes, and its document.
pub(crate) fn routes() -> Router<Arc<Shop>> {
    let (router, _) = router().split_for_parts();
    router.route("/api/v1/openapi.json", get(served))
}
