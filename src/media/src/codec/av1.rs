//! AV1CodecConfigurationRecord (AV1 in ISOBMFF, 2.3) and the sequence header in it (AV1, 5.5).

use super::bits::Bits;

/// OBU type of a sequence header (AV1, 6.2.2).
const SEQUENCE_HEADER: u8 = 1;

/// Width, height and RFC 6381 name.
pub(super) fn describe(record: &[u8]) -> Option<(u32, u32, String)> {
    if record.len() < 4 || record[0] != 0x81 {
        return None;
    }
    let (profile, level) = (record[1] >> 5, record[1] & 0x1f);
    let tier = if record[2] & 0x80 == 0 { 'M' } else { 'H' };
    let depth = match (record[2] & 0x40 != 0, record[2] & 0x20 != 0) {
        (true, true) if profile == 2 => 12,
        (true, _) => 10,
        _ => 8,
    };
    // A record without a sequence header is legal; the pictures then carry it.
    let (width, height) = sequence(&record[4..]).unwrap_or((0, 0));
    Some((width, height, format!("av01.{profile}.{level:02}{tier}.{depth:02}")))
}

fn sequence(obus: &[u8]) -> Option<(u32, u32)> {
    let header = *obus.first()?;
    if header >> 3 & 0xf != SEQUENCE_HEADER {
        return None;
    }
    let mut at = if header & 4 == 0 { 1 } else { 2 };
    if header & 2 != 0 {
        while *obus.get(at)? & 0x80 != 0 {
            at += 1;
        }
        at += 1;
    }
    size(&mut Bits::new(obus.get(at..)?))
}

fn size(bits: &mut Bits) -> Option<(u32, u32)> {
    bits.skip(4)?;
    if bits.bit()? {
        bits.skip(5)?;
    } else {
        let mut delay_bits = None;
        if bits.bit()? {
            bits.skip(64)?;
            if bits.bit()? {
                bits.golomb()?;
            }
            if bits.bit()? {
                delay_bits = Some(bits.take(5)? as usize + 1);
                bits.skip(42)?;
            }
        }
        let display_delay = bits.bit()?;
        for _ in 0..=bits.take(5)? {
            bits.skip(12)?;
            if bits.take(5)? > 7 {
                bits.skip(1)?;
            }
            if let Some(count) = delay_bits
                && bits.bit()?
            {
                bits.skip(2 * count + 1)?;
            }
            if display_delay && bits.bit()? {
                bits.skip(4)?;
            }
        }
    }
    let (across, down) = (bits.take(4)? + 1, bits.take(4)? + 1);
    Some((bits.take(across)? + 1, bits.take(down)? + 1))
}
