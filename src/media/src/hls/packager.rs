//! Gathers samples into parts.
//!
//! Decides where a part ends: after as many frames as make up the configured length, and always before a keyframe that begins a
//! segment. The first part settles how many frames that is, so that `PART-TARGET` fits the frame rate; it lies 8 % above, because
//! frames of real encoders come unevenly and every part must reach 85 % of it and not exceed it (RFC 8216bis, 4.4.3.7).

use std::sync::Arc;

use bytes::Bytes;

use super::grid::Grid;
use super::{Shape, TICKS, ticks};
use crate::mux::Sample;
use crate::mux::fragment::fragment;

/// Tolerance for times that were rounded to milliseconds: 2 ms.
const ROUNDING: u64 = TICKS / 500;

/// The longest a part may be that usually lasts so long.
fn limit(usual: u64) -> u64 {
    usual + usual * 8 / 100
}

/// A finished part.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Part {
    /// `moof` and `mdat`.
    pub(crate) data: Bytes,
    /// On the broadcast's timeline, in ticks.
    pub(crate) start: u64,
    /// In ticks.
    pub(crate) duration: u64,
    /// Begins with a keyframe.
    pub(crate) independent: bool,
    /// Is the last one of its segment.
    pub(crate) last: bool,
    /// Begins a segment although the part before did not say that it was the last one.
    pub(crate) opens: bool,
}

/// Who decides where segments end.
#[derive(Debug, Clone)]
pub(crate) enum Boundaries {
    /// The first keyframe after so many ticks.
    Own(u64),
    /// Another rendition.
    Shared(Arc<Grid>),
}

/// The part under way.
#[derive(Debug)]
pub(crate) struct Packager {
    boundaries: Boundaries,
    goal: u64,
    limit: Option<u64>,
    sequence: u32,
    audio_rate: u64,
    pictures: bool,
    video: Vec<Sample>,
    audio: Vec<Sample>,
    duration: u64,
    segment_start: Option<u64>,
    opens: bool,
}

impl Packager {
    /// `pictures` false makes sound lead.
    pub(crate) fn new(shape: &Shape, boundaries: Boundaries, pictures: bool, audio_rate: u32) -> Self {
        Packager {
            boundaries,
            goal: ticks(shape.part),
            limit: None,
            sequence: 0,
            audio_rate: u64::from(audio_rate.max(1)),
            pictures,
            video: vec![],
            audio: vec![],
            duration: 0,
            segment_start: None,
            opens: false,
        }
    }

    /// The longest a part may be, once known, in ticks.
    pub(crate) fn limit(&self) -> u64 {
        self.limit.unwrap_or(limit(self.goal))
    }

    /// Ticks since the segment began.
    pub(crate) fn segment_length(&self, now: u64) -> u64 {
        self.segment_start.map_or(0, |start| now.saturating_sub(start))
    }

    /// Adds a picture whose duration is known; `next_key` says whether the one after it is a keyframe. Gives the parts that end with
    /// it: usually one or none, two when it lasts unexpectedly long.
    pub(crate) fn video(&mut self, sample: Sample, next_key: bool) -> [Option<Part>; 2] {
        let (step, next) = (u64::from(sample.duration), sample.time + u64::from(sample.duration));
        let start = *self.segment_start.get_or_insert(sample.time);
        let early = self.limit.is_some_and(|limit| self.duration + step > limit).then(|| self.take(false)).flatten();
        self.video.push(sample);
        self.duration += step;
        [early, self.cut(start, next, step, next_key)]
    }

    /// Whether a picture that lasts so long ends the part by itself, if no keyframe follows.
    pub(crate) fn ends_with(&self, step: u64) -> bool {
        let length = self.duration + step;
        self.limit.is_some_and(|limit| length <= limit && length + step > limit)
    }

    /// A keyframe follows at this time after a part that was ended without knowing it; says whether a segment begins there.
    pub(crate) fn surprise(&mut self, next: u64) -> bool {
        let ends = self.duration == 0 && self.segment_start.is_some_and(|start| self.segment_ends(start, next));
        if ends {
            self.segment_start = None;
            self.opens = true;
        }
        ends
    }

