//! MPEG-4 AudioSpecificConfig (ISO/IEC 14496-3, 1.6.2.1).

use bytes::Bytes;

use super::bits::Bits;
use super::{AudioCodec, AudioConfig};

/// Sampling frequencies by index (ISO/IEC 14496-3, table 1.18).
const RATES: [u32; 13] = [96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350];

pub(super) fn describe(record: &Bytes) -> Option<AudioConfig> {
    let mut bits = Bits::new(record);
    let mut kind = bits.take(5)?;
    if kind == 31 {
        kind = 32 + bits.take(6)?;
    }
    let rate = match bits.take(4)? {
        15 => bits.take(24)?,
        index => *RATES.get(index as usize)?,
    };
    let channels = match bits.take(4)? {
        // Zero means that a program config element counts them; two is what decoders open with.
        0 => 2,
        7 => 8,
        count => count as u16,
    };
    (kind != 0 && rate != 0).then(|| AudioConfig {
        codec: AudioCodec::Aac,
        record: record.clone(),
        rate,
        channels,
        name: format!("mp4a.40.{kind}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stereo_low_complexity_at_44100() {
        let config = describe(&Bytes::from_static(&[0x12, 0x10])).unwrap();
        assert_eq!((config.rate, config.channels, config.name.as_str()), (44100, 2, "mp4a.40.2"));
        assert_eq!(describe(&Bytes::from_static(&[0x12])), None);
    }
}
