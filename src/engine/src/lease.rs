//! Keeps two applies of one stack apart, with nothing to unlock by hand after a crash.
//!
//! A lease is a numbered record: whoever creates the next number holds it, and the store creates a number at most
//! once. The holder renews its record; one that was not renewed for [`TTL`] has lapsed and anybody may create the
//! next number. A lapsed lease is also the end of the lag window: what a crashed holder made is listed by now, because
//! the holder stops writing [`MARGIN`] before its lease lapses and AWS lists what it accepted within a minute.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};

use crate::apply::Pace;
use crate::{Owner, Result};

/// How long a lease holds after its last renewal, in cloud time.
pub const TTL: Duration = Duration::from_secs(90);
/// How often the holder renews, in cloud time.
pub const RENEWAL: Duration = Duration::from_secs(10);
/// How long before its lease lapses a holder that could not renew stops writing, in cloud time: the lag window.
pub const MARGIN: Duration = Duration::from_secs(60);
/// The least real time a lease holds, on clouds where time passes faster.
const FLOOR: Duration = Duration::from_secs(2);

/// Who holds the stack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// A person's name for the holder, such as `jin@build-7 (pid 4242)`.
    pub holder: String,
    /// Unix time of the last renewal, in milliseconds.
    pub renewed: u64,
    /// Whether the holder finished and let go.
    pub released: bool,
}

/// Where lease records are kept.
pub trait LeaseStore: Send + Sync {
    /// Every record of an owner by number, in no order.
    fn read<'a>(&'a self, owner: &'a Owner) -> BoxFuture<'a, Result<Vec<(u32, Record)>>>;
    /// Creates a record; `false` if the number exists.
    fn create<'a>(&'a self, owner: &'a Owner, number: u32, record: &'a Record) -> BoxFuture<'a, Result<bool>>;
    /// Overwrites a record.
    fn write<'a>(&'a self, owner: &'a Owner, number: u32, record: &'a Record) -> BoxFuture<'a, Result<()>>;
    /// Removes a record; removing one that is gone is not an error.
    fn remove<'a>(&'a self, owner: &'a Owner, number: u32) -> BoxFuture<'a, Result<()>>;
}

/// A lease somebody else holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Who.
    pub record: Record,
    /// Real time until it lapses, if it is not renewed.
    pub lapses_in: Duration,
}

/// A lease this process holds.
pub struct Lease<'a> {
    store: &'a dyn LeaseStore,
    owner: &'a Owner,
    holder: String,
    number: u32,
    /// Unix time of the last renewal, in milliseconds.
    renewed: AtomicU64,
    terms: Terms,
}

/// The lease's durations in real time.
#[derive(Clone, Copy, Debug)]
struct Terms {
    ttl: Duration,
    renewal: Duration,
    margin: Duration,
}

impl Terms {
    fn at(pace: Pace) -> Self {
        let ttl = pace.real(TTL).max(FLOOR);
        let share = |part: Duration| ttl.mul_f64(part.as_secs_f64() / TTL.as_secs_f64());
        Self { ttl, renewal: share(RENEWAL), margin: share(MARGIN) }
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64
}

/// Takes the lease of an owner, or tells who holds it.
///
/// # Errors
/// What the store says.
pub async fn acquire<'a>(
    store: &'a dyn LeaseStore,
    owner: &'a Owner,
    holder: &str,
    pace: Pace,
) -> Result<Result<Lease<'a>, Held>> {
    let terms = Terms::at(pace);
    let records = store.read(owner).await?;
    let last = records.iter().max_by_key(|(number, _)| *number);
    if let Some(held) = last.and_then(|(_, record)| held(record, terms)) {
        return Ok(Err(held));
    }
    let number = last.map_or(1, |(number, _)| number + 1);
    let record = Record { holder: holder.to_owned(), renewed: now(), released: false };
    if !store.create(owner, number, &record).await? {
        // Somebody was quicker.
        let records = store.read(owner).await?;
        let (_, record) = records.into_iter().max_by_key(|(number, _)| *number).unwrap_or((number, record));
        return Ok(Err(Held { record, lapses_in: terms.ttl }));
    }
    for (old, _) in records {
        store.remove(owner, old).await?;
    }
    let renewed = AtomicU64::new(record.renewed);
    Ok(Ok(Lease { store, owner, holder: record.holder, number, renewed, terms }))
}

