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

/// Samples in an Opus packet at 48 kHz (RFC 6716, 3.1).
pub(crate) fn length(packet: &[u8]) -> u32 {
    let Some(toc) = packet.first() else { return 960 };
    let config = toc >> 3;
    let frame = match config {
        0..12 => [480, 960, 1920, 2880][usize::from(config % 4)],
        12..16 => [480, 960][usize::from(config % 2)],
        _ => [120, 240, 480, 960][usize::from(config % 4)],
    };
    let count = match toc & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => u32::from(packet.get(1).map_or(1, |byte| byte & 0x3f)).max(1),
    };
    frame * count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_tell_their_length() {
        assert_eq!(length(&[0xfc]), 960);
        assert_eq!(length(&[0x08]), 960);
        assert_eq!(length(&[0x83, 3]), 360);
    }
}
