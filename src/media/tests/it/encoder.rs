//! ffmpeg as an encoder, and what it says about files.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;

/// Debian's ffmpeg.
pub(crate) const DEBIAN: &str = "ffmpeg";

/// ffmpeg 9 from PyPI's imageio-ffmpeg: enhanced RTMP and RTMPS.
pub(crate) fn nine() -> &'static str {
    static PATH: OnceLock<String> = OnceLock::new();
    PATH.get_or_init(|| {
        if let Ok(path) = std::env::var("MEDIA_FFMPEG9") {
            return path;
        }
        let python = ["MEDIA_PYTHON", "TERRACE_TEST_PYTHON"].iter().find_map(|name| std::env::var(name).ok());
        let python = python.unwrap_or_else(|| "python3".to_owned());
        let ask = "import imageio_ffmpeg; print(imageio_ffmpeg.get_ffmpeg_exe())";
        let output = Command::new(python).args(["-c", ask]).output().unwrap();
        let path = String::from_utf8(output.stdout).unwrap().trim().to_owned();
        assert!(!path.is_empty(), "imageio-ffmpeg is not installed; see src/media/PACKAGES.md");
        path
    })
}

/// What is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Codec {
    H264,
    Hevc,
    Av1,
}

/// A file to push, made once: so many seconds of moving picture and sound, a keyframe every second.
pub(crate) fn sample(codec: Codec, seconds: u32, size: &str) -> PathBuf {
    static DIRECTORY: OnceLock<(tempfile::TempDir, std::sync::Mutex<()>)> = OnceLock::new();
    let (directory, making) = DIRECTORY.get_or_init(|| (tempfile::tempdir().unwrap(), std::sync::Mutex::default()));
    let _making = making.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let path = directory.path().join(format!("{codec:?}-{seconds}-{size}.mp4"));
    if path.exists() {
        return path;
    }
    let picture = format!("testsrc2=size={size}:rate=30:duration={seconds}");
    let sound = format!("sine=frequency=440:sample_rate=44100:duration={seconds}");
    let video: &[&str] = match codec {
        Codec::H264 => &["-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-sc_threshold", "0"],
        Codec::Hevc => &[
            "-c:v",
            "libx265",
            "-preset",
            "ultrafast",
            "-tag:v",
            "hvc1",
            "-x265-params",
            "log-level=error:keyint=30:info=0",
        ],
        Codec::Av1 => &["-c:v", "libsvtav1", "-preset", "12", "-svtav1-params", "keyint=30"],
    };
    let program = if codec == Codec::H264 { DEBIAN } else { nine() };
    let done = Command::new(program)
        .args(["-hide_banner", "-loglevel", "error", "-f", "lavfi", "-i", &picture, "-f", "lavfi", "-i", &sound])
        .args(video)
        .args(["-g", "30", "-b:v", "800k", "-pix_fmt", "yuv420p", "-c:a", "aac", "-y"])
        .arg(&path)
        .env("SVT_LOG", "0")
        .status()
        .unwrap();
    assert!(done.success());
    path
}

/// A file as WebRTC encoders make it: H.264 without reordering, and Opus.
pub(crate) fn realtime(seconds: u32) -> PathBuf {
    let path = sample(Codec::H264, seconds, "320x180").with_extension("whip.mp4");
    static MAKING: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let _making = MAKING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if path.exists() {
        return path;
    }
    let picture = format!("testsrc2=size=320x180:rate=30:duration={seconds}");
    let sound = format!("sine=frequency=440:sample_rate=48000:duration={seconds}");
    let done = Command::new(nine())
        .args(["-hide_banner", "-loglevel", "error", "-f", "lavfi", "-i", &picture, "-f", "lavfi", "-i", &sound])
        .args(["-c:v", "libx264", "-preset", "ultrafast", "-profile:v", "baseline", "-bf", "0", "-g", "30"])
        .args(["-b:v", "800k", "-pix_fmt", "yuv420p", "-c:a", "libopus", "-ac", "2"])
        .arg(&path)
        .status()
        .unwrap();
    assert!(done.success());
    path
}

