//! The test page in a real browser.

use std::path::Path;
use std::process::Command;

use crate::encoder::{Codec, DEBIAN, push_with, sample};
use crate::server::{serve, text};

/// Plays the page for some seconds in headless Chromium and says what it saw.
#[tokio::test]
async fn plays_in_chromium_close_to_the_live_edge() {
    let server = serve(&["--ladder", "240p"]);
    let file = sample(Codec::H264, 20, "640x360");
    let _encoder = push_with(DEBIAN, &["-re", "-stream_loop", "-1"], &file, &[], &server.push_url("k-demo"));
    text(&server.url("/live/demo/source/live.m3u8")).await;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/watch.mjs");
    let output = Command::new("node").arg(script).arg(server.url("/watch/demo")).output().unwrap();
    let (said, wrong) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}{wrong}");
    let seen: serde_json::Value = serde_json::from_str(said.trim()).unwrap();
    assert_eq!(seen["state"], "live", "{seen}");
    assert!(seen["advanced"].as_f64().unwrap() > 3.0, "{seen}");
    assert!(seen["latency"].as_f64().unwrap() < 4.0, "{seen}");
    assert_eq!(seen["complaints"], serde_json::json!([]), "{seen}");
    assert_eq!(seen["width"], 640, "{seen}");
}
