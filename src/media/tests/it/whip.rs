//! Publishers by WHIP: ffmpeg, a browser, and peers that are none.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use reqwest::{Method, RequestBuilder, Response, StatusCode};
use tokio::net::UdpSocket;

use crate::checker::check;
use crate::encoder::{complaints, decoding, push_whip, realtime, samples};
use crate::roundtrip::is_whole;
use crate::server::{Server, client, get, serve, text};

/// What ffmpeg offers.
pub(crate) const OFFER: &str = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n\
    m=video 9 UDP/TLS/RTP/SAVPF 106\r\nc=IN IP4 0.0.0.0\r\na=ice-ufrag:07d312b5\r\na=ice-pwd:6b0a35e0280b97afe33084b06f8a11ea\r\n\
    a=fingerprint:sha-256 BF:FA:D3:7A:DD:82:B9:85:9F:7E:00:60:F8:EB:A7:33:FA:C0:85:14:54:19:F7:B2:C5:A6:C6:80:67:C3:23:C6\r\n\
    a=setup:passive\r\na=mid:0\r\na=sendonly\r\na=rtcp-mux\r\na=rtpmap:106 H264/90000\r\n\
    a=fmtp:106 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f\r\na=ssrc:347351746 cname:x\r\n";

fn start(more: &[&str]) -> Server {
    serve(&[&["--whip", "127.0.0.1:0"], more].concat())
}

