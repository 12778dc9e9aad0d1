//! SRT publishers: encoders as callers, over a good and a bad network, with and without a passphrase.

use std::collections::HashMap;
use std::net::{SocketAddr, UdpSocket};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::admin::kick;
use crate::checker::check;
use crate::encoder::{Codec, DEBIAN, nine, push_srt, sample};
use crate::roundtrip::is_whole;
use crate::server::{Server, serve, serve_with, text};

/// Samples that an encoder may throw away when it is closed.
const TAIL: usize = 20;
const PASSPHRASE: &str = "a good deal of salt";

fn listen(arguments: &[&str]) -> Server {
    serve(&[&["--srt", "127.0.0.1:0"], arguments].concat())
}

fn listen_secretly() -> Server {
    let environment = [("MEDIA_STREAMS", "demo=k-demo"), ("MEDIA_SRT_PASSPHRASE", PASSPHRASE)];
    serve_with(&["--srt", "127.0.0.1:0"], &environment)
}

fn url(server: &Server, id: &str) -> String {
    format!("srt://{}?streamid={id}", server.address("srt"))
}

async fn round(program: &str, codec: Codec) {
    let server = listen(&[]);
    let file = sample(codec, 5, "320x180");
    assert!(push_srt(program, &file, &[], &url(&server, "k-demo")).wait(), "{:#?}", server.log());
    is_whole(&server, &file, true, TAIL).await;
    let line = server.logged("publisher connected");
    assert!(line["publisher"].as_str().unwrap().starts_with("srt from 127.0.0.1 (SRT 1."), "{line}");
}

#[tokio::test]
async fn h264_with_b_frames_from_debians_ffmpeg() {
    round(DEBIAN, Codec::H264).await;
}

#[tokio::test]
async fn h264_with_b_frames_from_ffmpeg_9() {
    round(nine(), Codec::H264).await;
}

#[tokio::test]
async fn hevc_from_debians_ffmpeg() {
    round(DEBIAN, Codec::Hevc).await;
}

#[tokio::test]
async fn hevc_from_ffmpeg_9() {
    round(nine(), Codec::Hevc).await;
}

#[tokio::test]
async fn opus_in_a_transport_stream() {
    let server = listen(&[]);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("opus.mp4");
    let mut encode = Command::new(nine());
    encode.args(["-loglevel", "error", "-i"]).arg(sample(Codec::H264, 5, "320x180"));
    assert!(encode.args(["-c:v", "copy", "-c:a", "libopus"]).arg(&file).status().unwrap().success());
    assert!(push_srt(nine(), &file, &[], &url(&server, "k-demo")).wait(), "{:#?}", server.log());
    is_whole(&server, &file, true, TAIL).await;
}

#[tokio::test]
async fn a_passphrase_is_asked_for_whatever_the_length_of_the_key() {
    let file = sample(Codec::H264, 5, "320x180");
    for (program, key) in [(DEBIAN, "&pbkeylen=16"), (nine(), "&pbkeylen=32"), (nine(), "")] {
        let server = listen_secretly();
        let url = format!("{}&passphrase={PASSPHRASE}{key}", url(&server, "k-demo"));
        assert!(push_srt(program, &file, &[], &url).wait(), "{key}: {:#?}", server.log());
        is_whole(&server, &file, true, TAIL).await;
    }
}

