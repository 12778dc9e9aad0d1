//! The pages in a browser: `browser.mjs` signs up, posts, orders, bids and chats in both languages.
//!
//! Needs Debian's `chromium` and npm's `playwright-core`, found by `NODE_PATH` or in a `node_modules` above the tests.

use std::process::Command;

use crate::harness::{Engine, Service};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_can_use_every_page_in_both_languages() {
    let service = Service::start(Engine::Sqlite, &["--demo"]);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/browser.mjs");
    let output = Command::new("node").args([script, &service.base]).output().expect("node is installed");
    let text = String::from_utf8_lossy(&output.stdout);
    println!("{text}");
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    service.settled(std::time::Duration::from_secs(20)).await;
    service.verified();
}
