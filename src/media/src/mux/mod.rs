//! Fragmented MP4 (CMAF) for parts and segments, and plain MP4 for finished replays.
//!
//! Decides boxes. Refuses to know when a part ends, where bytes go and what a playlist says.

mod boxes;
pub mod fragment;
pub mod init;
pub mod movie;
pub mod read;

use bytes::Bytes;

use crate::codec::{AudioConfig, VideoConfig};

/// Ticks a second of every video track.
pub const VIDEO_SCALE: u32 = 90_000;
/// Track number of pictures in every file.
pub const VIDEO_TRACK: u32 = 1;
/// Track number of sound in every file.
pub const AUDIO_TRACK: u32 = 2;

/// What one initialization segment describes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tracks {
    /// The pictures, if any.
    pub video: Option<VideoConfig>,
    /// The sound, if any.
    pub audio: Option<AudioConfig>,
}

/// One picture or sound frame with its place on the track.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// Decoding time in ticks of the track.
    pub time: u64,
    /// Presentation time minus decoding time in ticks.
    pub offset: i32,
    /// Ticks until the next sample.
    pub duration: u32,
    /// Decoding can start here.
    pub key: bool,
    /// The encoded bytes.
    pub data: Bytes,
}

impl Tracks {
    /// The value of `CODECS` in a playlist (RFC 6381).
    pub fn names(&self) -> String {
        let video = self.video.iter().map(|video| video.name.as_str());
        let names: Vec<&str> = video.chain(self.audio.iter().map(|audio| audio.name.as_str())).collect();
        names.join(",")
    }
}
