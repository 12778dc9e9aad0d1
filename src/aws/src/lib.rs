//! The AWS kinds and components, and the clients they call. The only crate that names an SDK crate.

pub mod client;
mod error;
pub mod kinds;
pub mod lease;
mod tags;

pub use client::Aws;
use error::{Call, Required};
