//! Turns a publisher's packets into the parts of the source rendition.
//!
//! Decides when a stream can begin (a keyframe, and the sound that was announced), and when its description has changed so that
//! decoders must start afresh. Lives as long as the broadcast, over all its publishers. Refuses to know of connections.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use super::broadcast::{Broadcast, Output, SOURCE};
use super::cadence::Cadence;
use super::timeline::{SampleClock, Timeline, Track};
use crate::codec::opus;
use crate::hls::Shape;
use crate::hls::grid::Boundary;
use crate::hls::packager::{Boundaries, Packager, Part};
use crate::ingest::{Frame, Packet};
use crate::metrics::METRICS;
use crate::mux::init::init;
use crate::mux::{Sample, Tracks};

/// How long the first keyframe waits for a track that may yet come, in milliseconds of the stream.
const PATIENCE: i64 = 1000;
/// Sound this long before the first picture is kept, in milliseconds: encoders begin with a frame or two of priming.
const LEAD: i64 = 100;
/// Frames held meanwhile; more means that no keyframe comes.
const MOST_HELD: usize = 600;
/// A segment without a keyframe for so long cannot be served: 30 s.
const LONGEST_SEGMENT: u64 = 30 * crate::hls::TICKS;
/// Ticks in a millisecond.
const MILLISECOND: i64 = 90;

/// The state between packets.
#[derive(Debug)]
pub(crate) struct Feed {
    shape: Shape,
    expected: Option<(bool, bool)>,
    wanted: Tracks,
    line: Timeline,
    held: Vec<(Track, i64, Frame)>,
    running: Option<Running>,
    generation: u32,
    number: u64,
    anchor: (u64, u64),
}

#[derive(Debug)]
struct Running {
    tracks: Tracks,
    packager: Packager,
    clock: Option<SampleClock>,
    /// The newest picture, until it is known how long it lasts.
    picture: Option<Sample>,
    cadence: Cadence,
    /// When the newest picture came, in ticks.
    seen: u64,
    /// No picture may be decoded before this, in ticks.
    floor: u64,
    /// When the first frame of the part under way came.
    since: Option<Instant>,
}

impl Feed {
    pub(crate) fn new(shape: &Shape, began: u64) -> Self {
        Feed {
            shape: shape.clone(),
            expected: None,
            wanted: Tracks::default(),
            line: Timeline::default(),
            held: vec![],
            running: None,
            generation: 0,
            // Never lower than any earlier broadcast's, so that a player that stays goes forward: segments last a second or more.
            number: began / 1000,
            anchor: (0, began),
        }
    }

    /// A publisher takes the seat.
    pub(crate) fn attach(&mut self) {
        let start = if self.generation == 0 { 0 } else { self.line.end() + 40 };
        self.line = Timeline::starting(start);
        self.expected = None;
        self.wanted = Tracks::default();
        self.held.clear();
    }

    /// The publisher has left the seat.
    pub(crate) fn detach(&mut self, broadcast: &Broadcast) {
        if let Some(mut running) = self.running.take() {
            if let Some(picture) = running.picture.take() {
                // How long the last picture lasts is not known; one frame at 30 a second.
                let parts = running.packager.video(Sample { duration: 3000, ..picture }, false);
                parts.into_iter().flatten().for_each(|part| self.emit(broadcast, part, running.packager.limit()));
            }
            let rest = running.packager.take(false);
            rest.into_iter().for_each(|part| self.emit(broadcast, part, running.packager.limit()));
        }
        broadcast.counters.mended.fetch_add(self.line.jumps + self.line.slips, Ordering::Relaxed);
    }

