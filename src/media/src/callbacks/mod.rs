//! Talking to `commerce`: signed requests, and events that are kept until taken. The contract is CALLBACKS.md.
//!
//! Decides signatures, retries and order. Refuses to know what the events are about.

pub(crate) mod client;
pub(crate) mod outbox;
pub mod sign;
