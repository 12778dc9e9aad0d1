//! A process may die at any call of a create, an update or a delete: another one finishes the work, with no duplicate,
//! no orphan and nobody's help.
//!
//! The deaths are at the calls that write: one at a read leaves the cloud as one after the write before it. With
//! `TERRACE_WIRE_READS=1` they are at every call.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aws::wire::{Cut, Side};
use engine::{KindInfo, Resource};
use serde_json::{Value, json};

use crate::each;
use crate::server::Account;
use crate::stand::Stand;
use crate::world::{Process, SCALE, account, among, misses, pace};

static TRIED: AtomicUsize = AtomicUsize::new(0);

#[test]
fn every_kind_survives_a_death_at_every_call() {
    each::kind(|kind| async move {
        for lag in [0, 60] {
            survive(kind, Duration::from_secs(lag)).await;
        }
    });
    println!("{} boundaries", TRIED.load(Ordering::Relaxed));
}

async fn survive(kind: &'static KindInfo, lag: Duration) {
    let stand = Stand::of(kind);
    let mut open = stand.subject.properties.clone();
    if let Some(protection) = kind.protection {
        open[protection] = Value::Bool(false);
    }
    let (base, whole) = (stand.needed.clone(), stand.with(open));
    let case = Case { stand: &stand, lag };
    let mut boundaries = case.die("create", &base, &whole).await;
    boundaries += case.die("delete", &whole, &base).await;
    for (property, variant) in stand.variants() {
        if kind.protection.is_none_or(|protection| protection != property) {
            boundaries += case.die(&property, &whole, &stand.with(variant)).await;
        }
    }
    TRIED.fetch_add(boundaries, Ordering::Relaxed);
    println!("{}: {boundaries} boundaries, lag {} s", kind.name, lag.as_secs());
}

struct Case<'a> {
    stand: &'a Stand,
    lag: Duration,
}

impl Case<'_> {
    /// Goes from one state to another with a process that dies at write 1, 2, 3 … on either side of it, and each time has
    /// another process finish. Tells at how many boundaries one died.
    async fn die(&self, what: &str, from: &[Resource], to: &[Resource]) -> usize {
        let clean = account();
        self.process(&clean).apply(from).await;
        self.process(&clean).apply(to).await;
        let expected = census(&clean);
        let mut boundaries = 0;
        for side in [Side::BeforeSend, Side::AfterAccept] {
            let mut missed = 0;
            for call in 1.. {
                // An account of its own: a client token remembers what was made with it and deleted since.
                let account = account();
                self.process(&account).apply(from).await;
                account.settings(json!({ "lag": self.lag.as_secs(), "time_scale": 1.0 / SCALE }));
                let process = self.process(&account);
                let (plan, inventory) = process.plan(to).await;
                process.wire.cut(Cut { call, among: among(), side });
                tokio::select! {
                    _ = process.run(&plan, inventory) => {}
                    () = process.wire.ended() => {}
                }
                self.converge(&account, to).await;
                let place = format!("{} {what}, {side:?} call {call}, lag {:?}", self.stand.kind.name, self.lag);
                assert_eq!(census(&account), expected, "{place}");
                missed = if process.wire.is_cut() { 0 } else { missed + 1 };
                if missed == misses() {
                    break;
                }
                boundaries += usize::from(missed == 0);
            }
        }
        boundaries
    }

    /// Runs fresh processes until nothing is left to do.
    async fn converge(&self, account: &Account, wanted: &[Resource]) {
        let mut told = Vec::new();
        for _ in 0..4 {
            // The lease of the process before has to lapse first, and it outlasts the lag.
            tokio::time::sleep(pace().real(self.lag)).await;
            let process = self.process(account);
            let (plan, inventory) = process.plan(wanted).await;
            if plan.is_empty() {
                return;
            }
            told = process.run(&plan, inventory).await.1;
        }
        panic!("{} does not converge: {told:#?}", self.stand.kind.name);
    }

    fn process(&self, account: &Account) -> Process {
        Process::new(account, &self.stand.whole())
    }
}

/// How many there are of each kind in an account, in the server's own view: what AWS makes along with a resource counts
/// too. Ids differ from run to run.
fn census(account: &Account) -> BTreeMap<String, usize> {
    account.inventory().into_iter().map(|(kind, ids)| (kind, ids.len())).collect()
}
