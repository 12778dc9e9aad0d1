//! Every kind of the registry against the strict AWS test server, through the real SDK.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod cloudformation;
mod contract;
mod crash;
mod database;
mod drift;
mod each;
mod edits;
mod impact;
mod network;
mod noise;
mod reference;
mod refresh;
mod registry;
mod rehearsal;
#[path = "../../../../tests/support/server.rs"]
mod server;
mod shop;
mod stand;
mod whole;
mod wire;
mod world;
