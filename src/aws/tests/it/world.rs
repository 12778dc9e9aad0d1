//! An account of the test server and a process that works on it.

use std::collections::BTreeSet;

use aws::lease::Leases;
use aws::wire::{Among, Wire};
use aws::{Aws, kinds};
use engine::apply::{Event, Job, Outcome, Pace, apply};
use engine::{AnyKind, Catalog, Graph, Inventory, Owner, Plan, Resource, Site, discover, plan};

use crate::server::{Account, server};

/// A thousandth: what takes a minute on AWS takes 60 ms here.
pub(crate) const SCALE: f64 = 0.001;

/// Patience for a server whose phases pass at once.
pub(crate) fn pace() -> Pace {
    Pace { scale: SCALE, ..Pace::default() }
}

/// Which calls a process dies at: writes, or every one if `TERRACE_WIRE_READS` is set.
pub(crate) fn among() -> Among {
    if std::env::var_os("TERRACE_WIRE_READS").is_some() { Among::All } else { Among::Writes }
}

/// Calls in a row that are not reached, after which there are no more. Reads are bundled as they fall together, so their
/// number differs a little from run to run; that of writes does not.
pub(crate) fn misses() -> usize {
    if among() == Among::All { 4 } else { 1 }
}

/// A process: clients of its own, and the wire they call through.
pub(crate) struct Process {
    pub(crate) wire: Wire,
    pub(crate) cloud: Catalog<Aws>,
    /// For what somebody else does.
    pub(crate) ec2: aws_sdk_ec2::Client,
    pub(crate) iam: aws_sdk_iam::Client,
    owner: Owner,
    pace: Pace,
}

impl Process {
    /// Connects to an account, for every kind.
    pub(crate) fn every(account: &Account) -> Self {
        Self::with(account, kinds::ALL.to_vec(), Owner::new("shop", "test"))
    }

    /// Connects to an account, for the kinds of these resources alone.
    pub(crate) fn new(account: &Account, resources: &[Resource]) -> Self {
        Self::owned(account, resources, Owner::new("shop", "test"))
    }

    /// Connects on behalf of another owner.
    pub(crate) fn owned(account: &Account, resources: &[Resource], owner: Owner) -> Self {
        let names: BTreeSet<&str> = resources.iter().map(|resource| resource.address.kind()).collect();
        let chosen = kinds::ALL.iter().copied().filter(|kind| names.contains(kind.info().name)).collect();
        Self::with(account, chosen, owner)
    }

    fn with(account: &Account, chosen: Vec<&'static dyn AnyKind<Aws>>, owner: Owner) -> Self {
        let wire = Wire::plain();
        let config = wire.config(&server().endpoint, "ap-northeast-2", &account.access_key());
        let (aws, ec2) = (Aws::new(&config), aws_sdk_ec2::Client::new(&config));
        let iam = aws_sdk_iam::Client::new(&config);
        let leases = Box::new(Leases(aws.clone()));
        let cloud = Catalog::new(vec![(Site::primary(), aws)], chosen.leak(), leases);
        Self { wire, cloud, ec2, iam, owner, pace: pace() }
    }

    /// The same with another scale of time.
    pub(crate) fn paced(self, scale: f64) -> Self {
        Self { pace: Pace { scale, ..Pace::default() }, ..self }
    }

    pub(crate) async fn discover(&self) -> Inventory {
        discover(&self.cloud, &self.owner).await.unwrap()
    }

    /// What there is to do, and on what inventory that was decided.
    pub(crate) async fn plan(&self, wanted: &[Resource]) -> (Plan, Inventory) {
        let inventory = self.discover().await;
        let kinds = engine::Provider::kinds(&self.cloud);
        (plan(&Graph::new(wanted.iter().cloned()), &inventory, kinds), inventory)
    }

    /// Carries a plan out and tells what happened.
    pub(crate) async fn run(&self, plan: &Plan, inventory: Inventory) -> (Outcome, Vec<Event>) {
        let job = Job {
            owner: &self.owner,
            provider: &self.cloud,
            pace: self.pace,
            width: 8,
            stop: &|| false,
            fence: &|| true,
        };
        let mut told = Vec::new();
        let outcome = apply(plan, inventory, &job, |event| told.push(event)).await;
        (outcome, told)
    }

    /// Makes the account as wanted, at the first try.
    pub(crate) async fn apply(&self, wanted: &[Resource]) -> Inventory {
        let (plan, inventory) = self.plan(wanted).await;
        let (outcome, told) = self.run(&plan, inventory).await;
        assert!(outcome.tally.complete(), "{told:#?}");
        let (again, _) = self.plan(wanted).await;
        assert!(again.is_empty(), "the next plan is not empty: {:#?}", again.changes);
        outcome.inventory
    }
}

/// An account of its own.
pub(crate) fn account() -> Account {
    server().account()
}
