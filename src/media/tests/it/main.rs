//! What the built program does, seen from outside: encoders push, players fetch, `commerce` is called.
//!
//! Needs what PACKAGES.md lists. Servers listen on loopback, on ports the system chooses; every process is ended by its own handle.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod admin;
mod checker;
mod commerce;
mod edge;
mod encoder;
mod ladder;
mod live;
mod peer;
mod publisher;
mod replay;
mod resume;
mod roundtrip;
mod server;
mod shop;
mod srt;
mod store;
mod tls;
mod watch;
mod whip;
