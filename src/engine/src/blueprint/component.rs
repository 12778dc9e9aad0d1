//! A section of a blueprint that expands to resources, such as `network` or `tiers`.

use schemars::Schema;
use serde_json::Value;

use crate::{Address, Flaw, Owner, Tags, graph};

/// Expands one top-level section of a blueprint. Pure: decides, calls nothing.
pub trait Component: Send + Sync {
    /// The section's key, such as `network`.
    fn name(&self) -> &'static str;

    /// The JSON schema of the section as a user writes it.
    fn schema(&self) -> Schema;

    /// Turns a section that fits the schema into resources, and reports everything wrong with it at once.
    fn expand(&self, section: &Value, scope: &Scope<'_>) -> Expansion;
}

/// What a component may look at besides its own section.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    /// Whose resources these become.
    pub owner: &'a Owner,
    /// The whole merged blueprint, as plain values.
    pub document: &'a Value,
    /// The primary site's region, such as `ap-northeast-2`.
    pub region: &'a str,
    /// The full names of the zones in use, such as `ap-northeast-2a`, in the blueprint's order.
    pub zones: &'a [String],
}

/// What a section became.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Expansion {
    /// The section's resources.
    pub resources: Vec<Wanted>,
    /// Mistakes, at paths relative to the section.
    pub flaws: Vec<Flaw>,
    /// What `terrace outputs` should show.
    pub outputs: Vec<graph::Output>,
}

/// A resource a component asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    /// Its address.
    pub address: Address,
    /// Where in the section it comes from (`web`; empty for the whole), so that a later complaint can point there.
    pub path: String,
    /// Its properties, as the kind's type serialises them.
    pub properties: Value,
    /// The user's tags for this resource alone.
    pub tags: Tags,
}
