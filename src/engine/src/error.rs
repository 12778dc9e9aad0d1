//! Why a call to a cloud failed, sorted by what the engine does about it.

use crate::Address;

/// Shorthand for results of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a call to a cloud failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There is no such resource, or not yet, or no more.
    #[error("the cloud has no such resource: somebody may have deleted it meanwhile")]
    NotFound,
    /// A call names something that does not exist, or not yet: what it works on or what it refers to.
    #[error("{operation}: {message} ({code})")]
    Missing {
        /// The API call.
        operation: &'static str,
        /// The cloud's error code.
        code: String,
        /// The cloud's words.
        message: String,
    },
    /// Another resource has to change first: worth trying again.
    #[error("not ready yet: {0}")]
    Busy(String),
    /// The cloud asks for fewer calls: worth trying again, later.
    #[error("throttled: {0}")]
    Throttled(String),
    /// The call may or may not have been carried out: its answer was lost.
    #[error("{operation}: the answer was lost: {message}")]
    Lost {
        /// The API call.
        operation: &'static str,
        /// What happened to the answer.
        message: String,
    },
    /// The client token made something with other properties before: the next generation's has to be tried.
    #[error("{operation}: the client token was used for something else")]
    Spent {
        /// The API call.
        operation: &'static str,
    },
    /// The cloud refused the call.
    #[error("{operation}: {message} ({code})")]
    Service {
        /// The API call.
        operation: &'static str,
        /// The cloud's error code.
        code: String,
        /// The cloud's words.
        message: String,
    },
    /// A resource of the same name exists and belongs to somebody else.
    #[error("`{name}` exists and belongs to {owner}")]
    Foreign {
        /// The physical name.
        name: String,
        /// The owner found on it.
        owner: String,
    },
    /// A reference was used before the resource it names existed.
    #[error("{0} is not resolved yet")]
    Unresolved(Address),
    /// The request makes no sense.
    #[error("{0}")]
    Invalid(String),
}
