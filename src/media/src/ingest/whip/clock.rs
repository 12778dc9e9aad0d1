//! RTP times of a picture and a sound track on one line of milliseconds.
//!
//! Decides how the two belong together: by sender reports (RFC 3550, 6.4.1) where both tracks have one, by arrival until then. Sound
//! stands, the picture follows it a little at a time, so that nothing jumps. Pictures that are stamped a little unevenly, as browsers
//! and cameras do, are put at even distances, because parts of low-latency HLS must have even lengths (RFC 8216bis, 4.4.4.9). Times
//! are computed from the beginning and rounded once, so rounding never adds up. Refuses to know of codecs.

/// A picture may be moved against the sound by this part of the time that passes: 5 %, which nobody sees.
const SLEW: i64 = 20;
/// Differences up to this are left alone, in microseconds: reports themselves are not more exact.
const EXACT: i64 = 5_000;
/// Reports that disagree with arrival by more than this are not believed, in microseconds.
const BELIEVABLE: i64 = 5_000_000;
/// A track whose RTP time departs from the wall by more than this between two frames has started its clock afresh.
const RESTART: i64 = 10_000_000;

/// A picture is moved to its even place if it is not farther from it than this, in microseconds: sound that far off is not noticed.
const UNEVEN: i64 = 12_000;
/// Pictures nearer together or farther apart than this have no even places.
const STEPS: std::ops::RangeInclusive<i64> = 4_000..=200_000;

/// Which track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Track {
    Video,
    Audio,
}

/// When a frame was made, as told and as seen.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stamp {
    /// RTP time without wraps.
    pub(super) rtp: u64,
    /// RTP ticks a second.
    pub(super) rate: u32,
    /// Microseconds since the connection began.
    pub(super) arrived: i64,
    /// The newest sender report: NTP time in microseconds, and the low bits of the RTP time then.
    pub(super) report: Option<(i64, u32)>,
}

#[derive(Debug, Default)]
struct Side {
    /// Line minus RTP time, in microseconds.
    offset: Option<i64>,
    /// The sender's wall clock minus RTP time.
    wall: Option<i64>,
    last: (i64, i64),
}

/// The line.
#[derive(Debug, Default)]
pub(super) struct Clock {
    sides: [Side; 2],
    even: Option<Even>,
}

/// Even distances: the last place, how far away the next one should be, and how many pictures say so.
#[derive(Debug, Clone, Copy)]
struct Even {
    told: i64,
    given: i64,
    step: Option<i64>,
    seen: i64,
}

impl Even {
    fn starting(told: i64) -> Even {
        Even { told, given: told, step: None, seen: 0 }
    }

    /// The place of the picture told after this one: that of the next even place, or of a later one where pictures were left out.
    fn next(self, told: i64) -> Even {
        let afresh = Some(told - self.told).filter(|step| STEPS.contains(step));
        let afresh = Even { step: afresh, ..Even::starting(told) };
        let Some(step) = self.step else { return afresh };
        let count = ((told - self.given + step / 2) / step).max(1);
        let error = told - (self.given + count * step);
        if error.abs() > UNEVEN || !STEPS.contains(&(count * step)) {
            return afresh;
        }
        // A damped loop: the place follows what is told, the distance follows more slowly, and both settle while little was seen.
        let seen = (self.seen + 1).min(32);
        let given = self.given + count * step + error / if seen < 8 { 2 } else { 6 };
        let step = Some(step + error / (count * (1 + seen))).filter(|step| STEPS.contains(step));
        Even { told, given, step, seen }
    }
}

impl Clock {
    /// A frame's place in milliseconds, as `ingest::Frame` has it.
    pub(super) fn place(&mut self, track: Track, stamp: Stamp) -> u32 {
        let rate = i128::from(stamp.rate.max(1));
        let micros = |ticks: i128| (ticks * 1_000_000).div_euclid(rate) as i64;
        let time = micros(i128::from(stamp.rtp));
        let side = &mut self.sides[track as usize];
        if let Some((wall, rtp)) = stamp.report {
            let since = (stamp.rtp as u32).wrapping_sub(rtp) as i32;
            side.wall = Some(wall - time + micros(i128::from(since)));
        }
        let (passed, waited) = (time - side.last.0, stamp.arrived - side.last.1);
        if (passed - waited).abs() > RESTART {
            side.offset = None;
        }
        side.last = (time, stamp.arrived);
        let by_arrival = stamp.arrived - time;
        let aim = self.aim(track).filter(|aim| (aim - by_arrival).abs() < BELIEVABLE);
        let offset = match (self.sides[track as usize].offset, aim) {
            (None, aim) => aim.unwrap_or(by_arrival),
            (Some(offset), Some(aim)) if track == Track::Video && (aim - offset).abs() > EXACT => {
                let most = (passed / SLEW).max(0);
                offset + (aim - offset).clamp(-most, most)
            }
            (Some(offset), _) => offset,
        };
        self.sides[track as usize].offset = Some(offset);
        let mut place = time + offset;
        if track == Track::Video {
            let even = self.even.map_or(Even::starting(place), |even| even.next(place));
            (place, self.even) = (even.given, Some(even));
        }
        (place + 500).div_euclid(1000) as u32
    }

