//! The streams of a program, as its table tells them.
//!
//! Decides which of them are pictures and sound that can be carried, and which are neither. Numbers: ISO/IEC 13818-1, table 2-34;
//! registered formats: smpte-ra.org.

use mpeg2ts_reader::StreamType;
use mpeg2ts_reader::descriptor::UnknownDescriptor;
use mpeg2ts_reader::descriptor_enum;
use mpeg2ts_reader::packet::Pid;
use mpeg2ts_reader::psi::pmt::StreamInfo;

use crate::codec::{AudioCodec, VideoCodec};
use crate::ingest::Error;

descriptor_enum! {
    Descriptor {
        Any 0..=255 => UnknownDescriptor,
    }
}

/// Where the tracks are that are carried.
pub(super) struct Chosen {
    pub(super) video: Option<(Pid, VideoCodec)>,
    /// With what the table says about channels.
    pub(super) audio: Option<(Pid, AudioCodec, u8)>,
}

/// What a stream is.
enum Kind {
    Video(VideoCodec),
    Audio(AudioCodec, u8),
    /// Pictures or sound in a codec that is not carried.
    Foreign {
        pictures: bool,
        name: &'static str,
    },
    Data,
}

/// The first track of each kind; an error when there are only ones that are not carried.
pub(super) fn choose<'a>(streams: impl Iterator<Item = StreamInfo<'a>>) -> Result<Chosen, Error> {
    let mut chosen = Chosen { video: None, audio: None };
    let mut foreign = [None; 2];
    for stream in streams {
        let pid = stream.elementary_pid();
        match kind(&stream) {
            Kind::Video(codec) => {
                chosen.video.get_or_insert((pid, codec));
            }
            Kind::Audio(codec, channels) => {
                chosen.audio.get_or_insert((pid, codec, channels));
            }
            Kind::Foreign { pictures, name } => foreign[usize::from(pictures)] = Some(name),
            Kind::Data => {}
        }
    }
    let refused = match foreign {
        [_, Some(name)] if chosen.video.is_none() => Some(name),
        [Some(name), _] if chosen.audio.is_none() => Some(name),
        _ => None,
    };
    refused.map_or(Ok(chosen), |name| Err(Error::Codec(name.to_owned())))
}

fn kind(stream: &StreamInfo) -> Kind {
    let foreign = |pictures, name| Kind::Foreign { pictures, name };
    match stream.stream_type() {
        StreamType::H264 => Kind::Video(VideoCodec::H264),
        StreamType::H265 => Kind::Video(VideoCodec::Hevc),
        StreamType::ADTS => Kind::Audio(AudioCodec::Aac, 0),
        StreamType::H222_0_PES_PRIVATE_DATA => private(stream),
        StreamType(0x01 | 0x02) => foreign(true, "mpeg2video"),
        StreamType(0x03 | 0x04) => foreign(false, "mp2 or mp3"),
        StreamType(0x10) => foreign(true, "mpeg4"),
        StreamType(0x11 | 0x1c) => foreign(false, "aac other than in adts"),
        StreamType(0x21) => foreign(true, "jpeg2000"),
        StreamType(0x33) => foreign(true, "vvc"),
        StreamType(0x81 | 0x87) => foreign(false, "ac3"),
        StreamType(0xea) => foreign(true, "vc1"),
        _ => Kind::Data,
    }
}

/// Private streams are told apart by their descriptors.
fn private(stream: &StreamInfo) -> Kind {
    let (mut format, mut channels) = (None, None);
    for Descriptor::Any(descriptor) in stream.descriptors::<Descriptor>().flatten() {
        match (descriptor.tag, descriptor.payload) {
            (5, payload) => format = payload.first_chunk::<4>().copied(),
            // Extension descriptor 0x80: the channel configuration of Opus.
            (0x7f, [0x80, code, ..]) => channels = Some(*code),
            // DVB's AC-3 and E-AC-3 (ETSI EN 300 468, annex D).
            (0x6a | 0x7a, _) => format = Some(*b"AC-3"),
            _ => {}
        }
    }
    match (&format.unwrap_or_default(), channels) {
        (b"Opus", Some(channels @ 1..=2)) => Kind::Audio(AudioCodec::Opus, channels),
        (b"Opus", _) => Kind::Foreign { pictures: false, name: "opus with more than two channels" },
        (b"HEVC", _) => Kind::Video(VideoCodec::Hevc),
        (b"AV01", _) => Kind::Foreign { pictures: true, name: "av1 in a transport stream" },
        (b"AC-3" | b"EAC3", _) => Kind::Foreign { pictures: false, name: "ac3" },
        _ => Kind::Data,
    }
}
