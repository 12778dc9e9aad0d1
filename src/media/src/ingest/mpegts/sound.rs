//! Sound of a transport stream: AAC in ADTS frames (ISO/IEC 13818-7, 6.2) and Opus with control headers (the draft "ETSI TS Opus
//! v0.1.3" at opus-codec.org, which encoders follow).
//!
//! Decides where frames begin and what time each has: the one a PES packet tells is that of the first frame that begins in it, those
//! after it follow by their length.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::clock::{Clock, milliseconds};
use crate::codec::{AudioCodec, AudioConfig, opus};
use crate::ingest::{Error, Frame, Packet};

/// Samples in an AAC frame.
const AAC_FRAME: u32 = 1024;
/// An Opus packet longer than this is none: 120 ms of eight channels at 510 kb/s each are less.
const MOST: usize = 1 << 16;

/// The frame under way.
#[derive(Debug)]
pub(super) struct Sound {
    codec: AudioCodec,
    /// Of Opus, from the program's table.
    channels: u8,
    input: BytesMut,
    /// The time of the next frame: where the count began, and samples since.
    base: Option<(i64, u64)>,
    /// A time that holds for frames that begin at or after this place in the input.
    mark: Option<(usize, i64)>,
    config: Option<AudioConfig>,
    /// Something is missing, and no packet has begun since.
    broken: bool,
}

impl Sound {
    /// `channels` matters for Opus only.
    pub(super) fn new(codec: AudioCodec, channels: u8) -> Sound {
        Sound { codec, channels, input: BytesMut::new(), base: None, mark: None, config: None, broken: false }
    }

    /// A PES packet begins.
    pub(super) fn begin(&mut self, clock: &mut Clock, times: Option<(u64, u64)>) {
        self.broken = false;
        if self.codec == AudioCodec::Opus {
            self.input.clear();
        }
        if let Some((shown, _)) = times {
            self.mark = Some((self.input.len(), clock.place(shown)));
        }
    }

    pub(super) fn data(&mut self, data: &[u8]) {
        if !self.broken {
            self.input.extend_from_slice(data);
        }
    }

    /// Something is missing; gives how many frames are left out at once.
    pub(super) fn lost(&mut self) -> u64 {
        let partial = !self.input.is_empty();
        self.input.clear();
        (self.base, self.mark, self.broken) = (None, None, true);
        u64::from(partial)
    }

    /// The next frame, and before it its configuration when that has changed; `None` until more comes.
    pub(super) fn next(&mut self) -> Result<Option<Packet>, Error> {
        match self.codec {
            AudioCodec::Aac => self.aac(),
            AudioCodec::Opus => self.opus(),
        }
    }

    fn aac(&mut self) -> Result<Option<Packet>, Error> {
        loop {
            let skip = self.input.windows(2).position(|pair| pair[0] == 0xff && pair[1] & 0xf6 == 0xf0);
            self.skip(skip.unwrap_or(self.input.len().saturating_sub(1)));
            let Some(header) = self.input.first_chunk::<7>() else { return Ok(None) };
            let length = usize::from(header[3] & 3) << 11 | usize::from(header[4]) << 3 | usize::from(header[5]) >> 5;
            let start = if header[1] & 1 == 0 { 9 } else { 7 };
            let (object, rate) = (header[2] >> 6, header[2] >> 2 & 0xf);
            let channels = header[2] << 2 & 4 | header[3] >> 6;
            if length <= start || rate > 12 {
                self.skip(1);
                continue;
            }
            if header[6] & 3 != 0 {
                return Err(Error::Codec("aac with several blocks in a frame".to_owned()));
            }
            if channels == 0 {
                return Err(Error::Codec("aac with channels of its own order".to_owned()));
            }
            if self.input.len() < length {
                return Ok(None);
            }
            // AudioSpecificConfig: object type, frequency, channels, and three zeros (ISO/IEC 14496-3, 1.6.2.1).
            let record = u16::from(object + 1) << 11 | u16::from(rate) << 7 | u16::from(channels) << 3;
            if let Some(config) = self.describe(&Bytes::copy_from_slice(&record.to_be_bytes())) {
                return Ok(Some(config));
            }
            let Some(time) = self.time(AAC_FRAME) else {
                self.skip(length);
                continue;
            };
            let mut data = self.take(length);
            data.advance(start);
            return Ok(Some(Packet::Audio(Frame { time, offset: 0, key: true, data })));
        }
    }

