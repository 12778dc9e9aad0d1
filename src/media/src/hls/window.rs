//! The newest minute of one rendition, in memory.
//!
//! Decides what is listed, what is still fetchable after it was listed, and when somebody who waits for a part is woken. A segment
//! stays fetchable after it left the playlist for as long as the playlist was, so that no player asks for something deleted (RFC
//! 8216bis, 6.2.2). Refuses to know of HTTP. Playlists are written once for each part, however many read them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::watch;
use tokio::time::timeout;

use super::grid::Boundary;
use super::packager::Part;
use super::playlist::{Head, Playlists, Segment, low_latency, plain};
use super::{Shape, seconds, ticks};

/// Segments that stay listed even when memory is short.
const LEAST_LISTED: usize = 3;
/// The target duration of a stream whose keyframe interval is not known yet, in seconds.
const FIRST_TARGET: u64 = 2;

/// How far a rendition has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Progress {
    /// The segment under way.
    pub(crate) number: u64,
    /// Parts of it that exist.
    pub(crate) parts: usize,
    /// Nothing will follow.
    pub(crate) ended: bool,
}

/// What became of waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wait {
    /// It is there.
    Ready,
    /// It did not come in time.
    Late,
    /// It is too far ahead to wait for.
    Absurd,
}

#[derive(Debug, Default)]
struct State {
    segments: VecDeque<Segment>,
    /// Index of the first segment that playlists list.
    listed: usize,
    inits: BTreeMap<u32, Bytes>,
    discontinuous: bool,
    /// Discontinuities that are no longer in `segments`.
    discontinuities: u64,
    target: u64,
    plain_target: u64,
    part_target: u64,
    bytes: usize,
    ended: bool,
    reports: String,
    playlists: Playlists,
}

/// One rendition's window.
#[derive(Debug)]
pub(crate) struct Window {
    epoch: String,
    shape: Shape,
    state: RwLock<State>,
    progress: watch::Sender<Progress>,
}

impl Window {
    pub(crate) fn new(epoch: &str, shape: &Shape) -> Self {
        let state = State { target: FIRST_TARGET, ..State::default() };
        let progress = watch::Sender::new(Progress::default());
        Window { epoch: epoch.to_owned(), shape: shape.clone(), state: RwLock::new(state), progress }
    }

    fn read<T>(&self, with: impl FnOnce(&State) -> T) -> T {
        with(&self.state.read().expect("no holder panics"))
    }

    /// Samples of another kind follow; the first of all is no discontinuity.
    pub(crate) fn init(&self, generation: u32, data: Bytes) {
        let mut state = self.state.write().expect("no holder panics");
        state.discontinuous = !state.segments.is_empty();
        if let Some(segment) = state.segments.back_mut() {
            segment.complete = true;
        }
        state.inits.insert(generation, data);
    }

    /// Adds a part; `opening` says which segment it begins when none is under way.
    pub(crate) fn push(&self, part: Part, part_target: u64, reports: String, opening: impl FnOnce() -> Boundary) {
        let mut guard = self.state.write().expect("no holder panics");
        let state = &mut *guard;
        let generation = state.inits.last_key_value().map_or(0, |(generation, _)| *generation);
        if let Some(segment) = state.segments.back_mut()
            && part.opens
        {
            segment.complete = true;
            state.plain_target = state.plain_target.max(whole_seconds(segment.duration()));
        }
        if state.segments.back().is_none_or(|segment| segment.complete) {
            let Boundary { number, wall, .. } = opening();
            let least = state.segments.back().map_or(0, |segment| segment.number + 1);
            let discontinuity = std::mem::take(&mut state.discontinuous);
            state.segments.push_back(Segment {
                number: number.max(least),
                wall,
                generation,
                discontinuity,
                complete: false,
                parts: vec![],
            });
        }
        state.part_target = state.part_target.max(part_target);
        state.bytes += part.data.len();
        state.reports = reports;
        let segment = state.segments.back_mut().expect("one was pushed above");
        segment.complete = part.last;
        segment.parts.push(Arc::new(part));
        let progress = if segment.complete {
            Progress { number: segment.number + 1, parts: 0, ended: false }
        } else {
            Progress { number: segment.number, parts: segment.parts.len(), ended: false }
        };
        let length = whole_seconds(segment.duration());
        state.target = state.target.max(length);
        if segment.complete {
            state.plain_target = state.plain_target.max(length);
        }
        state.trim(&self.shape);
        self.publish(state);
        drop(guard);
        self.progress.send_replace(progress);
    }

    /// Nothing will follow.
    pub(crate) fn end(&self) {
        let mut guard = self.state.write().expect("no holder panics");
        guard.ended = true;
        if let Some(segment) = guard.segments.back_mut() {
            segment.complete = true;
        }
        self.publish(&mut guard);
        drop(guard);
        self.progress.send_modify(|progress| progress.ended = true);
    }

