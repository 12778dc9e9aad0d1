//! Low-latency HLS: parts, segments, and the playlists that list them (RFC 8216bis).
//!
//! Decides where parts and segments end, what stays listed and fetchable, and what playlists say. Refuses to know of HTTP and of
//! where samples come from.

pub(crate) mod grid;
pub(crate) mod packager;
pub(crate) mod playlist;
pub(crate) mod window;

use std::time::Duration;

/// How a stream is cut and how much of it is kept.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Shape {
    /// Length that parts aim at.
    pub(crate) part: Duration,
    /// Segments end at the first keyframe after this.
    pub(crate) segment: Duration,
    /// How far back playlists list.
    pub(crate) window: Duration,
    /// Bytes of one rendition kept in memory.
    pub(crate) memory: usize,
    /// Distance of players from the live edge, in parts.
    pub(crate) hold_back: f64,
}

/// Ticks of the common clock of all renditions in a second; the timescale of pictures.
pub(crate) const TICKS: u64 = crate::mux::VIDEO_SCALE as u64;

/// Ticks in a duration.
pub(crate) fn ticks(duration: Duration) -> u64 {
    duration.as_millis() as u64 * TICKS / 1000
}

/// Seconds in ticks.
pub(crate) fn seconds(ticks: u64) -> f64 {
    ticks as f64 / TICKS as f64
}
