//! Events on disk until `commerce` has taken them (CALLBACKS.md, section 4).
//!
//! Decides order and patience: one event of a broadcast at a time, in the order they happened, for seven days; other broadcasts do not
//! wait. A file is an event; it is whole or not there.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use serde_json::{Map, Value};
use tokio::sync::mpsc;

use super::client::Commerce;
use crate::metrics::METRICS;

/// How long `commerce` may take over one event.
const PATIENCE: Duration = Duration::from_secs(10);
/// The first and the longest wait between two tries.
const WAITS: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(60)];
/// An event nobody took for so long is given up.
const GIVEN_UP: Duration = Duration::from_secs(7 * 24 * 3600);

/// A line of events that had nothing to do for so long is closed.
const IDLE: Duration = Duration::from_secs(120);

/// Where events are put.
#[derive(Debug, Clone)]
pub(crate) struct Outbox {
    directory: Arc<PathBuf>,
    sender: Option<mpsc::UnboundedSender<(String, PathBuf)>>,
    serial: Arc<AtomicU64>,
    server: Arc<String>,
}

impl Outbox {
    /// Opens the directory and begins to deliver what is in it; without `commerce` events go to the log only.
    pub(crate) fn open(directory: &Path, commerce: Option<Commerce>, server: &str) -> std::io::Result<Self> {
        std::fs::create_dir_all(directory)?;
        let mut files: Vec<PathBuf> =
            std::fs::read_dir(directory)?.filter_map(|entry| Some(entry.ok()?.path())).collect();
        files.sort();
        let serial = Arc::new(AtomicU64::new(crate::clock::now() * 1000));
        let sender = commerce.map(|commerce| {
            let (sender, receiver) = mpsc::unbounded_channel();
            for path in files.into_iter().filter(|path| path.extension().is_some_and(|kind| kind == "json")) {
                // <serial>.<broadcast>.json
                let broadcast = path.file_stem().and_then(|stem| stem.to_str()?.split('.').nth(1).map(str::to_owned));
                METRICS.outbox.fetch_add(1, Ordering::Relaxed);
                let _ = sender.send((broadcast.unwrap_or_default(), path));
            }
            tokio::spawn(sort(commerce, receiver));
            sender
        });
        Ok(Outbox { directory: Arc::new(directory.to_owned()), sender, serial, server: Arc::new(server.to_owned()) })
    }

    /// Keeps an event and delivers it as soon as the ones before it are taken.
    pub(crate) fn put(&self, kind: &str, stream: &str, broadcast: &str, fields: Map<String, Value>) {
        tracing::info!(event = kind, stream, broadcast, "broadcast event");
        let Some(sender) = &self.sender else { return };
        let serial = self.serial.fetch_add(1, Ordering::Relaxed);
        let mut event = Map::new();
        let fixed = [
            ("id", format!("{broadcast}-{serial}")),
            ("kind", kind.to_owned()),
            ("stream", stream.to_owned()),
            ("broadcast", broadcast.to_owned()),
            ("at", crate::clock::rfc3339(crate::clock::now())),
            ("server", self.server.to_string()),
        ];
        event.extend(fixed.map(|(name, value)| (name.to_owned(), Value::String(value))));
        event.extend(fields);
        let path = self.directory.join(format!("{serial:020}.{broadcast}.json"));
        if let Err(error) = crate::files::write_whole(&path, Value::Object(event).to_string().as_bytes()) {
            tracing::error!(%error, event = kind, broadcast, "event cannot be kept");
            return;
        }
        METRICS.outbox.fetch_add(1, Ordering::Relaxed);
        let _ = sender.send((broadcast.to_owned(), path));
    }
}

/// Gives each broadcast its own line of events.
async fn sort(commerce: Commerce, mut receiver: mpsc::UnboundedReceiver<(String, PathBuf)>) {
    let mut lines: BTreeMap<String, mpsc::UnboundedSender<PathBuf>> = BTreeMap::new();
    while let Some((broadcast, path)) = receiver.recv().await {
        lines.retain(|_, line| !line.is_closed());
        let mut path = Some(path);
        if let Some(line) = lines.get(&broadcast)
            && let Err(mpsc::error::SendError(back)) = line.send(path.take().expect("put there above"))
        {
            path = Some(back);
        }
        if let Some(path) = path {
            let (line, waiting) = mpsc::unbounded_channel();
            let _ = line.send(path);
            lines.insert(broadcast, line);
            tokio::spawn(deliver(commerce.clone(), waiting));
        }
    }
}

/// Delivers one broadcast's events; leaves when none came for a while.
async fn deliver(commerce: Commerce, mut waiting: mpsc::UnboundedReceiver<PathBuf>) {
    loop {
        match tokio::time::timeout(IDLE, waiting.recv()).await {
            Ok(Some(path)) => deliver_one(&commerce, &path, &waiting).await,
            Ok(None) => return,
            // What was put before the closing still comes; later events open a new line.
            Err(_) => waiting.close(),
        }
    }
}

async fn deliver_one(commerce: &Commerce, path: &Path, waiting: &mpsc::UnboundedReceiver<PathBuf>) {
    let Ok(body) = std::fs::read(path) else { return };
    let written = std::fs::metadata(path).and_then(|data| data.modified()).unwrap_or_else(|_| SystemTime::now());
    let replaceable = body.windows(18).any(|text| text == b"\"kind\":\"thumbnail\"");
    let mut wait = WAITS[0];
    loop {
        match commerce.post("events", body.clone(), PATIENCE).await {
            Ok((200..=299, _)) => break,
            Ok((status, _)) => tracing::warn!(status, "commerce did not take an event"),
            Err(error) => tracing::warn!(%error, "commerce did not take an event"),
        }
        METRICS.callback_failures.fetch_add(1, Ordering::Relaxed);
        if written.elapsed().is_ok_and(|age| age > GIVEN_UP) {
            tracing::error!(path = %path.display(), "event is given up after seven days");
            break;
        }
        // A newer picture or the end makes an old picture worthless.
        if replaceable && !waiting.is_empty() {
            break;
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(WAITS[1]);
    }
    let _ = std::fs::remove_file(path);
    METRICS.outbox.fetch_sub(1, Ordering::Relaxed);
}