    /// Takes one packet; an error is for the publisher to read.
    pub(crate) fn packet(&mut self, broadcast: &Arc<Broadcast>, packet: Packet) -> Result<(), String> {
        let (track, frame) = match packet {
            Packet::Expect { video, audio } => {
                self.expected = Some((video, audio));
                return Ok(());
            }
            Packet::VideoConfig(config) => {
                self.wanted.video = Some(config);
                return Ok(());
            }
            Packet::AudioConfig(config) => {
                self.wanted.audio = Some(config);
                return Ok(());
            }
            Packet::Video(frame) => (Track::Video, frame),
            Packet::Audio(frame) => (Track::Audio, frame),
        };
        broadcast.counters.bytes.fetch_add(frame.data.len() as u64, Ordering::Relaxed);
        let known = match track {
            Track::Video => self.wanted.video.is_some(),
            Track::Audio => self.wanted.audio.is_some(),
        };
        if !known {
            METRICS.dropped.fetch_add(1, Ordering::Relaxed);
            return Ok(());
        }
        let place = self.line.place(track, frame.time);
        let changed = self.running.as_ref().is_some_and(|running| running.tracks != self.wanted);
        let leads = track == Track::Video || self.wanted.video.is_none();
        if changed && frame.key && leads {
            self.detach(broadcast);
        }
        if self.running.is_some() {
            return self.frame(broadcast, track, place, frame);
        }
        self.hold(broadcast, track, place, frame)
    }

    fn hold(&mut self, broadcast: &Arc<Broadcast>, track: Track, place: i64, frame: Frame) -> Result<(), String> {
        // Nothing before a keyframe can be decoded; sound before it would play to a black picture.
        let begun = self.held.iter().any(|(track, _, frame)| *track == Track::Video && frame.key);
        if track == Track::Video && !begun {
            if !frame.key {
                return Ok(());
            }
            self.held.retain(|(_, at, _)| *at + LEAD >= place);
        }
        self.held.push((track, place, frame));
        let first = self.held[0].1;
        let waited = place - first;
        let (video, audio) = self.expected.unwrap_or((true, true));
        let complete = (self.wanted.video.is_some() || !video) && (self.wanted.audio.is_some() || !audio);
        let pictures = self.held.iter().any(|(track, ..)| *track == Track::Video);
        let ready = if self.wanted.video.is_some() { pictures } else { true };
        if !(ready && (complete || waited > PATIENCE)) {
            if self.held.len() > MOST_HELD {
                self.held.clear();
            }
            return Ok(());
        }
        let leader = self.held.iter().find(|(track, ..)| pictures == (*track == Track::Video));
        let (start, offset) = leader.map_or((first, 0), |(_, place, frame)| (*place, frame.offset));
        self.start(broadcast, start, offset * MILLISECOND as i32);
        for (track, place, frame) in std::mem::take(&mut self.held) {
            self.frame(broadcast, track, place, frame)?;
        }
        Ok(())
    }

    fn start(&mut self, broadcast: &Arc<Broadcast>, place: i64, offset: i32) {
        let tracks = self.wanted.clone();
        self.generation += 1;
        self.anchor = ((place * MILLISECOND) as u64, crate::clock::now());
        self.boundary(broadcast, self.anchor.0, offset);
        let data = init(&tracks);
        broadcast.source().set_tracks(tracks.clone());
        broadcast.source().window.init(self.generation, data.clone());
        broadcast.tell(&Output::Init(data));
        let rate = tracks.audio.as_ref().map_or(1, |audio| audio.rate);
        let minimum = crate::hls::ticks(self.shape.segment);
        let packager = Packager::new(&self.shape, Boundaries::Own(minimum), tracks.video.is_some(), rate);
        let clock = tracks.audio.as_ref().map(|audio| SampleClock::new(audio.rate));
        let (seen, floor) = (self.anchor.0, self.anchor.0);
        let cadence = Cadence::default();
        self.running = Some(Running { tracks, packager, clock, picture: None, cadence, seen, floor, since: None });
    }

    fn boundary(&mut self, broadcast: &Broadcast, start: u64, offset: i32) {
        let wall = self.anchor.1 + (start - self.anchor.0.min(start)) / MILLISECOND as u64;
        self.number += 1;
        let shown = start.saturating_add_signed(i64::from(offset));
        broadcast.grid.add(Boundary { start, shown, number: self.number, wall });
    }

