//! Rate limits: how often somebody may try. Kept in memory by each node, so several nodes allow several times as much.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, DefaultKeyedRateLimiter, Quota};

use crate::config::Config;
use crate::error::{Error, Result};
use crate::id::Id;

/// All limits.
pub(crate) struct Limits {
    login: DefaultKeyedRateLimiter<String>,
    sign_up: DefaultKeyedRateLimiter<String>,
    bid: DefaultKeyedRateLimiter<Id>,
    chat: DefaultKeyedRateLimiter<Id>,
    order: DefaultKeyedRateLimiter<Id>,
    callback: DefaultDirectRateLimiter,
    place: DefaultKeyedRateLimiter<String>,
}

/// A burst, refilled one by one over a time.
fn quota(burst: u32, within: Duration, scale: u32) -> Quota {
    let burst = NonZeroU32::new(burst.saturating_mul(scale)).unwrap_or(NonZeroU32::MIN);
    Quota::with_period(within / burst.get())
        .map(|quota| quota.allow_burst(burst))
        .unwrap_or_else(|| Quota::per_second(burst))
}

impl Limits {
    /// The limits, multiplied for load tests by the configuration's factor.
    pub(crate) fn new(config: &Config) -> Self {
        let scale = config.limit_factor.max(1);
        let quota = |burst, seconds| quota(burst, Duration::from_secs(seconds), scale);
        Limits {
            login: DefaultKeyedRateLimiter::keyed(quota(10, 300)),
            sign_up: DefaultKeyedRateLimiter::keyed(quota(20, 3600)),
            bid: DefaultKeyedRateLimiter::keyed(quota(20, 10)),
            chat: DefaultKeyedRateLimiter::keyed(quota(10, 10)),
            order: DefaultKeyedRateLimiter::keyed(quota(60, 60)),
            callback: DefaultDirectRateLimiter::direct(quota(600, 10)),
            place: DefaultKeyedRateLimiter::keyed(quota(60, 300)),
        }
    }

    fn verdict(result: Result<(), governor::NotUntil<<DefaultClock as Clock>::Instant>>) -> Result<()> {
        result.map_err(|until| Error::TooMany(until.wait_time_from(DefaultClock::default().now()).as_secs().max(1)))
    }

    /// Log-ins for one address from one place, and from one place for all addresses.
    pub(crate) fn login(&self, email: &str, place: &str) -> Result<()> {
        Self::verdict(self.login.check_key(&format!("{place} {}", email.to_lowercase())))?;
        Self::verdict(self.place.check_key(&place.to_owned()))
    }

    /// Accounts made from one place.
    pub(crate) fn sign_up(&self, place: &str) -> Result<()> {
        Self::verdict(self.sign_up.check_key(&place.to_owned()))
    }

    /// Bids of one person.
    pub(crate) fn bid(&self, person: Id) -> Result<()> {
        Self::verdict(self.bid.check_key(&person))
    }

    /// Messages of one person.
    pub(crate) fn chat(&self, person: Id) -> Result<()> {
        Self::verdict(self.chat.check_key(&person))
    }

    /// Orders of one person.
    pub(crate) fn order(&self, person: Id) -> Result<()> {
        Self::verdict(self.order.check_key(&person))
    }

    /// Calls of the media server: guessing keys must be slow.
    pub(crate) fn callback(&self) -> Result<()> {
        Self::verdict(self.callback.check())
    }

    /// Forgets who has not tried for a while.
    pub(crate) fn sweep(&self) {
        self.login.retain_recent();
        self.sign_up.retain_recent();
        self.place.retain_recent();
        self.bid.retain_recent();
        self.chat.retain_recent();
        self.order.retain_recent();
    }
}
