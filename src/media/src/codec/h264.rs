//! AVCDecoderConfigurationRecord (ISO/IEC 14496-15, 5.3.3) and the sequence parameter set in it (ITU-T H.264, 7.3.2.1.1).

use bytes::{BufMut, Bytes, BytesMut};

use super::annexb::Role;
use super::bits::{Bits, unescape};

/// NAL unit type of a sequence parameter set (ITU-T H.264, table 7-1).
pub(super) const SPS: u8 = 7;
/// NAL unit type of a picture parameter set.
pub(super) const PPS: u8 = 8;

/// Profiles whose parameter set carries chroma and scaling fields (ITU-T H.264, 7.3.2.1.1).
const HIGH: [u32; 13] = [100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135];

/// Width, height and RFC 6381 name.
pub(super) fn describe(record: &[u8]) -> Option<(u32, u32, String)> {
    if record.first() != Some(&1) || record.len() < 8 || record[5] & 0x1f == 0 {
        return None;
    }
    let length = usize::from(record[6]) << 8 | usize::from(record[7]);
    let Sps { width, height, .. } = read(&unescape(record.get(8..8 + length)?))?;
    Some((width, height, format!("avc1.{:02x}{:02x}{:02x}", record[1], record[2], record[3])))
}

/// What a NAL unit is for.
pub(super) fn role(unit: &[u8]) -> Role {
    let number = |at: usize| Bits::new(&unescape(unit.get(at..unit.len().min(at + 8)).unwrap_or_default())).golomb();
    let set = |kind, number: Option<u32>| number.map_or(Role::Nothing, |number| Role::Set(kind, number));
    match unit.first().map_or(0, |first| first & 0x1f) {
        1..=4 => Role::Picture { key: false },
        5 => Role::Picture { key: true },
        SPS => set(SPS, number(4)),
        PPS => set(PPS, number(1)),
        // Nothing valid, access unit delimiter, filler.
        0 | 9 | 12 => Role::Nothing,
        _ => Role::Other,
    }
}

/// AVCDecoderConfigurationRecord; `None` when there is no parameter set that can be read.
pub(super) fn record(sequences: &[&[u8]], pictures: &[&[u8]]) -> Option<Bytes> {
    let first = *sequences.first()?;
    let sps = read(&unescape(first))?;
    pictures.first()?;
    let mut out = BytesMut::with_capacity(64);
    out.put_slice(&[1, *first.get(1)?, *first.get(2)?, *first.get(3)?, 0xff]);
    for (sets, reserved) in [(sequences, 0xe0), (pictures, 0)] {
        out.put_u8(reserved | sets.len() as u8);
        for set in sets {
            out.put_u16(set.len() as u16);
            out.put_slice(set);
        }
    }
    if HIGH.contains(&u32::from(first[1])) {
        out.put_slice(&[0xfc | sps.chroma as u8, 0xf8 | sps.depths.0 as u8, 0xf8 | sps.depths.1 as u8, 0]);
    }
    Some(out.freeze())
}

/// What is read of a sequence parameter set.
struct Sps {
    width: u32,
    height: u32,
    chroma: u32,
    /// Bits of luma and chroma samples beyond eight.
    depths: (u32, u32),
}

fn read(sps: &[u8]) -> Option<Sps> {
    let mut bits = Bits::new(sps.get(1..)?);
    let profile = bits.take(8)?;
    bits.skip(16)?;
    bits.golomb()?;
    let mut chroma = 1;
    let mut depths = (0, 0);
    let mut planes = false;
    if HIGH.contains(&profile) {
        chroma = bits.golomb()?;
        if chroma == 3 {
            planes = bits.bit()?;
        }
        depths = (bits.golomb()?, bits.golomb()?);
        if chroma > 3 || depths.0 > 6 || depths.1 > 6 {
            return None;
        }
        bits.bit()?;
        if bits.bit()? {
            for list in 0..if chroma == 3 { 12 } else { 8 } {
                if bits.bit()? {
                    skip_scaling(&mut bits, if list < 6 { 16 } else { 64 })?;
                }
            }
        }
    }
    bits.golomb()?;
    match bits.golomb()? {
        0 => {
            bits.golomb()?;
        }
        1 => {
            bits.bit()?;
            bits.skip_signed()?;
            bits.skip_signed()?;
            for _ in 0..bits.golomb()?.min(255) {
                bits.skip_signed()?;
            }
        }
        _ => {}
    }
    bits.golomb()?;
    bits.bit()?;
    let width = bits.golomb()?.checked_add(1)?.checked_mul(16)?;
    let rows = bits.golomb()?.checked_add(1)?.checked_mul(16)?;
    let frames_only = bits.bit()?;
    let height = if frames_only { rows } else { rows.checked_mul(2)? };
    if !frames_only {
        bits.bit()?;
    }
    bits.bit()?;
    if !bits.bit()? {
        return Some(Sps { width, height, chroma, depths });
    }
    let format = chroma;
    let chroma = if planes { 0 } else { chroma };
    let across = if matches!(chroma, 1 | 2) { 2 } else { 1 };
    let down = if chroma == 1 { 2 } else { 1 } * if frames_only { 1 } else { 2 };
    let mut crop = |unit: u32| bits.golomb()?.checked_mul(unit);
    let (left, right, top, bottom) = (crop(across)?, crop(across)?, crop(down)?, crop(down)?);
    let width = width.checked_sub(left.checked_add(right)?)?;
    let height = height.checked_sub(top.checked_add(bottom)?)?;
    Some(Sps { width, height, chroma: format, depths })
}

fn skip_scaling(bits: &mut Bits, entries: u32) -> Option<()> {
    let (mut last, mut next) = (8i64, 8i64);
    for _ in 0..entries {
        if next != 0 {
            let code = i64::from(bits.golomb()?);
            let delta = if code % 2 == 0 { -(code / 2) } else { (code + 1) / 2 };
            next = (last + delta + 256) % 256;
        }
        if next != 0 {
            last = next;
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cropped_high_profile() {
        // 1920x1080 from x264, whose last macroblock row is cropped by 8 lines.
        let sps = [
            0x67, 0x64, 0x00, 0x28, 0xac, 0xd9, 0x40, 0x78, 0x02, 0x27, 0xe5, 0xc0, 0x44, 0x00, 0x00, 0x03, 0x00, 0x04,
            0x00, 0x00, 0x03, 0x00, 0xf0, 0x3c, 0x60, 0xc6, 0x58,
        ];
        let mut record = vec![1, 0x64, 0, 0x28, 0xff, 0xe1, 0, sps.len() as u8];
        record.extend(sps);
        assert_eq!(describe(&record), Some((1920, 1080, "avc1.640028".to_owned())));
        assert_eq!(describe(&record[..20]), None);
    }
}
