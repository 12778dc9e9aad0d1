//! The `moov` that turns a recorded file into a plain MP4 without moving a byte.
//!
//! The recorder writes `ftyp`, a `free` box of 16 bytes, and then initialization segments and fragments. Finishing appends a `moov`
//! whose sample tables point into the fragments, and turns the `free` box into the head of one long `mdat` around them. It takes
//! as long for three hours as for three minutes, and byte ranges that a playlist names stay what they were.

use bytes::{BufMut, Bytes, BytesMut};

use super::boxes::{full, plain, words};
use super::init::{Description, file_type, movie_header, track};
use super::read::{Entry, Scan};

/// The bytes a recording begins with; `HEAD` bytes at `head_place` are changed when it is finished.
pub fn opening() -> Bytes {
    let mut out = BytesMut::new();
    file_type(&mut out);
    plain(&mut out, b"free", |out| out.put_u64(0));
    out.freeze()
}

/// Where the changeable head lies.
pub fn head_place() -> u64 {
    opening().len() as u64 - 16
}

/// The head that hides everything up to `end`.
pub fn hiding_head(end: u64) -> [u8; 16] {
    let mut head = [0; 16];
    head[3] = 1;
    head[4..8].copy_from_slice(b"mdat");
    head[8..].copy_from_slice(&(end - head_place()).to_be_bytes());
    head
}

#[derive(Default)]
struct Table {
    entries: Vec<Entry>,
    /// Place, samples, description of each chunk.
    chunks: Vec<(u64, u32, u32)>,
    descriptions: Vec<Bytes>,
    start: Option<u64>,
    end: u64,
}

/// The length of a recording in seconds.
pub fn duration(scan: &Scan) -> f64 {
    tables(scan)
        .iter()
        .map(|(description, table)| table.length() as f64 / f64::from(description.scale))
        .fold(0.0, f64::max)
}

/// `moov` for everything that was scanned.
pub fn movie(scan: &Scan) -> Bytes {
    let tables = tables(scan);
    let seconds = |ticks: u64, scale: u32| ticks as f64 / f64::from(scale);
    let begin = tables.iter().filter_map(|(description, table)| Some(seconds(table.start?, description.scale)));
    let begin = begin.fold(f64::INFINITY, f64::min);
    let milliseconds = |seconds: f64| (seconds * 1000.0).round() as u64;
    let delay = |description: &Description, table: &Table| {
        milliseconds(seconds(table.start.unwrap_or(0), description.scale) - begin)
    };
    let length = |description: &Description, table: &Table| milliseconds(seconds(table.length(), description.scale));
    let total = tables.iter().map(|(description, table)| delay(description, table) + length(description, table)).max();
    let mut out = BytesMut::new();
    plain(&mut out, b"moov", |out| {
        movie_header(out, total.unwrap_or(0));
        for (description, table) in &tables {
            let (delay, length) = (delay(description, table), length(description, table));
            let description = Description { entries: table.descriptions.clone(), ..description.clone() };
            let edits = |out: &mut BytesMut| edits(out, delay, length);
            track(out, &description, delay + length, table.length(), edits, |out| write(out, table, description.video));
        }
    });
    out.freeze()
}

fn tables(scan: &Scan) -> Vec<(Description, Table)> {
    let mut tables: Vec<(Description, Table)> = vec![];
    for fragment in &scan.fragments {
        for run in &fragment.runs {
            let init = scan.inits[fragment.init].tracks.iter().find(|track| track.number == run.track);
            let Some(description) = init else { continue };
            let at = tables.iter().position(|(known, _)| known.number == run.track).unwrap_or_else(|| {
                tables.push((description.clone(), Table::default()));
                tables.len() - 1
            });
            let scale = u64::from(tables[at].0.scale);
            tables[at].1.add(description, run.time, run.place, &run.entries, scale);
        }
    }
    tables
}

impl Table {
    fn length(&self) -> u64 {
        self.end - self.start.unwrap_or(0)
    }