/// Pushes such a file by WHIP in real time.
pub(crate) fn push_whip(file: &Path, url: &str, key: &str) -> Encoder {
    let mut command = Command::new(nine());
    command.args(["-hide_banner", "-loglevel", "error", "-re", "-i"]).arg(file);
    command.args(["-c", "copy", "-f", "whip", "-authorization", key, url]);
    Encoder(command.stdin(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
}

/// A running encoder; killed when dropped.
pub(crate) struct Encoder(Child);

/// Pushes over TLS to a server whose certificate is in a file.
pub(crate) fn push_trusting(certificate: &Path, file: &Path, url: &str) -> Encoder {
    let arguments = ["-hide_banner", "-loglevel", "error", "-re", "-i"];
    let mut command = Command::new(nine());
    command.args(arguments).arg(file).args(["-c", "copy", "-f", "flv", url]).env("SSL_CERT_FILE", certificate);
    Encoder(command.stdin(Stdio::null()).spawn().unwrap())
}

/// Pushes a file in real time without encoding it anew.
pub(crate) fn push(program: &str, file: &Path, url: &str) -> Encoder {
    push_with(program, &["-re"], file, &[], url)
}

pub(crate) fn push_with(program: &str, before: &[&str], file: &Path, after: &[&str], url: &str) -> Encoder {
    let child = Command::new(program)
        .args(["-hide_banner", "-loglevel", "error"])
        .args(before)
        .arg("-i")
        .arg(file)
        .args(["-c", "copy"])
        .args(after)
        .args(["-f", "flv", "-flvflags", "no_duration_filesize", url])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    Encoder(child)
}

/// Pushes a file over SRT. libsrt throws away what it has not sent yet when it is closed, so the last few samples may be missing.
pub(crate) fn push_srt(program: &str, file: &Path, after: &[&str], url: &str) -> Encoder {
    let child = Command::new(program)
        .args(["-hide_banner", "-loglevel", "error", "-re", "-i"])
        .arg(file)
        .args(["-c", "copy"])
        .args(after)
        .args(["-f", "mpegts", url])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    Encoder(child)
}

impl Encoder {
    /// Waits for the end; true if it went well.
    pub(crate) fn wait(&mut self) -> bool {
        self.0.wait().unwrap().success()
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.0.try_wait().unwrap().is_none()
    }

    pub(crate) fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Encoder {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn run(program: &str, arguments: &[&str], input: &str) -> Output {
    let mut command = Command::new(program);
    let position = arguments.iter().position(|argument| *argument == "INPUT").unwrap();
    command.args(&arguments[..position]).arg(input).args(&arguments[position + 1..]);
    command.stdin(Stdio::null()).output().unwrap()
}

/// Digests of the samples of one track (`v` or `a`), in decoding order.
pub(crate) fn samples(input: &str, track: &str) -> Vec<String> {
    let map = format!("0:{track}");
    let arguments = ["-v", "error", "-i", "INPUT", "-map", &map, "-c", "copy", "-f", "framehash", "-hash", "md5", "-"];
    let output = run(DEBIAN, &arguments, input);
    let text = String::from_utf8(output.stdout).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    // Stream, two times, duration, size, digest; digests of side data may follow.
    lines.filter_map(|line| Some(line.split(',').nth(5)?.trim().to_owned())).collect()
}

/// Everything ffprobe has to complain about while it reads all packets.
pub(crate) fn complaints(input: &str) -> String {
    let arguments = ["-v", "warning", "-show_packets", "-show_streams", "-of", "compact", "-i", "INPUT"];
    String::from_utf8(run("ffprobe", &arguments, input).stderr).unwrap()
}

/// Everything ffmpeg has to complain about while it decodes all pictures and sound.
pub(crate) fn decoding(input: &str) -> String {
    let output = run(DEBIAN, &["-v", "warning", "-i", "INPUT", "-f", "null", "-"], input);
    String::from_utf8(output.stderr).unwrap()
}

/// Times and presentation times of a track's packets in seconds.
pub(crate) fn times(input: &str, track: &str) -> Vec<(f64, f64)> {
    let arguments = [
        "-v",
        "error",
        "-select_streams",
        track,
        "-show_entries",
        "packet=dts_time,pts_time",
        "-of",
        "csv=p=0",
        "-i",
        "INPUT",
    ];
    let output = run("ffprobe", &arguments, input);
    let text = String::from_utf8(output.stdout).unwrap();
    let pair = |line: &str| {
        let mut numbers = line.split(',').filter_map(|number| number.parse().ok());
        // ffprobe prints the fields in its own order: presentation first.
        let (shown, decoded) = (numbers.next()?, numbers.next()?);
        Some((decoded, shown))
    };
    text.lines().filter_map(pair).collect()
}
