//! FLV tag bodies, plain and enhanced (HEVC, AV1 and Opus by FourCC), and the FLV byte stream.
//!
//! Decides what a tag holds. Refuses to know of times beyond the tag's own and of how tags are carried. Layouts: Adobe FLV 10.1,
//! annex E, and Enhanced RTMP v2 (veovera.org).

use bytes::{Buf, Bytes, BytesMut};

use super::amf::{self, Value};
use super::{Error, Frame, Packet};
use crate::codec::{AudioCodec, AudioConfig, VideoCodec, VideoConfig};

/// Tag type of sound, also the RTMP message type.
pub const AUDIO: u8 = 8;
/// Tag type of pictures, also the RTMP message type.
pub const VIDEO: u8 = 9;
/// Tag type of metadata, also the RTMP message type.
pub const DATA: u8 = 18;

/// A tag larger than this is refused: 8 MB, several times the largest keyframe of a 4K stream.
pub const MAX_TAG: usize = 8 << 20;

/// Reads a tag's body; `None` for what says nothing about the stream.
pub fn read(kind: u8, time: u32, body: Bytes) -> Result<Option<Packet>, Error> {
    match kind {
        AUDIO => audio(time, body),
        VIDEO => video(time, body),
        DATA => Ok(expectation(&body)),
        _ => Ok(None),
    }
}

fn expectation(body: &[u8]) -> Option<Packet> {
    let values = amf::decode(body).ok()?;
    let known = values.iter().any(|value| value.text() == Some("onMetaData"));
    let fields = values.iter().find(|value| matches!(value, Value::Object(_))).filter(|_| known)?;
    let names = |field: &str| match fields.field(field) {
        Some(Value::Number(code)) => *code != 0.0,
        Some(Value::Text(code)) => !code.is_empty(),
        _ => false,
    };
    let (video, audio) = (names("videocodecid"), names("audiocodecid"));
    (video || audio).then_some(Packet::Expect { video, audio })
}

fn short(what: &str) -> Error {
    Error::Protocol(format!("{what} tag is cut short"))
}

fn signed24(body: &mut Bytes) -> i32 {
    let value = body.get_uint(3) as i32;
    (value << 8) >> 8
}

fn video(time: u32, mut body: Bytes) -> Result<Option<Packet>, Error> {
    if body.is_empty() {
        return Ok(None);
    }
    let first = body.get_u8();
    let key = first >> 4 & 7 == 1;
    if first & 0x80 != 0 {
        return enhanced_video(time, key, first & 0xf, body);
    }
    // Frame type 5 is a command to the player, without a picture.
    if first >> 4 == 5 {
        return Ok(None);
    }
    let codec = match first & 0xf {
        7 => VideoCodec::H264,
        // Not in any standard; what encoders used for HEVC before FourCCs.
        12 => VideoCodec::Hevc,
        other => return Err(Error::Codec(format!("video {other}"))),
    };
    if body.len() < 4 {
        return Err(short("video"));
    }
    let kind = body.get_u8();
    let offset = signed24(&mut body);
    match kind {
        0 => Ok(Some(Packet::VideoConfig(config(codec, body)?))),
        1 if !body.is_empty() => Ok(Some(Packet::Video(Frame { time, offset, key, data: body }))),
        _ => Ok(None),
    }
}

fn config(codec: VideoCodec, record: Bytes) -> Result<VideoConfig, Error> {
    VideoConfig::read(codec, record).ok_or_else(|| Error::Protocol(format!("{codec:?} configuration cannot be read")))
}

fn enhanced_video(time: u32, key: bool, kind: u8, mut body: Bytes) -> Result<Option<Packet>, Error> {
    if body.len() < 4 {
        return Err(short("video"));
    }
    if kind > 5 {
        return Err(Error::Protocol("several video tracks in one stream are not carried".to_owned()));
    }
    let codec = match &body.split_to(4)[..] {
        b"avc1" => VideoCodec::H264,
        b"hvc1" => VideoCodec::Hevc,
        b"av01" => VideoCodec::Av1,
        other => return Err(Error::Codec(String::from_utf8_lossy(other).escape_default().to_string())),
    };
    match kind {
        0 => Ok(Some(Packet::VideoConfig(config(codec, body)?))),
        1 | 3 => {
            let mut offset = 0;
            if kind == 1 && codec != VideoCodec::Av1 {
                if body.len() < 3 {
                    return Err(short("video"));
                }
                offset = signed24(&mut body);
            }
            Ok((!body.is_empty()).then_some(Packet::Video(Frame { time, offset, key, data: body })))
        }
        _ => Ok(None),
    }
}

