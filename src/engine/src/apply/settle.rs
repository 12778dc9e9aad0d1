//! Waits for the cloud: the one waiter, for every kind.

use std::time::{Duration, Instant};

use super::Pace;
use super::reads::Reads;
use crate::{Address, Error, Live, Phase, Result};

/// Waits until a resource is usable, and returns it; `None` when it turns out to be gone or going.
///
/// One that is not listed yet is waited for until the lag window has passed.
pub(super) async fn ready(
    reads: &Reads<'_>,
    pace: Pace,
    address: &Address,
    id: &str,
    expected: Duration,
) -> Result<Option<Live>> {
    let mut wait = Wait::new(pace, expected);
    loop {
        // Taken before the call: an answer is as old as its question, however long this process was kept waiting.
        let asked = wait.start.elapsed();
        match reads.read(address, id).await {
            Ok(Some(live)) => match live.phase {
                Phase::Ready => return Ok(Some(live)),
                Phase::Pending => {}
                Phase::Deleting | Phase::Gone => return Ok(None),
                Phase::Failed(reason) => return Err(Error::Invalid(format!("`{id}` failed: {reason}"))),
            },
            Ok(None) | Err(Error::NotFound) if asked < pace.lag_window() => {}
            Ok(None) | Err(Error::NotFound) => return Ok(None),
            Err(error) => wait.tolerate(error)?,
        }
        wait.pause(|| format!("`{id}` is not ready")).await?;
    }
}

/// Waits until a resource is gone.
pub(super) async fn gone(reads: &Reads<'_>, pace: Pace, address: &Address, id: &str, expected: Duration) -> Result<()> {
    let mut wait = Wait::new(pace, expected);
    loop {
        match reads.read(address, id).await {
            Ok(None) | Err(Error::NotFound) => return Ok(()),
            Ok(Some(_)) => {}
            Err(error) => wait.tolerate(error)?,
        }
        wait.pause(|| format!("`{id}` is still listed")).await?;
    }
}

/// How often a poll may fail in a row before the wait does.
const PATIENCE: u32 = 20;

struct Wait {
    pace: Pace,
    expected: Duration,
    start: Instant,
    attempt: u32,
    failures: u32,
}

impl Wait {
    fn new(pace: Pace, expected: Duration) -> Self {
        Self { pace, expected, start: Instant::now(), attempt: 0, failures: 0 }
    }

    /// Lets a poll fail that may succeed later.
    fn tolerate(&mut self, error: Error) -> Result<()> {
        self.failures += 1;
        match error {
            Error::Busy(_) | Error::Throttled(_) | Error::Lost { .. } if self.failures < PATIENCE => Ok(()),
            error => Err(error),
        }
    }

    async fn pause(&mut self, complaint: impl FnOnce() -> String) -> Result<()> {
        let waited = self.start.elapsed();
        if waited > self.pace.limit(self.expected).max(Duration::from_secs(1)) {
            return Err(Error::Busy(format!("{} after {} s", complaint(), waited.as_secs())));
        }
        tokio::time::sleep(self.pace.poll(self.attempt, self.expected)).await;
        self.attempt += 1;
        Ok(())
    }
}
