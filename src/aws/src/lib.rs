//! The AWS kinds and components, and the clients they call. The only crate that names an SDK crate.

mod cidr;
pub mod client;
pub mod components;
mod error;
pub mod kinds;
pub mod lease;
mod lookup;
mod policy;
pub mod reference;
mod route;
mod rule;
mod tags;
pub mod wire;

pub use client::Aws;
use error::{Already, Call, Deleted, Required};
use lookup::lookup;
pub use policy::Policy;
pub use rule::{Icmp, Peer, Ports, Protocol, Rule};
