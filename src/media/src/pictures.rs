//! Thumbnails and posters.
//!
//! Decides how often and how large. The work is ffmpeg's, one picture a process, from the newest part that begins with a keyframe;
//! without ffmpeg there are no pictures and everything else goes on.

use std::io;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;

use crate::live::broadcast::Broadcast;
use crate::live::hub::Hub;
use crate::live::life::fields;

/// One picture may take this long.
const PATIENCE: Duration = Duration::from_secs(8);
/// A picture may have this many bytes.
const LONGEST: u64 = 2 << 20;
/// The first picture is made this long after the beginning, when encoders have settled.
const FIRST: Duration = Duration::from_millis(1500);

/// Makes pictures until the broadcast ends.
pub(crate) async fn run(hub: Arc<Hub>, broadcast: Arc<Broadcast>) {
    let Some(period) = hub.settings.thumbnails else { return };
    let mut progress = broadcast.source().window.watch();
    if progress.wait_for(|progress| progress.number > 0).await.is_err() {
        return;
    }
    tokio::time::sleep(FIRST).await;
    let mut clock = tokio::time::interval(period);
    let mut poster = false;
    loop {
        clock.tick().await;
        let Some(parts) = broadcast.source().window.newest_picture() else { continue };
        let picture = tokio::time::timeout(PATIENCE, picture(&hub, parts)).await;
        let picture = match picture.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
            Ok(picture) => picture,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return tracing::warn!(ffmpeg = %hub.settings.ffmpeg.display(), "ffmpeg is not there; no thumbnails are made");
            }
            Err(error) => {
                tracing::warn!(%error, "thumbnail cannot be made");
                continue;
            }
        };
        if !poster {
            let path = crate::record::directory(&hub.settings.data, &broadcast.id);
            poster = path.exists() && crate::files::write_whole(&path.join(crate::record::POSTER), &picture).is_ok();
        }
        *broadcast.thumbnail.write().expect("no holder panics") = Some(picture);
        let offset = (crate::clock::now() - broadcast.began) / 1000;
        let stream = &broadcast.grant.stream;
        let image = format!("{}/live/{stream}/thumb.jpg?at={offset}", hub.settings.public_url);
        let told = fields(json!({"image": image, "offset_seconds": offset}));
        hub.outbox.put("thumbnail", stream, &broadcast.id, told);
    }
}

async fn picture(hub: &Hub, parts: [Bytes; 2]) -> io::Result<Bytes> {
    let mut child = Command::new(&hub.settings.ffmpeg)
        .args(["-hide_banner", "-loglevel", "error", "-threads", "1", "-i", "pipe:0", "-frames:v", "1"])
        .args(["-vf", "scale=w='min(640,iw)':h=-2", "-f", "image2pipe", "-c:v", "mjpeg", "-q:v", "5", "pipe:1"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
    let feed = async {
        let mut stdin = stdin.ok_or(io::ErrorKind::BrokenPipe)?;
        for part in parts {
            // ffmpeg stops reading when it has its frame.
            if stdin.write_all(&part).await.is_err() {
                break;
            }
        }
        Ok::<_, io::Error>(())
    };
    let take = async {
        let mut picture = vec![];
        stdout.ok_or(io::ErrorKind::BrokenPipe)?.take(LONGEST).read_to_end(&mut picture).await?;
        Ok::<_, io::Error>(picture)
    };
    let ((), picture) = tokio::try_join!(feed, take)?;
    let status = child.wait().await?;
    if !status.success() || picture.is_empty() {
        return Err(io::Error::other("ffmpeg gave no picture"));
    }
    Ok(picture.into())
}