    /// Adds sound.
    pub(crate) fn audio(&mut self, sample: Sample) -> Option<Part> {
        if self.pictures {
            self.audio.push(sample);
            return None;
        }
        let step = u64::from(sample.duration) * TICKS / self.audio_rate;
        let begin = sample.time * TICKS / self.audio_rate;
        let start = *self.segment_start.get_or_insert(begin);
        self.audio.push(sample);
        self.duration += step;
        self.cut(start, begin + step, step, true)
    }

    fn cut(&mut self, start: u64, next: u64, step: u64, next_key: bool) -> Option<Part> {
        let last = next_key && self.segment_ends(start, next);
        let full = match self.limit {
            Some(limit) => self.duration + step > limit,
            None => self.duration + step / 2 >= self.goal,
        };
        if full && self.limit.is_none() {
            self.limit = Some(limit(self.duration.max(self.goal)));
        }
        (last || full).then(|| self.take(last)).flatten()
    }

    fn segment_ends(&self, start: u64, next: u64) -> bool {
        match &self.boundaries {
            Boundaries::Own(minimum) => next - start + ROUNDING >= *minimum,
            Boundaries::Shared(grid) => grid.shown(next).is_some(),
        }
    }

    /// Ends the part under way; `last` ends the segment, too.
    pub(crate) fn take(&mut self, last: bool) -> Option<Part> {
        let lead = if self.pictures { self.video.first() } else { self.audio.first() };
        let start =
            lead.map(|sample| if self.pictures { sample.time } else { sample.time * TICKS / self.audio_rate })?;
        if last {
            self.segment_start = None;
        }
        self.sequence = self.sequence.wrapping_add(1);
        let part = Part {
            data: fragment(self.sequence, &self.video, &self.audio),
            start,
            duration: self.duration,
            independent: lead.is_some_and(|sample| sample.key),
            last,
            opens: std::mem::take(&mut self.opens),
        };
        self.video.clear();
        self.audio.clear();
        self.duration = 0;
        Some(part)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn shape() -> Shape {
        Shape {
            part: Duration::from_millis(200),
            segment: Duration::from_secs(1),
            window: Duration::from_secs(20),
            memory: 1 << 20,
            hold_back: 3.0,
        }
    }

    /// Parts of a stream with a keyframe every second, its times rounded to milliseconds as FLV does.
    fn parts(rate: f64, seconds: u64) -> (Vec<Part>, u64) {
        let mut packager = Packager::new(&shape(), Boundaries::Own(TICKS), true, 1);
        let time = |frame: u64| (frame as f64 * 1000.0 / rate).round() as u64 * 90;
        let gop = rate.ceil() as u64;
        let parts = (0..(rate * seconds as f64) as u64)
            .flat_map(|frame| {
                let sample = Sample {
                    time: time(frame),
                    offset: 0,
                    duration: (time(frame + 1) - time(frame)) as u32,
                    key: frame % gop == 0,
                    data: Bytes::from_static(b"x"),
                };
                packager.video(sample, (frame + 1) % gop == 0)
            })
            .flatten()
            .collect();
        (parts, packager.limit())
    }

    #[test]
    fn parts_fit_every_usual_frame_rate() {
        for rate in [15.0, 23.976, 24.0, 25.0, 29.97, 30.0, 50.0, 59.94, 60.0] {
            let (parts, limit) = parts(rate, 20);
            assert!(limit <= ticks(Duration::from_millis(232)), "{rate}: {limit}");
            for (part, next) in parts.iter().zip(&parts[1..]) {
                assert_eq!(part.start + part.duration, next.start, "{rate}");
                assert!(part.duration <= limit, "{rate}: {part:?} over {limit}");
                let long_enough = part.duration * 100 >= limit * 85;
                assert!(long_enough || part.last || next.independent, "{rate}: {part:?} under 85 % of {limit}");
                assert_eq!(part.last, next.independent);
            }
        }
    }

    #[test]
    fn sound_alone_makes_parts() {
        let mut packager = Packager::new(&shape(), Boundaries::Own(TICKS), false, 48_000);
        let parts: Vec<Part> = (0..200)
            .filter_map(|frame| {
                let data = Bytes::from_static(b"x");
                packager.audio(Sample { time: frame * 1024, offset: 0, duration: 1024, key: true, data })
            })
            .collect();
        assert!(parts.len() >= 20 && parts.iter().all(|part| part.independent && part.duration <= packager.limit()));
        assert!(parts.iter().filter(|part| part.last).count() >= 3);
    }
}
