//! Turns a blueprint and what is live into a plan, and walks it. Knows no AWS type and no terminal.

mod address;
pub mod blueprint;
mod diff;
mod error;
pub mod graph;
mod inventory;
mod kind;
pub mod lease;
mod provider;
mod reference;
mod spec;

pub use address::{Address, Site};
pub use diff::{FieldChange, diff};
pub use error::{Error, Result};
pub use graph::{Graph, Resource};
pub use inventory::Inventory;
pub use kind::{
    Changed, Flaw, Found, Impact, Kind, KindInfo, Labels, Owner, Phase, Query, ReplaceOrder, Risk, Tags, Timing, Usage,
    tag,
};
pub use provider::{AnyKind, Catalog, Erased, Live, Provider};
pub use reference::{Late, Ref, references};
pub use spec::Spec;
