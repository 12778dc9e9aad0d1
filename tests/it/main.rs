//! The command as a user runs it, on the simulated cloud; and the walls between crates.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod blueprints;
mod documents;
mod folder;
mod killed;
mod layers;
mod session;
mod streams;
