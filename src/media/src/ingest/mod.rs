//! How pictures and sound come in, whatever protocol carries them.
//!
//! Decides what a publisher is: it names a key, is told a verdict, then gives packets with millisecond times. Refuses to know who may
//! publish (`auth`) and what becomes of the packets (`live`).

pub mod amf;
pub mod flv;
pub mod mpegts;
pub mod rtmp;
#[cfg(not(fuzzing))]
pub mod srt;
#[cfg(not(fuzzing))]
pub(crate) mod whip;

use std::future::Future;
use std::net::IpAddr;

use bytes::Bytes;

use crate::codec::{AudioConfig, VideoConfig};

/// A key longer than this is refused before anybody is asked.
const KEY_LENGTH: usize = 512;
/// What an encoder calls itself is cut to this length.
const ENCODER_LENGTH: usize = 80;

/// One publisher's connection.
pub trait Ingest: Send {
    /// Waits until the publisher has said what it wants.
    fn request(&mut self) -> impl Future<Output = Result<Request, Error>> + Send;
    /// Tells the publisher that it may send, or why not.
    fn answer(&mut self, verdict: Result<(), &str>) -> impl Future<Output = Result<(), Error>> + Send;
    /// Waits for the next packet; `None` when the publisher said goodbye.
    fn packet(&mut self) -> impl Future<Output = Result<Option<Packet>, Error>> + Send;
    /// Pictures and sound frames that were lost on the way, or are of no use without those, since this was asked last.
    fn dropped(&mut self) -> u64 {
        0
    }
    /// Lets a publisher that said goodbye close the connection itself; closed on it, encoders report a failure.
    fn part(&mut self) -> impl Future<Output = ()> + Send;
}

/// What a publisher asks for.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// The secret stream key, never to be printed.
    pub key: String,
    /// What the encoder calls itself, cut to a sane length.
    pub encoder: String,
    /// Where it connects from.
    pub address: IpAddr,
    /// `rtmp`, `rtmps`, `srt`, `whip` or `whips`.
    pub protocol: &'static str,
}

impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(f, "{} from {} ({})", self.protocol, self.address, self.encoder)
    }
}

/// One unit from a publisher.
#[derive(Debug, Clone, PartialEq)]
pub enum Packet {
    /// Which tracks to expect.
    Expect {
        /// Pictures will come.
        video: bool,
        /// Sound will come.
        audio: bool,
    },
    /// How to decode the pictures that follow.
    VideoConfig(VideoConfig),
    /// How to decode the sound that follows.
    AudioConfig(AudioConfig),
    /// An encoded picture.
    Video(Frame),
    /// Encoded sound.
    Audio(Frame),
}

/// One encoded picture or sound frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Decoding time in milliseconds, on the publisher's clock, which may jump and wraps at 2³².
    pub time: u32,
    /// Presentation time minus decoding time in milliseconds.
    pub offset: i32,
    /// Decoding can start here.
    pub key: bool,
    /// As MP4 carries it: length-prefixed NAL units, OBUs or a raw AAC frame.
    pub data: Bytes,
}

/// Why a publisher's connection cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The connection broke.
    #[error("connection to the publisher broke: {0}")]
    Io(#[from] std::io::Error),
    /// Nothing came for too long.
    #[error("publisher sent nothing for {0} s")]
    Silent(u64),
    /// It does not follow the protocol.
    #[error("publisher breaks the protocol: {0}")]
    Protocol(String),
    /// It may not publish here, whatever its key; says who it is, too.
    #[error("{0}")]
    Refused(String),
    /// It sends a codec that is not carried.
    #[error("codec {0} is not carried\n\nhint: send H.264, HEVC or AV1 with AAC or Opus")]
    Codec(String),
}
