//! Frames that came over RTP, as packets of the stream.
//!
//! Decides which pictures can be decoded: none whose reference was lost, so after a loss everything is left out up to the next
//! keyframe, and the sender is to be asked for one. Sound that is missing is left to the decoder to make up. Refuses to know of
//! connections.

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::clock::{Clock, Stamp, Track};
use crate::codec::annexb::Stream;
use crate::codec::opus::length;
use crate::codec::{AudioCodec, AudioConfig, VideoCodec};
use crate::ingest::{Error, Frame, Packet};

/// A keyframe is asked for when the last one is this old. WebRTC encoders make none unasked, and a segment can only begin with one:
/// latency, joining and the ladder want it about once a second.
pub(super) const KEYFRAMES: Duration = Duration::from_secs(1);
/// An unanswered question is put again after this time.
const ASK_AGAIN: Duration = Duration::from_millis(500);

/// Sound missing for longer is a gap, in samples: one second. Senders that are silent send a packet every 0.4 s.
const CONCEALED: u64 = 48_000;

/// What a frame holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Picture(VideoCodec),
    Opus,
}

/// The state between frames.
#[derive(Debug)]
pub(super) struct Intake {
    clock: Clock,
    stream: Option<(VideoCodec, Stream)>,
    /// Where the sound goes on, in RTP time, and the first byte of its newest packet; `None` before its description was told.
    sound: Option<(u64, u8)>,
    /// A picture has been passed on.
    begun: bool,
    /// Pictures cannot be decoded before the next keyframe.
    broken: bool,
    keyframe: Option<Instant>,
    asked: Option<Instant>,
    /// Pictures left out so far, until they are asked for.
    pub(super) dropped: u64,
}

impl Default for Intake {
    fn default() -> Self {
        let clock = Clock::default();
        let (keyframe, asked) = (None, None);
        Intake { clock, stream: None, sound: None, begun: false, broken: true, keyframe, asked, dropped: 0 }
    }
}

impl Intake {
    /// Pictures are missing, or came in pieces.
    pub(super) fn lost(&mut self) {
        // One at least; how many is not to be seen.
        self.dropped += u64::from(self.begun && !self.broken);
        self.broken = true;
    }

    /// Takes a whole frame.
    pub(super) fn take(
        &mut self,
        kind: Kind,
        stamp: Stamp,
        data: &[u8],
        now: Instant,
        out: &mut impl Extend<Packet>,
    ) -> Result<(), Error> {
        match kind {
            Kind::Opus => self.sound(stamp, data, out),
            Kind::Picture(codec) => return self.picture(codec, stamp, data, now, out),
        }
        Ok(())
    }

    fn sound(&mut self, stamp: Stamp, data: &[u8], out: &mut impl Extend<Packet>) {
        let Some(first) = data.first() else { return };
        match self.sound {
            None => out.extend(opus().map(Packet::AudioConfig)),
            Some((next, last)) => self.conceal(next, last, stamp, out),
        }
        let time = self.clock.place(Track::Audio, stamp);
        self.sound = Some((stamp.rtp + u64::from(length(data)), *first));
        out.extend([Packet::Audio(frame(time, true, Bytes::copy_from_slice(data)))]);
    }

    /// Fills the place of missing packets, or sound would come too early until the next gap. A packet of its first byte alone makes
    /// the decoder conceal a frame (RFC 6716, 3.2.1 and 4.4).
    fn conceal(&mut self, next: u64, last: u8, stamp: Stamp, out: &mut impl Extend<Packet>) {
        let packet = [last & !3];
        let step = u64::from(length(&packet));
        let missing = stamp.rtp.saturating_sub(next);
        if missing > CONCEALED {
            return;
        }
        for rtp in (next..).step_by(step as usize).take((missing / step) as usize) {
            let since = (stamp.rtp - rtp) * 1_000_000 / u64::from(stamp.rate.max(1));
            let time = self.clock.place(Track::Audio, Stamp { rtp, arrived: stamp.arrived - since as i64, ..stamp });
            out.extend([Packet::Audio(frame(time, true, Bytes::copy_from_slice(&packet)))]);
        }
    }

    fn picture(
        &mut self,
        codec: VideoCodec,
        stamp: Stamp,
        data: &[u8],
        now: Instant,
        out: &mut impl Extend<Packet>,
    ) -> Result<(), Error> {
        if self.stream.as_ref().is_none_or(|(current, _)| *current != codec) {
            let stream = Stream::new(codec).ok_or_else(|| Error::Codec(format!("{codec:?} over WHIP")))?;
            self.stream = Some((codec, stream));
            self.broken = true;
        }
        let Some((_, stream)) = &mut self.stream else { return Ok(()) };
        let unit = stream.take(data);
        if unit.data.is_empty() {
            return Ok(());
        }
        let time = self.clock.place(Track::Video, stamp);
        if unit.key {
            self.keyframe = Some(now);
            self.broken = false;
        }
        if self.broken {
            // Before the first keyframe nothing is missing yet.
            self.dropped += u64::from(self.begun);
            return Ok(());
        }
        self.begun = true;
        out.extend(unit.config.map(Packet::VideoConfig));
        out.extend([Packet::Video(frame(time, unit.key, unit.data))]);
        Ok(())
    }