#[tokio::test]
async fn without_the_passphrase_nobody_takes_a_seat() {
    let server = listen_secretly();
    let file = sample(Codec::H264, 20, "320x180");
    let mut running = push_srt(DEBIAN, &file, &[], &format!("{}&passphrase={PASSPHRASE}", url(&server, "k-demo")));
    text(&server.url("/live/demo/source/live.m3u8")).await;
    for wrong in ["&passphrase=another one altogether", "&passphrase=another one altogether&pbkeylen=32", ""] {
        assert!(!push_srt(DEBIAN, &file, &[], &format!("{}{wrong}", url(&server, "k-demo"))).wait());
    }
    // The right passphrase does not make a wrong key good.
    let wrong = format!("{}&passphrase={PASSPHRASE}", url(&server, "k-other"));
    assert!(!push_srt(DEBIAN, &file, &[], &wrong).wait());
    server.logged("publisher refused");
    assert!(running.is_running());
    let reason = |line: &serde_json::Value| line["reason"].as_str().unwrap_or_default().to_owned();
    let wrong = server.log().iter().filter(|line| reason(line).contains("passphrase is wrong")).count();
    // The one without any is refused before its stream id is read.
    assert_eq!(wrong, 2, "{:#?}", server.log());
    let log = server.log();
    assert_eq!(log.iter().filter(|line| line["message"] == "publisher connected").count(), 1, "{log:#?}");
    assert!(!format!("{log:?}").contains("k-demo") && !format!("{log:?}").contains(PASSPHRASE));
}

#[tokio::test]
async fn stream_ids_say_who_publishes() {
    let server = listen(&[]);
    let file = sample(Codec::H264, 5, "320x180");
    for refused in ["k-wrong", "#!::r=k-demo,m=request", "#!::r=k-demo", "#!::m=publish", "#!::r=k-wrong,m=publish", ""]
    {
        assert!(!push_srt(DEBIAN, &file, &[], &url(&server, refused)).wait(), "{refused}");
    }
    assert!(server.log().iter().all(|line| line["message"] != "publisher connected"));
    assert!(push_srt(DEBIAN, &file, &[], &url(&server, "#!::u=seller,m=publish,r=k-demo")).wait());
    is_whole(&server, &file, true, TAIL).await;
}

#[tokio::test]
async fn a_killed_encoder_resumes_and_a_second_one_takes_over() {
    let server = listen(&["--window-s", "60"]);
    let file = sample(Codec::H264, 20, "320x180");
    let playlist = server.url("/live/demo/source/live.m3u8");
    let mut first = push_srt(DEBIAN, &file, &[], &url(&server, "k-demo"));
    text(&playlist).await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    first.kill();
    // Nothing tells over UDP that somebody has died; five seconds of silence do.
    let line = server.logged("publisher lost");
    assert!(line["reason"].as_str().unwrap().contains("sent nothing for 5 s"), "{line}");
    let before = check(&text(&playlist).await);
    let mut second = push_srt(nine(), &file, &[], &url(&server, "k-demo"));
    let mut list = check(&text(&playlist).await);
    while list.next().0 < before.next().0 + 2 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        list = check(&text(&playlist).await);
    }
    list.follows(&before);
    assert_eq!(list.segments.iter().filter(|segment| segment.discontinuity).count(), 1);
    let _third = push_srt(DEBIAN, &file, &[], &url(&server, "k-demo"));
    server.logged("publisher cut");
    assert!(!second.wait(), "an encoder that is cut reports it");
    assert!(server.log().iter().all(|line| line["event"] != "ended"));
}

#[tokio::test]
async fn a_kicked_publisher_is_cut() {
    let secret = "0123456789abcdef0123456789abcdef";
    let environment = [("MEDIA_STREAMS", "demo=k-demo"), ("MEDIA_ADMIN_TOKEN", "t-admin"), ("MEDIA_SECRET", secret)];
    let file = sample(Codec::H264, 20, "320x180");
    for program in [DEBIAN, nine()] {
        let server = serve_with(&["--srt", "127.0.0.1:0"], &environment);
        let mut encoder = push_srt(program, &file, &[], &url(&server, "k-demo"));
        text(&server.url("/live/demo/source/live.m3u8")).await;
        assert_eq!(kick(&server, secret, "demo").await, 200);
        server.event("ended");
        let begin = std::time::Instant::now();
        assert!(!encoder.wait());
        // Without a goodbye that it understands, an encoder would wait for five seconds.
        assert!(begin.elapsed() < Duration::from_secs(4), "{:?}", begin.elapsed());
    }
}

