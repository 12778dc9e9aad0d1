//! Errors as problem documents (RFC 9457).

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::error::{Error, Flaw};

/// A problem document.
#[derive(serde::Serialize, utoipa::ToSchema)]
#[allow(dead_code)]
pub(crate) struct Problem {
    /// A URI that names the kind of problem.
    #[serde(rename = "type")]
    kind: String,
    /// The status's words.
    title: String,
    /// The HTTP status.
    status: u16,
    /// A stable word for programs.
    code: String,
    /// What happened this time.
    detail: String,
    /// What is wrong with which field.
    #[serde(default)]
    errors: Vec<Flaw>,
}

/// The answer for a problem.
pub(crate) fn answer(status: StatusCode, code: &str, detail: &str, flaws: &[Flaw]) -> Response {
    let mut body = json!({
        "type": format!("urn:commerce:problem:{code}"), "title": status.canonical_reason().unwrap_or("Error"),
        "status": status.as_u16(), "code": code, "detail": detail,
    });
    if !flaws.is_empty() {
        body["errors"] = json!(flaws);
    }
    (status, [(header::CONTENT_TYPE, "application/problem+json")], body.to_string()).into_response()
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let (status, code) = self.kind();
        let detail = match &self {
            // What is inside is for the log, not for whoever asks.
            Error::Internal(detail) => {
                tracing::error!(detail, "a request failed");
                "the service failed; the log tells why".to_owned()
            }
            Error::Unavailable(detail) => {
                tracing::warn!(detail, "a request could not be served");
                "the service cannot do this now: try again".to_owned()
            }
            other => other.to_string(),
        };
        let flaws: &[Flaw] = match &self {
            Error::Invalid { flaws } => flaws,
            _ => &[],
        };
        let mut response = answer(status, code, &detail, flaws);
        if let Error::TooMany(seconds) = self
            && let Ok(value) = seconds.to_string().parse()
        {
            response.headers_mut().insert(header::RETRY_AFTER, value);
        }
        response
    }
}
