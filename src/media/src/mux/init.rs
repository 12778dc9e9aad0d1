//! Initialization segments and the track descriptions that finished files share with them (ISO/IEC 14496-12 and -15).

use bytes::{BufMut, Bytes, BytesMut};

use super::boxes::{MATRIX, full, plain, words};
use super::{AUDIO_TRACK, Tracks, VIDEO_SCALE, VIDEO_TRACK};
use crate::codec::{AudioCodec, AudioConfig, VideoCodec, VideoConfig};

/// Samples whose decoding depends on no other (ISO/IEC 14496-12, 8.8.3.1).
pub(super) const KEY: u32 = 0x0200_0000;
/// Samples that depend on others.
pub(super) const DEPENDENT: u32 = 0x0101_0000;

/// The initialization segment for fragments of these tracks.
pub fn init(tracks: &Tracks) -> Bytes {
    let mut out = BytesMut::with_capacity(1024);
    file_type(&mut out);
    let descriptions = describe(tracks);
    plain(&mut out, b"moov", |out| {
        movie_header(out, 0);
        descriptions.iter().for_each(|description| track(out, description, 0, 0, |_| {}, empty_tables));
        plain(out, b"mvex", |out| {
            for description in &descriptions {
                full(out, b"trex", 0, 0, |out| words(out, &[description.number, 1, 0, 0, 0]));
            }
        });
    });
    out.freeze()
}

/// What a track's boxes say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Description {
    pub(super) number: u32,
    pub(super) video: bool,
    pub(super) scale: u32,
    pub(super) size: (u16, u16),
    /// Sample entries, each a whole box.
    pub(super) entries: Vec<Bytes>,
}

fn describe(tracks: &Tracks) -> Vec<Description> {
    let video = tracks.video.as_ref().map(|video| Description {
        number: VIDEO_TRACK,
        video: true,
        scale: VIDEO_SCALE,
        size: (video.width, video.height),
        entries: vec![video_entry(video)],
    });
    let audio = tracks.audio.as_ref().map(|audio| Description {
        number: AUDIO_TRACK,
        video: false,
        scale: audio.rate,
        size: (0, 0),
        entries: vec![audio_entry(audio)],
    });
    video.into_iter().chain(audio).collect()
}

/// `ftyp`, the same for every file.
pub(super) fn file_type(out: &mut BytesMut) {
    plain(out, b"ftyp", |out| out.put_slice(b"iso6\0\0\0\x01iso6cmfcmp41"));
}

/// The sample tables of a fragmented file hold nothing.
fn empty_tables(out: &mut BytesMut) {
    for name in [b"stts", b"stsc", b"stco"] {
        full(out, name, 0, 0, |out| out.put_u32(0));
    }
    full(out, b"stsz", 0, 0, |out| out.put_u64(0));
}

/// `mvhd`, in milliseconds.
pub(super) fn movie_header(out: &mut BytesMut, duration: u64) {
    full(out, b"mvhd", 1, 0, |out| {
        out.put_bytes(0, 16);
        out.put_u32(1000);
        out.put_u64(duration);
        words(out, &[0x1_0000]);
        out.put_u16(0x100);
        out.put_bytes(0, 10);
        words(out, &MATRIX);
        out.put_bytes(0, 24);
        out.put_u32(3);
    });
}

