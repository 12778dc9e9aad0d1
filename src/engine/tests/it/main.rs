//! The engine against the simulated cloud, with kinds made up for the purpose.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod crash;
mod lifecycle;
mod toys;
