//! The text of playlists (RFC 8216bis).
//!
//! Decides tags and their order. Refuses to know how long anything is kept: it lists what it is given.

use std::fmt::Write;
use std::sync::Arc;

use bytes::Bytes;

use super::packager::Part;
use super::seconds;

/// A segment, complete or under way.
#[derive(Debug, Clone)]
pub(crate) struct Segment {
    /// Media sequence number.
    pub(crate) number: u64,
    /// Unix time of its beginning in milliseconds.
    pub(crate) wall: u64,
    /// Which initialization segment it needs.
    pub(crate) generation: u32,
    /// Decoders start afresh here.
    pub(crate) discontinuity: bool,
    /// No part will follow.
    pub(crate) complete: bool,
    /// In order.
    pub(crate) parts: Vec<Arc<Part>>,
}

impl Segment {
    pub(crate) fn duration(&self) -> u64 {
        self.parts.iter().map(|part| part.duration).sum()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.parts.iter().map(|part| part.data.len()).sum()
    }
}

/// What a playlist says besides its segments.
#[derive(Debug, Clone)]
pub(crate) struct Head<'a> {
    /// Put in front of every name, so that none is ever used twice.
    pub(crate) epoch: &'a str,
    /// Longest segment in whole seconds.
    pub(crate) target: u64,
    /// Longest part in ticks.
    pub(crate) part_target: u64,
    /// Distance of players from the edge, in seconds; never less than two parts (RFC 8216bis, 4.4.3.8).
    pub(crate) hold_back: f64,
    /// Discontinuities before the first segment listed.
    pub(crate) discontinuities: u64,
    /// Nothing will follow.
    pub(crate) ended: bool,
    /// Lines about the other renditions.
    pub(crate) reports: &'a str,
}

/// The three playlists of one moment.
#[derive(Debug, Clone, Default)]
pub(crate) struct Playlists {
    /// With parts.
    pub(crate) full: Bytes,
    /// With parts, old segments left out.
    pub(crate) delta: Bytes,
    /// Without parts.
    pub(crate) plain: Bytes,
}

/// Segments further from the end than this many target durations may be skipped; six is the least allowed (RFC 8216bis, 4.4.3.8).
const SKIP: u64 = 6;
/// Parts stay listed for this many target durations; three is the least allowed (RFC 8216bis, 6.2.2).
const PARTS: u64 = 3;

/// Writes the playlist with parts, and its delta.
pub(crate) fn low_latency(head: &Head, segments: &[&Segment]) -> (Bytes, Bytes) {
    let total: u64 = segments.iter().map(|segment| segment.duration()).sum();
    let mut left = total;
    let skipped = segments
        .iter()
        .take_while(|segment| {
            left -= segment.duration();
            segment.complete && seconds(left) > (SKIP * head.target) as f64
        })
        .count();
    // Skipping a segment or two costs more than it saves.
    let skipped = if skipped < 3 || head.ended { 0 } else { skipped };
    (parted(head, segments, 0, total), parted(head, segments, skipped, total))
}

fn parted(head: &Head, segments: &[&Segment], skipped: usize, total: u64) -> Bytes {
    let mut out = String::with_capacity(4096);
    let part_target = (seconds(head.part_target) * 1000.0).ceil() / 1000.0;
    let first = segments.first().map_or(0, |segment| segment.number);
    let _ = write!(
        out,
        "#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-TARGETDURATION:{}\n\
         #EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK={:.3},CAN-SKIP-UNTIL={}.0\n\
         #EXT-X-PART-INF:PART-TARGET={part_target:.3}\n#EXT-X-MEDIA-SEQUENCE:{first}\n",
        head.target,
        head.hold_back.max(2.0 * part_target),
        SKIP * head.target,
    );
    sequence(&mut out, head);
    if skipped > 0 {
        let _ = writeln!(out, "#EXT-X-SKIP:SKIPPED-SEGMENTS={skipped}");
    }
    let mut left = total;
    let mut generation = (skipped > 0).then(|| segments[skipped - 1].generation);
    for (index, segment) in segments.iter().enumerate() {
        left -= segment.duration();
        if index < skipped {
            continue;
        }
        opening(&mut out, head, segment, index == 0, &mut generation);
        if seconds(left) <= (PARTS * head.target) as f64 && !head.ended {
            for (number, part) in segment.parts.iter().enumerate() {
                let _ = write!(
                    out,
                    "#EXT-X-PART:DURATION={:.5},URI=\"{}-{}.{number}.mp4\"",
                    seconds(part.duration),
                    head.epoch,
                    segment.number
                );
                out.push_str(if part.independent { ",INDEPENDENT=YES\n" } else { "\n" });
            }
        }
        if segment.complete {
            closing(&mut out, head, segment);
        }
    }
    if head.ended {
        out.push_str("#EXT-X-ENDLIST\n");
    } else if let Some(segment) = segments.last() {
        let (number, part) =
            if segment.complete { (segment.number + 1, 0) } else { (segment.number, segment.parts.len()) };
        let _ = writeln!(out, "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"{}-{number}.{part}.mp4\"", head.epoch);
        out.push_str(head.reports);
    }
    out.into()
}

/// Writes the playlist for players that know no parts.
pub(crate) fn plain(head: &Head, segments: &[&Segment]) -> Bytes {
    let mut out = String::with_capacity(2048);
    let first = segments.first().map_or(0, |segment| segment.number);
    let target = head.target;
    let _ = write!(out, "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-TARGETDURATION:{target}\n#EXT-X-MEDIA-SEQUENCE:{first}\n");
    sequence(&mut out, head);
    let mut generation = None;
    for (index, segment) in segments.iter().filter(|segment| segment.complete).enumerate() {
        opening(&mut out, head, segment, index == 0, &mut generation);
        closing(&mut out, head, segment);
    }
    if head.ended {
        out.push_str("#EXT-X-ENDLIST\n");
    }
    out.into()
}

fn sequence(out: &mut String, head: &Head) {
    if head.discontinuities > 0 {
        let _ = writeln!(out, "#EXT-X-DISCONTINUITY-SEQUENCE:{}", head.discontinuities);
    }
    out.push_str("#EXT-X-INDEPENDENT-SEGMENTS\n");
}

fn opening(out: &mut String, head: &Head, segment: &Segment, first: bool, generation: &mut Option<u32>) {
    // The discontinuity before the first segment listed is counted in the sequence number already.
    if segment.discontinuity && !first {
        out.push_str("#EXT-X-DISCONTINUITY\n");
    }
    if *generation != Some(segment.generation) {
        *generation = Some(segment.generation);
        let _ = writeln!(out, "#EXT-X-MAP:URI=\"{}-i{}.mp4\"", head.epoch, segment.generation);
    }
    let _ = writeln!(out, "#EXT-X-PROGRAM-DATE-TIME:{}", crate::clock::rfc3339(segment.wall));
}

fn closing(out: &mut String, head: &Head, segment: &Segment) {
    let _ = write!(out, "#EXTINF:{:.5},\n{}-{}.mp4\n", seconds(segment.duration()), head.epoch, segment.number);
}
