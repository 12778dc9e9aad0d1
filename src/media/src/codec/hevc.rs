//! HEVCDecoderConfigurationRecord (ISO/IEC 14496-15, 8.3.3) and the sequence parameter set in it (ITU-T H.265, 7.3.2.2).

use super::bits::{Bits, unescape};

/// NAL unit type of a sequence parameter set (ITU-T H.265, table 7-1).
const SPS: u8 = 33;

/// Width, height and RFC 6381 name (ISO/IEC 14496-15, annex E.3).
pub(super) fn describe(record: &[u8]) -> Option<(u32, u32, String)> {
    if record.len() < 23 || record[0] != 1 {
        return None;
    }
    let (width, height) = size(&unescape(parameter_set(record)?))?;
    let space = ["", "A", "B", "C"][usize::from(record[1] >> 6)];
    let tier = if record[1] & 0x20 == 0 { 'L' } else { 'H' };
    let compatibility = u32::from_be_bytes([record[2], record[3], record[4], record[5]]).reverse_bits();
    let mut name = format!("hvc1.{space}{}.{compatibility:X}.{tier}{}", record[1] & 0x1f, record[12]);
    let constraints = &record[6..12];
    let used = constraints.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    for byte in &constraints[..used] {
        name.push_str(&format!(".{byte:X}"));
    }
    Some((width, height, name))
}

fn parameter_set(record: &[u8]) -> Option<&[u8]> {
    let mut rest = &record[23..];
    for _ in 0..record[22] {
        let (head, tail) = rest.split_at_checked(3)?;
        rest = tail;
        for _ in 0..u16::from_be_bytes([head[1], head[2]]) {
            let (length, tail) = rest.split_at_checked(2)?;
            let (unit, tail) = tail.split_at_checked(usize::from(u16::from_be_bytes([length[0], length[1]])))?;
            if head[0] & 0x3f == SPS {
                return Some(unit);
            }
            rest = tail;
        }
    }
    None
}

fn size(sps: &[u8]) -> Option<(u32, u32)> {
    let mut bits = Bits::new(sps.get(2..)?);
    bits.skip(4)?;
    let layers = bits.take(3)?;
    bits.skip(1)?;
    bits.skip(96)?;
    let present: Vec<(bool, bool)> = (0..layers).map(|_| Some((bits.bit()?, bits.bit()?))).collect::<Option<_>>()?;
    if layers > 0 {
        bits.skip(2 * (8 - layers as usize))?;
    }
    for (profile, level) in present {
        bits.skip(if profile { 88 } else { 0 } + if level { 8 } else { 0 })?;
    }
    bits.golomb()?;
    let chroma = bits.golomb()?;
    if chroma == 3 {
        bits.bit()?;
    }
    let (width, height) = (bits.golomb()?, bits.golomb()?);
    if !bits.bit()? {
        return Some((width, height));
    }
    let across = if matches!(chroma, 1 | 2) { 2 } else { 1 };
    let down = if chroma == 1 { 2 } else { 1 };
    let mut crop = |unit: u32| bits.golomb()?.checked_mul(unit);
    let (left, right, top, bottom) = (crop(across)?, crop(across)?, crop(down)?, crop(down)?);
    Some((width.checked_sub(left.checked_add(right)?)?, height.checked_sub(top.checked_add(bottom)?)?))
}
