//! The parsers of `media` alone: their modules need next to nothing, and the whole server takes minutes to compile for coverage.

#![allow(dead_code, reason = "the server uses what the targets do not")]

#[path = "../src/codec/mod.rs"]
pub mod codec;
#[path = "../src/ingest/mod.rs"]
pub mod ingest;
#[path = "../src/mux/mod.rs"]
pub mod mux;
