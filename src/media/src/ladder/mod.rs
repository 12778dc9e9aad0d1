//! Smaller qualities, made by one supervised ffmpeg for each broadcast.
//!
//! Decides which rungs make sense for a source, and what happens when ffmpeg dies: its rungs leave the multivariant playlist at once,
//! the source goes on untouched, and a new process joins at the next segment. It reads parts on its standard input and writes FLV to
//! Unix sockets in a private directory; keyframes are forced where the source has them, so that all renditions cut alike.

mod rung;

use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::io::AsyncWriteExt;
use tokio::net::UnixListener;
use tokio::process::{Child, Command};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::callbacks::sign::random;
use crate::codec::AudioCodec;
use crate::config::Rung;
use crate::hls::packager::Part;
use crate::live::broadcast::{Broadcast, Output, Rendition};
use crate::live::hub::Hub;

/// Parts that may wait for ffmpeg.
const BACKLOG: usize = 64;
/// From its start until ffmpeg's first frame.
const STARTING: Duration = Duration::from_secs(15);
/// The waits between two processes.
const WAITS: [Duration; 2] = [Duration::from_millis(250), Duration::from_secs(10)];
/// A process that lived this long was no failure of the start.
const GOOD_LIFE: Duration = Duration::from_secs(20);

/// Makes rungs until the broadcast ends.
pub(crate) async fn run(hub: Arc<Hub>, broadcast: Arc<Broadcast>) {
    if hub.settings.ladder.is_empty() || !broadcast.grant.ladder {
        return;
    }
    let mut source = Source { output: broadcast.follow(BACKLOG), init: None };
    let mut wait = WAITS[0];
    loop {
        let Some(first) = source.segment_start().await else { return };
        let height = broadcast.source().tracks().video.map_or(0, |video| video.height);
        let rungs: Vec<&Rung> = hub.settings.ladder.iter().filter(|rung| rung.height < height).collect();
        if rungs.is_empty() {
            continue;
        }
        let began = Instant::now();
        let died = process(&hub, &broadcast, &rungs, &mut source, first).await;
        broadcast.set_rungs(vec![]);
        match died {
            Ok(Over::Changed) => continue,
            Ok(Over::Ended) => return,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return tracing::warn!(ffmpeg = %hub.settings.ffmpeg.display(), "ffmpeg is not there; only the source quality is served");
            }
            Err(error) => {
                broadcast.counters.ladder_deaths.fetch_add(1, Ordering::Relaxed);
                tracing::warn!(stream = broadcast.grant.stream, %error, "ladder died; the source goes on");
            }
        }
        wait = if began.elapsed() > GOOD_LIFE { WAITS[0] } else { (wait * 2).min(WAITS[1]) };
        let until = tokio::time::Instant::now() + wait;
        while let Ok(output) = tokio::time::timeout_at(until, source.next()).await {
            if output.is_none() {
                return;
            }
        }
    }
}

/// How a process ended without having failed.
enum Over {
    /// The source has another description now.
    Changed,
    /// The broadcast ended.
    Ended,
}

/// What the source rendition puts out.
struct Source {
    output: mpsc::Receiver<Output>,
    init: Option<Bytes>,
}

impl Source {
    async fn next(&mut self) -> Option<Output> {
        let output = self.output.recv().await;
        if let Some(Output::Init(data)) = &output {
            self.init = Some(data.clone());
        }
        output
    }

    /// The first part of the next segment.
    async fn segment_start(&mut self) -> Option<Part> {
        let mut boundary = self.init.is_none();
        loop {
            match self.next().await? {
                Output::Init(_) => boundary = true,
                Output::Part(part) if (boundary || part.opens) && part.independent => return Some(part),
                Output::Part(part) => boundary = part.last,
            }
        }
    }
}

/// A directory that nobody else may enter, gone when dropped.
struct Private(PathBuf);

impl Private {
    fn new() -> io::Result<Self> {
        let path = std::env::temp_dir().join(format!("media-{}", random(8)));
        std::fs::DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Private(path))
    }
}

