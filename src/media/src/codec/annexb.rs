//! H.264 and HEVC as a byte stream (ITU-T H.264 and H.265, annex B), turned into what MP4 carries (ISO/IEC 14496-15).
//!
//! Decides where NAL units begin, what describes pictures and what is one, and when the description has changed. Refuses to know of
//! times and of what carries the stream. Every access unit must be whole.

use std::collections::BTreeMap;

use bytes::{BufMut, Bytes, BytesMut};

use super::{VideoCodec, VideoConfig, h264, hevc};

/// A parameter set longer than this is not kept; real ones have some hundred bytes at most.
const LONGEST_SET: usize = 4096;
/// Parameter sets of one kind kept; encoders send one or two.
const MOST_SETS: usize = 16;

/// The NAL units of a byte stream, without start codes and the zeros around them.
pub fn units(stream: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = after_start_code(stream);
    std::iter::from_fn(move || {
        let unit = rest?;
        let end = start_code(unit);
        rest = end.and_then(|at| after_start_code(&unit[at..]));
        let unit = &unit[..end.unwrap_or(unit.len())];
        let length = unit.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        Some(&unit[..length])
    })
    .filter(|unit| !unit.is_empty())
}

fn after_start_code(stream: &[u8]) -> Option<&[u8]> {
    start_code(stream).map(|at| &stream[at + 3..])
}

/// Where the first start code is.
fn start_code(stream: &[u8]) -> Option<usize> {
    let mut at = 0;
    while let Some(&last) = stream.get(at + 2) {
        match last {
            1 if stream[at] == 0 && stream[at + 1] == 0 => return Some(at),
            // Nothing that begins before a larger byte, or before a 1 after anything but zeros, is a start code.
            1.. => at += 3,
            0 => at += 1,
        }
    }
    None
}

/// What a NAL unit is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// A parameter set: its place in the configuration record, and its number.
    Set(u8, u32),
    /// Part of a picture; decoding can start here or not.
    Picture {
        /// IDR, or any IRAP picture of HEVC.
        key: bool,
    },
    /// Goes along with a picture.
    Other,
    /// Has no place in MP4: delimiters and filler (ISO/IEC 14496-15, 5.3.2), or what cannot be read.
    Nothing,
}

/// An access unit as MP4 carries it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// How to decode it and what follows; `None` when nothing has changed.
    pub config: Option<VideoConfig>,
    /// Decoding can start here.
    pub key: bool,
    /// Length-prefixed NAL units; empty when there was no picture.
    pub data: Bytes,
}

/// The state between access units: parameter sets seen so far.
#[derive(Debug)]
pub struct Stream {
    codec: VideoCodec,
    /// By place in the record and number.
    sets: BTreeMap<(u8, u32), Bytes>,
    record: Bytes,
    changed: bool,
}

impl Stream {
    /// A stream of H.264 or HEVC; `None` for a codec that has no byte stream.
    pub fn new(codec: VideoCodec) -> Option<Stream> {
        let carried = matches!(codec, VideoCodec::H264 | VideoCodec::Hevc);
        carried.then(|| Stream { codec, sets: BTreeMap::new(), record: Bytes::new(), changed: false })
    }

    /// Takes one whole access unit.
    pub fn take(&mut self, access_unit: &[u8]) -> Unit {
        let mut data = BytesMut::with_capacity(access_unit.len() + 64);
        let mut fresh = vec![];
        let (mut key, mut pictures) = (false, false);
        for unit in units(access_unit) {
            let role = match self.codec {
                VideoCodec::Hevc => hevc::role(unit),
                _ => h264::role(unit),
            };
            match role {
                Role::Set(place, number) if self.learn((place, number), unit) => fresh.push(unit),
                Role::Set(..) | Role::Nothing => continue,
                Role::Other => {}
                Role::Picture { key: starts } => {
                    pictures = true;
                    key |= starts;
                }
            }
            if !matches!(role, Role::Set(..)) {
                prefix(&mut data, unit);
            }
        }
        if !pictures {
            data.clear();
        }
        let config = if key && self.changed { self.describe() } else { None };
        // Sets that come new between keyframes stay with the picture that needs them: a description changes at keyframes only.
        if !key && pictures && !self.record.is_empty() && !fresh.is_empty() {
            let mut whole = BytesMut::with_capacity(data.len() + 256);
            fresh.iter().for_each(|unit| prefix(&mut whole, unit));
            whole.extend_from_slice(&data);
            data = whole;
        }
        Unit { config, key, data: data.freeze() }
    }

