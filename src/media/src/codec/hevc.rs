//! HEVCDecoderConfigurationRecord (ISO/IEC 14496-15, 8.3.3) and the sequence parameter set in it (ITU-T H.265, 7.3.2.2).

use bytes::{BufMut, Bytes, BytesMut};

use super::annexb::Role;
use super::bits::{Bits, unescape};

/// NAL unit type of a video parameter set (ITU-T H.265, table 7-1).
pub(super) const VPS: u8 = 32;
/// NAL unit type of a sequence parameter set.
pub(super) const SPS: u8 = 33;
/// NAL unit type of a picture parameter set.
pub(super) const PPS: u8 = 34;

/// Width, height and RFC 6381 name (ISO/IEC 14496-15, annex E.3).
pub(super) fn describe(record: &[u8]) -> Option<(u32, u32, String)> {
    if record.len() < 23 || record[0] != 1 {
        return None;
    }
    let Sps { width, height, .. } = read(&unescape(parameter_set(record)?))?;
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

/// What a NAL unit is for.
pub(super) fn role(unit: &[u8]) -> Role {
    let set = |kind, number: Option<u32>| number.map_or(Role::Nothing, |number| Role::Set(kind, number));
    let Some(first) = unit.first() else { return Role::Nothing };
    match first >> 1 & 0x3f {
        kind @ 16..=23 => Role::Picture { key: kind <= 21 },
        0..=31 => Role::Picture { key: false },
        VPS => set(VPS, unit.get(2).map(|byte| u32::from(byte >> 4))),
        SPS => set(SPS, read(&unescape(unit)).map(|sps| sps.number)),
        PPS => set(PPS, Bits::new(&unescape(unit.get(2..unit.len().min(10)).unwrap_or_default())).golomb()),
        // Access unit delimiter, filler.
        35 | 38 => Role::Nothing,
        _ => Role::Other,
    }
}

/// HEVCDecoderConfigurationRecord of video, sequence and picture parameter sets; `None` when one is missing or cannot be read.
pub(super) fn record(sets: &[Vec<&[u8]>; 3]) -> Option<Bytes> {
    if sets.iter().any(Vec::is_empty) {
        return None;
    }
    let plain = unescape(sets[1].first()?);
    let sps = read(&plain)?;
    let mut out = BytesMut::with_capacity(256);
    out.put_u8(1);
    // Profile, compatibility, constraints and level stand in the parameter set as they do here.
    out.put_slice(plain.get(3..15)?);
    // Segmentation and parallelism are not told (0); neither are frame rates.
    out.put_slice(&[
        0xf0,
        0,
        0xfc,
        0xfc | sps.chroma as u8,
        0xf8 | sps.depths.0 as u8,
        0xf8 | sps.depths.1 as u8,
        0,
        0,
    ]);
    // Lengths have four bytes.
    out.put_u8((sps.layers as u8 + 1) << 3 | u8::from(sps.nested) << 2 | 3);
    out.put_u8(sets.len() as u8);
    for (kind, units) in [VPS, SPS, PPS].into_iter().zip(sets) {
        // All there are: none comes with the pictures (`hvc1`).
        out.put_u8(0x80 | kind);
        out.put_u16(units.len() as u16);
        for unit in units {
            out.put_u16(unit.len() as u16);
            out.put_slice(unit);
        }
    }
    Some(out.freeze())
}

/// What is read of a sequence parameter set.
struct Sps {
    number: u32,
    width: u32,
    height: u32,
    chroma: u32,
    /// Bits of luma and chroma samples beyond eight.
    depths: (u32, u32),
    /// Temporal layers beyond the first.
    layers: u32,
    nested: bool,
}

fn read(sps: &[u8]) -> Option<Sps> {
    let mut bits = Bits::new(sps.get(2..)?);
    bits.skip(4)?;
    let layers = bits.take(3)?;
    let nested = bits.bit()?;
    bits.skip(96)?;
    let present: Vec<(bool, bool)> = (0..layers).map(|_| Some((bits.bit()?, bits.bit()?))).collect::<Option<_>>()?;
    if layers > 0 {
        bits.skip(2 * (8 - layers as usize))?;
    }
    for (profile, level) in present {
        bits.skip(if profile { 88 } else { 0 } + if level { 8 } else { 0 })?;
    }
    let number = bits.golomb()?;
    let chroma = bits.golomb()?;
    if chroma == 3 {
        bits.bit()?;
    }
    let (mut width, mut height) = (bits.golomb()?, bits.golomb()?);
    if bits.bit()? {
        let across = if matches!(chroma, 1 | 2) { 2 } else { 1 };
        let down = if chroma == 1 { 2 } else { 1 };
        let mut crop = |unit: u32| bits.golomb()?.checked_mul(unit);
        let (left, right, top, bottom) = (crop(across)?, crop(across)?, crop(down)?, crop(down)?);
        width = width.checked_sub(left.checked_add(right)?)?;
        height = height.checked_sub(top.checked_add(bottom)?)?;
    }
    let depths = (bits.golomb()?, bits.golomb()?);
    let sane = chroma <= 3 && depths.0 <= 7 && depths.1 <= 7 && number < 16;
    sane.then_some(Sps { number, width, height, chroma, depths, layers, nested })
}