impl Drop for Private {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

async fn process(
    hub: &Hub,
    broadcast: &Arc<Broadcast>,
    rungs: &[&Rung],
    source: &mut Source,
    first: Part,
) -> io::Result<Over> {
    let directory = Private::new()?;
    let mut listeners = vec![];
    for rung in rungs {
        let path = directory.0.join(&rung.name);
        listeners.push((UnixListener::bind(&path)?, path));
    }
    let mut child = command(hub, broadcast, rungs, &listeners).spawn()?;
    let mut stdin = child.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
    let renditions: Vec<_> =
        rungs.iter().map(|rung| Arc::new(Rendition::new(&rung.name, &broadcast.id, &hub.settings.shape))).collect();
    broadcast.set_rungs(renditions.clone());
    let mut readers = JoinSet::new();
    for ((listener, _), rendition) in listeners.into_iter().zip(renditions) {
        let (broadcast, shape) = (broadcast.clone(), hub.settings.shape.clone());
        readers.spawn(async move {
            let (socket, _) = tokio::time::timeout(STARTING, listener.accept()).await??;
            rung::read(socket, &broadcast, &rendition, &shape).await
        });
    }
    let feed = async {
        stdin.write_all(source.init.as_deref().unwrap_or_default()).await?;
        stdin.write_all(&first.data).await?;
        let mut expected = first.start + first.duration;
        loop {
            match source.next().await {
                None => return Ok(Over::Ended),
                Some(Output::Init(_)) => return Ok(Over::Changed),
                // After parts that were skipped decoding starts at a keyframe.
                Some(Output::Part(part)) if part.start != expected && !part.independent => {}
                Some(Output::Part(part)) => {
                    expected = part.start + part.duration;
                    stdin.write_all(&part.data).await?;
                }
            }
        }
    };
    let over = tokio::select! {
        over = feed => over,
        read = readers.join_next() => match read {
            Some(Ok(Err(error))) => Err(error),
            _ => Err(io::Error::other("ffmpeg closed an output")),
        },
    };
    let status = stop(&mut child).await;
    over.map_err(|error| io::Error::new(error.kind(), format!("{error} ({status})")))
}

async fn stop(child: &mut Child) -> String {
    if let Ok(Some(status)) = child.try_wait() {
        return status.to_string();
    }
    let _ = child.kill().await;
    "stopped".to_owned()
}

fn command(hub: &Hub, broadcast: &Broadcast, rungs: &[&Rung], sockets: &[(UnixListener, PathBuf)]) -> Command {
    let sound = broadcast.source().tracks().audio.map(|audio| audio.codec);
    let mut command = Command::new(&hub.settings.ffmpeg);
    command.args(["-hide_banner", "-loglevel", "error", "-copyts", "-fflags", "nobuffer", "-flags", "low_delay"]);
    command.args(["-threads", "1", "-probesize", "65536", "-analyzeduration", "0", "-f", "mp4", "-i", "pipe:0"]);
    for (rung, (_, socket)) in rungs.iter().zip(sockets) {
        let rate = rung.bitrate.to_string();
        command.args(["-map", "0:v:0", "-map", "0:a:0?", "-vf", &format!("scale=-2:{}", rung.height)]);
        command.args(["-fps_mode", "passthrough", "-c:v", "libx264", "-preset", "superfast", "-tune", "zerolatency"]);
        command.args(["-profile:v", "main", "-pix_fmt", "yuv420p", "-bf", "0", "-threads", "1", "-sc_threshold", "0"]);
        command.args([
            "-force_key_frames",
            "source",
            "-g",
            "100000",
            "-b:v",
            &rate,
            "-maxrate",
            &rate,
            "-bufsize",
            &rate,
        ]);
        match sound {
            Some(AudioCodec::Opus) => command.args(["-c:a", "aac", "-b:a", "96k"]),
            _ => command.args(["-c:a", "copy"]),
        };
        command.args(["-flush_packets", "1", "-f", "flv", "-flvflags", "no_duration_filesize"]);
        command.arg(format!("unix:{}", socket.display()));
    }
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    command
}