#[tokio::test]
async fn an_address_has_so_many_connections_and_no_more() {
    let server = listen(&["--max-per-address", "1"]);
    let file = sample(Codec::H264, 20, "320x180");
    let mut first = push_srt(DEBIAN, &file, &[], &url(&server, "k-demo"));
    server.logged("publisher connected");
    assert!(!push_srt(DEBIAN, &file, &[], &url(&server, "k-other")).wait());
    assert!(first.is_running());
    first.kill();
    server.logged("publisher lost");
    let _third = push_srt(DEBIAN, &file, &[], &url(&server, "k-other"));
    let connected = || server.log().iter().filter(|line| line["message"] == "publisher connected").count();
    while connected() < 2 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_codec_that_is_not_carried_is_named_in_the_log() {
    let server = listen(&[]);
    let file = sample(Codec::H264, 5, "320x180");
    assert!(!push_srt(DEBIAN, &file, &["-c:a", "mp2"], &url(&server, "k-demo")).wait());
    let line = server.logged("publisher lost");
    assert!(line["reason"].as_str().unwrap().starts_with("codec mp2 or mp3 is not carried"), "{line}");
}

/// A network between encoders and a server that loses some datagrams in both directions; gives its address and counts.
fn bad_network(server: SocketAddr, lost_of_thousand: u64) -> (SocketAddr, Arc<AtomicU64>) {
    let front = UdpSocket::bind("127.0.0.1:0").unwrap();
    let (address, lost) = (front.local_addr().unwrap(), Arc::new(AtomicU64::new(0)));
    let counted = lost.clone();
    std::thread::spawn(move || {
        let mut state = 1u64;
        let mut backs: HashMap<SocketAddr, UdpSocket> = HashMap::new();
        let mut buffer = [0; 2048];
        let mut lose = move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let lose = (state >> 33) % 1000 < lost_of_thousand;
            counted.fetch_add(u64::from(lose), Ordering::Relaxed);
            lose
        };
        front.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
        loop {
            if let Ok((length, peer)) = front.recv_from(&mut buffer) {
                let back = backs.entry(peer).or_insert_with(|| {
                    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
                    socket.connect(server).unwrap();
                    socket.set_nonblocking(true).unwrap();
                    socket
                });
                if !lose() {
                    let _ = back.send(&buffer[..length]);
                }
            }
            for (peer, back) in &backs {
                while let Ok(length) = back.recv(&mut buffer) {
                    if !lose() {
                        let _ = front.send_to(&buffer[..length], peer);
                    }
                }
            }
        }
    });
    (address, lost)
}

#[tokio::test]
async fn lost_datagrams_are_asked_for_again() {
    for program in [DEBIAN, nine()] {
        // The goodbye may be lost as well.
        let server = listen(&["--grace-s", "1"]);
        let (address, lost) = bad_network(server.address("srt").parse().unwrap(), 20);
        let file = sample(Codec::H264, 5, "320x180");
        let _ = push_srt(program, &file, &[], &format!("srt://{address}?streamid=k-demo&latency=300000")).wait();
        is_whole(&server, &file, true, TAIL).await;
        assert!(lost.load(Ordering::Relaxed) > 5);
    }
}

#[tokio::test]
async fn garbage_disturbs_nobody() {
    let server = listen(&[]);
    let file = sample(Codec::H264, 5, "320x180");
    let mut encoder = push_srt(DEBIAN, &file, &[], &url(&server, "k-demo"));
    text(&server.url("/live/demo/source/live.m3u8")).await;
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(server.address("srt")).unwrap();
    let mut state = 1u32;
    let mut random = move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    for round in 0..20_000 {
        let mut datagram: Vec<u8> = (0..usize::from(random()) * 6).map(|_| random()).collect();
        // Every kind of packet, handshakes most of all.
        if datagram.len() > 16 && round % 3 > 0 {
            datagram[..4].copy_from_slice(&[0x80, if round % 3 == 1 { 0 } else { random() % 10 }, 0, 0]);
            datagram[12..16].fill(0);
        }
        let _ = socket.send(&datagram);
        if round % 100 == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    assert!(encoder.wait(), "{:#?}", server.log());
    is_whole(&server, &file, true, TAIL).await;
    assert!(server.memory() < 200_000, "{} KB", server.memory());
}
