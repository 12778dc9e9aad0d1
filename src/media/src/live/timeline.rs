//! Puts a publisher's times on one line that only moves forward.
//!
//! Decides what is a jump, what is a slip and what is a gap. Times that jump (an encoder that restarts its clock, wraps at 2³² or was
//! paused) go on where the line stands; pictures and sound that jump together stay together. Refuses to know of codecs and boxes.

/// Two tracks share a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Track {
    Video,
    Audio,
}

/// A step forward larger than this is a jump, in milliseconds.
const FORWARD: i64 = 1500;
/// A step backward larger than this is a jump, in milliseconds.
const BACKWARD: i64 = 1000;
/// Where a track goes on after a jump, in milliseconds after its last time.
const STEP: i64 = 33;

/// The line.
#[derive(Debug, Default)]
pub(crate) struct Timeline {
    /// The last time on the publisher's clock, as sent and with wraps undone.
    clock: Option<(u32, i64)>,
    offsets: [i64; 2],
    last: [Option<i64>; 2],
    start: i64,
    /// Jumps mended so far.
    pub(crate) jumps: u64,
    /// Single times that ran backwards and were held.
    pub(crate) slips: u64,
}

impl Timeline {
    /// A line whose first time is `start` milliseconds.
    pub(crate) fn starting(start: i64) -> Self {
        Timeline { start, ..Timeline::default() }
    }

    /// The place of a time on the line, in milliseconds; strictly growing for each track.
    pub(crate) fn place(&mut self, track: Track, time: u32) -> i64 {
        let index = track as usize;
        let clock = match self.clock {
            None => {
                self.offsets = [self.start - i64::from(time); 2];
                i64::from(time)
            }
            Some((last, unwrapped)) => unwrapped + i64::from(time.wrapping_sub(last) as i32),
        };
        self.clock = Some((time, clock));
        // A track that begins later is measured against the other one.
        let Some(reference) = self.last[index].or(self.last[1 - index]) else {
            self.last[index] = Some(clock + self.offsets[index]);
            return clock + self.offsets[index];
        };
        let fits = |place: i64| place <= reference + FORWARD && place >= reference - BACKWARD;
        let mut place = clock + self.offsets[index];
        if !fits(place) {
            let other = self.offsets[1 - index];
            if fits(clock + other) {
                self.offsets[index] = other;
            } else {
                self.jumps += 1;
                self.offsets[index] = reference + STEP - clock;
            }
            place = clock + self.offsets[index];
        }
        if let Some(last) = self.last[index]
            && place <= last
        {
            self.slips += 1;
            place = last + 1;
        }
        // Nothing may come before the beginning: decoding times are unsigned.
        let place = place.max(self.start);
        self.last[index] = Some(place);
        place
    }

    /// The furthest place of any track.
    pub(crate) fn end(&self) -> i64 {
        self.last.iter().flatten().copied().max().unwrap_or(self.start)
    }
}

/// Counts sound in samples, because milliseconds cannot express a frame's length.
#[derive(Debug)]
pub(crate) struct SampleClock {
    rate: u64,
    next: Option<u64>,
    /// Frames that came twice or far too early and were left out.
    pub(crate) drops: u64,
}

/// Sound may run this many milliseconds ahead of or behind its times before it is put right.
const DRIFT: i64 = 200;

impl SampleClock {
    pub(crate) fn new(rate: u32) -> Self {
        SampleClock { rate: u64::from(rate), next: None, drops: 0 }
    }

    /// The place in samples of a frame of `length` samples; `None` when it must be left out.
    pub(crate) fn place(&mut self, milliseconds: i64, length: u32) -> Option<u64> {
        let told = milliseconds.max(0) as u64 * self.rate / 1000;
        let next = self.next.unwrap_or(told);
        let drift = (told as i64 - next as i64) * 1000 / self.rate as i64;
        let place = match drift {
            drift if drift > DRIFT => told,
            drift if drift < -DRIFT => {
                self.drops += 1;
                return None;
            }
            _ => next,
        };
        self.next = Some(place + u64::from(length));
        Some(place)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn places(times: &[u32]) -> Vec<i64> {
        let mut line = Timeline::default();
        times.iter().map(|time| line.place(Track::Video, *time)).collect()
    }

    #[test]
    fn wraps_are_undone() {
        assert_eq!(places(&[u32::MAX - 32, 0, 33]), [0, 33, 66]);
    }

    #[test]
    fn jumps_go_on_where_the_line_stands() {
        assert_eq!(places(&[1000, 1033, 90_000, 90_033]), [0, 33, 66, 99]);
        assert_eq!(places(&[90_000, 90_033, 5, 38]), [0, 33, 66, 99]);
    }

    #[test]
    fn slips_are_held() {
        assert_eq!(places(&[0, 33, 20, 66]), [0, 33, 34, 66]);
    }

    #[test]
    fn tracks_that_jump_together_stay_together() {
        let mut line = Timeline::default();
        line.place(Track::Video, 0);
        line.place(Track::Audio, 10);
        assert_eq!(line.place(Track::Video, 50_000), 33);
        // Sound from before the jump is still in flight.
        assert_eq!(line.place(Track::Audio, 33), 33);
        assert_eq!(line.place(Track::Video, 50_033), 66);
        assert_eq!(line.place(Track::Audio, 50_040), 73);
        assert_eq!(line.jumps, 1);
    }

    #[test]
    fn sound_is_counted_in_samples() {
        let mut clock = SampleClock::new(44_100);
        let places: Vec<_> = [0, 23, 46, 70, 1000].iter().map(|time| clock.place(*time, 1024)).collect();
        assert_eq!(places, [Some(0), Some(1024), Some(2048), Some(3072), Some(44_100)]);
        assert_eq!(clock.place(100, 1024), None);
    }

    proptest! {
        #[test]
        fn every_track_only_moves_forward(times in prop::collection::vec((any::<bool>(), any::<u32>()), 1..200)) {
            let mut line = Timeline::default();
            let mut last = [-1; 2];
            for (audio, time) in times {
                let track = if audio { Track::Audio } else { Track::Video };
                let place = line.place(track, time);
                prop_assert!(place > last[track as usize]);
                last[track as usize] = place;
            }
        }
    }
}
