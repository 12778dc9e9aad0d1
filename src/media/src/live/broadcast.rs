//! One broadcast: its renditions, its seat for a publisher, and how it is told to end.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock};

use bytes::Bytes;
use tokio::sync::{mpsc, watch};

use super::Reason;
use super::feed::Feed;
use super::viewers::Viewers;
use crate::auth::Grant;
use crate::hls::Shape;
use crate::hls::grid::Grid;
use crate::hls::packager::Part;
use crate::hls::window::Window;
use crate::mux::Tracks;

/// The rendition that is passed through untouched.
pub(crate) const SOURCE: &str = "source";

/// What followers of the source rendition (recorder, ladder) receive.
#[derive(Debug, Clone)]
pub(crate) enum Output {
    /// Samples of this kind follow.
    Init(Bytes),
    /// A part.
    Part(Part),
}

/// One quality.
#[derive(Debug)]
pub(crate) struct Rendition {
    /// `source`, `480p`, …
    pub(crate) name: String,
    /// Its newest minute.
    pub(crate) window: Window,
    tracks: RwLock<Tracks>,
}

impl Rendition {
    pub(crate) fn new(name: &str, epoch: &str, shape: &Shape) -> Self {
        Rendition { name: name.to_owned(), window: Window::new(epoch, shape), tracks: RwLock::default() }
    }

    pub(crate) fn tracks(&self) -> Tracks {
        self.tracks.read().expect("no holder panics").clone()
    }

    pub(crate) fn set_tracks(&self, tracks: Tracks) {
        *self.tracks.write().expect("no holder panics") = tracks;
    }
}

/// What happened to a broadcast's input, for metrics and the admin API.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    /// Bytes of samples that came.
    pub(crate) bytes: AtomicU64,
    /// Times that were mended.
    pub(crate) mended: AtomicU64,
    /// Frames left out.
    pub(crate) dropped: AtomicU64,
    /// Parts that a follower was too slow to take.
    pub(crate) skipped: AtomicU64,
    /// Publishers that came back.
    pub(crate) resumed: AtomicU64,
    /// Ladder processes that died.
    pub(crate) ladder_deaths: AtomicU64,
}

/// One broadcast.
#[derive(Debug)]
pub(crate) struct Broadcast {
    /// New for each broadcast, and part of every URL that must not change.
    pub(crate) id: String,
    /// What the key's owner is allowed.
    pub(crate) grant: Grant,
    /// Unix time in milliseconds.
    pub(crate) began: u64,
    /// Where segments begin.
    pub(crate) grid: Arc<Grid>,
    /// Who watches.
    pub(crate) viewers: Viewers,
    /// What happened to the input.
    pub(crate) counters: Counters,
    /// What turns packets into parts; held by the publisher in the seat.
    pub(crate) feed: Arc<tokio::sync::Mutex<Feed>>,
    /// Newest thumbnail.
    pub(crate) thumbnail: RwLock<Option<Bytes>>,
    source: Arc<Rendition>,
    rungs: RwLock<Vec<Arc<Rendition>>>,
    followers: Mutex<Vec<mpsc::Sender<Output>>>,
    seat: watch::Sender<u64>,
    end: watch::Sender<Option<Reason>>,
}

impl Broadcast {
    pub(crate) fn new(id: String, grant: Grant, shape: &Shape, began: u64) -> Self {
        let source = Arc::new(Rendition::new(SOURCE, &id, shape));
        Broadcast {
            feed: Arc::new(tokio::sync::Mutex::new(Feed::new(shape, began))),
            id,
            grant,
            began,
            grid: Arc::default(),
            viewers: Viewers::default(),
            counters: Counters::default(),
            thumbnail: RwLock::default(),
            source,
            rungs: RwLock::default(),
            followers: Mutex::default(),
            seat: watch::Sender::new(0),
            end: watch::Sender::new(None),
        }
    }

    /// The untouched rendition.
    pub(crate) fn source(&self) -> &Arc<Rendition> {
        &self.source
    }

