//! Replays: ready at once, whole after a crash.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::checker::check;
use crate::encoder::{Codec, DEBIAN, complaints, decoding, push, sample, times};
use crate::server::{get, serve, serve_in, text};

fn movie(data: &Path) -> PathBuf {
    let entry = std::fs::read_dir(data.join("replays")).unwrap().next().unwrap().unwrap();
    entry.path().join("replay.mp4")
}

#[tokio::test]
async fn is_playable_two_seconds_after_the_end() {
    let server = serve(&["--thumbnail-s", "1"]);
    let file = sample(Codec::H264, 5, "320x180");
    assert!(push(DEBIAN, &file, &server.push_url("k-demo")).wait());
    let ended = Instant::now();
    let ready = server.event("replay_ready");
    let base = server.url(&format!("/replay/{}/", ready["broadcast"].as_str().unwrap()));
    let list = check(&text(&format!("{base}index.m3u8")).await);
    assert!(ended.elapsed() < Duration::from_secs(2), "{:?}", ended.elapsed());
    assert!(list.vod && list.ended);
    let client = reqwest::Client::new();
    let (length, offset) = list.segments[0].range.unwrap();
    let range = format!("bytes={offset}-{}", offset + length - 1);
    let answer = client.get(format!("{base}replay.mp4")).header("range", range).send().await.unwrap();
    assert_eq!(answer.status(), 206);
    let body = answer.bytes().await.unwrap();
    assert_eq!((body.len() as u64, &body[4..8]), (length, &b"moof"[..]));
    let beyond = client.get(format!("{base}replay.mp4")).header("range", "bytes=999999999-").send().await.unwrap();
    assert_eq!(beyond.status(), 416);
    let (status, poster) = get(&format!("{base}poster.jpg")).await;
    assert_eq!((status, &poster[..2]), (200, &[0xff, 0xd8][..]));
    assert_eq!(get(&server.url("/live/demo/thumb.jpg")).await.0, 200);
    let (status, whole) = get(&format!("{base}replay.mp4")).await;
    assert_eq!((status, whole.len() as u64), (200, std::fs::metadata(movie(server.data())).unwrap().len()));
}

/// MEDIA_TEST_KILLS=100 is the long run.
#[tokio::test]
async fn a_crash_loses_at_most_one_part() {
    let kills: u32 = std::env::var("MEDIA_TEST_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(3);
    let file = sample(Codec::H264, 20, "320x180");
    let environment = [("MEDIA_STREAMS", "demo=k-demo")];
    for round in 0..kills {
        let directory = tempfile::tempdir().unwrap();
        let mut server = serve_in(directory.path(), &[], &environment);
        let mut encoder = push(DEBIAN, &file, &server.push_url("k-demo"));
        let url = server.url("/live/demo/source/live.m3u8");
        text(&url).await;
        // Another moment of a part each time.
        tokio::time::sleep(Duration::from_millis(1500 + u64::from(round * 37 % 200))).await;
        let list = check(&text(&url).await);
        server.kill();
        encoder.kill();
        let parts = list.segments.iter().map(|segment| segment.duration);
        let published: f64 = parts.sum::<f64>() + list.open.iter().map(|part| part.duration).sum::<f64>();
        let server = serve_in(directory.path(), &[], &environment);
        let ended = server.event("ended");
        let ready = server.event("replay_ready");
        assert_eq!(ready["broadcast"], ended["broadcast"]);
        let path = movie(directory.path());
        let path = path.to_str().unwrap();
        let times = times(path, "v");
        let kept = times.last().unwrap().0 - times[0].0 + 1.0 / 30.0;
        assert!(kept >= published - 0.21, "round {round}: {kept} of {published} s were kept");
        assert_eq!(complaints(path), "");
        assert_eq!(decoding(path), "");
        let base = server.url(&format!("/replay/{}/index.m3u8", ready["broadcast"].as_str().unwrap()));
        let total: f64 = check(&text(&base).await).segments.iter().map(|segment| segment.duration).sum();
        assert!((total - kept).abs() < 0.1, "{total} {kept}");
    }
}

#[tokio::test]
async fn retention_deletes_and_tells() {
    // A quarter of a second.
    let server = serve(&["--retention-days", "0.000003"]);
    let file = sample(Codec::H264, 5, "320x180");
    assert!(push(DEBIAN, &file, &server.push_url("k-demo")).wait());
    server.event("replay_ready");
    server.event("replay_expired");
    assert_eq!(std::fs::read_dir(server.data().join("replays")).unwrap().count(), 0);
}
