//! Blueprints against the real kinds and components: broken ones, the ones that are shipped, and random mixtures.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod broken;
mod mutated;
mod shipped;