    fn opus(&mut self) -> Result<Option<Packet>, Error> {
        loop {
            let Some(head) = self.control()? else { return Ok(None) };
            if self.config.is_none() {
                // RFC 7845, 5.1, as the configuration of Opus is read everywhere.
                let mut record = BytesMut::from(&b"OpusHead\x01"[..]);
                record.put_u8(self.channels);
                record.put_u16_le(head.trim);
                record.put_u32_le(48_000);
                record.put_slice(&[0; 3]);
                let config = AudioConfig::read(AudioCodec::Opus, &record.freeze());
                let config =
                    config.ok_or_else(|| Error::Codec(format!("opus with channel configuration {}", self.channels)))?;
                self.config = Some(config.clone());
                return Ok(Some(Packet::AudioConfig(config)));
            }
            let samples = opus::length(&self.input[head.start..head.start + head.length]);
            let Some(time) = self.time(samples) else {
                self.skip(head.start + head.length);
                continue;
            };
            let mut data = self.take(head.start + head.length);
            data.advance(head.start);
            return Ok(Some(Packet::Audio(Frame { time, offset: 0, key: true, data })));
        }
    }

    /// The control header before an Opus packet; `None` until both are whole.
    fn control(&mut self) -> Result<Option<Control>, Error> {
        let wrong = || Error::Protocol("opus has no control header".to_owned());
        let Some(flags) = self.input.first_chunk::<2>() else { return Ok(None) };
        // Eleven bits of prefix, then: start trim, end trim, extension.
        if flags[0] != 0x7f || flags[1] & 0xe0 != 0xe0 {
            return Err(wrong());
        }
        let (starts, ends, extended) = (flags[1] & 0x10 != 0, flags[1] & 8 != 0, flags[1] & 4 != 0);
        let mut rest = &self.input[2..];
        let mut length = 0;
        loop {
            let Some((byte, tail)) = rest.split_first() else { return Ok(None) };
            (length, rest) = (length + usize::from(*byte), tail);
            if *byte != 0xff {
                break;
            }
        }
        if length == 0 || length > MOST {
            return Err(wrong());
        }
        let mut word = |present: bool| match rest.split_first_chunk::<2>() {
            Some((word, tail)) if present => {
                rest = tail;
                Some(u16::from_be_bytes(*word) & 0x1fff)
            }
            None if present => None,
            _ => Some(0),
        };
        let (Some(trim), Some(_)) = (word(starts), word(ends)) else { return Ok(None) };
        if extended {
            let Some((size, tail)) = rest.split_first() else { return Ok(None) };
            let Some(tail) = tail.get(usize::from(*size)..) else { return Ok(None) };
            rest = tail;
        }
        let start = self.input.len() - rest.len();
        Ok((rest.len() >= length).then_some(Control { trim, start, length }))
    }

    fn describe(&mut self, record: &Bytes) -> Option<Packet> {
        if self.config.as_ref().is_some_and(|config| config.record == *record) {
            return None;
        }
        let config = AudioConfig::read(AudioCodec::Aac, record)?;
        self.config = Some(config.clone());
        self.base = None;
        Some(Packet::AudioConfig(config))
    }

    /// The time of the frame at the front, in milliseconds; `None` when none was told yet.
    fn time(&mut self, samples: u32) -> Option<u32> {
        if let Some((_, place)) = self.mark.take_if(|(at, _)| *at == 0) {
            self.base = Some((place, 0));
        }
        let rate = self.config.as_ref().map_or(48_000, |config| config.rate);
        let (place, count) = self.base.as_mut()?;
        let ticks = *place + (*count * 90_000 / u64::from(rate)) as i64;
        *count += u64::from(samples);
        Some(milliseconds(ticks) as u32)
    }

    fn take(&mut self, length: usize) -> Bytes {
        if let Some((at, _)) = &mut self.mark {
            *at = at.saturating_sub(length);
        }
        self.input.split_to(length).freeze()
    }

    fn skip(&mut self, length: usize) {
        if length > 0 {
            self.take(length);
        }
    }
}

/// What a control header says.
struct Control {
    /// Samples to leave out at the beginning.
    trim: u16,
    /// Where the packet begins, and how long it is.
    start: usize,
    length: usize,
}
