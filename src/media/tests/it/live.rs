//! Low-latency playlists while a broadcast is on air, and what the server refuses.

use std::time::{Duration, Instant};

use crate::checker::{Playlist, check};
use crate::encoder::{Codec, DEBIAN, push, push_with, sample};
use crate::server::{get, serve, text};

#[tokio::test]
async fn blocking_reload_follows_the_edge_and_passes_the_checker() {
    let server = serve(&["--window-s", "30"]);
    let file = sample(Codec::H264, 20, "320x180");
    let _encoder = push(DEBIAN, &file, &server.push_url("k-demo"));
    let url = server.url("/live/demo/source/live.m3u8");
    let mut list = check(&text(&url).await);
    let (begin, mut waits, mut whole) = (Instant::now(), vec![], Playlist::default());
    let mut parts = 0;
    while begin.elapsed() < Duration::from_secs(17) {
        let (number, part) = list.next();
        let asked = Instant::now();
        let query = format!("{url}?_HLS_msn={number}&_HLS_part={part}");
        let mut delta = check(&text(&format!("{query}&_HLS_skip=YES")).await);
        waits.push(asked.elapsed());
        let next = check(&text(&query).await);
        delta.complete(&whole);
        // A part may have come between the two requests.
        if delta.next() == next.next() {
            assert_eq!(delta, next, "the delta update says the same");
        }
        next.follows(&list);
        assert!(next.next() > list.next(), "a blocking reload brings something new");
        let last = next.open.last().or_else(|| next.segments.last()?.parts.last()).unwrap();
        let (status, body) = get(&server.url(&format!("/live/demo/source/{}", last.uri))).await;
        assert_eq!(status, 200);
        assert_eq!(&body[4..8], b"moof");
        parts += 1;
        whole.clone_from(&next);
        list = next;
    }
    assert!(parts > 60, "{parts} parts in 17 s");
    assert!(list.segments.len() > 12);
    let delta = check(&text(&format!("{url}?_HLS_msn={}&_HLS_skip=YES", list.next().0)).await);
    assert!(delta.skipped >= 3, "{delta:?}");
    waits.sort();
    assert!(waits[waits.len() / 2] < Duration::from_millis(400), "{waits:?}");
    // The hinted part is answered when it exists.
    let hint = check(&text(&url).await).hint.unwrap();
    assert_eq!(get(&server.url(&format!("/live/demo/source/{hint}"))).await.0, 200);
}

#[tokio::test]
async fn everything_listed_stays_fetchable_for_another_window() {
    let server = serve(&["--window-s", "6"]);
    let file = sample(Codec::H264, 20, "320x180");
    let _encoder = push(DEBIAN, &file, &server.push_url("k-demo"));
    let url = server.url("/live/demo/source/live.m3u8");
    tokio::time::sleep(Duration::from_secs(7)).await;
    let oldest = check(&text(&url).await).segments[0].clone();
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert!(check(&text(&url).await).segments.iter().all(|segment| segment.uri != oldest.uri), "no longer listed");
    assert_eq!(get(&server.url(&format!("/live/demo/source/{}", oldest.uri))).await.0, 200, "still there");
}

#[tokio::test]
async fn a_wrong_key_is_refused_and_no_key_is_logged() {
    let server = serve(&[]);
    let file = sample(Codec::H264, 5, "320x180");
    assert!(!push(DEBIAN, &file, &server.push_url("k-wrong")).wait());
    assert_eq!(server.logged("publisher refused")["reason"], "stream key is unknown");
    let _encoder = push(DEBIAN, &file, &server.push_url("k-demo"));
    text(&server.url("/live/demo/index.m3u8")).await;
    let log = format!("{:?}", server.log());
    let metrics = text(&format!("http://{}/metrics", server.address("admin"))).await;
    for key in ["k-wrong", "k-demo", "k-other"] {
        assert!(!log.contains(key) && !metrics.contains(key), "{key} is shown");
    }
}

