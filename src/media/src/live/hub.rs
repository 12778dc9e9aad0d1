//! All broadcasts of this server by stream name.
//!
//! Decides who gets a seat, and how many there are. State exists for streams on air and for a short while after; a name nobody
//! publishes costs nothing.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::watch;

use super::Reason;
use super::broadcast::{Broadcast, Seat};
use super::life;
use crate::auth::{Grant, Keys};
use crate::callbacks::outbox::Outbox;
use crate::callbacks::sign::random;
use crate::config::Settings;
use crate::record::Store;

/// How long players may fetch the end of a broadcast.
const LINGER: Duration = Duration::from_secs(30);

/// The server's state.
#[derive(Debug)]
pub(crate) struct Hub {
    pub(crate) settings: Settings,
    pub(crate) keys: Keys,
    pub(crate) outbox: Outbox,
    /// Where finished replays go, if not into the data directory.
    pub(crate) store: Option<Store>,
    streams: Mutex<HashMap<String, Arc<Broadcast>>>,
    draining: watch::Sender<bool>,
}

impl Hub {
    pub(crate) fn new(settings: Settings, keys: Keys, outbox: Outbox, store: Option<Store>) -> Arc<Self> {
        Arc::new(Hub { settings, keys, outbox, store, streams: Mutex::default(), draining: watch::Sender::new(false) })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<Broadcast>>> {
        self.streams.lock().expect("no holder panics")
    }

    /// The newest broadcast of a stream.
    pub(crate) fn stream(&self, name: &str) -> Option<Arc<Broadcast>> {
        self.lock().get(name).cloned()
    }

    /// Broadcasts that have not ended.
    pub(crate) fn on_air(&self) -> Vec<Arc<Broadcast>> {
        self.lock().values().filter(|broadcast| broadcast.ended().is_none()).cloned().collect()
    }

    /// Gives a publisher the seat of its stream: a running broadcast is resumed, else a new one begins.
    pub(crate) fn sit(self: &Arc<Self>, grant: Grant) -> Result<(Arc<Broadcast>, Seat), String> {
        if *self.draining.borrow() {
            return Err("server is going down; connect again".to_owned());
        }
        let mut streams = self.lock();
        if let Some(broadcast) = streams.get(&grant.stream).filter(|broadcast| broadcast.ended().is_none()) {
            let seat = broadcast.sit();
            return Ok((broadcast.clone(), seat));
        }
        let live = streams.values().filter(|broadcast| broadcast.ended().is_none()).count();
        if live >= self.settings.max_publishers {
            return Err("server has as many publishers as it may".to_owned());
        }
        let began = crate::clock::now();
        let id = format!("{}{}", base36(began), random(3));
        let broadcast = Arc::new(Broadcast::new(id, grant.clone(), &self.settings.shape, began));
        let seat = broadcast.sit();
        streams.insert(grant.stream, broadcast.clone());
        drop(streams);
        tokio::spawn(life::live(self.clone(), broadcast.clone()));
        Ok((broadcast, seat))
    }

    /// A publisher left its seat without a goodbye: the broadcast ends unless somebody takes it in time.
    pub(crate) fn wait_for_return(&self, broadcast: &Arc<Broadcast>, serial: u64) {
        let (broadcast, grace) = (broadcast.clone(), self.settings.grace);
        tokio::spawn(async move {
            tokio::time::sleep(grace).await;
            if broadcast.is_seated(serial) {
                broadcast.finish(Reason::Lost);
            }
        });
    }

    /// Forgets an ended broadcast after players have had time to fetch its end.
    pub(crate) async fn forget(&self, broadcast: &Arc<Broadcast>) {
        let mut draining = self.draining.subscribe();
        tokio::select! {
            () = tokio::time::sleep(LINGER) => {}
            _ = draining.wait_for(|draining| *draining) => {}
        }
        let mut streams = self.lock();
        let name = &broadcast.grant.stream;
        if streams.get(name).is_some_and(|current| Arc::ptr_eq(current, broadcast)) {
            streams.remove(name);
        }
    }

    /// Ends a broadcast by the name of its stream or by its id; gives how many there were.
    pub(crate) fn cut(&self, name: &str, reason: Reason) -> usize {
        let matching = |broadcast: &&Arc<Broadcast>| broadcast.grant.stream == name || broadcast.id == name;
        self.on_air().iter().filter(matching).inspect(|broadcast| broadcast.finish(reason)).count()
    }

    /// No new broadcast begins from now on.
    pub(crate) fn drain(&self) {
        self.draining.send_replace(true);
    }

    /// Whether the server is going down.
    pub(crate) fn is_draining(&self) -> bool {
        *self.draining.borrow()
    }

    /// Waits until no broadcast is left, ended ones included.
    pub(crate) async fn empty(&self) {
        while !self.lock().is_empty() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

fn base36(mut number: u64) -> String {
    let mut digits = vec![];
    while number > 0 {
        digits.push(b"0123456789abcdefghijklmnopqrstuvwxyz"[(number % 36) as usize]);
        number /= 36;
    }
    digits.iter().rev().map(|digit| char::from(*digit)).collect()
}
