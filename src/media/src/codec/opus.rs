//! Opus identification header (RFC 7845, 5.1) and the MP4 box body made from it.

use bytes::{BufMut, Bytes, BytesMut};

use super::{AudioCodec, AudioConfig};

pub(super) fn describe(record: &Bytes) -> Option<AudioConfig> {
    let head = record.strip_prefix(b"OpusHead")?;
    if head.len() < 11 || head[10] != 0 {
        // Channel mapping families other than mono and stereo are not sent by encoders over RTMP.
        return None;
    }
    let mut body = BytesMut::with_capacity(11);
    body.put_slice(&[0, head[1]]);
    body.put_u16(u16::from_le_bytes([head[2], head[3]]));
    body.put_u32(u32::from_le_bytes([head[4], head[5], head[6], head[7]]));
    body.put_i16(i16::from_le_bytes([head[8], head[9]]));
    body.put_u8(0);
    let channels = u16::from(head[1]);
    (channels > 0).then(|| AudioConfig {
        codec: AudioCodec::Opus,
        record: body.freeze(),
        rate: 48000,
        channels,
        name: "opus".to_owned(),
    })
}
