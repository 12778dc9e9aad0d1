//! What encoders send is what players get, sample for sample.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::checker::{check, variants};
use crate::encoder::{Codec, DEBIAN, complaints, decoding, nine, push, sample, samples, times};
use crate::server::{Server, get, serve, text};

/// Fetches a whole rendition, as a player does that came at the beginning, into one file.
async fn fetch(server: &Server, rendition: &str, parts: bool, into: &std::path::Path) {
    let base = server.url(&format!("/live/demo/{rendition}/"));
    let name = if parts { "live.m3u8" } else { "plain.m3u8" };
    let list = check(&text(&format!("{base}{name}")).await);
    assert!(list.ended, "everything is listed when the broadcast has ended");
    let mut file = get(&format!("{base}{}", list.segments[0].map.as_ref().unwrap())).await.1;
    for segment in &list.segments {
        let (status, body) = get(&format!("{base}{}", segment.uri)).await;
        assert_eq!(status, 200, "{}", segment.uri);
        file.extend(body);
    }
    std::fs::write(into, file).unwrap();
}

async fn round(program: &str, codec: Codec) {
    round_of(program, &sample(codec, 5, "320x180"), codec != Codec::Av1).await;
}

/// `decodes` says whether Debian's ffmpeg can decode it.
async fn round_of(program: &str, file: &Path, decodes: bool) {
    let server = serve(&[]);
    assert!(push(program, file, &server.push_url("k-demo")).wait(), "{:#?}", server.log());
    is_whole(&server, file, decodes, 0).await;
}

/// What was pushed from a file is listed, served and recorded sample for sample, but for so many at the end that may be missing.
pub(crate) async fn is_whole(server: &Server, file: &Path, decodes: bool, tail: usize) {
    server.event("replay_ready");
    let index = text(&server.url("/live/demo/index.m3u8")).await;
    assert_eq!(variants(&index), ["source/live.m3u8"]);
    assert!(index.contains("RESOLUTION=320x180"), "{index}");
    let directory = tempfile::tempdir().unwrap();
    let live = directory.path().join("live.mp4");
    fetch(server, "source", false, &live).await;
    let id = std::fs::read_dir(server.data().join("replays")).unwrap().next().unwrap().unwrap();
    let replay = server.data().join("replays").join(id.file_name()).join("replay.mp4");
    let vod = server.url(&format!("/replay/{}/index.m3u8", id.file_name().to_str().unwrap()));
    check(&text(&vod).await);
    let (original, live, replay) = (file.to_str().unwrap(), live.to_str().unwrap(), replay.to_str().unwrap());
    for track in ["v", "a"] {
        let expected = samples(original, track);
        assert!(expected.len() > 100);
        for copy in [live, replay, &vod] {
            let copied = samples(copy, track);
            let sure = expected.len() - tail;
            assert!(tail > 0 || copied.len() == sure, "track {track} of {copy}");
            assert_eq!(copied.get(..sure), Some(&expected[..sure]), "track {track} of {copy}");
        }
        let (before, after) = (times(original, track), times(replay, track));
        let zero = (before[0].0, after[0].0);
        for (before, after) in before.iter().zip(&after) {
            let apart = ((before.0 - zero.0) - (after.0 - zero.1)).abs();
            let offsets = ((before.1 - before.0) - (after.1 - after.0)).abs();
            assert!(apart < 0.0025 && offsets < 0.0025, "times {before:?} became {after:?} on track {track}");
        }
    }
    for copy in [live, replay, &vod] {
        assert_eq!(complaints(copy), "", "ffprobe on {copy}");
    }
    if decodes {
        assert_eq!(decoding(replay), "", "ffmpeg on {replay}");
    }
}

#[tokio::test]
async fn h264_from_debians_ffmpeg() {
    round(DEBIAN, Codec::H264).await;
}

#[tokio::test]
async fn h264_from_ffmpeg_9() {
    round(nine(), Codec::H264).await;
}

#[tokio::test]
async fn hevc_over_enhanced_rtmp() {
    round(nine(), Codec::Hevc).await;
}

#[tokio::test]
async fn av1_over_enhanced_rtmp() {
    round(nine(), Codec::Av1).await;
}

#[tokio::test]
async fn opus_over_enhanced_rtmp() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("opus.mp4");
    let mut encode = Command::new(nine());
    encode.args(["-loglevel", "error", "-i"]).arg(sample(Codec::H264, 5, "320x180"));
    assert!(encode.args(["-c:v", "copy", "-c:a", "libopus"]).arg(&file).status().unwrap().success());
    round_of(nine(), &file, true).await;
}

#[tokio::test]
async fn sound_alone_is_carried() {
    let server = serve(&[]);
    let file = sample(Codec::H264, 5, "320x180");
    let mut encoder = crate::encoder::push_with(DEBIAN, &["-re"], &file, &["-vn"], &server.push_url("k-demo"));
    assert!(encoder.wait());
    server.event("replay_ready");
    let list = check(&text(&server.url("/live/demo/source/plain.m3u8")).await);
    let total: f64 = list.segments.iter().map(|segment| segment.duration).sum();
    assert!((4.5..5.5).contains(&total), "{total}");
}

#[tokio::test]
async fn a_codec_that_is_not_carried_is_refused_with_a_reason() {
    let server = serve(&[]);
    let file = sample(Codec::H264, 5, "320x180");
    let arguments = ["-c:a", "libmp3lame"];
    let mut encoder = crate::encoder::push_with(DEBIAN, &["-re"], &file, &arguments, &server.push_url("k-demo"));
    assert!(!encoder.wait());
    let line = server.logged("publisher lost");
    assert!(line["reason"].as_str().unwrap().starts_with("codec mp3 is not carried"), "{line}");
    tokio::time::sleep(Duration::from_millis(10)).await;
}