    /// Whether the sender should be asked for a keyframe now; true is taken for asking.
    pub(super) fn asks(&mut self, now: Instant) -> bool {
        let since =
            |moment: Option<Instant>| moment.map_or(Duration::MAX, |moment| now.saturating_duration_since(moment));
        let asks = (self.broken || since(self.keyframe) >= KEYFRAMES) && since(self.asked) >= ASK_AGAIN;
        if asks {
            self.asked = Some(now);
        }
        asks
    }
}

/// WebRTC does not reorder pictures: each is shown when it is decoded.
fn frame(time: u32, key: bool, data: Bytes) -> Frame {
    Frame { time, offset: 0, key, data }
}

/// Opus over RTP has no header (RFC 7587): two channels at 48 kHz, whatever the sender's microphone has.
fn opus() -> Option<AudioConfig> {
    let mut head = *b"OpusHead\x01\x02\0\0\0\0\0\0\0\0\0";
    head[12..16].copy_from_slice(&48_000u32.to_le_bytes());
    AudioConfig::read(AudioCodec::Opus, &Bytes::copy_from_slice(&head))
}

#[cfg(test)]
mod tests {
    use super::*;

    const H264: &[u8] = include_bytes!("../../../fuzz/seeds/annexb/h264");

    fn pictures() -> Vec<&'static [u8]> {
        let starts: Vec<usize> = (0..H264.len()).filter(|at| H264[*at..].starts_with(&[0, 0, 0, 1, 9])).collect();
        let ends = starts.iter().skip(1).copied().chain([H264.len()]);
        starts.iter().zip(ends).map(|(start, end)| &H264[*start..end]).collect()
    }

    fn stamp(n: u64) -> Stamp {
        Stamp { rtp: n * 3000, rate: 90_000, arrived: n as i64 * 33_333, report: None }
    }

    #[test]
    fn nothing_is_shown_between_a_loss_and_the_next_keyframe() {
        // A keyframe, a picture that needs it, a keyframe.
        let pictures = pictures();
        let mut intake = Intake::default();
        let now = Instant::now();
        let take = |intake: &mut Intake, n: u64, data| {
            let mut out = vec![];
            intake.take(Kind::Picture(VideoCodec::H264), stamp(n), data, now, &mut out).unwrap();
            out
        };
        assert_eq!(take(&mut intake, 0, pictures[1]), [], "a stream does not begin with half a picture");
        let first = take(&mut intake, 1, pictures[0]);
        assert!(matches!(&first[..], [Packet::VideoConfig(_), Packet::Video(frame)] if frame.key && frame.time == 33));
        assert!(matches!(&take(&mut intake, 2, pictures[1])[..], [Packet::Video(frame)] if !frame.key));
        intake.lost();
        assert_eq!(take(&mut intake, 3, pictures[1]), []);
        assert_eq!(intake.dropped, 2, "the lost one, and the one that needs it");
        assert!(
            matches!(&take(&mut intake, 4, pictures[2])[..], [Packet::Video(frame)] if frame.key && frame.time == 133)
        );
    }

    #[test]
    fn keyframes_are_asked_for_once_a_second_and_after_a_loss() {
        let mut intake = Intake::default();
        let begin = Instant::now();
        let at = |milliseconds| begin + Duration::from_millis(milliseconds);
        assert!(intake.asks(at(0)));
        assert!(!intake.asks(at(100)), "it is on its way");
        intake.take(Kind::Picture(VideoCodec::H264), stamp(0), pictures()[0], at(150), &mut vec![]).unwrap();
        assert!(!intake.asks(at(1100)));
        assert!(intake.asks(at(1150)));
        intake.lost();
        assert!(!intake.asks(at(1200)));
        assert!(intake.asks(at(1650)));
    }

    #[test]
    fn missing_sound_is_left_to_the_decoder() {
        let mut intake = Intake::default();
        let mut out = vec![];
        // 20 ms each; the second and third are missing, and later two seconds.
        for n in [0, 3, 4, 104] {
            let stamp = Stamp { rtp: n * 960, rate: 48_000, arrived: n as i64 * 20_000, report: None };
            intake.take(Kind::Opus, stamp, &[0xfc, 1, 2], Instant::now(), &mut out).unwrap();
        }
        let sound = |packet: &Packet| match packet {
            Packet::Audio(frame) => Some((frame.time, frame.data.len())),
            _ => None,
        };
        let out: Vec<_> = out.iter().filter_map(sound).collect();
        assert_eq!(out, [(0, 3), (20, 1), (40, 1), (60, 3), (80, 3), (2080, 3)]);
    }

    #[test]
    fn sound_is_described_once() {
        let mut intake = Intake::default();
        let mut out = vec![];
        for n in 0..2 {
            let stamp = Stamp { rtp: n * 960, rate: 48_000, arrived: n as i64 * 20_000, report: None };
            intake.take(Kind::Opus, stamp, &[0xfc, 1, 2], Instant::now(), &mut out).unwrap();
        }
        let [Packet::AudioConfig(config), Packet::Audio(_), Packet::Audio(second)] = &out[..] else {
            panic!("{out:?}")
        };
        assert_eq!((config.rate, config.channels, second.time), (48_000, 2, 20));
    }
}
