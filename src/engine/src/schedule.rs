//! Decides which steps may run; does no work itself.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};
use std::time::Duration;

use crate::Plan;

/// What may start now: steps whose predecessors have finished, the one with the longest chain after it first.
#[derive(Debug)]
pub struct Schedule {
    /// Predecessors that have not finished.
    waiting: Vec<BTreeSet<usize>>,
    followers: Vec<Vec<usize>>,
    remaining: Vec<Duration>,
    ready: BinaryHeap<(Duration, Reverse<usize>)>,
    state: Vec<State>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Waiting,
    Started,
    Finished,
    Skipped,
}

impl Schedule {
    /// Nothing started yet.
    pub fn new(plan: &Plan) -> Self {
        let mut followers = vec![Vec::new(); plan.steps.len()];
        for (index, step) in plan.steps.iter().enumerate() {
            for &first in &step.after {
                followers[first].push(index);
            }
        }
        let remaining = plan.remaining();
        let waiting: Vec<BTreeSet<usize>> = plan.steps.iter().map(|step| step.after.clone()).collect();
        let free = (0..waiting.len()).filter(|&step| waiting[step].is_empty());
        let ready = free.map(|step| (remaining[step], Reverse(step))).collect();
        Self { state: vec![State::Waiting; waiting.len()], waiting, followers, remaining, ready }
    }

    /// Starts the most urgent step that may run.
    pub fn start(&mut self) -> Option<usize> {
        let (_, Reverse(step)) = self.ready.pop()?;
        self.state[step] = State::Started;
        Some(step)
    }

    /// Tells that a step is done: its followers may run.
    pub fn finish(&mut self, step: usize) {
        self.state[step] = State::Finished;
        for &next in &self.followers[step] {
            self.waiting[next].remove(&step);
            if self.waiting[next].is_empty() && self.state[next] == State::Waiting {
                self.ready.push((self.remaining[next], Reverse(next)));
            }
        }
    }

    /// Tells that a step failed: skips every step that follows it, directly or not, and returns them.
    pub fn fail(&mut self, step: usize) -> Vec<usize> {
        self.state[step] = State::Finished;
        let mut skipped = Vec::new();
        let mut frontier = vec![step];
        while let Some(cause) = frontier.pop() {
            for &next in &self.followers[cause] {
                if self.state[next] == State::Waiting {
                    self.state[next] = State::Skipped;
                    skipped.push(next);
                    frontier.push(next);
                }
            }
        }
        skipped
    }

    /// Steps that were neither started nor skipped.
    pub fn unstarted(&self) -> usize {
        self.state.iter().filter(|&&state| state == State::Waiting).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Operation, Step};

    fn plan(steps: &[(u64, &[usize])]) -> Plan {
        let step = |(seconds, after): &(u64, &[usize])| Step {
            change: 0,
            address: "a/b".parse().unwrap(),
            operation: Operation::Wait { id: String::new() },
            after: after.iter().copied().collect(),
            expected: Duration::from_secs(*seconds),
        };
        Plan { steps: steps.iter().map(step).collect(), ..Plan::default() }
    }

    #[test]
    fn the_longest_chain_starts_first() {
        // 0 (1 s) ─ 2 (100 s); 1 (50 s) alone.
        let plan = plan(&[(1, &[]), (50, &[]), (100, &[0])]);
        assert_eq!(plan.estimate(), Duration::from_secs(101));
        let mut schedule = Schedule::new(&plan);
        assert_eq!((schedule.start(), schedule.start(), schedule.start()), (Some(0), Some(1), None));
        schedule.finish(0);
        assert_eq!(schedule.start(), Some(2));
    }

    #[test]
    fn a_failure_skips_its_followers_and_the_rest_goes_on() {
        let plan = plan(&[(1, &[]), (1, &[0]), (1, &[1]), (1, &[]), (1, &[3])]);
        let mut schedule = Schedule::new(&plan);
        assert_eq!((schedule.start(), schedule.start()), (Some(0), Some(3)));
        assert_eq!(schedule.fail(0), [1, 2]);
        schedule.finish(3);
        assert_eq!((schedule.start(), schedule.start()), (Some(4), None));
        assert_eq!(schedule.unstarted(), 0);
    }
}