    fn frame(&mut self, broadcast: &Broadcast, track: Track, place: i64, frame: Frame) -> Result<(), String> {
        let Some(running) = &mut self.running else { return Ok(()) };
        running.since.get_or_insert_with(Instant::now);
        let parts = match track {
            Track::Video => {
                let told = (place * MILLISECOND) as u64;
                if running.packager.segment_length(told) > LONGEST_SEGMENT {
                    return Err("no keyframe for 30 s; set the encoder's keyframe interval to 1 or 2 s".to_owned());
                }
                let (parts, opens) = running.video(told, frame);
                if let Some((start, offset)) = opens {
                    self.boundary(broadcast, start, offset);
                }
                parts
            }
            Track::Audio => {
                let (Some(clock), Some(config)) = (&mut running.clock, &running.tracks.audio) else { return Ok(()) };
                let duration = config.frame().unwrap_or_else(|| opus::length(&frame.data));
                let placed = clock.place(place, duration);
                let Some(time) = placed else {
                    broadcast.counters.dropped.fetch_add(1, Ordering::Relaxed);
                    METRICS.dropped.fetch_add(1, Ordering::Relaxed);
                    return Ok(());
                };
                [running.packager.audio(Sample { time, offset: 0, duration, key: true, data: frame.data }), None]
            }
        };
        let Some(running) = &mut self.running else { return Ok(()) };
        let limit = running.packager.limit();
        if parts.iter().any(Option::is_some)
            && let Some(since) = running.since.take()
        {
            METRICS.part_latency(since.elapsed());
        }
        parts.into_iter().flatten().for_each(|part| self.emit(broadcast, part, limit));
        Ok(())
    }

    fn emit(&mut self, broadcast: &Broadcast, part: Part, limit: u64) {
        let next = part.start + part.duration;
        let last = part.last;
        let fallback =
            Boundary { start: part.start, shown: part.start, number: self.number, wall: crate::clock::now() };
        let opening = broadcast.grid.at(part.start).unwrap_or(fallback);
        if last {
            let picture = self.running.as_ref().and_then(|running| running.picture.as_ref());
            self.boundary(broadcast, next, picture.map_or(0, |picture| picture.offset));
        }
        METRICS.parts.fetch_add(1, Ordering::Relaxed);
        broadcast.source().window.push(part.clone(), limit, broadcast.reports(SOURCE), || opening);
        broadcast.tell(&Output::Part(part));
    }
}

impl Running {
    /// Takes a picture; gives the parts that are whole now, and where a segment begins without the part before having said so.
    fn video(&mut self, told: u64, frame: Frame) -> ([Option<Part>; 2], Option<(u64, i32)>) {
        let shown = told.saturating_add_signed(i64::from(frame.offset) * MILLISECOND);
        // The end of a part that did not wait for this picture stands: it is decoded then, and shown when it was meant to be.
        let foretold = self.picture.is_none() && self.floor > self.seen;
        let time = if foretold { self.floor } else { told.max(self.floor) };
        let late = (shown as i64 - time as i64) as i32;
        let offset = late.max(frame.offset.min(0) * MILLISECOND as i32);
        self.cadence.saw(told.saturating_sub(self.seen), frame.key);
        (self.seen, self.floor) = (told, time + MILLISECOND as u64);
        let key = frame.key;
        let opens = (foretold && key && self.packager.surprise(time)).then_some((time, offset));
        let next = Sample { time, offset, duration: 0, key, data: frame.data };
        let mut parts = self.picture.replace(next).map_or([None, None], |picture| {
            let duration = (time - picture.time) as u32;
            self.packager.video(Sample { duration, ..picture }, key)
        });
        // With the last picture of a part its length is known, and nobody need wait for another one.
        if let Some(step) = self.cadence.next().filter(|step| self.packager.ends_with(*step))
            && let Some(picture) = self.picture.take()
        {
            self.floor = time + step;
            let [early, whole] = self.packager.video(Sample { duration: step as u32, ..picture }, false);
            parts = [parts[0].take().or(early), parts[1].take().or(whole)];
        }
        (parts, opens)
    }
}
