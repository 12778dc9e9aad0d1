//! The tags and names resources are made with: how a stack finds again what it owns.

use crate::spec::hex_digest;
use crate::{Address, Owner, Spec, Tags};

/// The tags and names a resource is made with, so that discovery finds it again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Labels {
    /// Whose it is.
    pub owner: Owner,
    /// What it is called in the blueprint.
    pub address: Address,
    /// The digest of the desired properties.
    pub spec: Spec,
    /// The user's tags.
    pub tags: Tags,
    /// Hash of owner, address, generation and resolved fixed properties: 32 lower-case hexadecimal digits.
    pub token: String,
    /// What the physical name ends with, so that a replacement can stand beside the old one; empty where it cannot.
    pub suffix: String,
}

/// Tag keys the engine owns.
pub mod tag {
    /// The stack and environment: `shop/prod`.
    pub const STACK: &str = "terrace:stack";
    /// The resource's address.
    pub const ADDRESS: &str = "terrace:address";
    /// The digest of the desired properties when they were last applied.
    pub const SPEC: &str = "terrace:spec";
    /// What every key of the engine's starts with.
    pub const PREFIX: &str = "terrace:";
}

impl Labels {
    /// Every tag to write: the user's and the engine's.
    pub fn all(&self) -> Tags {
        let mut tags = self.tags.clone();
        tags.insert(tag::STACK.to_owned(), self.owner.to_string());
        tags.insert(tag::ADDRESS.to_owned(), self.address.to_string());
        tags.insert(tag::SPEC.to_owned(), self.spec.to_string());
        tags
    }

    /// What consoles show: `<stack>-<environment>-<name>`.
    pub fn title(&self) -> String {
        format!("{}{}", self.owner.prefix(), self.address.name())
    }

    /// The physical name, `<stack>-<environment>-<name>`, with a suffix where two may stand side by side, cut to
    /// `limit` characters with the cut part's hash kept so that names stay apart.
    pub fn name(&self, limit: usize) -> String {
        let plain = self.title();
        let suffix = &self.suffix;
        if plain.len() + suffix.len() <= limit {
            return plain + suffix;
        }
        let digest = &hex_digest(&[&plain])[..6];
        let room = limit - suffix.len() - 7;
        format!("{}-{digest}{suffix}", plain[..room].trim_end_matches('-'))
    }
}