    fn publish(&self, state: &mut State) {
        let listed: Vec<&Segment> = state.segments.range(state.listed..).collect();
        let passed = state.segments.range(..=state.listed.min(state.segments.len().saturating_sub(1)));
        let mut head = Head {
            epoch: &self.epoch,
            target: state.target,
            part_target: state.part_target,
            hold_back: self.shape.hold_back * self.shape.part.as_secs_f64(),
            discontinuities: state.discontinuities + passed.filter(|segment| segment.discontinuity).count() as u64,
            ended: state.ended,
            reports: &state.reports,
        };
        let (full, delta) = low_latency(&head, &listed);
        head.target = state.plain_target.max(1);
        state.playlists = Playlists { full, delta, plain: plain(&head, &listed) };
    }

    /// The playlists of this moment.
    pub(crate) fn playlists(&self) -> Playlists {
        self.read(|state| state.playlists.clone())
    }

    /// Something can be played.
    pub(crate) fn begun(&self) -> bool {
        self.read(|state| !state.segments.is_empty())
    }

    /// A whole segment can be played.
    pub(crate) fn begun_plain(&self) -> bool {
        self.read(|state| state.segments.iter().any(|segment| segment.complete))
    }

    /// An initialization segment.
    pub(crate) fn init_data(&self, generation: u32) -> Option<Bytes> {
        self.read(|state| state.inits.get(&generation).cloned())
    }

    /// The parts of a whole segment.
    pub(crate) fn segment(&self, number: u64) -> Option<Vec<Bytes>> {
        self.read(|state| {
            let segment = state.find(number).filter(|segment| segment.complete)?;
            Some(segment.parts.iter().map(|part| part.data.clone()).collect())
        })
    }

    /// One part.
    pub(crate) fn part(&self, number: u64, part: usize) -> Option<Bytes> {
        self.read(|state| Some(state.find(number)?.parts.get(part)?.data.clone()))
    }

    /// The initialization segment and the newest part that begins with a keyframe.
    pub(crate) fn newest_picture(&self) -> Option<[Bytes; 2]> {
        self.read(|state| {
            let independent = |segment: &Segment| {
                let part = segment.parts.iter().rfind(|part| part.independent)?;
                Some([state.inits.get(&segment.generation)?.clone(), part.data.clone()])
            };
            state.segments.iter().rev().find_map(independent)
        })
    }

    /// Bits a second of the listed segments: the most of any, and the mean.
    pub(crate) fn bandwidth(&self) -> (u64, u64) {
        self.read(|state| {
            let rate = |bytes: usize, ticks: u64| (bytes as f64 * 8.0 / seconds(ticks).max(0.1)) as u64;
            let listed = || state.segments.range(state.listed..).filter(|segment| segment.complete);
            let peak = listed().map(|segment| rate(segment.bytes(), segment.duration())).max();
            let all = state
                .segments
                .iter()
                .fold((0, 0), |(bytes, ticks), segment| (bytes + segment.bytes(), ticks + segment.duration()));
            let mean = rate(all.0, all.1);
            (peak.unwrap_or(mean * 5 / 4), mean)
        })
    }

    /// Bytes kept.
    pub(crate) fn bytes(&self) -> usize {
        self.read(|state| state.bytes)
    }

    /// How far it has come.
    pub(crate) fn progress(&self) -> Progress {
        *self.progress.borrow()
    }

    /// A receiver that is woken by every part.
    pub(crate) fn watch(&self) -> watch::Receiver<Progress> {
        self.progress.subscribe()
    }

    /// Waits for the next part, but no longer than one lasts. A player takes the end of its first playlist for the live edge and stays
    /// as far behind as that was old; half a part on average is worth waiting for.
    pub(crate) async fn fresh(&self) {
        if !self.progress().ended {
            let _ = timeout(self.shape.part * 5 / 4, self.watch().changed()).await;
        }
    }

    /// Waits for a part, or for the whole segment.
    pub(crate) async fn wait(&self, number: u64, part: Option<usize>) -> Wait {
        let there = |progress: &Progress| {
            progress.ended
                || progress.number > number
                || part.is_some_and(|part| progress.number == number && progress.parts > part)
        };
        let now = self.progress();
        if there(&now) {
            return Wait::Ready;
        }
        if number > now.number + 1 {
            return Wait::Absurd;
        }
        let patience = self.read(|state| Duration::from_secs(3 * state.target));
        match timeout(patience, self.watch().wait_for(there)).await {
            Ok(Ok(_)) => Wait::Ready,
            _ => Wait::Late,
        }
    }
}

/// A segment's length as target durations count it (RFC 8216bis, 4.4.3.1).
fn whole_seconds(ticks: u64) -> u64 {
    seconds(ticks).round().max(1.0) as u64
}

