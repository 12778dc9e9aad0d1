//! Replays: written while a broadcast is on air, finished when it ends or after a crash.
//!
//! Decides where replays lie, what is told about them and when they are deleted. The live path never waits for it: a disk that is too
//! slow loses parts of the replay, and the loss is counted.

mod finish;
mod store;
mod write;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::task::JoinHandle;

pub(crate) use self::store::Store;
use crate::live::Reason;
use crate::live::broadcast::Broadcast;
use crate::live::hub::Hub;
use crate::live::life::{fields, tell_ended};

/// Parts that may wait for the disk: a minute and more.
const BACKLOG: usize = 512;
/// Between two looks for replays that are too old.
const RETIRING: Duration = Duration::from_secs(600);

/// The recording's file.
pub(crate) const MOVIE: &str = "replay.mp4";
/// The replay's playlist.
pub(crate) const PLAYLIST: &str = "index.m3u8";
/// The replay's picture.
pub(crate) const POSTER: &str = "poster.jpg";
const META: &str = "meta.json";

/// A finished replay.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Replay {
    /// Seconds.
    pub(crate) duration: f64,
    /// Of the MP4.
    pub(crate) bytes: u64,
}

/// What lies beside a recording.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Meta {
    stream: String,
    title: String,
    /// Unix time in milliseconds.
    began: u64,
    state: State,
    /// Unix time in milliseconds after which it is deleted.
    expires: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum State {
    /// Being written, or left behind by a crash.
    Recording,
    /// Finished, in this directory.
    Ready,
    /// Finished and moved to the store.
    Stored,
}

impl Meta {
    fn read(directory: &Path) -> Option<Meta> {
        serde_json::from_slice(&std::fs::read(directory.join(META)).ok()?).ok()
    }

    fn write(&self, directory: &Path) -> std::io::Result<()> {
        crate::files::write_whole(&directory.join(META), &serde_json::to_vec(self)?)
    }
}

/// The directory of a broadcast's replay.
pub(crate) fn directory(data: &Path, id: &str) -> PathBuf {
    data.join("replays").join(id)
}

/// Whether a replay is finished, and lies in the store.
pub(crate) fn is_ready(data: &Path, id: &str) -> Option<bool> {
    match Meta::read(&directory(data, id))?.state {
        State::Recording => None,
        State::Ready => Some(false),
        State::Stored => Some(true),
    }
}

/// Records a broadcast until it ends; the result is the finished replay.
pub(crate) fn start(hub: &Arc<Hub>, broadcast: &Arc<Broadcast>) -> JoinHandle<Result<Replay, String>> {
    if !(hub.settings.record && broadcast.grant.record) {
        return tokio::spawn(async { Err("recording is off".to_owned()) });
    }
    let output = broadcast.follow(BACKLOG);
    let directory = directory(&hub.settings.data, &broadcast.id);
    let meta = Meta {
        stream: broadcast.grant.stream.clone(),
        title: broadcast.grant.title.clone(),
        began: broadcast.began,
        state: State::Recording,
        expires: None,
    };
    let retention = hub.settings.retention;
    tokio::task::spawn_blocking(move || {
        let written = write::record(&directory, &meta, output);
        if let Err(error) = &written {
            tracing::error!(%error, "recording stopped; what was written is kept");
        }
        complete(&directory, meta, retention)
    })
}

/// Finishes what was written.
fn complete(directory: &Path, meta: Meta, retention: Option<Duration>) -> Result<Replay, String> {
    let replay = finish::finish(directory).map_err(|error| format!("replay cannot be finished: {error}"))?;
    let expires = retention.map(|retention| crate::clock::now() + retention.as_millis() as u64);
    let done = Meta { state: State::Ready, expires, ..meta }.write(directory);
    done.map_err(|error| format!("replay cannot be marked as finished: {error}"))?;
    Ok(replay)
}

