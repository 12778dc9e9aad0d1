//! Turns a recording, whole or cut off by a crash, into a replay: an MP4 with sample tables, and a playlist of byte ranges in it.

use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, Seek, SeekFrom, Write};
use std::path::Path;

use super::{MOVIE, PLAYLIST, Replay};
use crate::mux::movie::{duration, head_place, hiding_head, movie};
use crate::mux::read::{Fragment, Scan, scan};
use crate::mux::{AUDIO_TRACK, VIDEO_SCALE, VIDEO_TRACK};

/// Segments of a replay end at the first keyframe after so many seconds.
const SEGMENT: f64 = 4.0;

/// Finishes the recording in a directory; doing it twice does no harm.
pub(super) fn finish(directory: &Path) -> io::Result<Replay> {
    let path = directory.join(MOVIE);
    let mut file = OpenOptions::new().read(true).write(true).open(path)?;
    let scan = scan(&mut BufReader::with_capacity(4096, &file))?;
    if scan.fragments.is_empty() {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "nothing was recorded"));
    }
    let movie = movie(&scan);
    // In this order a crash in between leaves a file that is scanned and finished again.
    file.set_len(scan.end)?;
    file.seek(SeekFrom::Start(scan.end))?;
    file.write_all(&movie)?;
    file.sync_data()?;
    crate::files::write_whole(&directory.join(PLAYLIST), playlist(&scan).as_bytes())?;
    hide(&mut file, scan.end)?;
    Ok(Replay { duration: duration(&scan), bytes: scan.end + movie.len() as u64 })
}

fn hide(file: &mut File, end: u64) -> io::Result<()> {
    file.seek(SeekFrom::Start(head_place()))?;
    file.write_all(&hiding_head(end))?;
    file.sync_data()
}

/// Times further apart than this have something missing between them, in seconds.
const GAP: f64 = 0.02;

struct Segment {
    place: u64,
    length: u64,
    init: usize,
    seconds: f64,
    /// Parts are missing before it, because the disk was too slow.
    gap: bool,
}

fn playlist(scan: &Scan) -> String {
    let mut segments: Vec<Segment> = vec![];
    let mut end = None;
    for fragment in &scan.fragments {
        let Lead { begin, seconds, key } = lead(scan, fragment);
        let gap = end.is_some_and(|end: f64| (begin - end).abs() > GAP);
        end = Some(begin + seconds);
        match segments.last_mut() {
            Some(last) if last.init == fragment.init && !gap && !(key && last.seconds >= SEGMENT) => {
                last.length = fragment.place + fragment.length - last.place;
                last.seconds += seconds;
            }
            _ => {
                let (place, length, init) = (fragment.place, fragment.length, fragment.init);
                segments.push(Segment { place, length, init, seconds, gap });
            }
        }
    }
    let target = segments.iter().map(|segment| segment.seconds.round() as u64).max().unwrap_or(1).max(1);
    let mut out = format!(
        "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-TARGETDURATION:{target}\n#EXT-X-PLAYLIST-TYPE:VOD\n#EXT-X-MEDIA-SEQUENCE:0\n\
         #EXT-X-INDEPENDENT-SEGMENTS\n"
    );
    let mut init = None;
    for segment in &segments {
        if segment.gap || init.is_some_and(|init| init != segment.init) {
            out.push_str("#EXT-X-DISCONTINUITY\n");
        }
        if init != Some(segment.init) {
            init = Some(segment.init);
            let map = &scan.inits[segment.init];
            let _ = writeln!(out, "#EXT-X-MAP:URI=\"{MOVIE}\",BYTERANGE=\"{}@{}\"", map.length, map.place);
        }
        let _ = write!(
            out,
            "#EXTINF:{:.5},\n#EXT-X-BYTERANGE:{}@{}\n{MOVIE}\n",
            segment.seconds, segment.length, segment.place
        );
    }
    out.push_str("#EXT-X-ENDLIST\n");
    out
}

/// Where a fragment lies in time.
struct Lead {
    /// Seconds on the broadcast's timeline.
    begin: f64,
    seconds: f64,
    /// Decoding can start at it.
    key: bool,
}

fn lead(scan: &Scan, fragment: &Fragment) -> Lead {
    let run = |track| fragment.runs.iter().find(|run| run.track == track);
    let Some(run) = run(VIDEO_TRACK).or_else(|| run(AUDIO_TRACK)) else {
        return Lead { begin: 0.0, seconds: 0.0, key: false };
    };
    let ticks: u64 = run.entries.iter().map(|entry| u64::from(entry.duration)).sum();
    let scale = if run.track == VIDEO_TRACK { VIDEO_SCALE } else { scan.scale(fragment.init, run.track) };
    let seconds = |ticks: u64| ticks as f64 / f64::from(scale);
    let key = run.entries.first().is_some_and(|entry| entry.key);
    Lead { begin: seconds(run.time), seconds: seconds(ticks), key }
}