    /// Every rendition, the source first.
    pub(crate) fn renditions(&self) -> Vec<Arc<Rendition>> {
        let rungs = self.rungs.read().expect("no holder panics");
        std::iter::once(&self.source).chain(rungs.iter()).cloned().collect()
    }

    pub(crate) fn rendition(&self, name: &str) -> Option<Arc<Rendition>> {
        if name == SOURCE {
            return Some(self.source.clone());
        }
        self.rungs.read().expect("no holder panics").iter().find(|rung| rung.name == name).cloned()
    }

    /// Replaces the renditions made by the ladder.
    pub(crate) fn set_rungs(&self, rungs: Vec<Arc<Rendition>>) {
        *self.rungs.write().expect("no holder panics") = rungs;
    }

    /// Playlist lines that tell a rendition's players where the others are.
    pub(crate) fn reports(&self, but: &str) -> String {
        let others = self.renditions().into_iter().filter(|rendition| rendition.name != but);
        others
            .filter(|rendition| rendition.window.begun())
            .map(|rendition| {
                let progress = rendition.window.progress();
                let (number, part) = match progress.parts {
                    0 => (progress.number.saturating_sub(1), String::new()),
                    parts => (progress.number, format!(",LAST-PART={}", parts - 1)),
                };
                format!("#EXT-X-RENDITION-REPORT:URI=\"../{}/live.m3u8\",LAST-MSN={number}{part}\n", rendition.name)
            })
            .collect()
    }

    /// From now on `follower` receives what the source rendition puts out, as long as it keeps up.
    pub(crate) fn follow(&self, capacity: usize) -> mpsc::Receiver<Output> {
        let (sender, receiver) = mpsc::channel(capacity);
        self.followers.lock().expect("no holder panics").push(sender);
        receiver
    }

    /// Hands output to all followers; never waits for one.
    pub(crate) fn tell(&self, output: &Output) {
        self.followers.lock().expect("no holder panics").retain(|follower| match follower.try_send(output.clone()) {
            Ok(()) => true,
            Err(mpsc::error::TrySendError::Full(_)) => {
                self.counters.skipped.fetch_add(1, Ordering::Relaxed);
                true
            }
            Err(mpsc::error::TrySendError::Closed(_)) => false,
        });
    }

    /// No output will follow.
    pub(crate) fn dismiss(&self) {
        self.followers.lock().expect("no holder panics").clear();
    }

    /// Takes the seat from whoever holds it; the receiver changes when it is lost again.
    pub(crate) fn sit(&self) -> Seat {
        self.seat.send_modify(|serial| *serial += 1);
        let mut changes = self.seat.subscribe();
        let serial = *changes.borrow_and_update();
        Seat { serial, changes, end: self.end.subscribe() }
    }

    /// Nobody has taken the seat since.
    pub(crate) fn is_seated(&self, serial: u64) -> bool {
        *self.seat.borrow() == serial
    }

    /// Ends the broadcast; the first reason given stays.
    pub(crate) fn finish(&self, reason: Reason) {
        self.end.send_if_modified(|end| {
            let first = end.is_none();
            end.get_or_insert(reason);
            first
        });
    }

    /// Why it ended, if it did.
    pub(crate) fn ended(&self) -> Option<Reason> {
        *self.end.borrow()
    }

    /// Waits for the end.
    pub(crate) async fn wait_end(&self) -> Reason {
        let mut end = self.end.subscribe();
        let reason = end.wait_for(Option::is_some).await.map(|reason| *reason);
        reason.ok().flatten().unwrap_or(Reason::Drained)
    }
}

/// A publisher's right to send.
pub(crate) struct Seat {
    /// Which holder of the seat this is.
    pub(crate) serial: u64,
    changes: watch::Receiver<u64>,
    end: watch::Receiver<Option<Reason>>,
}

impl Seat {
    /// Waits until the seat is lost: somebody else sits there, or the broadcast ended.
    pub(crate) async fn lost(&mut self) {
        tokio::select! {
            _ = self.changes.changed() => {}
            _ = self.end.wait_for(Option::is_some) => {}
        }
    }
}