/// `trak`: `length` is in milliseconds, `duration` in ticks.
pub(super) fn track(
    out: &mut BytesMut,
    description: &Description,
    length: u64,
    duration: u64,
    edits: impl FnOnce(&mut BytesMut),
    tables: impl FnOnce(&mut BytesMut),
) {
    let Description { number, video, scale, size, entries } = description;
    plain(out, b"trak", |out| {
        full(out, b"tkhd", 1, 7, |out| {
            out.put_bytes(0, 16);
            words(out, &[*number, 0]);
            out.put_u64(length);
            out.put_bytes(0, 12);
            out.put_u16(if *video { 0 } else { 0x100 });
            out.put_u16(0);
            words(out, &MATRIX);
            words(out, &[u32::from(size.0) << 16, u32::from(size.1) << 16]);
        });
        edits(out);
        plain(out, b"mdia", |out| {
            full(out, b"mdhd", 1, 0, |out| {
                out.put_bytes(0, 16);
                out.put_u32(*scale);
                out.put_u64(duration);
                // The language is `und`.
                out.put_u32(0x55c4_0000);
            });
            full(out, b"hdlr", 0, 0, |out| {
                out.put_u32(0);
                out.put_slice(if *video { b"vide" } else { b"soun" });
                out.put_bytes(0, 13);
            });
            plain(out, b"minf", |out| {
                if *video {
                    full(out, b"vmhd", 0, 1, |out| out.put_bytes(0, 8));
                } else {
                    full(out, b"smhd", 0, 0, |out| out.put_bytes(0, 4));
                }
                plain(out, b"dinf", |out| {
                    full(out, b"dref", 0, 0, |out| {
                        out.put_u32(1);
                        full(out, b"url ", 0, 1, |_| {});
                    });
                });
                plain(out, b"stbl", |out| {
                    full(out, b"stsd", 0, 0, |out| {
                        out.put_u32(entries.len() as u32);
                        entries.iter().for_each(|entry| out.put_slice(entry));
                    });
                    tables(out);
                });
            });
        });
    });
}

fn video_entry(video: &VideoConfig) -> Bytes {
    let (name, record) = match video.codec {
        VideoCodec::H264 => (b"avc1", b"avcC"),
        VideoCodec::Hevc => (b"hvc1", b"hvcC"),
        VideoCodec::Av1 => (b"av01", b"av1C"),
    };
    let mut out = BytesMut::new();
    plain(&mut out, name, |out| {
        out.put_slice(&[0, 0, 0, 0, 0, 0, 0, 1]);
        out.put_bytes(0, 16);
        out.put_u16(video.width);
        out.put_u16(video.height);
        // 72 dots an inch, one frame a sample, 24 bits a pixel.
        words(out, &[0x48_0000, 0x48_0000, 0]);
        out.put_u16(1);
        out.put_bytes(0, 32);
        out.put_u16(24);
        out.put_u16(0xffff);
        plain(out, record, |out| out.put_slice(&video.record));
    });
    out.freeze()
}

fn audio_entry(audio: &AudioConfig) -> Bytes {
    let name = match audio.codec {
        AudioCodec::Aac => b"mp4a",
        AudioCodec::Opus => b"Opus",
    };
    let mut out = BytesMut::new();
    plain(&mut out, name, |out| {
        out.put_slice(&[0, 0, 0, 0, 0, 0, 0, 1]);
        out.put_bytes(0, 8);
        out.put_u16(audio.channels);
        out.put_u16(16);
        out.put_u32(0);
        // 16.16 fixed point holds rates below 65,536; above, decoders read the codec's own record.
        out.put_u32(if audio.rate < 0x1_0000 { audio.rate << 16 } else { 0 });
        match audio.codec {
            AudioCodec::Aac => full(out, b"esds", 0, 0, |out| elementary(out, &audio.record)),
            AudioCodec::Opus => plain(out, b"dOps", |out| out.put_slice(&audio.record)),
        }
    });
    out.freeze()
}

/// The elementary stream descriptor of AAC (ISO/IEC 14496-1, 7.2.6.5).
fn elementary(out: &mut BytesMut, config: &[u8]) {
    // One length byte holds 127; a configuration is two to sixty bytes long.
    let config = &config[..config.len().min(100)];
    let length = config.len() as u8;
    out.put_slice(&[3, 23 + length, 0, 2, 0, 4, 15 + length, 0x40, 0x15, 0, 0, 0]);
    words(out, &[0, 0]);
    out.put_slice(&[5, length]);
    out.put_slice(config);
    out.put_slice(&[6, 1, 2]);
}
