//! Where the segments of a broadcast begin, so that every rendition cuts and numbers them alike.
//!
//! The source rendition writes, the ladder's renditions read.

use std::collections::VecDeque;
use std::sync::RwLock;

use super::TICKS;

/// Boundaries remembered; at one a second a rendition may lag four minutes behind the source.
const KEPT: usize = 256;
/// Times within 50 ms are the same keyframe: encoders round to milliseconds.
const SLACK: u64 = TICKS / 20;

/// One segment's beginning.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Boundary {
    /// On the broadcast's timeline, in ticks.
    pub(crate) start: u64,
    /// When its first picture is shown; a transcoded rendition keeps this time, not the decoding time.
    pub(crate) shown: u64,
    /// Media sequence number.
    pub(crate) number: u64,
    /// Unix time in milliseconds.
    pub(crate) wall: u64,
}

/// The boundaries of one broadcast.
#[derive(Debug, Default)]
pub(crate) struct Grid(RwLock<VecDeque<Boundary>>);

impl Grid {
    pub(crate) fn add(&self, boundary: Boundary) {
        let mut list = self.0.write().expect("no holder panics");
        if list.len() == KEPT {
            list.pop_front();
        }
        list.push_back(boundary);
    }

    /// The segment whose first sample is decoded at this time.
    pub(crate) fn at(&self, time: u64) -> Option<Boundary> {
        self.find(|boundary| boundary.start.abs_diff(time) <= SLACK)
    }

    /// The segment whose first picture is shown at this time.
    pub(crate) fn shown(&self, time: u64) -> Option<Boundary> {
        self.find(|boundary| boundary.shown.abs_diff(time) <= SLACK)
    }

    fn find(&self, matches: impl Fn(&Boundary) -> bool) -> Option<Boundary> {
        self.0.read().expect("no holder panics").iter().rev().find(|boundary| matches(boundary)).copied()
    }
}
