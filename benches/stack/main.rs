//! What a plan, an apply and a destroy of the shipped stack cost, and how that grows.
//!
//! `cargo bench --bench stack` prints each figure beside what is aimed at; nothing is asserted. The AWS figures come from
//! the AWS test server (`tests/aws`), reached through a wire that counts calls and adds latency. What is measured runs in a
//! process of its own, so that its CPU time and peak memory are its own.

#![allow(clippy::unwrap_used, reason = "a benchmark that cannot go on may panic")]

mod child;
mod memory;
mod report;
#[allow(dead_code, reason = "the tests use more of it")]
#[path = "../../tests/support/server.rs"]
mod server;
mod shop;
mod wire;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match arguments.first().map(String::as_str) {
        Some("--child") => child::run(&arguments[1..]),
        _ => {
            report::title();
            memory::run();
            wire::run();
        }
    }
}