#[tokio::test]
async fn requests_that_make_no_sense_are_answered_as_such() {
    let server = serve(&[]);
    let file = sample(Codec::H264, 20, "320x180");
    let _encoder = push(DEBIAN, &file, &server.push_url("k-demo"));
    text(&server.url("/live/demo/source/live.m3u8")).await;
    let client = reqwest::Client::new();
    for (path, status) in [
        ("/live/nobody/index.m3u8", 404),
        ("/live/demo/999p/live.m3u8", 404),
        ("/live/demo/source/live.m3u8?_HLS_part=1", 400),
        ("/live/demo/source/live.m3u8?_HLS_msn=x", 400),
        ("/live/demo/source/live.m3u8?_HLS_msn=99999999999", 400),
        ("/live/demo/source/made-up-1.mp4", 404),
        ("/live/demo/source/../../../etc/passwd", 404),
        ("/live/%2e%2e/index.m3u8", 404),
        ("/replay/abcdefghij/index.m3u8", 404),
        ("/replay/../index.m3u8", 404),
        ("/", 404),
    ] {
        assert_eq!(client.get(server.url(path)).send().await.unwrap().status(), status, "{path}");
    }
    let answer = client.post(server.url("/live/demo/index.m3u8")).send().await.unwrap();
    assert_eq!(answer.status(), 405);
    let answer = client.request(reqwest::Method::OPTIONS, server.url("/live/demo/index.m3u8")).send().await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["access-control-allow-origin"]),
        (204, &"*".parse().unwrap())
    );
    let answer = client.head(server.url("/live/demo/index.m3u8")).send().await.unwrap();
    assert_eq!(answer.status(), 200);
}

#[tokio::test]
async fn unknown_names_cost_no_memory() {
    let server = serve(&[]);
    let client = reqwest::Client::new();
    let ask = |from: usize| {
        let (client, base) = (client.clone(), server.url("/live/"));
        async move {
            for number in from..from + 2000 {
                let url = format!("{base}nobody-{number}/source/live.m3u8?_HLS_msn=5&_HLS_part=1");
                assert_eq!(client.get(url).send().await.unwrap().status(), 404);
            }
        }
    };
    ask(0).await;
    let before = server.memory();
    ask(10_000).await;
    ask(20_000).await;
    let after = server.memory();
    assert!(after < before + 1500, "memory grew from {before} to {after} KB");
}

#[tokio::test]
async fn a_bit_rate_over_the_limit_is_cut() {
    let server = serve(&["--max-mbps", "1"]);
    let file = sample(Codec::H264, 20, "320x180");
    // Eight times real time is eight times the bit rate.
    let mut encoder = push_with(DEBIAN, &["-readrate", "8"], &file, &[], &server.push_url("k-demo"));
    assert!(!encoder.wait());
    assert_eq!(server.logged("publisher lost")["reason"], "bit rate is over the limit of 1 Mb/s");
}

/// Three hours in half a minute: the encoder sends at 400 times real time.
#[tokio::test]
async fn three_hours_later_the_playlist_is_as_short_and_plays() {
    let hours: u32 = std::env::var("MEDIA_TEST_HOURS").ok().and_then(|text| text.parse().ok()).unwrap_or(3);
    // At this speed the encoder may close the connection before its goodbye was read; it is then awaited for a second.
    let server = serve(&["--max-mbps", "1000", "--window-s", "10", "--grace-s", "1"]);
    let file = sample(Codec::H264, 20, "160x90");
    let loops = (hours * 3600 / 20).to_string();
    let mut encoder =
        push_with(DEBIAN, &["-readrate", "400", "-stream_loop", &loops], &file, &["-an"], &server.push_url("k-demo"));
    let url = server.url("/live/demo/source/live.m3u8");
    let mut before = check(&text(&url).await);
    let mut most = 0;
    while encoder.is_running() {
        let list = check(&text(&url).await);
        if list.sequence != before.sequence || list.next() > before.next() {
            list.follows(&before);
        }
        before = list;
        most = most.max(server.memory());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert!(encoder.wait(), "{:#?}", server.log());
    assert!(before.segments.len() <= 14, "{} segments are listed", before.segments.len());
    assert!(most < 60_000, "{most} KB");
    let ready = server.event("replay_ready");
    let vod = server.url(&format!("/replay/{}/index.m3u8", ready["broadcast"].as_str().unwrap()));
    let list = check(&text(&vod).await);
    let total: f64 = list.segments.iter().map(|segment| segment.duration).sum();
    let expected = f64::from(hours) * 3600.0;
    // At several hundred times real time the disk may be too slow for the recorder, which loses parts and never the live path.
    assert!(list.vod && total > expected * 0.9 && total < expected + 40.0, "{total} of {expected} s");
    // The edge and the end of the replay can be decoded.
    let edge = server.url("/live/demo/source/plain.m3u8");
    assert_eq!(crate::encoder::decoding(&edge), "");
}
