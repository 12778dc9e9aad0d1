//! How regularly an encoder's pictures come.
//!
//! Decides whether the length of the newest picture can be told before the next one is there, so that a part need not wait for it.
//! Says nothing while pictures come unevenly, and nothing where a keyframe may follow: that one begins a segment and must be seen.

use crate::hls::TICKS;

/// Pictures that must have come evenly.
const EVENLY: u32 = 12;
/// Steps differ by so much and are still even, because RTMP rounds to milliseconds: 2 ms.
const ROUNDING: u64 = TICKS / 500;

/// What was seen of the steps between pictures.
#[derive(Debug, Default)]
pub(crate) struct Cadence {
    /// The mean step, in 256ths of a tick.
    mean: u64,
    even: u32,
    since_key: u32,
    /// Pictures from one keyframe to the next; the shortest seen lately.
    interval: Option<u32>,
}

impl Cadence {
    /// A picture came, so many ticks after the one before.
    pub(crate) fn saw(&mut self, step: u64, key: bool) {
        let step = step.min(TICKS) << 8;
        if self.even == 0 {
            self.mean = step;
        }
        if step.abs_diff(self.mean) <= ROUNDING << 8 {
            self.even += 1;
            let count = u64::from(self.even.min(64));
            self.mean = (self.mean * (count - 1) + step) / count;
        } else {
            self.even = 0;
        }
        self.since_key = self.since_key.saturating_add(1);
        if key {
            self.interval = Some(self.since_key);
            self.since_key = 0;
        }
    }

    /// How long the newest picture lasts, in ticks, if that is sure enough and no keyframe is due.
    pub(crate) fn next(&self) -> Option<u64> {
        let ordinary = self.interval.is_some_and(|interval| self.since_key + 1 < interval);
        (self.even >= EVENLY && ordinary).then_some((self.mean + 128) >> 8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Shows pictures of a rate, times rounded to milliseconds, and a keyframe each second.
    fn watch(cadence: &mut Cadence, rate: f64, pictures: std::ops::Range<u64>) -> Vec<Option<u64>> {
        let time = |number: u64| (number as f64 * 1000.0 / rate).round() as u64 * 90;
        let show = |number: u64| {
            cadence.saw(time(number) - time(number.saturating_sub(1)), number.is_multiple_of(rate as u64));
            cadence.next()
        };
        pictures.map(show).collect()
    }

    #[test]
    fn even_pictures_are_foretold_except_where_a_keyframe_is_due() {
        for rate in [15.0, 25.0, 30.0, 60.0] {
            let said = watch(&mut Cadence::default(), rate, 0..(rate * 4.0) as u64);
            for (number, step) in said.iter().enumerate().skip(rate as usize * 2) {
                match (number + 1) % rate as usize {
                    0 => assert_eq!(*step, None, "{rate}: {number}"),
                    _ => assert!(step.unwrap().abs_diff((90_000.0 / rate) as u64) <= 30, "{rate}: {step:?}"),
                }
            }
        }
    }

    #[test]
    fn uneven_pictures_are_waited_for() {
        let mut cadence = Cadence::default();
        watch(&mut cadence, 30.0, 0..61);
        cadence.saw(9000, false);
        assert_eq!(cadence.next(), None);
        let said = watch(&mut cadence, 30.0, 61..80);
        assert!(said[..11].iter().all(Option::is_none) && said[18].is_some(), "{said:?}");
    }

    #[test]
    fn nothing_is_foretold_before_the_first_interval_is_known() {
        let mut cadence = Cadence::default();
        let said: Vec<_> = (0..100).map(|number| (cadence.saw(3000, number == 0), cadence.next()).1).collect();
        assert!(said.iter().all(Option::is_none));
    }
}
