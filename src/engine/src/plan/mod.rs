//! Decides, without calling anything, what an apply will do.
//!
//! A plan has two sides. *Changes* are what a person reads: one per address, with the properties that differ, why they
//! differ and what that risks. *Steps* are what is carried out: a replacement is one change and two steps. Steps name
//! the steps they follow:
//!
//! - a step follows the steps of everything its new properties refer to, and of the kinds named by `AFTER`;
//! - a delete follows every step that takes a reference to the deleted resource away;
//! - the two steps of a replacement follow one another in the kind's order;
//! - a create follows the step that frees the natural key it takes.

mod changes;
mod order;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Address, FieldChange, Graph, Impact, Inventory, KindInfo, ReplaceOrder, Spec, Tags};

pub(crate) use changes::{differences, tag_differences};

/// Everything an apply will do, decided in advance.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Plan {
    /// What a person reads, in the order of the graph, deletions last.
    pub changes: Vec<Change>,
    /// What is carried out.
    pub steps: Vec<Step>,
    /// How many wanted resources are as wanted.
    pub unchanged: usize,
    /// What is known about outputs that no change alters stays in the inventory the plan was made of.
    #[serde(default)]
    pub renames: Vec<Rename>,
}

/// What happens to one address.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Change {
    /// The resource.
    pub address: Address,
    /// The blueprint section it comes from; `None` when the blueprint no longer has it.
    pub component: Option<String>,
    /// What happens.
    pub verb: Verb,
    /// The live resource's id, if there is one.
    pub id: Option<String>,
    /// Properties that differ, with the reason.
    pub fields: Vec<Field>,
    /// What a person must know first.
    pub impacts: Vec<Impact>,
    /// Why the change is refused, such as a live property that forbids the deletion it needs.
    pub refused: Option<String>,
}

/// What happens to an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verb {
    /// Made.
    Create,
    /// Changed in place.
    Update,
    /// Made anew, the old one deleted.
    Replace(ReplaceOrder),
    /// Given another address, otherwise unchanged.
    Rename,
    /// Deleted.
    Delete,
    /// A duplicate or a broken one of the address is deleted; the address keeps its resource.
    Reap,
    /// Still being made by an earlier apply: waited for.
    Wait,
}

/// One differing property and why it differs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Field {
    /// What differs.
    #[serde(flatten)]
    pub change: FieldChange,
    /// Who changed it.
    pub origin: Origin,
    /// Whether the change forces a replacement.
    pub replaces: bool,
}

/// Why a live value differs from the desired one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// The blueprint says something new.
    Blueprint,
    /// Somebody changed it in the cloud.
    Outside,
    /// Both, since the last apply.
    Conflict,
    /// It follows another change of this plan.
    Follows,
}

/// A live resource that the blueprint calls by another address now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Rename {
    /// The address in its tags.
    pub from: Address,
    /// The address it gets.
    pub to: Address,
}

/// One thing to carry out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Step {
    /// The change it is part of, by index.
    pub change: usize,
    /// The resource.
    pub address: Address,
    /// What is done.
    pub operation: Operation,
    /// Indices of the steps that must finish first.
    pub after: BTreeSet<usize>,
    /// How long it typically takes, in seconds.
    #[serde(with = "crate::seconds")]
    #[schemars(with = "f64")]
    pub expected: Duration,
}

/// What a step does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "do")]
pub enum Operation {
    /// Makes a resource.
    Create {
        /// What is wanted.
        desired: Desired,
    },
    /// Changes a live one, tags included.
    Update {
        /// The cloud's id.
        id: String,
        /// What is wanted.
        desired: Desired,
        /// Whether its tags name another address.
        renamed: bool,
    },
    /// Deletes one.
    Delete {
        /// The cloud's id.
        id: String,
        /// Whether the cloud is deleting it already.
        going: bool,
    },
    /// Waits for one.
    Wait {
        /// The cloud's id.
        id: String,
    },
}

/// What a step wants a resource to be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Desired {
    /// Canonical properties, references unresolved.
    pub properties: Value,
    /// Their digest.
    pub spec: Spec,
    /// The user's tags.
    pub tags: Tags,
}

impl Operation {
    /// The live resource it works on, if there is one already.
    pub fn id(&self) -> Option<&str> {
        match self {
            Self::Create { .. } => None,
            Self::Update { id, .. } | Self::Delete { id, .. } | Self::Wait { id } => Some(id),
        }
    }
}

impl Plan {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Whether anything would change: waiting changes nothing.
    pub fn changes_anything(&self) -> bool {
        self.changes.iter().any(|change| change.verb != Verb::Wait)
    }

    /// Changes that are refused, which refuses the plan.
    pub fn refused(&self) -> impl Iterator<Item = &Change> {
        self.changes.iter().filter(|change| change.refused.is_some())
    }

    /// How long it typically takes with nothing in the way: the longest chain of steps.
    pub fn estimate(&self) -> Duration {
        order::remaining(&self.steps).into_iter().max().unwrap_or_default()
    }

    /// For each step, how long it and the longest chain after it take.
    pub fn remaining(&self) -> Vec<Duration> {
        order::remaining(&self.steps)
    }
}

/// Compares what is wanted with what is live.
pub fn plan(graph: &Graph, inventory: &Inventory, kinds: &[KindInfo]) -> Plan {
    let kinds: BTreeMap<&str, &KindInfo> = kinds.iter().map(|kind| (kind.name, kind)).collect();
    let (decisions, live) = changes::decide(graph, inventory, &kinds);
    order::plan(graph, decisions, &live, &kinds)
}
