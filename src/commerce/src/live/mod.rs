//! Live selling: broadcasts and their notices, the chat, what the media server tells, and pushing changes to pages.

pub(crate) mod broadcasts;
pub(crate) mod callbacks;
pub(crate) mod chat;
pub(crate) mod hub;
mod signed;
pub(crate) mod socket;