fn audio(time: u32, mut body: Bytes) -> Result<Option<Packet>, Error> {
    if body.is_empty() {
        return Ok(None);
    }
    let first = body.get_u8();
    let (codec, kind) = match first >> 4 {
        10 if body.is_empty() => return Ok(None),
        10 => (AudioCodec::Aac, body.get_u8()),
        9 => {
            if body.len() < 4 {
                return Err(short("audio"));
            }
            match &body.split_to(4)[..] {
                b"mp4a" => (AudioCodec::Aac, first & 0xf),
                b"Opus" => (AudioCodec::Opus, first & 0xf),
                other => return Err(Error::Codec(String::from_utf8_lossy(other).escape_default().to_string())),
            }
        }
        2 => return Err(Error::Codec("mp3".to_owned())),
        other => return Err(Error::Codec(format!("audio {other}"))),
    };
    match kind {
        0 => {
            let config = AudioConfig::read(codec, &body)
                .ok_or_else(|| Error::Protocol(format!("{codec:?} configuration cannot be read")))?;
            Ok(Some(Packet::AudioConfig(config)))
        }
        1 if !body.is_empty() => Ok(Some(Packet::Audio(Frame { time, offset: 0, key: true, data: body }))),
        _ => Ok(None),
    }
}

/// Takes the next tag off an FLV byte stream, after `header`; `None` until it is whole.
pub fn tag(buffer: &mut BytesMut) -> Result<Option<(u8, u32, Bytes)>, Error> {
    if buffer.len() < 11 {
        return Ok(None);
    }
    let length = usize::from(buffer[1]) << 16 | usize::from(buffer[2]) << 8 | usize::from(buffer[3]);
    if length > MAX_TAG {
        return Err(Error::Protocol(format!("FLV tag of {length} bytes is too large")));
    }
    if buffer.len() < 11 + length + 4 {
        return Ok(None);
    }
    let kind = buffer[0] & 0x1f;
    let time = u32::from_be_bytes([buffer[7], buffer[4], buffer[5], buffer[6]]);
    buffer.advance(11);
    let body = buffer.split_to(length).freeze();
    buffer.advance(4);
    Ok(Some((kind, time, body)))
}

/// Takes the header off an FLV byte stream; false until it is whole.
pub fn header(buffer: &mut BytesMut) -> Result<bool, Error> {
    if buffer.len() < 13 {
        return Ok(false);
    }
    if &buffer[..3] != b"FLV" {
        return Err(Error::Protocol("not an FLV stream".to_owned()));
    }
    let length = u32::from_be_bytes([buffer[5], buffer[6], buffer[7], buffer[8]]) as usize;
    if !(9..=64).contains(&length) {
        return Err(Error::Protocol(format!("FLV header of {length} bytes")));
    }
    if buffer.len() < length + 4 {
        return Ok(false);
    }
    buffer.advance(length + 4);
    Ok(true)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn composition_time_is_signed() {
        let body = Bytes::from_static(&[0x17, 1, 0xff, 0xff, 0xdf, 9, 9]);
        let Ok(Some(Packet::Video(frame))) = read(VIDEO, 5, body) else { panic!("not a picture") };
        assert_eq!((frame.offset, frame.key, &frame.data[..]), (-33, true, &[9, 9][..]));
    }

    #[test]
    fn enhanced_frames_have_an_offset_only_where_the_codec_reorders() {
        let hevc = [&[0x91][..], b"hvc1", &[0, 0, 40, 7]].concat();
        let Ok(Some(Packet::Video(frame))) = read(VIDEO, 0, hevc.into()) else { panic!("not a picture") };
        assert_eq!((frame.offset, &frame.data[..]), (40, &[7][..]));
        let av1 = [&[0xa1][..], b"av01", &[0, 0, 40, 7]].concat();
        let Ok(Some(Packet::Video(frame))) = read(VIDEO, 0, av1.into()) else { panic!("not a picture") };
        assert_eq!((frame.offset, frame.key, &frame.data[..]), (0, false, &[0, 0, 40, 7][..]));
    }

    #[test]
    fn codecs_that_are_not_carried_are_named() {
        let error = read(AUDIO, 0, Bytes::from_static(&[0x2f, 0])).unwrap_err();
        assert!(error.to_string().starts_with("codec mp3 is not carried"));
    }

    proptest! {
        #[test]
        fn any_tag_is_answered(kind in 8u8..=18, bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(kind, 0, bytes.into());
        }

        #[test]
        fn any_stream_is_answered(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let mut buffer = BytesMut::from(&bytes[..]);
            while let Ok(Some(_)) = tag(&mut buffer) {}
        }
    }
}
