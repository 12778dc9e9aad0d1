//! Carries one step out, and makes sure that it took.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::reads::Reads;
use super::{Event, Job, settle};
use crate::plan::{Desired, Operation, Step, differences, tag_differences};
use crate::spec::hex_digest;
use crate::{
    Address, Changed, Error, FieldChange, Inventory, KindInfo, Labels, Live, Phase, Query, ReplaceOrder, Result,
};

/// How many times a create may come back with a resource that an earlier one made and that has been deleted since.
const GENERATIONS: u32 = 16;
/// How often a create whose answer was lost is tried.
const LOST: u32 = 4;
/// How often a throttled call is repeated on top of the SDK's own tries.
const THROTTLED: u32 = 12;

pub(super) struct Runner<'a> {
    pub(super) job: &'a Job<'a>,
    pub(super) inventory: &'a Mutex<Inventory>,
    pub(super) reads: &'a Reads<'a>,
    pub(super) say: &'a (dyn Fn(Event) + Sync),
}

impl Runner<'_> {
    pub(super) async fn run(&self, index: usize, step: &Step) -> Result<()> {
        let run = Run { runner: self, index, step, kind: self.kind(&step.address)? };
        match &step.operation {
            Operation::Create { desired } => run.create(desired).await,
            Operation::Update { id, desired, renamed } => run.update(id, desired, *renamed).await,
            Operation::Delete { id, going } => run.delete(id, *going).await,
            Operation::Wait { id } => run.wait(id).await,
        }
    }

    fn kind(&self, address: &Address) -> Result<&KindInfo> {
        let found = self.job.provider.kinds().iter().find(|kind| kind.name == address.kind());
        found.ok_or_else(|| Error::Invalid(format!("unknown kind `{}`", address.kind())))
    }

    fn inventory<T>(&self, look: impl FnOnce(&mut Inventory) -> T) -> T {
        look(&mut self.inventory.lock().expect("no step panics"))
    }
}

/// One step under way.
struct Run<'a> {
    runner: &'a Runner<'a>,
    index: usize,
    step: &'a Step,
    kind: &'a KindInfo,
}