fn held(record: &Record, terms: Terms) -> Option<Held> {
    let age = Duration::from_millis(now().saturating_sub(record.renewed));
    let lapses_in = terms.ttl.checked_sub(age).filter(|left| !left.is_zero())?;
    (!record.released).then(|| Held { record: record.clone(), lapses_in })
}

impl Lease<'_> {
    /// Whether the holder may still write.
    pub fn holds(&self) -> bool {
        let age = now().saturating_sub(self.renewed.load(Ordering::Relaxed));
        Duration::from_millis(age) < self.terms.ttl - self.terms.margin
    }

    /// Renews the lease for as long as it is polled; ends when somebody else took it.
    pub async fn keep(&self) {
        loop {
            tokio::time::sleep(self.terms.renewal).await;
            // A renewal that fails is tried again at the next turn; `holds` ends the writing if none gets through.
            let Ok(records) = self.store.read(self.owner).await else { continue };
            if records.iter().any(|(number, _)| *number > self.number) {
                self.renewed.store(0, Ordering::Relaxed);
                return;
            }
            let record = Record { holder: self.holder.clone(), renewed: now(), released: false };
            if self.store.write(self.owner, self.number, &record).await.is_ok() {
                self.renewed.store(record.renewed, Ordering::Relaxed);
            }
        }
    }

    /// Lets go, so that the next apply need not wait.
    ///
    /// # Errors
    /// What the store says; the lease lapses by itself then.
    pub async fn release(self) -> Result<()> {
        let record = Record { holder: self.holder, renewed: now(), released: true };
        self.store.write(self.owner, self.number, &record).await
    }

    /// Lets go and leaves nothing behind, for a stack that is no more.
    ///
    /// # Errors
    /// What the store says; the lease lapses by itself then.
    pub async fn remove(self) -> Result<()> {
        self.store.remove(self.owner, self.number).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulator::{Settings, Simulator};

    /// Ninety seconds take two: the floor.
    const PACE: Pace = Pace { scale: 0.0, lag: Duration::from_secs(60) };

    fn owner() -> Owner {
        Owner::new("shop", "test")
    }

    #[tokio::test]
    async fn only_one_holds_and_a_released_lease_is_free_at_once() {
        let store = Simulator::in_memory(&[], Settings::default());
        let owner = owner();
        let first = acquire(&store, &owner, "first", PACE).await.unwrap().unwrap();
        assert!(first.holds());
        let held = acquire(&store, &owner, "second", PACE).await.unwrap().err().unwrap();
        assert_eq!(held.record.holder, "first");
        first.release().await.unwrap();
        let second = acquire(&store, &owner, "second", PACE).await.unwrap().unwrap();
        second.remove().await.unwrap();
        assert_eq!(LeaseStore::read(&store, &owner).await.unwrap(), []);
    }

    #[tokio::test]
    async fn a_lease_that_is_not_renewed_lapses_and_its_holder_stops_writing_first() {
        let store = Simulator::in_memory(&[], Settings::default());
        let owner = owner();
        let dead = acquire(&store, &owner, "dead", PACE).await.unwrap().unwrap();
        tokio::time::sleep(Duration::from_millis(900)).await;
        assert!(!dead.holds());
        assert!(acquire(&store, &owner, "next", PACE).await.unwrap().is_err());
        tokio::time::sleep(Duration::from_millis(1300)).await;
        let next = acquire(&store, &owner, "next", PACE).await.unwrap().unwrap();
        // The dead one wakes up: it sees the higher number and gives up.
        dead.keep().await;
        assert!(!dead.holds() && next.holds());
    }

    #[tokio::test]
    async fn a_lease_that_is_renewed_holds() {
        let store = Simulator::in_memory(&[], Settings::default());
        let owner = owner();
        let lease = acquire(&store, &owner, "first", PACE).await.unwrap().unwrap();
        tokio::select! {
            () = lease.keep() => panic!("nobody took it"),
            () = tokio::time::sleep(Duration::from_millis(3000)) => {}
        }
        assert!(lease.holds());
        assert!(acquire(&store, &owner, "second", PACE).await.unwrap().is_err());
    }
}