/// Sends; again if the server has not noticed yet that an earlier connection of this address is closed.
async fn send(request: RequestBuilder) -> Response {
    for _ in 0..100 {
        if let Ok(answer) = request.try_clone().unwrap().send().await {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("server takes no connection");
}

pub(crate) async fn offer(url: &str, key: &str, body: impl Into<String>) -> Response {
    let request = client().post(url).bearer_auth(key).header("content-type", "application/sdp");
    send(request.body(body.into())).await
}

#[tokio::test]
async fn what_ffmpeg_sends_is_what_players_get() {
    let server = start(&[]);
    let file = realtime(5);
    assert!(push_whip(&file, &server.whip_url(), "k-demo").wait(), "{:#?}", server.log());
    is_whole(&server, &file, true, 0).await;
    assert_eq!(server.event("ended")["stream"], "demo");
    server.logged("publisher said goodbye");
}

#[tokio::test]
async fn hevc_is_taken() {
    let server = start(&[]);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("hevc.mp4");
    crate::peer::hevc(4, &file);
    crate::peer::publish(&server, &file).await;
    server.event("replay_ready");
    let replay = replay(&server);
    let (sent, kept) = (samples(file.to_str().unwrap(), "v"), samples(&replay, "v"));
    assert_eq!((sent.len(), sent == kept), (120, true));
    assert_eq!(complaints(&replay), "");
    assert_eq!(decoding(&replay), "");
    let index = text(&server.url("/live/demo/index.m3u8")).await;
    assert!(index.contains("CODECS=\"hvc1.1.6.L") && index.contains("RESOLUTION=320x180"), "{index}");
}

/// The only replay of a server.
fn replay(server: &Server) -> String {
    let replays = server.data().join("replays");
    let id = std::fs::read_dir(&replays).unwrap().next().unwrap().unwrap().file_name();
    replays.join(id).join("replay.mp4").to_str().unwrap().to_owned()
}

/// Publishes from headless Chromium for so many seconds; gives what the page saw.
async fn browse(server: &Server, seconds: u32) -> serde_json::Value {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/whip.mjs");
    let mut browser = Command::new("node");
    browser.arg(script).args([&server.whip_url(), "k-demo", &seconds.to_string()]);
    let output = tokio::task::spawn_blocking(move || browser.output().unwrap()).await.unwrap();
    let (said, wrong) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}{wrong}");
    serde_json::from_str(said.trim()).unwrap()
}

#[tokio::test]
async fn a_page_publishes_from_chromium() {
    // Parts long enough to be even, although a browser on a busy machine leaves pictures out.
    let server = start(&["--part-ms", "500"]);
    let base = server.url("/live/demo/source/");
    let watch = async {
        let first = check(&text(&format!("{base}live.m3u8")).await);
        tokio::time::sleep(Duration::from_secs(3)).await;
        let list = check(&text(&format!("{base}live.m3u8")).await);
        list.follows(&first);
        // Chromium makes keyframes only when it is asked to: that is once a second, or no segment could begin.
        assert!(list.next().0 >= first.next().0 + 2, "no new segments");
    };
    let (seen, ()) = tokio::join!(browse(&server, 8), watch);
    assert_eq!((&seen["state"], &seen["deleted"]), (&"connected".into(), &200.into()), "{seen}");
    server.logged("publisher said goodbye");
    server.event("replay_ready");
    let list = check(&text(&format!("{base}plain.m3u8")).await);
    assert!(
        list.segments.iter().all(|segment| !segment.discontinuity && segment.duration < 2.5),
        "{:?}",
        list.segments
    );
    let mut whole = get(&format!("{base}{}", list.segments[0].map.as_ref().unwrap())).await.1;
    for segment in &list.segments {
        whole.extend(get(&format!("{base}{}", segment.uri)).await.1);
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("page.mp4");
    std::fs::write(&path, whole).unwrap();
    let path = path.to_str().unwrap();
    assert_eq!(complaints(path), "");
    // What ffmpeg's null output has to say of uneven pictures is about itself: it counts them at a fixed rate.
    let wrong: Vec<String> =
        decoding(path).lines().filter(|line| !line.contains("dts to muxer")).map(str::to_owned).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[tokio::test]
async fn a_kicked_publisher_is_cut() {
    let server = start(&[]);
    let kick = async {
        text(&server.url("/live/demo/source/live.m3u8")).await;
        let kick = format!("http://{}/admin/v1/kick", server.address("admin"));
        let answer = client().post(kick).bearer_auth("t-admin").body(r#"{"stream":"demo"}"#).send().await.unwrap();
        assert_eq!(answer.text().await.unwrap(), r#"{"kicked":1}"#);
    };
    let (seen, ()) = tokio::join!(browse(&server, 30), kick);
    assert_eq!((&seen["state"], &seen["deleted"]), (&"closed".into(), &404.into()), "{seen}");
    assert_eq!(server.logged("publisher cut")["reason"], "kicked");
    server.event("ended");
}

/// A bad network between a publisher and the server, from 127.0.0.2 to the same port of 127.0.0.1: a datagram in ninety is lost, of
/// small ones, which sound is, one in thirty, and nothing the server asks for (RTCP) arrives, so nothing is sent again.
async fn bad_network(port: u16) {
    let near = UdpSocket::bind(("127.0.0.2", port)).await.unwrap();
    let far = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    far.connect(("127.0.0.1", port)).await.unwrap();
    let (mut there, mut back, mut publisher, mut counts) = ([0; 2048], [0; 2048], None, [0u32; 2]);
    loop {
        tokio::select! {
            Ok((length, source)) = near.recv_from(&mut there) => {
                publisher = Some(source);
                let small = (there[0] >= 128 && length < 400) as usize;
                counts[small] += 1;
                if !counts[small].is_multiple_of([90, 30][small]) {
                    let _ = far.send(&there[..length]).await;
                }
            }
            Ok(length) = far.recv(&mut back) => {
                if let Some(publisher) = publisher && back[0] < 128 {
                    let _ = near.send_to(&back[..length], publisher).await;
                }
            }
        }
    }
}

#[tokio::test]
async fn what_a_bad_network_leaves_can_be_decoded() {
    let server = start(&["--whip-address", "127.0.0.2"]);
    let port = server.address("whip").rsplit(':').next().unwrap().parse().unwrap();
    let network = tokio::spawn(bad_network(port));
    let file = realtime(5);
    let mut encoder = push_whip(&file, &server.whip_url(), "k-demo");
    assert!(tokio::task::spawn_blocking(move || encoder.wait()).await.unwrap());
    network.abort();
    server.event("replay_ready");
    let replay = &replay(&server);
    let metrics = text(&format!("http://{}/metrics", server.address("admin"))).await;
    let dropped = metrics.lines().find_map(|line| line.strip_prefix("media_dropped_frames_total ")).unwrap();
    assert_ne!(dropped, "0");
    let (sent, kept) = (samples(file.to_str().unwrap(), "v"), samples(replay, "v"));
    assert!((sent.len() / 8..sent.len()).contains(&kept.len()), "{} of {}", kept.len(), sent.len());
    let (sound, heard) = (samples(file.to_str().unwrap(), "a"), samples(replay, "a"));
    let missing = sound.iter().filter(|sample| !heard.contains(sample)).count();
    assert!(missing > 0 && sound.len().abs_diff(heard.len()) < 5, "{missing} of {}; {}", sound.len(), heard.len());
    let mut last = None;
    for sample in &kept {
        let from = last.map_or(0, |last| last + 1);
        let at =
            from + sent[from..].iter().position(|sent| sent == sample).expect("nothing is half, twice or out of order");
        // Each picture needs the one before it, but for the keyframe every thirty.
        assert!(at % 30 == 0 || last == Some(at - 1), "picture {at} after {last:?}");
        last = Some(at);
    }
    let wrong: Vec<String> =
        decoding(replay).lines().filter(|line| !line.contains("dts to muxer")).map(str::to_owned).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[tokio::test]
async fn refusals_say_why() {
    let server = start(&[]);
    let url = server.whip_url();
    let vp8 = OFFER.replace("H264/90000", "VP8/90000");
    let long = format!("{OFFER}{}", "a=x\r\n".repeat(20_000));
    let table = [
        ("k-wrong", OFFER, StatusCode::UNAUTHORIZED, "stream key is unknown"),
        ("k-demo", "hello", StatusCode::BAD_REQUEST, "not SDP"),
        ("k-demo", "v=0\r\nm=video 9 X 1\r\na=rtpmap:1 H264/90000\r\n", StatusCode::BAD_REQUEST, "cannot be taken"),
        ("k-demo", &vp8, StatusCode::NOT_ACCEPTABLE, "only VP8\n\nhint: picture codecs taken by WHIP: H264 or H265"),
        ("k-demo", &long, StatusCode::PAYLOAD_TOO_LARGE, "64 KiB"),
    ];
    for (key, body, status, reason) in table {
        let answer = offer(&url, key, body).await;
        assert_eq!(answer.status(), status);
        let said = answer.text().await.unwrap();
        assert!(said.contains(reason), "{said}");
        assert!(!said.contains("k-"), "{said}");
    }
    let bare = client().post(&url).header("content-type", "application/sdp").body(OFFER).send().await.unwrap();
    assert_eq!(
        (bare.status(), bare.headers()["www-authenticate"].to_str().unwrap()),
        (StatusCode::UNAUTHORIZED, "Bearer")
    );
    let other = client().post(&url).bearer_auth("k-demo").body(OFFER).send().await.unwrap();
    assert_eq!(other.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let session = format!("{url}/session/0123");
    for (method, url, status) in [
        (Method::GET, &url, StatusCode::METHOD_NOT_ALLOWED),
        (Method::PUT, &url, StatusCode::METHOD_NOT_ALLOWED),
        (Method::PATCH, &session, StatusCode::METHOD_NOT_ALLOWED),
        (Method::GET, &session, StatusCode::METHOD_NOT_ALLOWED),
        (Method::DELETE, &session, StatusCode::NOT_FOUND),
        (Method::OPTIONS, &url, StatusCode::OK),
    ] {
        let answer = client().request(method.clone(), url).send().await.unwrap();
        assert_eq!(answer.status(), status, "{method} {url}");
        assert_eq!(answer.headers()["access-control-allow-origin"], "*");
    }
    assert!(server.log().iter().all(|line| !line.to_string().contains("k-")), "keys stay out of the log");
}

#[tokio::test]
async fn a_killed_encoder_is_lost_and_resumes() {
    let server = start(&[]);
    let file = realtime(20);
    let mut first = push_whip(&file, &server.whip_url(), "k-demo");
    let url = server.url("/live/demo/source/live.m3u8");
    text(&url).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    first.kill();
    let before = check(&text(&url).await);
    let lost = server.logged("publisher lost");
    assert_eq!(lost["reason"], "publisher sent nothing for 10 s");
    let _second = push_whip(&file, &server.whip_url(), "k-demo");
    let (number, _) = before.next();
    let mut list = check(&text(&url).await);
    while list.next().0 < number + 3 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        list = check(&text(&url).await);
    }
    let resumed = server
        .log()
        .iter()
        .filter(|line| line["message"] == "publisher connected")
        .map(|line| line["resumed"] == true)
        .collect::<Vec<_>>();
    assert_eq!(resumed, [false, true]);
    // Another one with the same key takes over at once, and the one before is told to leave.
    let _third = push_whip(&file, &server.whip_url(), "k-demo");
    assert_eq!(server.logged("publisher cut")["reason"], "another publisher took over");
    assert!(server.log().iter().all(|line| line["event"] != "ended"));
}

#[tokio::test]
async fn connections_that_never_come_are_bounded_and_forgotten() {
    let server = start(&["--max-per-address", "2"]);
    let url = server.whip_url();
    let mut sessions = vec![];
    for key in ["k-demo", "k-other"] {
        let answer = offer(&url, key, OFFER).await;
        assert_eq!(answer.status(), StatusCode::CREATED);
        let said = answer.headers()["location"].to_str().unwrap().to_owned();
        assert!(answer.text().await.unwrap().contains("m=video"));
        sessions.push(format!("http://{}{said}", server.address("whip")));
    }
    assert_eq!(offer(&url, "k-demo", OFFER).await.status(), StatusCode::SERVICE_UNAVAILABLE, "one address has two");
    // One says goodbye, which makes room at once.
    assert_eq!(send(client().delete(&sessions[1])).await.status(), StatusCode::OK);
    server.logged("publisher said goodbye");
    assert_eq!(send(client().delete(&sessions[1])).await.status(), StatusCode::NOT_FOUND);
    // The other one is forgotten.
    assert_eq!(server.logged("publisher lost")["reason"], "publisher sent nothing for 10 s");
    assert_eq!(send(client().delete(&sessions[0])).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(offer(&url, "k-demo", OFFER).await.status(), StatusCode::CREATED);
}

#[tokio::test]
async fn garbage_harms_nobody() {
    let server = start(&[]);
    let file = realtime(20);
    let mut encoder = push_whip(&file, &server.whip_url(), "k-demo");
    text(&server.url("/live/demo/source/live.m3u8")).await;
    let before = server.memory();
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let mut state = 1u32;
    for round in 0..20_000usize {
        let mut bytes: Vec<u8> = (0..40 + round % 400)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 24) as u8
            })
            .collect();
        // In turn: anything, STUN with its magic number, DTLS, RTP, RTCP.
        match round % 5 {
            1 => bytes[..8].copy_from_slice(&[0, 1, 0, 20 + (round % 40) as u8, 0x21, 0x12, 0xa4, 0x42]),
            2 => bytes[0] = 22,
            3 => bytes[0] = 0x80,
            4 => bytes[..2].copy_from_slice(&[0x80, 200]),
            _ => {}
        }
        let _ = socket.send_to(&bytes, server.address("whip")).await;
    }
    let list = check(&text(&server.url("/live/demo/source/live.m3u8")).await);
    tokio::time::sleep(Duration::from_secs(2)).await;
    check(&text(&server.url("/live/demo/source/live.m3u8")).await).follows(&list);
    assert!(encoder.is_running());
    let grown = server.memory().saturating_sub(before);
    assert!(grown < 40_000, "{grown} kB of garbage were kept");
}