impl Run<'_> {
    async fn create(&self, desired: &Desired) -> Result<()> {
        let properties = self.resolved(desired)?;
        for generation in 0..GENERATIONS {
            let labels = self.labels(desired, &properties, generation);
            // What an earlier token made and is alive was discovered: only one that is gone can have spent it.
            let id = match self.make(&properties, &labels).await {
                Err(Error::Spent { .. }) => continue,
                made => made?,
            };
            // A client token outlives the resource it made: the next generation has a token of its own.
            if let Some(live) = self.ready(&id, self.step.expected).await? {
                return self.converge(live, desired, false).await;
            }
        }
        Err(Error::Busy(format!("{GENERATIONS} creates in a row returned what was deleted before")))
    }

    async fn update(&self, id: &str, desired: &Desired, renamed: bool) -> Result<()> {
        let known = self.runner.inventory(|inventory| inventory.get(&self.step.address).cloned());
        let live = match known.filter(|live| live.id == id && live.phase == Phase::Ready) {
            Some(live) => live,
            None => self.ready(id, self.step.expected).await?.ok_or(Error::NotFound)?,
        };
        self.converge(live, desired, renamed).await
    }

    async fn delete(&self, id: &str, going: bool) -> Result<()> {
        let job = self.runner.job;
        if !going {
            match self.patiently(Duration::ZERO, async || job.provider.delete(&self.step.address, id).await).await {
                Ok(()) | Err(Error::NotFound) => {}
                Err(error) => return Err(error),
            }
        }
        settle::gone(self.runner.reads, job.pace, &self.step.address, id, self.step.expected).await?;
        self.runner.inventory(|inventory| inventory.remove(&self.step.address, id));
        Ok(())
    }

    async fn wait(&self, id: &str) -> Result<()> {
        let live = self.ready(id, self.step.expected).await?.ok_or(Error::NotFound)?;
        self.runner.inventory(|inventory| inventory.insert(live));
        Ok(())
    }

    async fn ready(&self, id: &str, expected: Duration) -> Result<Option<Live>> {
        let Runner { job, reads, .. } = self.runner;
        settle::ready(reads, job.pace, &self.step.address, id, expected).await
    }

    /// Changes what is not as wanted until the cloud shows what is.
    ///
    /// What a create that was cut short left out, and what a taken-over resource has otherwise, is made up for here. A
    /// cloud may show old values for a while after an update it accepted, so a difference only counts as one that did
    /// not take when the lag window has passed.
    async fn converge(&self, mut live: Live, desired: &Desired, renamed: bool) -> Result<()> {
        let Runner { job, .. } = self.runner;
        let address = &self.step.address;
        let left = self.left(desired, &live);
        let due: BTreeSet<String> = left.iter().map(|change| change.property().to_owned()).collect();
        if let Some(fixed) = due.iter().find(|name| self.kind.fixed.contains(&name.as_str())) {
            return Err(Error::Invalid(format!("`{}` exists with another `{fixed}`, which cannot change", live.id)));
        }
        let relabel = renamed
            || live.address != *address
            || live.spec != desired.spec
            || !tag_differences(&desired.tags, &live).is_empty();
        if due.is_empty() && !relabel {
            return self.keep(live);
        }
        let properties = self.resolved(desired)?;
        if !due.is_empty() {
            let changed = Changed(due);
            let update = async || job.provider.update(address, &live.id, &properties, &changed).await;
            self.patiently(job.pace.lag_window(), update).await?;
        }
        if relabel {
            let labels = self.labels(desired, &properties, 0);
            self.patiently(job.pace.lag_window(), async || job.provider.label(&live.id, &labels).await).await?;
        }
        let start = Instant::now();
        let mut attempt = 0;
        loop {
            let asked = start.elapsed();
            live = self.ready(&live.id, self.kind_update()).await?.ok_or(Error::NotFound)?;
            let left = self.left(desired, &live);
            let labelled = live.address == *address
                && live.spec == desired.spec
                && tag_differences(&desired.tags, &live).is_empty();
            if left.is_empty() && labelled {
                return self.keep(live);
            }
            if asked > job.pace.lag_window() {
                return Err(did_not_take(&left, &live));
            }
            tokio::time::sleep(job.pace.poll(attempt, Duration::ZERO)).await;
            attempt += 1;
        }
    }

    fn keep(&self, live: Live) -> Result<()> {
        self.runner.inventory(|inventory| inventory.insert(live));
        Ok(())
    }

    fn kind_update(&self) -> Duration {
        (self.kind.timing)().update
    }

    /// The properties a live resource does not have as wanted.
    fn left(&self, desired: &Desired, live: &Live) -> Vec<FieldChange> {
        self.runner.inventory(|inventory| differences(self.kind, &desired.properties, live, inventory))
    }

    fn resolved(&self, desired: &Desired) -> Result<Value> {
        let resolved = self.runner.inventory(|inventory| inventory.resolved(&desired.properties));
        match crate::references(&resolved).into_iter().find(|address| *address != self.step.address) {
            Some(missing) => Err(Error::Unresolved(missing)),
            None => Ok(resolved),
        }
    }

    /// Makes the resource, whatever becomes of the answers.
    async fn make(&self, properties: &Value, labels: &Labels) -> Result<String> {
        let Runner { job, .. } = self.runner;
        let mut tries = 0;
        let unseen = if self.kind.repeatable { job.pace.lag_window() } else { Duration::ZERO };
        loop {
            let made = self.patiently(unseen, async || job.provider.create(properties, labels).await).await;
            let Err(Error::Lost { operation, message }) = made else { return made };
            tries += 1;
            if tries == LOST {
                return Err(Error::Lost { operation, message });
            }
            self.tell(format!("the answer to {operation} was lost; looking whether it was carried out"));
            if !self.kind.repeatable
                && let Some(id) = self.look().await?
            {
                return Ok(id);
            }
            tokio::time::sleep(job.pace.retry(tries)).await;
        }
    }

    /// Looks for a resource of the step's address that nobody knew of, until the lag window has passed.
    async fn look(&self) -> Result<Option<String>> {
        let Runner { job, .. } = self.runner;
        let address = &self.step.address;
        let known: BTreeSet<String> =
            self.runner.inventory(|inventory| inventory.all().map(|live| live.id.clone()).collect());
        let start = Instant::now();
        let mut attempt = 0;
        loop {
            let asked = start.elapsed();
            match job.provider.find(address.site(), address.kind(), Query::Owned(job.owner)).await {
                Ok(found) => {
                    let lost = found.into_iter().find(|live| live.address == *address && !known.contains(&live.id));
                    if let Some(live) = lost {
                        return Ok(Some(live.id));
                    }
                }
                Err(Error::Lost { .. } | Error::Throttled(_) | Error::Busy(_)) => {}
                Err(error) => return Err(error),
            }
            if asked > job.pace.lag_window() {
                return Ok(None);
            }
            tokio::time::sleep(job.pace.poll(attempt, Duration::from_secs(60))).await;
            attempt += 1;
        }
    }

    /// Repeats a call for as long as the cloud says that something else has to happen first, or, for `unseen`, that
    /// something it names does not exist: what was made a moment ago may be denied for a while.
    async fn patiently<T>(&self, unseen: Duration, call: impl AsyncFn() -> Result<T>) -> Result<T> {
        let Runner { job, .. } = self.runner;
        let start = Instant::now();
        let limit = job.pace.limit(self.step.expected).max(Duration::from_secs(1));
        let mut attempt = 0;
        let mut throttled = 0;
        loop {
            if !(job.fence)() {
                return Err(Error::Busy("the lease was lost to another apply".to_owned()));
            }
            // Taken before the call: an answer is as old as its question.
            let asked = start.elapsed();
            let reason = match call().await {
                Err(Error::Busy(reason)) if start.elapsed() < limit => reason,
                Err(error @ (Error::NotFound | Error::Missing { .. })) if asked < unseen => error.to_string(),
                Err(Error::Throttled(reason)) if throttled < THROTTLED => {
                    throttled += 1;
                    reason
                }
                answer => return answer,
            };
            if attempt == 2 {
                self.tell(reason);
            }
            tokio::time::sleep(job.pace.retry(attempt)).await;
            attempt += 1;
        }
    }

    fn tell(&self, reason: String) {
        (self.runner.say)(Event::Waiting { step: self.index, address: self.step.address.clone(), reason });
    }

    fn labels(&self, desired: &Desired, resolved: &Value, generation: u32) -> Labels {
        let address = &self.step.address;
        let owner = self.runner.job.owner;
        let canonical = (self.kind.canonical)(resolved.clone()).unwrap_or_default();
        let fixed: Vec<String> =
            self.kind.fixed.iter().map(|name| canonical.get(name).unwrap_or(&Value::Null).to_string()).collect();
        let token = |generation: u32| {
            let mut parts = vec![owner.to_string(), address.to_string(), generation.to_string()];
            parts.extend(fixed.iter().cloned());
            hex_digest(&parts.iter().map(String::as_str).collect::<Vec<_>>())[..32].to_owned()
        };
        let beside = self.kind.order == ReplaceOrder::CreateFirst && !self.kind.fixed.is_empty();
        Labels {
            owner: owner.clone(),
            address: address.clone(),
            spec: desired.spec.clone(),
            tags: desired.tags.clone(),
            suffix: if beside { format!("-{}", &token(0)[..6]) } else { String::new() },
            token: token(generation),
        }
    }
}

fn did_not_take(left: &[FieldChange], live: &Live) -> Error {
    let what = match left.first() {
        Some(change) => format!("`{}` did not take: it is still {}", change.path, change.before),
        None => "its tags did not take".to_owned(),
    };
    let note = live.note.as_deref().map(|note| format!(" ({note})")).unwrap_or_default();
    Error::Invalid(what + &note)
}
