//! Decides, from a seed, what goes wrong.

use super::Settings;
use crate::spec::hex_digest;
use crate::{Error, Result};

/// The call at which a process dies, as far as the cloud can tell: every later call of it fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crash {
    /// The call's number, from 1.
    pub call: u64,
    /// Whether the cloud still carries it out.
    pub when: Moments,
}

/// A side of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moments {
    /// Before it is sent.
    BeforeSend,
    /// After it was carried out, before its answer arrives.
    AfterAccept,
}

pub(super) struct Faults {
    throttle: f64,
    lost: f64,
    crash: Option<Crash>,
    seed: u64,
    calls: u64,
    dead: bool,
}

/// What happens to one call.
pub(super) struct Verdict {
    pub(super) before: Result<()>,
    pub(super) after: Result<()>,
}

impl Faults {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            throttle: settings.throttle,
            lost: settings.lost,
            crash: settings.crash,
            seed: settings.seed,
            calls: 0,
            dead: false,
        }
    }

    pub(super) fn calls(&self) -> u64 {
        self.calls
    }

    /// Judges the next call; `write` names it when it changes the cloud.
    pub(super) fn next(&mut self, write: Option<&'static str>) -> Verdict {
        self.calls += 1;
        let operation = write.unwrap_or("Find");
        let lost = || Err(Error::Lost { operation, message: "connection reset".to_owned() });
        if self.dead {
            return Verdict { before: lost(), after: Ok(()) };
        }
        if let Some(crash) = self.crash.filter(|crash| crash.call == self.calls) {
            self.dead = true;
            return match crash.when {
                Moments::BeforeSend => Verdict { before: lost(), after: Ok(()) },
                Moments::AfterAccept => Verdict { before: Ok(()), after: lost() },
            };
        }
        if self.chance("throttle") < self.throttle {
            let throttled = Err(Error::Throttled(format!("{operation}: rate exceeded")));
            return Verdict { before: throttled, after: Ok(()) };
        }
        let unanswered = write.is_some() && self.chance("lost") < self.lost;
        Verdict { before: Ok(()), after: if unanswered { lost() } else { Ok(()) } }
    }

    /// A number between 0 and 1 that follows from the seed and the call's number.
    fn chance(&self, what: &str) -> f64 {
        let digest = hex_digest(&[what, &self.seed.to_string(), &self.calls.to_string()]);
        u32::from_str_radix(&digest[..8], 16).map_or(1.0, |number| f64::from(number) / f64::from(u32::MAX))
    }
}
