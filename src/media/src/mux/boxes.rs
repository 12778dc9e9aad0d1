//! MP4 boxes as bytes (ISO/IEC 14496-12, 4.2).
//!
//! Decides nothing: writes lengths around what its callers put in.

use bytes::{BufMut, BytesMut};

/// The unity matrix of a track (ISO/IEC 14496-12, 8.3.2).
pub(super) const MATRIX: [u32; 9] = [0x1_0000, 0, 0, 0, 0x1_0000, 0, 0, 0, 0x4000_0000];

/// A box around what `fill` writes.
pub(super) fn plain(out: &mut BytesMut, name: &[u8; 4], fill: impl FnOnce(&mut BytesMut)) {
    let start = out.len();
    out.put_u32(0);
    out.put_slice(name);
    fill(out);
    let length = (out.len() - start) as u32;
    out[start..start + 4].copy_from_slice(&length.to_be_bytes());
}

/// A box with version and flags in front.
pub(super) fn full(out: &mut BytesMut, name: &[u8; 4], version: u8, flags: u32, fill: impl FnOnce(&mut BytesMut)) {
    plain(out, name, |out| {
        out.put_u32(u32::from(version) << 24 | flags);
        fill(out);
    });
}

/// Numbers one after the other.
pub(super) fn words(out: &mut BytesMut, numbers: &[u32]) {
    numbers.iter().for_each(|number| out.put_u32(*number));
}
