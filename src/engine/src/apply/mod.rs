//! Walks a plan against a provider and tells what happens as it happens.
//!
//! `schedule` decides what may start, `run` carries one step out, `settle` waits for the cloud, `reads` bundles what
//! many steps want to read at once. A failed step skips its followers and the rest goes on. Nothing that happens here
//! has to be remembered: another process that plans again finds what was made.

mod event;
mod pace;
mod reads;
mod run;
mod settle;

use std::sync::Mutex;
use std::time::Instant;

use futures::StreamExt;
use futures::stream::FuturesUnordered;

pub use event::{Action, Event, Tally};
pub use pace::Pace;

use crate::schedule::Schedule;
use crate::{Inventory, Owner, Plan, Provider};

/// What an apply needs besides the plan and the inventory.
pub struct Job<'a> {
    /// Whose resources these are.
    pub owner: &'a Owner,
    /// Where they live.
    pub provider: &'a dyn Provider,
    /// How patient to be.
    pub pace: Pace,
    /// How many steps may run at once.
    pub width: usize,
    /// Whether to start nothing more and finish what is in flight.
    pub stop: &'a (dyn Fn() -> bool + Sync),
    /// Whether the lease still allows writing; asked before every write.
    pub fence: &'a (dyn Fn() -> bool + Sync),
}

/// How it went.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What is live now, as far as the apply saw it.
    pub inventory: Inventory,
    /// Steps by how they ended.
    pub tally: Tally,
}

/// Carries a plan out.
pub async fn apply(plan: &Plan, inventory: Inventory, job: &Job<'_>, tell: impl FnMut(Event) + Send) -> Outcome {
    let inventory = Mutex::new(inventory.seen_by(plan));
    let tell = Mutex::new(tell);
    let say = |event: Event| (tell.lock().expect("no listener panics"))(event);
    let reads = reads::Reads::new(job.provider, job.pace);
    let runner = run::Runner { job, inventory: &inventory, reads: &reads, say: &say };
    let mut schedule = Schedule::new(plan);
    let mut tally = Tally::default();
    let mut running = FuturesUnordered::new();
    say(Event::begin(plan));
    loop {
        while running.len() < job.width && !(job.stop)() {
            let Some(index) = schedule.start() else { break };
            let step = &plan.steps[index];
            say(Event::started(index, step));
            let runner = &runner;
            running.push(async move {
                let start = Instant::now();
                (index, runner.run(index, step).await, start.elapsed())
            });
        }
        let Some((index, result, elapsed)) = running.next().await else { break };
        let step = &plan.steps[index];
        match result {
            Ok(()) => {
                tally.done += 1;
                schedule.finish(index);
                say(Event::Finished { step: index, address: step.address.clone(), elapsed });
            }
            Err(error) => {
                tally.failed += 1;
                say(Event::failed(index, step, &error, elapsed));
                for skipped in schedule.fail(index) {
                    tally.skipped += 1;
                    let address = plan.steps[skipped].address.clone();
                    say(Event::Skipped { step: skipped, address, because: step.address.clone() });
                }
            }
        }
    }
    tally.unstarted = schedule.unstarted();
    say(Event::End { tally });
    drop(running);
    Outcome { inventory: inventory.into_inner().expect("no step panics"), tally }
}
