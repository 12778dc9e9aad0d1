//! Turns a blueprint and what is live into a plan, and walks it. Knows no AWS type and no terminal.

mod address;
pub mod apply;
pub mod blueprint;
mod diff;
mod discover;
mod error;
pub mod graph;
mod inventory;
mod kind;
mod labels;
pub mod lease;
pub mod plan;
mod provider;
mod reference;
mod schedule;
mod seconds;
pub mod simulator;
mod spec;

pub use address::{Address, Site};
pub use diff::{FieldChange, diff};
pub use discover::{Undiscovered, discover};
pub use error::{Error, Result};
pub use graph::{Graph, Resource};
pub use inventory::Inventory;
pub use kind::{
    Changed, Flaw, Found, Impact, Kind, KindInfo, Owner, Phase, Query, ReplaceOrder, Risk, Tags, Timing, Usage,
};
pub use labels::{Labels, tag};
pub use plan::{Plan, plan};
pub use provider::{AnyKind, Catalog, Erased, Live, Provider};
pub use reference::{Late, Ref, references};
pub use schedule::Schedule;
pub use spec::Spec;
