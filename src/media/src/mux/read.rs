//! Reads back the fragmented files that the recorder wrote, whole or cut off anywhere.
//!
//! Decides where the last whole fragment ends. Refuses anything that `init` and `fragment` do not write.

use std::io::{self, Read, Seek, SeekFrom};

use bytes::{Buf, Bytes};

use super::init::{DEPENDENT, Description};

/// A `moov` or `moof` longer than this was not written by us.
const LONGEST_HEADER: u64 = 4 << 20;

/// Times beyond this many ticks (a century) were not written by us.
const LATEST: u64 = 1 << 48;

/// A sample as a fragment tells of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Ticks until the next sample.
    pub duration: u32,
    /// Bytes.
    pub size: u32,
    /// Decoding can start here.
    pub key: bool,
    /// Presentation time minus decoding time in ticks.
    pub offset: i32,
}

/// The samples of one track in one fragment, which lie one after the other in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Track number.
    pub track: u32,
    /// Decoding time of the first sample.
    pub time: u64,
    /// Where the first sample begins in the file.
    pub place: u64,
    /// In order.
    pub entries: Vec<Entry>,
}

/// A fragment: `moof` and `mdat`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fragment {
    /// Where it begins in the file.
    pub place: u64,
    /// Bytes.
    pub length: u64,
    /// Which initialization segment it needs.
    pub init: usize,
    /// One for each track.
    pub runs: Vec<Run>,
}

/// An initialization segment in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Init {
    pub(crate) place: u64,
    pub(crate) length: u64,
    pub(super) tracks: Vec<Description>,
}

/// What a file holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scan {
    pub(crate) inits: Vec<Init>,
    /// Whole fragments in order.
    pub fragments: Vec<Fragment>,
    /// Where the last whole fragment ends.
    pub end: u64,
}

/// Reads a file up to where it was cut off.
pub fn scan(file: &mut (impl Read + Seek)) -> io::Result<Scan> {
    let total = file.seek(SeekFrom::End(0))?;
    let mut scan = Scan::default();
    let mut place = 0;
    let mut type_place = None;
    while let Some((name, length)) = head(file, place, total)? {
        // A finished file hides all fragments in one `mdat` with a 64-bit length; the fragments follow its head.
        let hidden = &name == b"mdat" && scan.inits.is_empty();
        let next = if hidden { place + 16 } else { place + length };
        if next > total {
            break;
        }
        match &name {
            b"ftyp" => type_place = Some(place),
            b"moov" => {
                let body = body(file, place, length)?;
                let Some(tracks) = descriptions(&body) else { break };
                let from = type_place.unwrap_or(place);
                scan.inits.push(Init { place: from, length: next - from, tracks });
            }
            b"moof" => {
                let Some((b"mdat", data)) = head(file, next, total)?.as_ref().map(|(name, length)| (name, *length))
                else {
                    break;
                };
                let whole = length + data;
                if place + whole > total {
                    break;
                }
                let runs = runs(&body(file, place, length)?, place).filter(|_| !scan.inits.is_empty());
                let Some(runs) = runs else { break };
                scan.fragments.push(Fragment { place, length: whole, init: scan.inits.len() - 1, runs });
                scan.end = place + whole;
                place = scan.end;
                continue;
            }
            b"free" | b"mdat" => {}
            _ => break,
        }
        place = next;
    }
    Ok(scan)
}

fn head(file: &mut (impl Read + Seek), place: u64, total: u64) -> io::Result<Option<([u8; 4], u64)>> {
    if place + 8 > total {
        return Ok(None);
    }
    let mut head = [0; 8];
    file.seek(SeekFrom::Start(place))?;
    file.read_exact(&mut head)?;
    let length = u64::from(u32::from_be_bytes([head[0], head[1], head[2], head[3]]));
    let name = [head[4], head[5], head[6], head[7]];
    let known = length >= 8 || (length == 1 && &name == b"mdat");
    Ok(known.then_some((name, length)))
}

