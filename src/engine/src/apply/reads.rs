//! Bundles reads: what many steps want to know of one kind at one moment is asked in one call.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use futures::channel::oneshot;

use super::Pace;
use crate::{Address, Live, Phase, Provider, Query, Result, Site};

/// How long the first reader waits for others, in cloud time: far less than any poll.
const WINDOW: Duration = Duration::from_millis(20);
/// EC2 takes at most 200 values in one filter.
const BUNDLE: usize = 200;

pub(super) struct Reads<'a> {
    provider: &'a dyn Provider,
    pace: Pace,
    queues: Mutex<BTreeMap<(Site, String), Queue>>,
}

#[derive(Default)]
struct Queue {
    waiting: Vec<(String, oneshot::Sender<Turn>)>,
    flying: bool,
}

/// What a waiting reader gets: its answer, or the task of asking for everybody.
enum Turn {
    Answer(Box<Result<Option<Live>>>),
    Lead,
}

impl<'a> Reads<'a> {
    pub(super) fn new(provider: &'a dyn Provider, pace: Pace) -> Self {
        Self { provider, pace, queues: Mutex::default() }
    }

    /// Reads one resource; `None` when it is not listed, or listed as gone.
    pub(super) async fn read(&self, address: &Address, id: &str) -> Result<Option<Live>> {
        let key = (address.site().clone(), address.kind().to_owned());
        let (mut turn, lead) = self.join(&key, id);
        if lead {
            self.lead(&key).await;
        }
        loop {
            match turn.await.expect("a leader answers everybody") {
                Turn::Answer(answer) => return *answer,
                Turn::Lead => {
                    turn = self.join(&key, id).0;
                    self.lead(&key).await;
                }
            }
        }
    }

    fn join(&self, key: &(Site, String), id: &str) -> (oneshot::Receiver<Turn>, bool) {
        let (sender, receiver) = oneshot::channel();
        let mut queues = self.queues.lock().expect("no reader panics");
        let queue = queues.entry(key.clone()).or_default();
        queue.waiting.push((id.to_owned(), sender));
        (receiver, !std::mem::replace(&mut queue.flying, true))
    }

    /// Asks once for everybody waiting, then passes the lead on to whoever came meanwhile.
    async fn lead(&self, key: &(Site, String)) {
        tokio::time::sleep(self.pace.real(WINDOW)).await;
        let waiting = {
            let mut queues = self.queues.lock().expect("no reader panics");
            let queue = queues.entry(key.clone()).or_default();
            let rest = queue.waiting.split_off(queue.waiting.len().min(BUNDLE));
            std::mem::replace(&mut queue.waiting, rest)
        };
        let mut ids: Vec<String> = waiting.iter().map(|(id, _)| id.clone()).collect();
        ids.sort();
        ids.dedup();
        let found = self.provider.find(&key.0, &key.1, Query::Ids(&ids)).await;
        for (id, reader) in waiting {
            let answer = found
                .as_ref()
                .map_err(Clone::clone)
                .map(|found| found.iter().find(|live| live.id == id && live.phase != Phase::Gone).cloned());
            // A reader that went away needs no answer.
            let _ = reader.send(Turn::Answer(Box::new(answer)));
        }
        let mut queues = self.queues.lock().expect("no reader panics");
        let queue = queues.entry(key.clone()).or_default();
        queue.flying = false;
        while let Some((_, next)) = (!queue.waiting.is_empty()).then(|| queue.waiting.remove(0)) {
            if next.send(Turn::Lead).is_ok() {
                queue.flying = true;
                break;
            }
        }
    }
}
