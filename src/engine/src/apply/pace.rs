//! How patient an apply is: every duration it waits for is decided here.

use std::time::Duration;

/// How many real seconds one second of the cloud takes: 1 on AWS, less on a simulated or test cloud.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace {
    /// Real seconds per cloud second.
    pub scale: f64,
    /// How long, in cloud seconds, AWS may take to list what it accepted. EC2's advice is to expect minutes at worst;
    /// a minute covers what was observed
    /// (<https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html>).
    pub lag: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self { scale: 1.0, lag: Duration::from_secs(60) }
    }
}

impl Pace {
    /// A cloud duration in real time.
    pub fn real(&self, cloud: Duration) -> Duration {
        cloud.mul_f64(self.scale)
    }

    /// How long what was accepted may be missing from listings before it counts as gone: the lag and half as long again,
    /// because what is taken for gone is made a second time.
    pub(super) fn lag_window(&self) -> Duration {
        self.real(self.lag.mul_f64(1.5))
    }

    /// The pause before poll number `attempt`, the first being 0: quick at first, then in proportion to how long the
    /// cloud usually takes, so that at most some three per cent of the time is lost to sleeping too long.
    pub(super) fn poll(&self, attempt: u32, expected: Duration) -> Duration {
        let steady = (expected / 40).clamp(Duration::from_millis(500), Duration::from_secs(10));
        let quick = Duration::from_millis(200) * 2_u32.saturating_pow(attempt.min(8));
        self.real(quick.min(steady))
    }

    /// The pause before repeating a refused call, the first being 0.
    pub(super) fn retry(&self, attempt: u32) -> Duration {
        let pause = Duration::from_millis(500) * 2_u32.saturating_pow(attempt.min(5));
        self.real(pause.min(Duration::from_secs(10)))
    }

    /// How long to wait for a resource before giving up.
    pub(super) fn limit(&self, expected: Duration) -> Duration {
        self.real((expected * 6).max(Duration::from_secs(15 * 60)))
    }
}