impl State {
    fn find(&self, number: u64) -> Option<&Segment> {
        let index = self.segments.binary_search_by_key(&number, |segment| segment.number).ok()?;
        self.segments.get(index)
    }

    fn trim(&mut self, shape: &Shape) {
        let window = ticks(shape.window);
        let length =
            |segments: &VecDeque<Segment>, from: usize| -> u64 { segments.range(from..).map(Segment::duration).sum() };
        while self.segments.len() - self.listed > LEAST_LISTED && length(&self.segments, self.listed + 1) >= window {
            self.listed += 1;
        }
        let kept = 2 * window + 2 * self.target * super::TICKS;
        while self.listed > 0 && (length(&self.segments, 1) >= kept || self.bytes > shape.memory) {
            self.drop_oldest();
            self.listed -= 1;
        }
        while self.bytes > shape.memory && self.segments.len() > LEAST_LISTED {
            self.drop_oldest();
        }
    }

    fn drop_oldest(&mut self) {
        if let Some(segment) = self.segments.pop_front() {
            self.bytes -= segment.bytes();
            self.discontinuities += u64::from(segment.discontinuity);
            let oldest = self.segments.front().map_or(segment.generation, |next| next.generation);
            self.inits.retain(|generation, _| *generation >= oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(memory: usize) -> Shape {
        Shape {
            part: Duration::from_millis(200),
            segment: Duration::from_secs(1),
            window: Duration::from_secs(10),
            memory,
            hold_back: 3.0,
        }
    }

    fn fill(window: &Window, segments: std::ops::Range<u64>) {
        for number in segments {
            for part in 0..5 {
                let start = number * 90_000 + part * 18_000;
                let (independent, last) = (part == 0, part == 4);
                let data = Bytes::from(vec![number as u8; 100]);
                let part = Part { data, start, duration: 18_000, independent, last, opens: false };
                window.push(part, 18_000, String::new(), || Boundary { start, shown: start, number, wall: start / 90 });
            }
        }
    }

    #[test]
    fn what_was_listed_stays_fetchable_as_long_as_the_playlist_is() {
        let window = Window::new("e", &shape(1 << 20));
        window.init(0, Bytes::from_static(b"init"));
        fill(&window, 0..60);
        let text = String::from_utf8(window.playlists().full.to_vec()).unwrap();
        assert!(text.contains("#EXT-X-MEDIA-SEQUENCE:50\n"), "{text}");
        assert!(window.segment(40).is_some() && window.part(40, 4).is_some());
        assert!(window.segment(20).is_none());
    }

    #[test]
    fn memory_is_bounded_and_the_edge_stays() {
        let window = Window::new("e", &shape(2500));
        window.init(0, Bytes::from_static(b"init"));
        fill(&window, 0..60);
        assert!(window.bytes() <= 2500);
        assert!(window.segment(59).is_some() && window.segment(57).is_some());
    }

    #[test]
    fn deltas_skip_what_lies_far_back() {
        let window = Window::new("e", &Shape { window: Duration::from_secs(30), ..shape(1 << 20) });
        window.init(0, Bytes::from_static(b"init"));
        fill(&window, 0..40);
        let delta = String::from_utf8(window.playlists().delta.to_vec()).unwrap();
        assert!(delta.contains("#EXT-X-SKIP:SKIPPED-SEGMENTS=17\n"), "{delta}");
        assert_eq!(delta.matches("#EXTINF").count(), 13);
    }

    #[tokio::test]
    async fn waiting_ends_with_the_part() {
        let window = Arc::new(Window::new("e", &shape(1 << 20)));
        window.init(0, Bytes::from_static(b"init"));
        fill(&window, 0..1);
        assert_eq!(window.wait(0, Some(4)).await, Wait::Ready);
        assert_eq!(window.wait(9, None).await, Wait::Absurd);
        let waiting = tokio::spawn({
            let window = window.clone();
            async move { window.wait(1, Some(0)).await }
        });
        tokio::task::yield_now().await;
        fill(&window, 1..2);
        assert_eq!(waiting.await.unwrap(), Wait::Ready);
    }

    #[test]
    fn discontinuities_are_counted_when_they_leave() {
        let window = Window::new("e", &shape(1 << 20));
        window.init(0, Bytes::from_static(b"a"));
        fill(&window, 0..5);
        window.init(1, Bytes::from_static(b"b"));
        fill(&window, 5..10);
        let text = String::from_utf8(window.playlists().plain.to_vec()).unwrap();
        assert!(text.contains("#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI=\"e-i1.mp4\"\n"), "{text}");
        fill(&window, 10..40);
        let text = String::from_utf8(window.playlists().plain.to_vec()).unwrap();
        assert!(text.contains("#EXT-X-DISCONTINUITY-SEQUENCE:1\n"), "{text}");
    }
}
