//! What a codec's configuration record says about pictures and sound.
//!
//! Decides size, rate and the RFC 6381 name that a playlist needs. Refuses to know of containers and protocols; samples are never
//! decoded.

mod aac;
pub mod annexb;
mod av1;
mod bits;
mod h264;
mod hevc;
pub(crate) mod opus;

use bytes::Bytes;

/// A video codec that is passed through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VideoCodec {
    /// ITU-T H.264.
    H264,
    /// ITU-T H.265.
    Hevc,
    /// AOMedia AV1.
    Av1,
}

/// How to decode the pictures that follow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VideoConfig {
    /// Which codec.
    pub codec: VideoCodec,
    /// The decoder configuration record, as MP4 carries it (`avcC`, `hvcC`, `av1C`).
    pub record: Bytes,
    /// Picture width in pixels, 0 when the record does not say.
    pub width: u16,
    /// Picture height in pixels, 0 when the record does not say.
    pub height: u16,
    /// Name for `CODECS`, RFC 6381.
    pub name: String,
}

/// An audio codec that is passed through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AudioCodec {
    /// MPEG-4 AAC.
    Aac,
    /// RFC 6716.
    Opus,
}

/// How to decode the sound that follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AudioConfig {
    /// Which codec.
    pub codec: AudioCodec,
    /// AudioSpecificConfig for AAC, the body of `dOps` for Opus.
    pub record: Bytes,
    /// Samples a second, which is also the track's timescale.
    pub rate: u32,
    /// Channels.
    pub channels: u16,
    /// Name for `CODECS`, RFC 6381.
    pub name: String,
}

impl VideoConfig {
    /// Reads a configuration record; `None` when it is not one.
    pub fn read(codec: VideoCodec, record: Bytes) -> Option<VideoConfig> {
        let (width, height, name) = match codec {
            VideoCodec::H264 => h264::describe(&record)?,
            VideoCodec::Hevc => hevc::describe(&record)?,
            VideoCodec::Av1 => av1::describe(&record)?,
        };
        let (width, height) = (width.try_into().ok()?, height.try_into().ok()?);
        Some(VideoConfig { codec, record, width, height, name })
    }
}

impl AudioConfig {
    /// Reads an AudioSpecificConfig or an Opus identification header; `None` when it is not one.
    pub fn read(codec: AudioCodec, record: &Bytes) -> Option<AudioConfig> {
        match codec {
            AudioCodec::Aac => aac::describe(record),
            AudioCodec::Opus => opus::describe(record),
        }
    }

    /// Length of every frame in samples, where the codec fixes it.
    pub(crate) fn frame(&self) -> Option<u32> {
        match self.codec {
            AudioCodec::Aac => Some(1024),
            AudioCodec::Opus => None,
        }
    }
}