/// Tells what became of a replay, and moves it to the store if there is one.
pub(crate) async fn tell(hub: &Arc<Hub>, stream: &str, id: &str, kept: Result<Replay, String>) {
    let replay = match kept {
        Ok(replay) => replay,
        Err(reason) => return hub.outbox.put("replay_failed", stream, id, fields(json!({"reason": reason}))),
    };
    let directory = directory(&hub.settings.data, id);
    let public = &hub.settings.public_url;
    let url = |file: &str| format!("{public}/replay/{id}/{file}");
    let expires = Meta::read(&directory).and_then(|meta| meta.expires).map(crate::clock::rfc3339);
    let told = json!({
        "playback": url(PLAYLIST),
        "mp4": url(MOVIE),
        "poster": directory.join(POSTER).exists().then(|| url(POSTER)),
        "duration_seconds": (replay.duration * 1000.0).round() / 1000.0,
        "bytes": replay.bytes,
        "expires_at": expires,
    });
    hub.outbox.put("replay_ready", stream, id, fields(told));
    if let Some(store) = &hub.store {
        tokio::spawn(upload(hub.clone(), store.clone(), id.to_owned()));
    }
}

/// Moves a finished replay to the store, however often that takes.
async fn upload(hub: Arc<Hub>, store: Store, id: String) {
    let directory = directory(&hub.settings.data, &id);
    let mut wait = Duration::from_secs(1);
    loop {
        let moved = async {
            store.upload(&directory, &id).await?;
            let meta = Meta::read(&directory).ok_or("its description is gone")?;
            Meta { state: State::Stored, ..meta }.write(&directory).map_err(|error| error.to_string())?;
            for file in [MOVIE, PLAYLIST, POSTER] {
                let _ = std::fs::remove_file(directory.join(file));
            }
            Ok::<_, String>(())
        };
        match moved.await {
            Ok(()) => return tracing::info!(broadcast = id, "replay was moved to the store"),
            Err(error) => tracing::warn!(broadcast = id, error, "replay cannot be moved to the store; it stays here"),
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(RETIRING);
    }
}

fn all(data: &Path) -> Vec<(String, PathBuf, Meta)> {
    let entries = std::fs::read_dir(data.join("replays")).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| {
            let meta = Meta::read(&entry.path())?;
            Some((entry.file_name().into_string().ok()?, entry.path(), meta))
        })
        .collect()
}

/// Finishes recordings that a crash left behind, and uploads that it interrupted.
pub(crate) fn recover(hub: &Arc<Hub>) {
    for (id, directory, meta) in all(&hub.settings.data) {
        match meta.state {
            State::Recording => {
                let hub = hub.clone();
                tokio::spawn(async move {
                    let (stream, retention) = (meta.stream.clone(), hub.settings.retention);
                    let work = tokio::task::spawn_blocking(move || complete(&directory, meta, retention));
                    let kept = work.await.unwrap_or_else(|error| Err(error.to_string()));
                    let duration = kept.as_ref().map_or(0.0, |replay| replay.duration);
                    tracing::warn!(broadcast = id, duration, "recording left by a crash was finished");
                    tell_ended(&hub, &stream, &id, Reason::Crashed, duration);
                    tell(&hub, &stream, &id, kept).await;
                });
            }
            State::Ready => {
                if let Some(store) = &hub.store {
                    tokio::spawn(upload(hub.clone(), store.clone(), id));
                }
            }
            State::Stored => {}
        }
    }
}

/// Deletes replays that are older than they may be.
pub(crate) async fn retire(hub: Arc<Hub>) {
    loop {
        let mut wait = RETIRING.min(hub.settings.retention.unwrap_or(RETIRING));
        for (id, directory, meta) in all(&hub.settings.data) {
            let (Some(expires), false) = (meta.expires, meta.state == State::Recording) else { continue };
            let left = Duration::from_millis(expires.saturating_sub(crate::clock::now()));
            if !left.is_zero() {
                wait = wait.min(left);
                continue;
            }
            if meta.state == State::Stored {
                let store = hub.store.as_ref().ok_or("no replay store is configured");
                let deleted = async { store?.delete(&id).await };
                if let Err(error) = deleted.await {
                    tracing::warn!(broadcast = id, error, "replay cannot be deleted from the store");
                    continue;
                }
            }
            if let Err(error) = std::fs::remove_dir_all(&directory) {
                tracing::warn!(broadcast = id, %error, "replay cannot be deleted");
                continue;
            }
            hub.outbox.put("replay_expired", &meta.stream, &id, serde_json::Map::new());
        }
        tokio::time::sleep(wait).await;
    }
}