    /// The offset at which this track is in time with the other one.
    fn aim(&self, track: Track) -> Option<i64> {
        let (own, other) = (&self.sides[track as usize], &self.sides[1 - track as usize]);
        Some(own.wall? - other.wall? + other.offset?)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stamp(rtp: u64, rate: u32, arrived: i64, report: Option<(i64, u32)>) -> Stamp {
        Stamp { rtp, rate, arrived, report }
    }

    #[test]
    fn rounding_does_not_add_up() {
        let mut clock = Clock::default();
        // Thirty pictures a second have 3000 ticks, and 33.3 ms: an hour of them.
        let hour = 30 * 3600;
        let last =
            (0..=hour).map(|n| clock.place(Track::Video, stamp(n * 3000, 90_000, n as i64 * 33_333, None))).last();
        assert_eq!(last, Some(3_600_000));
    }

    #[test]
    fn reports_put_tracks_together_however_they_arrive() {
        let mut clock = Clock::default();
        // Both were made at 7 s of the sender's wall; the picture arrives 80 ms after the sound.
        let sound = clock.place(Track::Audio, stamp(48_000, 48_000, 1_000_000, Some((7_000_000, 48_000))));
        let picture = clock.place(Track::Video, stamp(1 << 33, 90_000, 1_080_000, Some((7_000_000, 0))));
        assert_eq!((sound, picture), (1000, 1000));
    }

    #[test]
    fn a_late_report_moves_the_picture_little_by_little() {
        let mut clock = Clock::default();
        let mut times = vec![];
        for n in 0..200i64 {
            // Pictures take 60 ms longer to arrive; reports come after two seconds.
            let report = (n > 60).then_some((5_000_000, 0));
            clock.place(Track::Audio, stamp(n as u64 * 1600, 48_000, n * 33_333, report));
            times.push(clock.place(Track::Video, stamp(n as u64 * 3000, 90_000, n * 33_333 + 60_000, report)));
        }
        assert_eq!(times[0], 60);
        let steps: Vec<i64> = times.windows(2).map(|pair| i64::from(pair[1]) - i64::from(pair[0])).collect();
        assert!(steps.iter().all(|step| (31..=34).contains(step)), "{steps:?}");
        let end = (i64::from(times[199]) - 199 * 100 / 3).abs();
        assert!(end <= EXACT / 1000 + 1, "{end} ms apart");
    }

    #[test]
    fn uneven_pictures_are_put_at_even_distances() {
        let mut clock = Clock::default();
        // Thirty a second, stamped up to 8 ms too late, and one left out.
        let told = |n: i64| n * 33_333 + [0, 5, 2, 8, 1, 6][n as usize % 6] * 1000;
        let mut places = vec![];
        for n in (0..300i64).filter(|n| *n != 200) {
            let rtp = (told(n) * 9 / 100) as u64;
            places.push((n, i64::from(clock.place(Track::Video, stamp(rtp, 90_000, told(n), None)))));
        }
        for (n, place) in &places {
            assert!((place * 1000 - told(*n)).abs() <= UNEVEN, "picture {n} at {place}");
        }
        let steps = places.windows(2).filter(|pair| pair[0].0 > 20 && !(195..230).contains(&pair[0].0));
        let steps: Vec<i64> = steps.map(|pair| pair[1].1 - pair[0].1).collect();
        assert!(steps.iter().all(|step| (31..=36).contains(step)), "{steps:?}");
    }

    #[test]
    fn absurd_reports_and_restarts_are_survived() {
        let mut clock = Clock::default();
        clock.place(Track::Audio, stamp(0, 48_000, 0, Some((0, 0))));
        assert_eq!(clock.place(Track::Video, stamp(0, 90_000, 20_000, Some((3_600_000_000, 0)))), 20);
        assert_eq!(clock.place(Track::Video, stamp(1 << 40, 90_000, 53_000, None)), 53);
    }

    proptest! {
        #[test]
        fn any_times_have_a_place(stamps in prop::collection::vec((any::<bool>(), any::<u32>(), any::<u32>(), any::<Option<(u32, u32)>>()), 1..100)) {
            let mut clock = Clock::default();
            for (sound, rtp, arrived, report) in stamps {
                let report = report.map(|(wall, rtp)| (i64::from(wall) << 20, rtp));
                let (track, rate) = if sound { (Track::Audio, 48_000) } else { (Track::Video, 90_000) };
                clock.place(track, stamp(u64::from(rtp), rate, i64::from(arrived), report));
            }
        }

        #[test]
        fn pictures_stay_near_their_times(steps in prop::collection::vec(1i64..250, 1..200)) {
            let mut clock = Clock::default();
            let mut now = 0;
            for step in steps {
                now += step * 1000;
                let place = clock.place(Track::Video, stamp(now as u64 * 9 / 100, 90_000, now, None));
                prop_assert!((i64::from(place) * 1000 - now).abs() <= UNEVEN + 1000);
            }
        }
    }
}
