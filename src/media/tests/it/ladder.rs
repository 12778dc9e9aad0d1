//! The ladder: aligned with the source, and never a danger to it.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::checker::{check, variants};
use crate::encoder::{Codec, DEBIAN, complaints, push, sample};
use crate::server::{Server, get, serve, text};

fn children(server: &Server) -> Vec<String> {
    let pid = server.pid().to_string();
    let output = Command::new("pgrep").args(["-P", &pid, "ffmpeg"]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

async fn rungs(server: &Server, count: usize) {
    let begin = Instant::now();
    while variants(&text(&server.url("/live/demo/index.m3u8")).await).len() != count {
        assert!(begin.elapsed() < Duration::from_secs(40), "never {count} qualities");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// MEDIA_TEST_LADDER_KILLS=20 is the long run.
#[tokio::test]
async fn rungs_are_aligned_and_their_death_never_holds_up_the_source() {
    let kills: usize = std::env::var("MEDIA_TEST_LADDER_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(2);
    let server = serve(&["--ladder", "240p", "--window-s", "30"]);
    let file = sample(Codec::H264, 20, "640x360");
    let _encoder =
        crate::encoder::push_with(DEBIAN, &["-re", "-stream_loop", "-1"], &file, &[], &server.push_url("k-demo"));
    rungs(&server, 2).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let (source, rung) = (server.url("/live/demo/source/"), server.url("/live/demo/240p/"));
    let list = check(&text(&format!("{rung}plain.m3u8")).await);
    let above = check(&text(&format!("{source}plain.m3u8")).await);
    for (index, segment) in list.segments.iter().enumerate() {
        let twin = &above.segments[(list.sequence + index as u64 - above.sequence) as usize];
        assert_eq!((&segment.uri, &segment.date), (&twin.uri, &twin.date), "numbered and dated as the source");
        assert!((segment.duration - twin.duration).abs() < 0.002, "{segment:?} {twin:?}");
    }
    let mut whole = get(&format!("{rung}{}", list.segments[0].map.as_ref().unwrap())).await.1;
    for segment in &list.segments {
        whole.extend(get(&format!("{rung}{}", segment.uri)).await.1);
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("rung.mp4");
    std::fs::write(&path, whole).unwrap();
    assert_eq!(complaints(path.to_str().unwrap()), "");
    let low = check(&text(&format!("{rung}live.m3u8")).await);
    assert!(low.part_target.is_some());

    // From now on somebody follows the source part by part.
    let over = Arc::new(AtomicBool::new(false));
    let follower = tokio::spawn(follow(format!("{source}live.m3u8"), over.clone()));
    for _ in 0..kills {
        let before = children(&server);
        assert_eq!(before.len(), 1, "one process for all rungs");
        assert!(Command::new("kill").args(["-9", &before[0]]).status().unwrap().success());
        rungs(&server, 1).await;
        assert_eq!(get(&format!("{rung}live.m3u8")).await.0, 404);
        rungs(&server, 2).await;
    }
    over.store(true, Ordering::Relaxed);
    let (parts, longest) = follower.await.unwrap();
    assert!(parts > 20);
    assert!(longest < Duration::from_millis(900), "the source stood still for {longest:?}");
    drop(server);
}

/// Reloads until it is over; gives the parts seen and the longest wait for one.
async fn follow(url: String, over: Arc<AtomicBool>) -> (usize, Duration) {
    let (mut longest, mut parts) = (Duration::ZERO, 0);
    let mut list = check(&text(&url).await);
    while !over.load(Ordering::Relaxed) {
        let (number, part) = list.next();
        let asked = Instant::now();
        let next = check(&text(&format!("{url}?_HLS_msn={number}&_HLS_part={part}")).await);
        longest = longest.max(asked.elapsed());
        next.follows(&list);
        parts += 1;
        list = next;
    }
    (parts, longest)
}

#[tokio::test]
async fn without_ffmpeg_the_source_is_served() {
    let server = serve(&["--ladder", "240p", "--ffmpeg", "/nonexistent/ffmpeg", "--thumbnail-s", "1"]);
    let file = sample(Codec::H264, 5, "640x360");
    let mut encoder = push(DEBIAN, &file, &server.push_url("k-demo"));
    assert!(encoder.wait());
    server.logged("ffmpeg is not there; only the source quality is served");
    server.event("replay_ready");
    assert_eq!(variants(&text(&server.url("/live/demo/index.m3u8")).await), ["source/live.m3u8"]);
}