fn body(file: &mut (impl Read + Seek), place: u64, length: u64) -> io::Result<Bytes> {
    if length > LONGEST_HEADER {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "box is too long for a header"));
    }
    let mut body = vec![0; length as usize - 8];
    file.seek(SeekFrom::Start(place + 8))?;
    file.read_exact(&mut body)?;
    Ok(body.into())
}

/// The boxes in a box.
fn children(mut body: Bytes) -> impl Iterator<Item = ([u8; 4], Bytes)> {
    std::iter::from_fn(move || {
        let head: [u8; 8] = *body.first_chunk()?;
        let length = u32::from_be_bytes([head[0], head[1], head[2], head[3]]) as usize;
        if length < 8 || length > body.len() {
            return None;
        }
        let child = body.split_to(length).slice(8..);
        Some(([head[4], head[5], head[6], head[7]], child))
    })
}

fn child(body: &Bytes, path: &[&[u8; 4]]) -> Option<Bytes> {
    path.iter()
        .try_fold(body.clone(), |body, name| children(body).find(|(found, _)| found == *name).map(|(_, body)| body))
}

fn word(body: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(*body.get(at..)?.first_chunk()?))
}

/// The tracks of a `moov` for fragments; a finished file's own `moov` gives `None`.
fn descriptions(moov: &Bytes) -> Option<Vec<Description>> {
    child(moov, &[b"mvex"])?;
    let tracks = children(moov.clone()).filter(|(name, _)| name == b"trak");
    tracks
        .map(|(_, track)| {
            let header = child(&track, &[b"tkhd"])?;
            let media = child(&track, &[b"mdia"])?;
            let mut table = child(&media, &[b"minf", b"stbl", b"stsd"])?;
            if table.len() < 8 {
                return None;
            }
            table.advance(8);
            let mut entries = vec![];
            while let Some(length) = word(&table, 0).map(|length| length as usize) {
                if length < 8 || length > table.len() {
                    break;
                }
                entries.push(table.split_to(length));
            }
            let side = |at| word(&header, at).map(|fixed| (fixed >> 16) as u16);
            Some(Description {
                number: word(&header, 20)?,
                video: child(&media, &[b"hdlr"])?.get(8..12)? == b"vide",
                scale: word(&child(&media, &[b"mdhd"])?, 20).filter(|scale| *scale > 0)?,
                size: (side(88)?, side(92)?),
                entries,
            })
        })
        .collect()
}

fn runs(moof: &Bytes, place: u64) -> Option<Vec<Run>> {
    let fragments = children(moof.clone()).filter(|(name, _)| name == b"traf");
    fragments
        .map(|(_, fragment)| {
            let track = word(&child(&fragment, &[b"tfhd"])?, 4)?;
            let begin = child(&fragment, &[b"tfdt"])?;
            let time = u64::from(word(&begin, 4)?) << 32 | u64::from(word(&begin, 8)?);
            if time > LATEST {
                return None;
            }
            let mut run = child(&fragment, &[b"trun"])?;
            let flags = word(&run, 0)? & 0xff_ffff;
            let (count, offset) = (word(&run, 4)? as usize, word(&run, 8)?);
            run.advance(12);
            let width = if flags & 0xc00 == 0xc00 { 16 } else { 8 };
            if run.len() != count.checked_mul(width)? {
                return None;
            }
            let entries = run
                .chunks_exact(width)
                .map(|entry| {
                    let (flags, offset) = if width == 16 { (word(entry, 8)?, word(entry, 12)? as i32) } else { (0, 0) };
                    Some(Entry { duration: word(entry, 0)?, size: word(entry, 4)?, key: flags != DEPENDENT, offset })
                })
                .collect::<Option<_>>()?;
            Some(Run { track, time, place: place + u64::from(offset), entries })
        })
        .collect()
}

impl Scan {
    /// Ticks a second of a track.
    pub(crate) fn scale(&self, init: usize, track: u32) -> u32 {
        let tracks = self.inits.get(init).map_or(&[][..], |init| &init.tracks);
        tracks.iter().find(|description| description.number == track).map_or(1000, |description| description.scale)
    }
}
