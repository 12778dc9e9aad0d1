//! A cloud that is a file: a rehearsal stage for people and a test bench for the engine.
//!
//! It implements [`Provider`] for every kind at once, on JSON, from what kinds say of themselves. `cloud` holds the
//! rules, `file` keeps the cloud between processes, `fault` decides what goes wrong. It proves nothing about AWS.

mod cloud;
mod fault;
mod file;

use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures::future::BoxFuture;
use serde_json::Value;

use cloud::{Cloud, Moment};
use fault::Faults;
pub use fault::{Crash, Moments};
use file::Store;

use crate::lease::{LeaseStore, Record};
use crate::{Address, Changed, KindInfo, Labels, Live, Owner, Provider, Query, Result, Site};

/// How the simulated cloud behaves.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Real seconds one second of the cloud takes; 0 lets nothing take time.
    pub scale: f64,
    /// How long, in the cloud's time, listings show what was before a write.
    pub lag: Duration,
    /// The share of calls turned away as too many, between 0 and 1.
    pub throttle: f64,
    /// The share of writes that are carried out but whose answer is lost, between 0 and 1.
    pub lost: f64,
    /// The call at which the process dies, as far as the cloud can tell.
    pub crash: Option<Crash>,
    /// What the random choices follow from.
    pub seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { scale: 0.0, lag: Duration::ZERO, throttle: 0.0, lost: 0.0, crash: None, seed: 0 }
    }
}

/// The simulated cloud.
pub struct Simulator {
    kinds: Vec<KindInfo>,
    sites: Vec<Site>,
    settings: Settings,
    store: Store,
    faults: Mutex<Faults>,
}

impl Simulator {
    /// A cloud that lives as long as this value.
    pub fn in_memory(kinds: &[KindInfo], settings: Settings) -> Self {
        Self::new(kinds, settings, Store::memory())
    }

    /// A cloud kept in a file, made when it does not exist.
    ///
    /// # Errors
    /// When the file cannot be read, or is not a simulated cloud.
    pub fn open(path: &Path, kinds: &[KindInfo], settings: Settings) -> std::io::Result<Self> {
        Ok(Self::new(kinds, settings, Store::open(path)?))
    }

    fn new(kinds: &[KindInfo], settings: Settings, store: Store) -> Self {
        let faults = Mutex::new(Faults::new(&settings));
        Self { kinds: kinds.to_vec(), sites: vec![Site::primary()], settings, store, faults }
    }

    /// Adds sites beside the primary one.
    #[must_use]
    pub fn with_sites(mut self, sites: impl IntoIterator<Item = Site>) -> Self {
        for site in sites {
            if !self.sites.contains(&site) {
                self.sites.push(site);
            }
        }
        self
    }

    /// The same cloud seen by a process that starts anew: with other faults, or none.
    #[must_use]
    pub fn reborn(self, settings: Settings) -> Self {
        Self { faults: Mutex::new(Faults::new(&settings)), settings, ..self }
    }

    /// How many calls were made so far.
    pub fn calls(&self) -> u64 {
        self.faults.lock().expect("no call panics").calls()
    }

    /// Every resource in the cloud, whoever owns it, as `(kind, id)`.
    pub fn contents(&self) -> Vec<(String, String)> {
        let now = self.now();
        self.store.with(|cloud| (cloud.contents(now), false))
    }

    /// Changes properties behind everybody's back, as a person in a console would.
    ///
    /// # Errors
    /// When there is no such resource.
    pub fn tamper(&self, id: &str, change: impl FnOnce(&mut Value)) -> Result<()> {
        self.store.with(|cloud| (cloud.tamper(id, change), true))
    }

    fn now(&self) -> Moment {
        let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        if self.settings.scale == 0.0 {
            return Moment { now: elapsed.as_micros() as u64, scale: 0.0, lag: Duration::ZERO };
        }
        Moment { now: elapsed.as_micros() as u64, scale: self.settings.scale, lag: self.settings.lag }
    }

    /// One call: counted, maybe refused, maybe unanswered.
    async fn call<T>(
        &self,
        write: Option<&'static str>,
        act: impl FnOnce(&mut Cloud, Moment) -> Result<T>,
    ) -> Result<T> {
        // Every call gives others a turn, as a call over a network would.
        tokio::task::yield_now().await;
        let verdict = self.faults.lock().expect("no call panics").next(write);
        verdict.before?;
        let now = self.now();
        let answer = self.store.with(|cloud| (act(cloud, now), write.is_some()));
        verdict.after?;
        answer
    }
}

impl Provider for Simulator {
    fn kinds(&self) -> &[KindInfo] {
        &self.kinds
    }

    fn sites(&self) -> Vec<Site> {
        self.sites.clone()
    }

    fn find<'a>(&'a self, site: &'a Site, kind: &'a str, which: Query<'a>) -> BoxFuture<'a, Result<Vec<Live>>> {
        Box::pin(self.call(None, move |cloud, now| cloud.find(&self.kinds, site, kind, which, now)))
    }

    fn create<'a>(&'a self, properties: &'a Value, labels: &'a Labels) -> BoxFuture<'a, Result<String>> {
        Box::pin(self.call(Some("Create"), move |cloud, now| cloud.create(&self.kinds, properties, labels, now)))
    }

    fn update<'a>(
        &'a self,
        address: &'a Address,
        id: &'a str,
        properties: &'a Value,
        changed: &'a Changed,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(
            self.call(Some("Update"), move |cloud, now| {
                cloud.update(&self.kinds, address, id, properties, changed, now)
            }),
        )
    }

    fn label<'a>(&'a self, id: &'a str, labels: &'a Labels) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.call(Some("Label"), move |cloud, now| cloud.label(id, labels, now)))
    }

    fn delete<'a>(&'a self, address: &'a Address, id: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.call(Some("Delete"), move |cloud, now| cloud.delete(&self.kinds, address, id, now)))
    }

    fn leases(&self) -> &dyn LeaseStore {
        self
    }
}

impl LeaseStore for Simulator {
    fn read<'a>(&'a self, owner: &'a Owner) -> BoxFuture<'a, Result<Vec<(u32, Record)>>> {
        Box::pin(self.call(None, move |cloud, _| Ok(cloud.leases(owner))))
    }

    fn create<'a>(&'a self, owner: &'a Owner, number: u32, record: &'a Record) -> BoxFuture<'a, Result<bool>> {
        Box::pin(self.call(Some("Lease"), move |cloud, _| Ok(cloud.create_lease(owner, number, record))))
    }

    fn write<'a>(&'a self, owner: &'a Owner, number: u32, record: &'a Record) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.call(Some("Lease"), move |cloud, _| {
            cloud.write_lease(owner, number, record);
            Ok(())
        }))
    }

    fn remove<'a>(&'a self, owner: &'a Owner, number: u32) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.call(Some("Lease"), move |cloud, _| {
            cloud.remove_lease(owner, number);
            Ok(())
        }))
    }
}
