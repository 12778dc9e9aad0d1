//! A WebRTC publisher of our own, for what neither ffmpeg nor a headless browser sends.

use std::net::UdpSocket;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use str0m::change::SdpAnswer;
use str0m::media::{Direction, Frequency, MediaKind, MediaTime, Mid};
use str0m::net::{Protocol, Receive};
use str0m::{Candidate, Event, Input, Output, Rtc, RtcConfig};

use crate::encoder::nine;
use crate::server::{Server, client};

/// A file of HEVC in the order of time, thirty pictures a second, a keyframe every second.
pub(crate) fn hevc(seconds: u32, into: &Path) {
    let picture = format!("testsrc2=size=320x180:rate=30:duration={seconds}");
    let quiet = "log-level=error:keyint=30:min-keyint=30:scenecut=0:bframes=0:info=0";
    let done = Command::new(nine())
        .args(["-hide_banner", "-loglevel", "error", "-f", "lavfi", "-i", &picture, "-c:v", "libx265"])
        .args(["-preset", "ultrafast", "-x265-params", quiet, "-pix_fmt", "yuv420p", "-tag:v", "hvc1"])
        .arg(into)
        .status()
        .unwrap();
    assert!(done.success());
}

/// The access units of such a file.
fn access_units(file: &Path) -> Vec<Vec<u8>> {
    let output = Command::new(nine())
        .args(["-loglevel", "error", "-i"])
        .arg(file)
        .args(["-c", "copy", "-bsf:v", "hevc_mp4toannexb,hevc_metadata=aud=insert", "-f", "hevc", "-"])
        .output()
        .unwrap();
    let stream = output.stdout;
    let delimiter = [0, 0, 0, 1, 0x46, 1];
    let starts: Vec<usize> = (0..stream.len()).filter(|at| stream[*at..].starts_with(&delimiter)).collect();
    let ends = starts.iter().skip(1).copied().chain([stream.len()]);
    starts.iter().zip(ends).map(|(start, end)| stream[*start..end].to_vec()).collect()
}

/// Publishes the file as `demo` in real time and deletes the session.
pub(crate) async fn publish(server: &Server, file: &Path) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let crypto = std::sync::Arc::new(str0m::crypto::from_feature_flags());
    let config = RtcConfig::new().set_crypto_provider(crypto).clear_codecs().enable_h265(true);
    let mut rtc = config.build(Instant::now());
    rtc.add_local_candidate(Candidate::host(socket.local_addr().unwrap(), Protocol::Udp).unwrap());
    let mut changes = rtc.sdp_api();
    let mid = changes.add_media(MediaKind::Video, Direction::SendOnly, None, None, None);
    let (offer, pending) = changes.apply().unwrap();
    let answer = crate::whip::offer(&server.whip_url(), "k-demo", offer.to_sdp_string()).await;
    assert_eq!(answer.status(), 201);
    let session = format!("http://{}{}", server.address("whip"), answer.headers()["location"].to_str().unwrap());
    let answer = SdpAnswer::from_sdp_string(&answer.text().await.unwrap()).unwrap();
    rtc.sdp_api().accept_answer(pending, answer).unwrap();
    let units = access_units(file);
    tokio::task::spawn_blocking(move || run(rtc, mid, &socket, &units)).await.unwrap();
    assert_eq!(client().delete(&session).send().await.unwrap().status(), 200);
}

fn run(mut rtc: Rtc, mid: Mid, socket: &UdpSocket, units: &[Vec<u8>]) {
    let begin = Instant::now();
    let (mut connected, mut sent) = (None, 0);
    let mut buffer = [0; 2048];
    loop {
        assert!(begin.elapsed() < Duration::from_secs(30), "the connection does not come about");
        let wake = match rtc.poll_output().unwrap() {
            Output::Timeout(wake) => wake,
            Output::Transmit(transmit) => {
                let _ = socket.send_to(&transmit.contents, transmit.destination);
                continue;
            }
            Output::Event(Event::Connected) => {
                connected = Some(Instant::now());
                continue;
            }
            Output::Event(_) => continue,
        };
        let now = Instant::now();
        // A second after the last picture everything has been sent, and sent again where that was asked for.
        let due = connected.map(|connected| connected + Duration::from_millis(sent as u64 * 1000 / 30));
        if due.is_some_and(|due| now >= due) {
            if let Some(unit) = units.get(sent) {
                let writer = rtc.writer(mid).unwrap();
                let kind = writer.payload_params().next().unwrap().pt();
                let time = MediaTime::new(sent as u64 * 3000, Frequency::NINETY_KHZ);
                writer.write(kind, now, time, unit.clone()).unwrap();
            }
            sent += 1;
            if sent > units.len() + 30 {
                return;
            }
            continue;
        }
        let wait = due.unwrap_or(wake).min(wake).saturating_duration_since(now);
        socket.set_read_timeout(Some(wait.max(Duration::from_millis(1)))).unwrap();
        let input = match socket.recv_from(&mut buffer) {
            Ok((length, source)) => {
                let local = socket.local_addr().unwrap();
                Input::Receive(Instant::now(), Receive::new(Protocol::Udp, source, local, &buffer[..length]).unwrap())
            }
            Err(_) => Input::Timeout(Instant::now()),
        };
        rtc.handle_input(input).unwrap();
    }
}
