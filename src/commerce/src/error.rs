//! What can go wrong, sorted by what a caller can do about it. Refuses to know how it is shown: the API makes problem
//! documents of it, the pages a message.

use axum::http::StatusCode;

/// A field of an input and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub(crate) struct Flaw {
    /// The field's name.
    pub(crate) field: &'static str,
    /// What it must be.
    pub(crate) reason: String,
}

/// Any failure of the service.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The input could be read but breaks rules.
    #[error("{}", flaws.iter().map(|f| format!("{}: {}", f.field, f.reason)).collect::<Vec<_>>().join("; "))]
    Invalid { flaws: Vec<Flaw> },
    /// The input could not be read at all.
    #[error("{0}")]
    Malformed(String),
    /// Nobody is logged in, or the credentials are wrong.
    #[error("log in first")]
    Unauthenticated,
    /// Logged in, but not allowed.
    #[error("{0}")]
    Forbidden(&'static str),
    /// No such thing, or none this person may know of.
    #[error("no such {0}")]
    NotFound(&'static str),
    /// The thing is not in a state that allows it; the first word is a stable code.
    #[error("{1}")]
    Conflict(&'static str, String),
    /// Too many attempts; seconds to wait.
    #[error("too many attempts: wait {0} s")]
    TooMany(u64),
    /// The body is larger than allowed.
    #[error("the body is larger than {} KB", .0 / 1024)]
    TooLarge(usize),
    /// The body is of a type the endpoint does not take.
    #[error("{0}")]
    Unsupported(String),
    /// Something the service needs does not answer: try again.
    #[error("{0}")]
    Unavailable(String),
    /// A broken invariant or a failure below.
    #[error("{0}")]
    Internal(String),
}

/// The service's result.
pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// One flaw.
    pub(crate) fn invalid(field: &'static str, reason: impl Into<String>) -> Self {
        Error::Invalid { flaws: vec![Flaw { field, reason: reason.into() }] }
    }

    /// The status and the stable code that programs match on.
    pub(crate) fn kind(&self) -> (StatusCode, &'static str) {
        match self {
            Error::Invalid { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "invalid"),
            Error::Malformed(_) => (StatusCode::BAD_REQUEST, "malformed"),
            Error::Unauthenticated => (StatusCode::UNAUTHORIZED, "unauthenticated"),
            Error::Forbidden(_) => (StatusCode::FORBIDDEN, "forbidden"),
            Error::NotFound(_) => (StatusCode::NOT_FOUND, "not-found"),
            Error::Conflict(code, _) => (StatusCode::CONFLICT, code),
            Error::TooMany(_) => (StatusCode::TOO_MANY_REQUESTS, "too-many"),
            Error::TooLarge(_) => (StatusCode::PAYLOAD_TOO_LARGE, "too-large"),
            Error::Unsupported(_) => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported"),
            Error::Unavailable(_) => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
            Error::Internal(_) => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
        }
    }
}

/// Collects every flaw of an input before refusing it.
#[derive(Default)]
pub(crate) struct Check(Vec<Flaw>);

impl Check {
    /// Notes a flaw unless the condition holds.
    pub(crate) fn that(&mut self, holds: bool, field: &'static str, reason: &str) -> &mut Self {
        if !holds {
            self.0.push(Flaw { field, reason: reason.to_owned() });
        }
        self
    }

    /// Notes a flaw unless the text has between `least` and `most` characters and no control character.
    pub(crate) fn text(&mut self, text: &str, least: usize, most: usize, field: &'static str) -> &mut Self {
        let count = text.trim().chars().count();
        let tidy = !text.chars().any(|c| c.is_control() && c != '\n' && c != '\r' && c != '\t');
        self.that(
            count >= least && text.chars().count() <= most && tidy,
            field,
            &format!("must have {least} to {most} characters"),
        )
    }

    /// Refuses the input if any flaw was noted.
    pub(crate) fn done(&mut self) -> Result<()> {
        match std::mem::take(&mut self.0) {
            flaws if flaws.is_empty() => Ok(()),
            flaws => Err(Error::Invalid { flaws }),
        }
    }
}
