//! Publishers that are lost, come back, or send times that make no sense.

use std::time::Duration;

use crate::checker::check;
use crate::encoder::{Codec, DEBIAN, complaints, push, sample};
use crate::publisher::{Publisher, tags};
use crate::server::{get, serve, text};

#[tokio::test]
async fn a_publisher_that_comes_back_resumes_the_broadcast() {
    let server = serve(&["--window-s", "60"]);
    let file = sample(Codec::H264, 20, "320x180");
    let url = server.url("/live/demo/source/live.m3u8");
    let mut first = push(DEBIAN, &file, &server.push_url("k-demo"));
    text(&url).await;
    tokio::time::sleep(Duration::from_millis(2300)).await;
    first.kill();
    let before = check(&text(&url).await);
    tokio::time::sleep(Duration::from_millis(500)).await;
    let second = push(DEBIAN, &file, &server.push_url("k-demo"));
    let (number, _) = before.next();
    let mut list = check(&text(&url).await);
    while list.next().0 < number + 3 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        list = check(&text(&url).await);
    }
    list.follows(&before);
    let epoch = |uri: &str| uri.split('-').next().unwrap().to_owned();
    assert_eq!(epoch(&list.segments[0].uri), epoch(&list.segments.last().unwrap().uri), "the same broadcast");
    assert_eq!(list.segments.iter().filter(|segment| segment.discontinuity).count(), 1);
    // A second encoder with the same key takes over from one that still runs.
    let _third = push(DEBIAN, &file, &server.push_url("k-demo"));
    server.logged("publisher cut");
    drop(second);
    let log = server.log();
    assert_eq!(log.iter().filter(|line| line["event"] == "started").count(), 1);
    assert!(log.iter().all(|line| line["event"] != "ended"));
}

#[tokio::test]
async fn a_publisher_that_stays_away_ends_the_broadcast() {
    let server = serve(&["--grace-s", "1"]);
    let file = sample(Codec::H264, 20, "320x180");
    let mut encoder = push(DEBIAN, &file, &server.push_url("k-demo"));
    text(&server.url("/live/demo/source/live.m3u8")).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    encoder.kill();
    server.event("ended");
    server.event("replay_ready");
    assert!(check(&text(&server.url("/live/demo/source/live.m3u8")).await).ended);
}

/// Pushes a file with its times changed, and gives the live playlist's file.
async fn mended(change: impl Fn(usize, u32) -> u32) -> (Vec<u8>, f64) {
    let server = serve(&[]);
    let file = sample(Codec::H264, 5, "320x180");
    let mut publisher = Publisher::connect(&server.address("rtmp"), "k-demo").await;
    for (index, (kind, time, body)) in tags(&file).into_iter().enumerate() {
        publisher.send(kind, change(index, time), body).await;
        // In a quarter of the time: times are judged among themselves, not against the wall.
        tokio::time::sleep(Duration::from_millis(4)).await;
    }
    publisher.goodbye().await;
    server.event("replay_ready");
    let base = server.url("/live/demo/source/");
    let list = check(&text(&format!("{base}plain.m3u8")).await);
    let mut whole = get(&format!("{base}{}", list.segments[0].map.as_ref().unwrap())).await.1;
    for segment in &list.segments {
        whole.extend(get(&format!("{base}{}", segment.uri)).await.1);
    }
    (whole, list.segments.iter().map(|segment| segment.duration).sum())
}

#[tokio::test]
async fn times_that_jump_wrap_or_run_back_are_mended() {
    type Change = Box<dyn Fn(usize, u32) -> u32>;
    let table: [(&str, Change); 4] = [
        ("wrap", Box::new(|_, time| time.wrapping_add(u32::MAX - 2000))),
        ("jump", Box::new(|_, time| if time > 2500 { time + 3_600_000 } else { time })),
        ("restart", Box::new(|_, time| if time > 2500 { time - 2500 } else { time + 100_000 })),
        ("slips", Box::new(|index, time| if index % 40 == 39 { time.saturating_sub(50) } else { time })),
    ];
    for (name, change) in table {
        let (file, total) = mended(change).await;
        assert!((4.8..5.3).contains(&total), "{name}: {total} s");
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("mended.mp4");
        std::fs::write(&path, file).unwrap();
        assert_eq!(complaints(path.to_str().unwrap()), "", "{name}");
        let times = crate::encoder::times(path.to_str().unwrap(), "v");
        assert!(times.windows(2).all(|pair| pair[0].0 < pair[1].0), "{name}: decoding times only grow");
    }
}

#[tokio::test]
async fn garbage_is_cut_and_harms_nobody() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let server = serve(&[]);
    let file = sample(Codec::H264, 20, "320x180");
    let mut encoder = push(DEBIAN, &file, &server.push_url("k-demo"));
    text(&server.url("/live/demo/source/live.m3u8")).await;
    let mut state = 1u32;
    for round in 0..40 {
        let mut socket = tokio::net::TcpStream::connect(server.address("rtmp")).await.unwrap();
        let mut bytes: Vec<u8> = (0..6000)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 24) as u8
            })
            .collect();
        if round % 2 == 0 {
            bytes[0] = 3;
        }
        let _ = socket.write_all(&bytes).await;
        let _ = socket.shutdown().await;
        let _ = tokio::time::timeout(Duration::from_secs(5), socket.read_to_end(&mut vec![])).await.unwrap();
    }
    assert!(encoder.is_running());
    text(&server.url("/live/demo/index.m3u8")).await;
}
