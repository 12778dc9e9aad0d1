//! Replays in object storage: moto's S3 stands for Amazon's.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::checker::check;
use crate::encoder::{Codec, DEBIAN, push, sample};
use crate::server::{client, get, serve_in, text};

/// A running S3; killed when dropped.
struct S3 {
    child: Child,
    base: String,
}

impl Drop for S3 {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl S3 {
    async fn start() -> S3 {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let python = std::env::var("TERRACE_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
        let mut command = Command::new(python);
        command.args(["-m", "moto.server", "-H", "127.0.0.1", "-p", &port.to_string()]);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let s3 = S3 { child, base: format!("http://127.0.0.1:{port}") };
        let begin = Instant::now();
        while client().put(format!("{}/replays", s3.base)).send().await.is_err() {
            assert!(
                begin.elapsed() < Duration::from_secs(30),
                "moto's server does not start; see src/media/PACKAGES.md"
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        s3
    }

    /// Settings that any program for AWS takes.
    fn environment<'a>(&'a self, endpoint: &'a str) -> Vec<(&'a str, &'a str)> {
        let keys = [("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test"), ("AWS_REGION", "eu-central-1")];
        let mut all =
            vec![("MEDIA_STREAMS", "demo=k-demo"), ("AWS_ENDPOINT_URL", endpoint), ("AWS_ALLOW_HTTP", "true")];
        all.extend(keys);
        all
    }

    async fn names(&self) -> Vec<String> {
        let list = text(&format!("{}/replays?list-type=2", self.base)).await;
        list.split("<Key>").skip(1).map(|rest| rest.split('<').next().unwrap().to_owned()).collect()
    }
}

async fn until(what: &str, mut check: impl AsyncFnMut() -> bool) {
    let begin = Instant::now();
    while !check().await {
        assert!(begin.elapsed() < Duration::from_secs(20), "never {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn replays_move_to_the_store_and_play_from_there_until_they_expire() {
    let s3 = S3::start().await;
    let directory = tempfile::tempdir().unwrap();
    let arguments = ["--replay-store", "s3://replays/shop", "--thumbnail-s", "1", "--retention-days", "0.0002"];
    let file = sample(Codec::H264, 5, "320x180");

    // The store cannot be reached when the broadcast ends: the replay stays here, and plays.
    let nowhere = s3.environment("http://127.0.0.1:9");
    let mut server = serve_in(directory.path(), &arguments, &nowhere);
    assert!(push(DEBIAN, &file, &server.push_url("k-demo")).wait());
    let id = server.event("replay_ready")["broadcast"].as_str().unwrap().to_owned();
    let local = directory.path().join("replays").join(&id);
    let list = text(&server.url(&format!("/replay/{id}/index.m3u8"))).await;
    let movie = std::fs::read(local.join("replay.mp4")).unwrap();
    assert_eq!(s3.names().await, Vec::<String>::new());
    server.kill();

    // It can be reached again: the replay moves, and plays as before.
    let server = serve_in(directory.path(), &arguments, &s3.environment(&s3.base));
    server.logged("replay was moved to the store");
    assert!(!local.join("replay.mp4").exists());
    let names = ["index.m3u8", "poster.jpg", "replay.mp4"].map(|name| format!("shop/{id}/{name}"));
    assert_eq!(s3.names().await, names);
    assert_eq!(text(&server.url(&format!("/replay/{id}/index.m3u8"))).await, list);
    let (length, offset) = check(&list).segments[0].range.unwrap();
    let range = format!("bytes={offset}-{}", offset + length - 1);
    let url = server.url(&format!("/replay/{id}/replay.mp4"));
    let answer = client().get(&url).header("range", range).send().await.unwrap();
    assert_eq!(answer.status(), 206);
    let piece = answer.bytes().await.unwrap();
    assert!(piece[..] == movie[offset as usize..(offset + length) as usize]);
    assert!(get(&url).await.1 == movie);
    // A CDN may go to the bucket without this server.
    let direct = client().get(format!("{}/replays/{}", s3.base, names[0]));
    // moto wants a signature but does not check it.
    let signature = "AWS4-HMAC-SHA256 Credential=test/20250101/eu-central-1/s3/aws4_request";
    let direct = direct.header("authorization", signature).send().await.unwrap();
    assert_eq!(direct.status(), 200);
    assert_eq!(direct.headers()["content-type"], "application/vnd.apple.mpegurl");
    assert_eq!(direct.headers()["cache-control"], "public, max-age=31536000, immutable");

    // It expires here and there.
    server.event("replay_expired");
    assert_eq!(s3.names().await, Vec::<String>::new());
    assert!(!local.exists());
    until("gone for viewers", async || get(&server.url(&format!("/replay/{id}/index.m3u8"))).await.0 == 404).await;
}
