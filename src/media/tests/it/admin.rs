//! Operators: health, metrics, listing, kicking, draining.

use std::time::Duration;

use media::callbacks::sign::{Signed, random, signature};
use serde_json::{Value, json};

use crate::checker::check;
use crate::encoder::{Codec, DEBIAN, push, sample};
use crate::server::{Server, get, serve, serve_with, text};

/// Cuts a stream as `commerce` does; gives the answer's status.
pub(crate) async fn kick(server: &Server, secret: &str, stream: &str) -> u16 {
    let body = json!({"stream": stream}).to_string();
    let timestamp = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs().to_string();
    let nonce = random(16);
    let path = "/admin/v1/kick";
    let signed = Signed { method: "POST", path, timestamp: &timestamp, nonce: &nonce, body: body.as_bytes() };
    let request = reqwest::Client::new()
        .post(format!("http://{}{path}", server.address("admin")))
        .header("terrace-signature", signature(secret.as_bytes(), signed))
        .header("terrace-timestamp", &timestamp)
        .header("terrace-nonce", &nonce);
    request.body(body).send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn only_operators_list_and_kick() {
    let secret = "0123456789abcdef0123456789abcdef";
    let environment = [("MEDIA_STREAMS", "demo=k-demo"), ("MEDIA_ADMIN_TOKEN", "t-admin"), ("MEDIA_SECRET", secret)];
    let server = serve_with(&[], &environment);
    let file = sample(Codec::H264, 20, "320x180");
    let mut encoder = push(DEBIAN, &file, &server.push_url("k-demo"));
    text(&server.url("/live/demo/source/live.m3u8")).await;
    let base = format!("http://{}", server.address("admin"));
    let (list, kick) = (format!("{base}/admin/v1/streams"), format!("{base}/admin/v1/kick"));
    let client = reqwest::Client::new();
    assert_eq!(client.get(&list).send().await.unwrap().status(), 401);
    assert_eq!(client.get(&list).bearer_auth("wrong").send().await.unwrap().status(), 401);
    assert_eq!(get(&server.url("/admin/v1/streams")).await.0, 404, "not on the viewers' listener");
    let answer = client.get(&list).bearer_auth("t-admin").send().await.unwrap();
    let listed: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
    assert_eq!(listed["streams"][0]["stream"], "demo");
    assert_eq!(listed["streams"][0]["viewers"], 1);

    let body = json!({"stream": "demo"}).to_string();
    let timestamp = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs().to_string();
    let nonce = random(16);
    let signed =
        Signed { method: "POST", path: "/admin/v1/kick", timestamp: &timestamp, nonce: &nonce, body: body.as_bytes() };
    let signature = signature(secret.as_bytes(), signed);
    let send = |signature: String, body: String| {
        let request = client.post(&kick).header("terrace-timestamp", &timestamp).header("terrace-nonce", &nonce);
        request.header("terrace-signature", signature).body(body).send()
    };
    assert_eq!(send(signature.clone(), json!({"stream": "other"}).to_string()).await.unwrap().status(), 401);
    let answer = send(signature.clone(), body.clone()).await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.text().await.unwrap().as_str()), (200, "{\"kicked\":1}"));
    assert_eq!(send(signature, body).await.unwrap().status(), 401, "a request taken once is not taken again");
    assert!(!encoder.wait());
    assert!(server.event("ended")["stream"] == "demo");
}

#[tokio::test]
async fn metrics_and_version_are_told() {
    let server = serve(&[]);
    let file = sample(Codec::H264, 20, "320x180");
    let _encoder = push(DEBIAN, &file, &server.push_url("k-demo"));
    text(&server.url("/live/demo/source/plain.m3u8")).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    text(&server.url("/live/demo/source/plain.m3u8")).await;
    let base = format!("http://{}", server.address("admin"));
    let metrics = text(&format!("{base}/metrics")).await;
    for line in ["media_publishers 1", "media_stream_viewers{stream=\"demo\"} 2", "media_part_latency_seconds_bucket"] {
        assert!(metrics.contains(line), "{line} is missing in {metrics}");
    }
    for line in metrics.lines().filter(|line| !line.starts_with('#')) {
        let (name, value) = line.rsplit_once(' ').unwrap();
        assert!(name.starts_with("media_") && value.parse::<f64>().is_ok(), "{line}");
    }
    let version: Value = serde_json::from_str(&text(&format!("{base}/version")).await).unwrap();
    assert_eq!(version["build"].as_str().unwrap().len(), 64);
    assert_eq!(get(&server.url("/livez")).await.0, 200);
    assert_eq!(get(&server.url("/readyz")).await.0, 200);
    assert_eq!(get(&server.url("/metrics")).await.0, 404, "not on the viewers' listener");
}

#[tokio::test]
async fn draining_refuses_new_publishers_and_finishes_replays() {
    let mut server = serve(&["--drain-s", "2"]);
    let file = sample(Codec::H264, 20, "320x180");
    let mut running = push(DEBIAN, &file, &server.push_url("k-demo"));
    let url = server.url("/live/demo/source/live.m3u8");
    text(&url).await;
    server.signal("TERM");
    server.logged("draining");
    assert_eq!(get(&server.url("/readyz")).await.0, 503);
    assert!(!push(DEBIAN, &file, &server.push_url("k-other")).wait());
    let before = check(&text(&url).await).next();
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert!(check(&text(&url).await).next() > before, "the running broadcast goes on");
    assert!(server.wait(Duration::from_secs(12)));
    assert!(!running.wait());
    server.event("replay_ready");
    server.logged("media has stopped");
}

#[test]
fn mistakes_in_the_configuration_are_explained() {
    let table: [(&[&str], &str); 4] = [
        (&["serve", "--part-ms", "7"], "`part-ms` is 7, but must be from 50 to 2000"),
        (&["serve", "--commerce", "http://shop.example/hooks"], "would send stream keys in the clear"),
        (&["serve", "--config", "/nonexistent.toml"], "`/nonexistent.toml` cannot be read"),
        (&["edge"], "no origin is known"),
    ];
    for (arguments, expected) in table {
        let directory = tempfile::tempdir().unwrap();
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_media"))
            .args(arguments)
            .current_dir(directory.path())
            .output()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && said.contains(expected), "{arguments:?}: {said}");
    }
}
