//! Times of a transport stream: 33 bits of a 90 kHz clock.
//!
//! Decides what a time means after the clock has wrapped (every 26.5 hours). Both tracks share one clock, so that they wrap together;
//! milliseconds are rounded from the whole count and cannot drift.

/// Ticks in a millisecond.
const MILLISECOND: i64 = 90;
/// Where the clock wraps (ISO/IEC 13818-1, 2.4.3.7).
const WRAP: i64 = 1 << 33;

/// The clock of a program.
#[derive(Debug, Default)]
pub(super) struct Clock {
    last: Option<i64>,
}

impl Clock {
    /// A time with wraps undone, in ticks.
    pub(super) fn place(&mut self, time: u64) -> i64 {
        let place = self.last.map_or(time as i64, |last| last + apart(time, last));
        self.last = Some(place);
        place
    }
}

/// How far a time as sent lies after a place; before it when negative.
pub(super) fn apart(time: u64, place: i64) -> i64 {
    let ahead = (time as i64 - place).rem_euclid(WRAP);
    if ahead < WRAP / 2 { ahead } else { ahead - WRAP }
}

/// Ticks to milliseconds.
pub(super) fn milliseconds(ticks: i64) -> i64 {
    (ticks + MILLISECOND / 2).div_euclid(MILLISECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wraps_are_undone_for_both_tracks() {
        let mut clock = Clock::default();
        let end = (1u64 << 33) - 3000;
        let places = [end, end + 1500, 0, (1 << 33) - 100, 3000].map(|time| clock.place(time));
        assert_eq!(places.map(|place| place - end as i64), [0, 1500, 3000, 2900, 6000]);
    }

    #[test]
    fn a_day_of_pictures_does_not_drift() {
        let mut clock = Clock::default();
        // 29.97 a second: 3003 ticks each.
        for picture in 0..2_600_000i64 {
            let place = clock.place((picture * 3003).rem_euclid(WRAP) as u64);
            assert_eq!(milliseconds(place), (picture * 3003 + 45) / 90);
        }
    }
}