    /// Keeps a parameter set; false when it is known already.
    fn learn(&mut self, place: (u8, u32), unit: &[u8]) -> bool {
        let room =
            self.sets.contains_key(&place) || self.sets.keys().filter(|(kind, _)| *kind == place.0).count() < MOST_SETS;
        if unit.len() > LONGEST_SET || !room || self.sets.get(&place).is_some_and(|known| known == unit) {
            return false;
        }
        self.sets.insert(place, Bytes::copy_from_slice(unit));
        self.changed = true;
        true
    }

    fn describe(&mut self) -> Option<VideoConfig> {
        let of =
            |kind: u8| self.sets.range((kind, 0)..=(kind, u32::MAX)).map(|(_, unit)| &unit[..]).collect::<Vec<_>>();
        let record = match self.codec {
            VideoCodec::Hevc => hevc::record(&[of(hevc::VPS), of(hevc::SPS), of(hevc::PPS)]),
            _ => h264::record(&of(h264::SPS), &of(h264::PPS)),
        }?;
        self.changed = false;
        if record == self.record {
            return None;
        }
        self.record = record.clone();
        VideoConfig::read(self.codec, record)
    }
}

fn prefix(data: &mut BytesMut, unit: &[u8]) {
    data.put_u32(unit.len() as u32);
    data.put_slice(unit);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Three pictures of 64x36 from x264 and x265 by ffmpeg, a keyframe every second picture.
    const H264: &[u8] = include_bytes!("../../fuzz/seeds/annexb/h264");
    const HEVC: &[u8] = include_bytes!("../../fuzz/seeds/annexb/hevc");

    /// The `hvcC` that ffmpeg makes of it.
    const FFMPEG_HVCC: &str = "0101600000009000000000001ef000fcfdf8f800000f03a00001001840010c01ffff01600000030090000003000003001e\
        ba0240a10001002942010101600000030090000003000003001ea020831f3e5ba4a4c2f016808000000300800000030284a20001000\
        64401c073c089";

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
    }

    /// Access units: both encoders put a delimiter before each.
    fn access_units<'a>(stream: &'a [u8], delimiter: &[u8]) -> Vec<&'a [u8]> {
        let starts: Vec<usize> = (0..stream.len()).filter(|at| stream[*at..].starts_with(delimiter)).collect();
        let ends = starts.iter().skip(1).copied().chain([stream.len()]);
        starts.iter().zip(ends).map(|(start, end)| &stream[*start..end]).collect()
    }

    /// The NAL units of a sample.
    fn sample(mut data: &[u8]) -> Vec<&[u8]> {
        let mut out = vec![];
        while let Some((length, rest)) = data.split_first_chunk() {
            let (unit, rest) = rest.split_at(u32::from_be_bytes(*length) as usize);
            out.push(unit);
            data = rest;
        }
        out
    }

    #[test]
    fn start_codes_have_three_bytes_or_more() {
        let stream = [9, 0, 0, 0, 1, 7, 0, 0, 2, 0, 0, 1, 8, 0, 0, 0, 0, 1, 0, 0, 1, 5, 6];
        assert_eq!(units(&stream).collect::<Vec<_>>(), [&[7, 0, 0, 2][..], &[8], &[5, 6]]);
        assert_eq!(units(&[1, 2, 3]).count(), 0);
    }

    #[test]
    fn h264_becomes_what_ffmpeg_writes_into_mp4() {
        let mut stream = Stream::new(VideoCodec::H264).unwrap();
        let taken: Vec<Unit> = access_units(H264, &[0, 0, 0, 1, 9]).into_iter().map(|unit| stream.take(unit)).collect();
        assert_eq!(taken.iter().map(|unit| unit.key).collect::<Vec<_>>(), [true, false, true]);
        let config = taken[0].config.as_ref().unwrap();
        assert_eq!(config.record, hex("0142c00affe100176742c00ada11fe7c044000000300400000030283c489a801000468ce0fc8"));
        assert_eq!((config.width, config.height, &config.name[..]), (64, 36, "avc1.42c00a"));
        assert!(taken[1..].iter().all(|unit| unit.config.is_none()), "the same sets again are no news");
        let kinds = |unit: &Unit| sample(&unit.data).iter().map(|nal| nal[0] & 0x1f).collect::<Vec<_>>();
        assert_eq!(taken.iter().map(kinds).collect::<Vec<_>>(), [vec![6, 5], vec![1], vec![5]]);
    }

    #[test]
    fn hevc_becomes_what_ffmpeg_writes_into_mp4() {
        let mut stream = Stream::new(VideoCodec::Hevc).unwrap();
        let units = access_units(HEVC, &[0, 0, 0, 1, 0x46]);
        let taken: Vec<Unit> = units.into_iter().map(|unit| stream.take(unit)).collect();
        assert_eq!(taken.iter().map(|unit| unit.key).collect::<Vec<_>>(), [true, false, true]);
        let config = taken[0].config.as_ref().unwrap();
        assert_eq!(config.record, hex(FFMPEG_HVCC));
        assert_eq!((config.width, config.height, &config.name[..]), (64, 36, "hvc1.1.6.L30.90"));
        let kinds = |unit: &Unit| sample(&unit.data).iter().map(|nal| nal[0] >> 1 & 0x3f).collect::<Vec<_>>();
        assert!(taken.iter().all(|unit| kinds(unit).iter().all(|kind| *kind < 32)), "{:?}", kinds(&taken[0]));
    }

    #[test]
    fn a_changed_set_is_told_with_the_next_keyframe() {
        let units = access_units(H264, &[0, 0, 0, 1, 9]);
        let mut stream = Stream::new(VideoCodec::H264).unwrap();
        let before = stream.take(units[0]).config.unwrap();
        // Another picture parameter set of the same number.
        let other = [&[0, 0, 1, 0x68, 0xce, 0x3c, 0x80][..], units[1]].concat();
        let between = stream.take(&other);
        assert!(between.config.is_none() && !between.key);
        assert_eq!(sample(&between.data)[0], [0x68, 0xce, 0x3c, 0x80], "what needs it has it");
        let key = stream.take(units[2]);
        // The keyframe brings the first one again, so in the end nothing is new.
        assert!(key.key && key.config.is_none());
        let wide = H264[..units[0].len()].to_vec();
        let at = wide.windows(2).position(|pair| pair == [0x67, 0x42]).unwrap();
        let mut level = wide;
        level[at + 3] = 11;
        let after = stream.take(&level).config.unwrap();
        assert_eq!((&before.name[..], &after.name[..]), ("avc1.42c00a", "avc1.42c00b"));
    }

    #[test]
    fn nothing_can_be_decoded_before_the_parameter_sets() {
        let units = access_units(H264, &[0, 0, 0, 1, 9]);
        let mut stream = Stream::new(VideoCodec::H264).unwrap();
        let early = stream.take(units[1]);
        assert!(early.config.is_none() && !early.data.is_empty());
        assert!(stream.take(&[0, 0, 1, 9, 16]).data.is_empty(), "a delimiter is no picture");
        assert!(Stream::new(VideoCodec::Av1).is_none());
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes in prop::collection::vec(prop_oneof![Just(0u8), Just(1), any::<u8>()], 0..300)) {
            for codec in [VideoCodec::H264, VideoCodec::Hevc] {
                let unit = Stream::new(codec).unwrap().take(&bytes);
                prop_assert!(unit.data.len() <= bytes.len() * 2 + 4);
            }
        }
    }
}
