//! The edge: as good as the origin, and one upstream request for each part.

use std::time::{Duration, Instant};

use crate::checker::check;
use crate::encoder::{Codec, DEBIAN, push, sample};
use crate::server::{edge, get, serve, text};

fn metric(text: &str, name: &str) -> u64 {
    let line = text.lines().find(|line| line.split(' ').next() == Some(name));
    line.unwrap().rsplit(' ').next().unwrap().parse().unwrap()
}

/// Plays part by part and counts them.
async fn watch(base: String) -> usize {
    let url = format!("{base}live.m3u8");
    let (begin, mut parts) = (Instant::now(), 0);
    let mut list = check(&text(&url).await);
    while begin.elapsed() < Duration::from_secs(5) {
        let (number, part) = list.next();
        let next = check(&text(&format!("{url}?_HLS_msn={number}&_HLS_part={part}")).await);
        next.follows(&list);
        let last = next.open.last().or_else(|| next.segments.last()?.parts.last()).unwrap();
        assert_eq!(get(&format!("{base}{}", last.uri)).await.0, 200);
        parts += 1;
        list = next;
    }
    parts
}

#[tokio::test]
async fn many_viewers_are_one_to_the_origin() {
    let server = serve(&[]);
    let edge = edge(&["--origin", &server.url("")], &[]);
    let file = sample(Codec::H264, 20, "320x180");
    let _encoder = push(DEBIAN, &file, &server.push_url("k-demo"));
    text(&edge.url("/live/demo/source/live.m3u8?ignored=1")).await;
    let viewers: Vec<_> = (0..40).map(|_| tokio::spawn(watch(edge.url("/live/demo/source/")))).collect();
    let (mut watched, mut most) = (0, 0);
    for viewer in viewers {
        let parts = viewer.await.unwrap();
        watched += parts;
        most = most.max(parts);
    }
    let upstream = metric(&text(&edge.url("/metrics")).await, "media_upstream_requests_total") as usize;
    assert!(most >= 20, "{most} parts in 5 s");
    // A playlist and a part for each part, and a few at the beginning.
    assert!(upstream <= 2 * most + 30, "{upstream} upstream requests for {most} parts; viewers asked {}", 2 * watched);
    assert_eq!(get(&edge.url("/live/nobody/index.m3u8")).await.0, 404);
    assert_eq!(get(&edge.url("/admin/v1/streams")).await.0, 404);
    assert_eq!(get(&edge.url("/watch/demo")).await.0, 200);
}

#[tokio::test]
async fn an_origin_that_is_gone_is_a_bad_gateway_and_comes_back() {
    let edge = edge(&["--stream-origin", "demo=http://127.0.0.1:9"], &[]);
    assert_eq!(get(&edge.url("/live/demo/index.m3u8")).await.0, 502);
    assert_eq!(get(&edge.url("/live/demo/index.m3u8")).await.0, 502);
}
