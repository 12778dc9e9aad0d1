//! AVCDecoderConfigurationRecord (ISO/IEC 14496-15, 5.3.3) and the sequence parameter set in it (ITU-T H.264, 7.3.2.1.1).

use super::bits::{Bits, unescape};

/// Profiles whose parameter set carries chroma and scaling fields (ITU-T H.264, 7.3.2.1.1).
const HIGH: [u32; 13] = [100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135];

/// Width, height and RFC 6381 name.
pub(super) fn describe(record: &[u8]) -> Option<(u32, u32, String)> {
    if record.first() != Some(&1) || record.len() < 8 || record[5] & 0x1f == 0 {
        return None;
    }
    let length = usize::from(record[6]) << 8 | usize::from(record[7]);
    let (width, height) = size(&unescape(record.get(8..8 + length)?))?;
    Some((width, height, format!("avc1.{:02x}{:02x}{:02x}", record[1], record[2], record[3])))
}

fn size(sps: &[u8]) -> Option<(u32, u32)> {
    let mut bits = Bits::new(sps.get(1..)?);
    let profile = bits.take(8)?;
    bits.skip(16)?;
    bits.golomb()?;
    let mut chroma = 1;
    let mut planes = false;
    if HIGH.contains(&profile) {
        chroma = bits.golomb()?;
        if chroma == 3 {
            planes = bits.bit()?;
        }
        bits.golomb()?;
        bits.golomb()?;
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
        return Some((width, height));
    }
    let chroma = if planes { 0 } else { chroma };
    let across = if matches!(chroma, 1 | 2) { 2 } else { 1 };
    let down = if chroma == 1 { 2 } else { 1 } * if frames_only { 1 } else { 2 };
    let mut crop = |unit: u32| bits.golomb()?.checked_mul(unit);
    let (left, right, top, bottom) = (crop(across)?, crop(across)?, crop(down)?, crop(down)?);
    Some((width.checked_sub(left.checked_add(right)?)?, height.checked_sub(top.checked_add(bottom)?)?))
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
