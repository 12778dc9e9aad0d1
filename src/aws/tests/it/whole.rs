//! The whole shop at the wire: a process dies at a call of an apply or a destroy, the next one finishes.
//!
//! Every boundary takes a stack made and unmade, so a normal run tries one write in [`STRIDE`]. Every call, reads too:
//! `TERRACE_WIRE_READS=1 TERRACE_WIRE_STRIDE=1 cargo test --workspace --test it whole -- --nocapture`. Where reads lag, polls make
//! thousands of calls; without `TERRACE_WIRE_READS` it is every write.

use std::time::Duration;

use aws::wire::{Cut, Side};
use engine::Resource;
use serde_json::json;

use crate::edits::left;
use crate::shop::shop;
use crate::world::{Process, account, among, misses};

/// A lag of a minute is 180 ms here: many times what the server takes for an answer when everything is asked at once.
const SLOW: f64 = 0.003;

/// How many runs that nobody cut short may all the same leave something for the next one.
const LATE: usize = 2;

/// Of how many boundaries one is tried, unless `TERRACE_WIRE_STRIDE` says otherwise.
const STRIDE: usize = 40;

fn stride() -> usize {
    std::env::var("TERRACE_WIRE_STRIDE").ok().and_then(|stride| stride.parse().ok()).unwrap_or(STRIDE)
}

fn wanted() -> Vec<Resource> {
    shop("").iter().cloned().collect()
}

/// Dies at every `stride`th call on the way from one list to another, and prints at how many.
async fn die_both_ways(from: &[Resource], to: &[Resource], lag: u64) {
    for side in [Side::BeforeSend, Side::AfterAccept] {
        let (mut boundaries, mut missed, mut late) = (0, 0, 0);
        for call in (1..).step_by(stride()) {
            let account = account();
            if !from.is_empty() {
                Process::every(&account).apply(from).await;
            }
            account.settings(json!({ "lag": lag, "time_scale": 1.0 / SLOW }));
            let process = Process::every(&account).paced(SLOW);
            let (plan, inventory) = process.plan(to).await;
            process.wire.cut(Cut { call, among: among(), side });
            tokio::select! {
                (outcome, told) = process.run(&plan, inventory) => {
                    // A busy machine may make an answer later than the lag allows for, but not again and again.
                    late += usize::from(!process.wire.is_cut() && !outcome.tally.complete());
                    assert!(late <= LATE, "undisturbed, lag {lag}: {told:#?}");
                }
                () = process.wire.ended() => {}
            }
            missed = if process.wire.is_cut() { 0 } else { missed + 1 };
            if missed == misses() {
                break;
            }
            boundaries += usize::from(missed == 0);
            let place = format!("{side:?} call {call}, lag {lag}");
            let mut told = Vec::new();
            let mut converged = false;
            for _ in 0..4 {
                // The dead process's lease lapses first, and a lapsed lease outlasts the lag.
                tokio::time::sleep(Duration::from_secs(lag).mul_f64(SLOW)).await;
                let fresh = Process::every(&account).paced(SLOW);
                let (plan, inventory) = fresh.plan(to).await;
                converged = plan.is_empty();
                if converged {
                    break;
                }
                told = fresh.run(&plan, inventory).await.1;
            }
            assert!(converged, "{place}: {told:#?}");
            // No duplicate, no orphan: deleting what is owned leaves nothing at all.
            Process::every(&account).apply(&[]).await;
            assert_eq!(left(&account), std::collections::BTreeMap::new(), "{place}");
        }
        let verb = if to.is_empty() { "destroy" } else { "apply" };
        println!("{verb} at the wire, {side:?}, lag {lag} s: {boundaries} boundaries, one in {}", stride());
        assert!(boundaries > 0);
    }
}

#[tokio::test]
async fn the_shop_survives_a_death_at_a_call_of_its_apply() {
    die_both_ways(&[], &wanted(), 0).await;
}

#[tokio::test]
async fn the_shop_survives_a_death_at_a_call_of_its_apply_when_reads_lag() {
    die_both_ways(&[], &wanted(), 60).await;
}

#[tokio::test]
async fn the_shop_survives_a_death_at_a_call_of_its_destroy() {
    die_both_ways(&wanted(), &[], 0).await;
}

#[tokio::test]
async fn the_shop_survives_a_death_at_a_call_of_its_destroy_when_reads_lag() {
    die_both_ways(&wanted(), &[], 60).await;
}
