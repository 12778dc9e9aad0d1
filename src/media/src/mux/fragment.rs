//! One `moof` and `mdat`: a part.

use bytes::{BufMut, Bytes, BytesMut};

use super::boxes::{full, plain};
use super::init::{DEPENDENT, KEY};
use super::{AUDIO_TRACK, Sample, VIDEO_TRACK};

/// Writes samples as one fragment; pictures first, then sound.
pub fn fragment(sequence: u32, video: &[Sample], audio: &[Sample]) -> Bytes {
    let payload: usize = video.iter().chain(audio).map(|sample| sample.data.len()).sum();
    let mut out = BytesMut::with_capacity(payload + 200 + 16 * (video.len() + audio.len()));
    // Where to write each run's data offset once the length of `moof` is known, and how far into `mdat` it points.
    let mut runs: [(usize, usize); 2] = [(0, 0); 2];
    plain(&mut out, b"moof", |out| {
        full(out, b"mfhd", 0, 0, |out| out.put_u32(sequence));
        if !video.is_empty() {
            runs[0] = (track(out, VIDEO_TRACK, video, true), 0);
        }
        if !audio.is_empty() {
            let before = video.iter().map(|sample| sample.data.len()).sum();
            runs[1] = (track(out, AUDIO_TRACK, audio, false), before);
        }
    });
    let data = out.len() + 8;
    for (place, before) in runs.into_iter().filter(|(place, _)| *place > 0) {
        out[place..place + 4].copy_from_slice(&((data + before) as u32).to_be_bytes());
    }
    plain(&mut out, b"mdat", |out| video.iter().chain(audio).for_each(|sample| out.put_slice(&sample.data)));
    out.freeze()
}

fn track(out: &mut BytesMut, number: u32, samples: &[Sample], video: bool) -> usize {
    let mut place = 0;
    plain(out, b"traf", |out| {
        // default-base-is-moof, default sample flags (ISO/IEC 14496-12, 8.8.7).
        full(out, b"tfhd", 0, 0x02_0020, |out| {
            out.put_u32(number);
            out.put_u32(if video { DEPENDENT } else { KEY });
        });
        full(out, b"tfdt", 1, 0, |out| out.put_u64(samples[0].time));
        // data offset, duration, size; for pictures flags and signed composition offset, too.
        let flags = if video { 0xf01 } else { 0x301 };
        full(out, b"trun", 1, flags, |out| {
            out.put_u32(samples.len() as u32);
            place = out.len();
            out.put_u32(0);
            for sample in samples {
                out.put_u32(sample.duration);
                out.put_u32(sample.data.len() as u32);
                if video {
                    out.put_u32(if sample.key { KEY } else { DEPENDENT });
                    out.put_i32(sample.offset);
                }
            }
        });
    });
    place
}
