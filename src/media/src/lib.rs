//! The bundled live media server.
//!
//! Publishers come in through `ingest`, are judged by `auth`, become parts in `live` and `hls`, and are served by `http`; `record`,
//! `ladder` and `pictures` follow the source rendition and can never hold it up. A library only so that tests and fuzz targets reach
//! the parsers.

mod admin;
mod auth;
pub mod callbacks;
pub mod cli;
mod clock;
pub mod codec;
mod config;
mod edge;
mod files;
mod hls;
mod http;
pub mod ingest;
mod ladder;
mod live;
mod metrics;
pub mod mux;
mod pictures;
mod publishers;
mod record;
mod serve;