    fn add(&mut self, description: &Description, time: u64, place: u64, entries: &[Entry], scale: u64) {
        // A track may change its rate when the publisher comes back; the file has the first one's.
        let convert = |ticks: u64| (u128::from(ticks) * u128::from(scale) / u128::from(description.scale)) as u64;
        let time = convert(time);
        if self.start.is_none() {
            (self.start, self.end) = (Some(time), time);
        }
        if let Some(last) = self.entries.last_mut().filter(|_| time > self.end) {
            // More than half a day is cut short: sample tables have no room for it.
            last.duration = u32::try_from(u64::from(last.duration) + (time - self.end)).unwrap_or(u32::MAX);
            self.end = time;
        }
        let entry = description.entries.first().cloned().unwrap_or_default();
        let index = self.descriptions.iter().position(|known| *known == entry).unwrap_or_else(|| {
            self.descriptions.push(entry);
            self.descriptions.len() - 1
        });
        self.chunks.push((place, entries.len() as u32, index as u32 + 1));
        for entry in entries {
            let duration = convert(u64::from(entry.duration)) as u32;
            self.end += u64::from(duration);
            self.entries.push(Entry { duration, ..*entry });
        }
    }
}

/// A track that begins later than the other one begins with nothing.
fn edits(out: &mut BytesMut, delay: u64, length: u64) {
    if delay == 0 {
        return;
    }
    plain(out, b"edts", |out| {
        full(out, b"elst", 1, 0, |out| {
            out.put_u32(2);
            for (length, time) in [(delay, -1), (length, 0)] {
                out.put_u64(length);
                out.put_i64(time);
                out.put_u32(0x1_0000);
            }
        });
    });
}

fn write(out: &mut BytesMut, table: &Table, video: bool) {
    let counted = |out: &mut BytesMut, name: &[u8; 4], version: u8, values: Vec<u32>| {
        full(out, name, version, 0, |out| {
            let groups = groups(&values);
            out.put_u32(groups.len() as u32);
            groups.iter().for_each(|(count, value)| words(out, &[*count, *value]));
        });
    };
    counted(out, b"stts", 0, table.entries.iter().map(|entry| entry.duration).collect());
    if table.entries.iter().any(|entry| entry.offset != 0) {
        counted(out, b"ctts", 1, table.entries.iter().map(|entry| entry.offset as u32).collect());
    }
    if video {
        let keys = table.entries.iter().zip(1..).filter(|(entry, _)| entry.key).map(|(_, number)| number);
        let keys: Vec<u32> = keys.collect();
        full(out, b"stss", 0, 0, |out| {
            out.put_u32(keys.len() as u32);
            words(out, &keys);
        });
    }
    full(out, b"stsc", 0, 0, |out| {
        let mut rows = vec![];
        let mut last = (0, 0);
        for ((_, samples, description), number) in table.chunks.iter().zip(1..) {
            if last != (*samples, *description) {
                rows.push([number, *samples, *description]);
                last = (*samples, *description);
            }
        }
        out.put_u32(rows.len() as u32);
        rows.iter().for_each(|row| words(out, row));
    });
    full(out, b"stsz", 0, 0, |out| {
        words(out, &[0, table.entries.len() as u32]);
        table.entries.iter().for_each(|entry| out.put_u32(entry.size));
    });
    full(out, b"co64", 0, 0, |out| {
        out.put_u32(table.chunks.len() as u32);
        table.chunks.iter().for_each(|(place, ..)| out.put_u64(*place));
    });
}

/// Runs of equal values.
fn groups(values: &[u32]) -> Vec<(u32, u32)> {
    values.chunk_by(|a, b| a == b).map(|group| (group.len() as u32, group[0])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_longer_than_a_table_can_say_is_cut_short() {
        let description = Description { number: 1, video: true, scale: 90_000, size: (16, 16), entries: vec![] };
        let entry = Entry { duration: 3000, size: 1, key: true, offset: 0 };
        let mut table = Table::default();
        for (time, place) in [(0, 0), (6000, 1), (1 << 40, 2)] {
            table.add(&description, time, place, &[entry], 90_000);
        }
        let durations: Vec<u32> = table.entries.iter().map(|entry| entry.duration).collect();
        assert_eq!(durations, [6000, u32::MAX, 3000]);
    }
}
