//! Sorts the errors of every AWS service into the few cases the engine acts on.

use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use engine::{Error, Result};

/// Codes that mean the resource is gone, beside those that end in `NotFound` or `.NotFound`.
const GONE: &[&str] = &["NoSuchEntity", "ParameterNotFound", "InvalidAllocationID.NotFound"];

/// Codes that mean another resource has to change first, or the same one has to finish changing.
const BUSY: &[&str] = &[
    "DependencyViolation",
    "DeleteConflict",
    "ResourceInUse",
    "ResourceInUseFault",
    "ResourceContention",
    "ScalingActivityInProgress",
    "OperationInProgress",
    "IncorrectState",
    "IncorrectInstanceState",
    "InvalidIPAddress.InUse",
    "InvalidDBInstanceState",
    "InvalidDBInstanceStateFault",
    "InvalidDBSubnetGroupStateFault",
    "InvalidDBParameterGroupState",
    "InvalidDBParameterGroupStateFault",
    "ConcurrentModification",
    "InvalidNatGatewayState",
    // Another listener has not let go of the target group yet.
    "TargetGroupAssociationLimit",
    // The rule that has the priority was made by a try whose answer was lost: the next one sees it.
    "PriorityInUse",
];

/// Codes that ask for fewer calls; the SDK has retried them by then.
const THROTTLED: &[&str] = &[
    "RequestLimitExceeded",
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "TooManyRequestsException",
    "RequestThrottled",
    "RequestThrottledException",
    "SlowDown",
    "PriorRequestNotComplete",
];

/// Names the call an error came from.
pub(crate) trait Call<T> {
    /// Sorts the error; `operation` is the API's name for the call.
    fn call(self, operation: &'static str) -> Result<T>;
}

impl<T, E, R> Call<T> for std::result::Result<T, SdkError<E, R>>
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug,
{
    fn call(self, operation: &'static str) -> Result<T> {
        self.map_err(|error| sort(operation, &error))
    }
}

fn sort<E, R>(operation: &'static str, error: &SdkError<E, R>) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug,
{
    let SdkError::ServiceError(service) = error else {
        return match error {
            SdkError::ConstructionFailure(_) => Error::Invalid(format!("{operation}: {}", chain(error))),
            _ => Error::Lost { operation, message: chain(error) },
        };
    };
    let code = service.err().code().unwrap_or("unknown");
    let message = || service.err().message().unwrap_or(code).to_owned();
    if code == "IdempotentParameterMismatch" {
        Error::Spent { operation }
    } else if GONE.contains(&code) || code.ends_with("NotFound") || code.ends_with("NotFoundFault") {
        if asks_or_removes(operation) {
            Error::NotFound
        } else {
            Error::Missing { operation, code: code.to_owned(), message: message() }
        }
    } else if THROTTLED.contains(&code) {
        Error::Throttled(format!("{operation}: {}", message()))
    } else if BUSY.contains(&code) {
        Error::Busy(format!("{operation}: {}", message()))
    } else {
        Error::Service { operation, code: code.to_owned(), message: message() }
    }
}

/// Whether a call that finds nothing has told all there is to tell: it reads, or it takes away.
fn asks_or_removes(operation: &str) -> bool {
    const VERBS: &[&str] = &[
        "Describe",
        "Get",
        "List",
        "Delete",
        "Detach",
        "Disassociate",
        "Release",
        "Revoke",
        "Remove",
        "Deregister",
        "Cancel",
        "Replace",
        "Unassign",
        "Disable",
    ];
    VERBS.iter().any(|verb| operation.starts_with(verb))
}

/// An error and its causes, outermost first.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// Insists on a field AWS documents as always present.
pub(crate) trait Required {
    /// What the field holds when it is there.
    type Value;

    /// The field's value, or an error that names it.
    fn required(self, field: &'static str) -> Result<Self::Value>;
}

impl<T> Required for Option<T> {
    type Value = T;

    fn required(self, field: &'static str) -> Result<T> {
        self.ok_or_else(|| Error::Invalid(format!("AWS left out `{field}`")))
    }
}

/// Takes errors that say the work is done already for success.
pub(crate) trait Already {
    /// Success also when the cloud refused with one of these codes.
    fn already(self, codes: &[&str]) -> Result<()>;
}

impl<T> Already for Result<T> {
    fn already(self, codes: &[&str]) -> Result<()> {
        match self {
            Err(Error::Service { code, .. }) if codes.contains(&code.as_str()) => Ok(()),
            other => other.map(drop),
        }
    }
}

/// Takes a resource that is gone for one that was deleted.
pub(crate) trait Deleted {
    /// Success also when there is no such resource.
    fn deleted(self) -> Result<()>;
}

impl<T> Deleted for Result<T> {
    fn deleted(self) -> Result<()> {
        match self {
            Err(Error::NotFound | Error::Missing { .. }) => Ok(()),
            other => other.map(drop),
        }
    }
}
