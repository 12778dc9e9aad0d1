//! Every kind of the registry against the strict AWS test server, through the real SDK.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod cloudformation;
mod contract;
mod crash;
mod drift;
mod each;
mod impact;
mod network;
mod registry;
#[path = "../../../../tests/support/server.rs"]
mod server;
mod stand;
mod wire;
mod world;
