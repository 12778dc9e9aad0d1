//! What happened: the one stream that progress bars, `--json` and the journal read.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::plan::{Operation, Step};
use crate::{Address, Error, Plan};

/// Something that happened during an apply. Durations are seconds.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "event")]
pub enum Event {
    /// The apply begins.
    Begin {
        /// How many steps there are.
        steps: usize,
        /// How long it typically takes.
        #[serde(serialize_with = "crate::seconds::serialize")]
        #[schemars(with = "f64")]
        expected: Duration,
    },
    /// A step begins.
    Started {
        /// The step's index in the plan.
        step: usize,
        /// The resource.
        address: Address,
        /// What is done to it.
        action: Action,
        /// How long it typically takes.
        #[serde(serialize_with = "crate::seconds::serialize")]
        #[schemars(with = "f64")]
        expected: Duration,
    },
    /// A step has to wait for something other than the cloud's usual work.
    Waiting {
        /// The step's index in the plan.
        step: usize,
        /// The resource.
        address: Address,
        /// What for.
        reason: String,
    },
    /// A step is done: the cloud shows what was wanted.
    Finished {
        /// The step's index in the plan.
        step: usize,
        /// The resource.
        address: Address,
        /// How long it took.
        #[serde(serialize_with = "crate::seconds::serialize")]
        #[schemars(with = "f64")]
        elapsed: Duration,
    },
    /// A step failed.
    Failed {
        /// The step's index in the plan.
        step: usize,
        /// The resource.
        address: Address,
        /// Why.
        error: String,
        /// What to do about it.
        hint: Option<String>,
        /// How long it took.
        #[serde(serialize_with = "crate::seconds::serialize")]
        #[schemars(with = "f64")]
        elapsed: Duration,
    },
    /// A step was not started because one it follows failed.
    Skipped {
        /// The step's index in the plan.
        step: usize,
        /// The resource.
        address: Address,
        /// The resource whose step failed.
        because: Address,
    },
    /// The apply ends.
    End {
        /// Steps by how they ended.
        #[serde(flatten)]
        tally: Tally,
    },
}

/// What a step does, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Makes a resource.
    Create,
    /// Changes one.
    Update,
    /// Deletes one.
    Delete,
    /// Waits for one.
    Wait,
}

/// How many steps ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tally {
    /// Done.
    pub done: usize,
    /// Failed.
    pub failed: usize,
    /// Not started because one they follow failed.
    pub skipped: usize,
    /// Not started because the apply was stopped.
    pub unstarted: usize,
}

impl Tally {
    /// Whether every step is done.
    pub fn complete(&self) -> bool {
        self.failed + self.skipped + self.unstarted == 0
    }
}

impl Event {
    pub(super) fn begin(plan: &Plan) -> Self {
        Self::Begin { steps: plan.steps.len(), expected: plan.estimate() }
    }

    pub(super) fn started(index: usize, step: &Step) -> Self {
        let action = match step.operation {
            Operation::Create { .. } => Action::Create,
            Operation::Update { .. } => Action::Update,
            Operation::Delete { .. } => Action::Delete,
            Operation::Wait { .. } => Action::Wait,
        };
        Self::Started { step: index, address: step.address.clone(), action, expected: step.expected }
    }

    pub(super) fn failed(index: usize, step: &Step, error: &Error, elapsed: Duration) -> Self {
        let hint = match error {
            Error::Busy(_) => Some("something outside this stack may still use it; see the message, then run again"),
            Error::Throttled(_) => Some("the account is near its request limit; run again in a minute"),
            Error::Lost { .. } => Some("check the connection and run again: what was made is found and kept"),
            Error::Foreign { .. } => Some("rename the resource in the blueprint, or remove the other one"),
            Error::Missing { .. } => Some("mend the id in the blueprint; if somebody deleted it meanwhile, run again"),
            Error::NotFound => Some("run again: it is made anew"),
            Error::Spent { .. } | Error::Service { .. } | Error::Unresolved(_) | Error::Invalid(_) => None,
        };
        let address = step.address.clone();
        Self::Failed { step: index, address, error: error.to_string(), hint: hint.map(str::to_owned), elapsed }
    }
}
