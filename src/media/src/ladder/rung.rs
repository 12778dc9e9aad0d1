//! One quality: FLV from ffmpeg to parts on the source's grid.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::AsyncReadExt;
use tokio::net::UnixStream;
use tokio::time::timeout;

use crate::hls::Shape;
use crate::hls::packager::{Boundaries, Packager, Part};
use crate::ingest::{Frame, Packet, flv};
use crate::live::broadcast::{Broadcast, Rendition};
use crate::live::timeline::SampleClock;
use crate::mux::init::init;
use crate::mux::{Sample, Tracks};

/// While parts come, ffmpeg answers within this time or is stuck.
const SILENCE: Duration = Duration::from_secs(15);

/// Ticks in a millisecond.
const MILLISECOND: u64 = 90;

/// Reads until ffmpeg closes its output, which is always an error.
pub(super) async fn read(
    mut socket: UnixStream,
    broadcast: &Arc<Broadcast>,
    rendition: &Rendition,
    shape: &Shape,
) -> io::Result<()> {
    let mut buffer = BytesMut::with_capacity(64 << 10);
    let mut begun = false;
    let mut feed = RungFeed { broadcast, rendition, shape, tracks: Tracks::default(), running: None };
    let bad = |error| io::Error::new(io::ErrorKind::InvalidData, format!("ffmpeg's output: {error}"));
    loop {
        if !begun {
            begun = flv::header(&mut buffer).map_err(bad)?;
        }
        while begun && let Some((kind, time, body)) = flv::tag(&mut buffer).map_err(bad)? {
            if let Some(packet) = flv::read(kind, time, body).map_err(bad)? {
                feed.packet(packet);
            }
        }
        buffer.reserve(16 << 10);
        if timeout(SILENCE, socket.read_buf(&mut buffer)).await?? == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "ffmpeg closed an output"));
        }
    }
}

struct RungFeed<'a> {
    broadcast: &'a Arc<Broadcast>,
    rendition: &'a Rendition,
    shape: &'a Shape,
    tracks: Tracks,
    running: Option<(Packager, Option<SampleClock>, Option<Sample>)>,
}

impl RungFeed<'_> {
    fn packet(&mut self, packet: Packet) {
        match packet {
            Packet::Expect { .. } => {}
            Packet::VideoConfig(config) => self.tracks.video = Some(config),
            Packet::AudioConfig(config) => self.tracks.audio = Some(config),
            Packet::Video(frame) => self.video(frame),
            Packet::Audio(frame) => self.audio(frame),
        }
    }

    fn video(&mut self, frame: Frame) {
        let time = u64::from(frame.time) * MILLISECOND;
        if self.running.is_none() {
            let sound = self.tracks.audio.is_some() || self.broadcast.source().tracks().audio.is_none();
            let boundary = frame.key && self.broadcast.grid.shown(time).is_some();
            if !(self.tracks.video.is_some() && sound && boundary) {
                return;
            }
            let rate = self.tracks.audio.as_ref().map_or(1, |audio| audio.rate);
            let packager = Packager::new(self.shape, Boundaries::Shared(self.broadcast.grid.clone()), true, rate);
            let clock = self.tracks.audio.as_ref().map(|audio| SampleClock::new(audio.rate));
            self.rendition.set_tracks(self.tracks.clone());
            // A process that replaces a dead one may describe its samples otherwise; its segments name another file.
            let generation = (time / MILLISECOND) as u32;
            self.rendition.window.init(generation, init(&self.tracks));
            self.running = Some((packager, clock, None));
        }
        let Some((packager, _, picture)) = &mut self.running else { return };
        let offset = frame.offset * MILLISECOND as i32;
        let next = Sample { time, offset, duration: 0, key: frame.key, data: frame.data };
        let Some(picture) = picture.replace(next) else { return };
        let duration = time.saturating_sub(picture.time).max(1) as u32;
        let parts = packager.video(Sample { duration, ..picture }, frame.key);
        let limit = packager.limit();
        parts.into_iter().flatten().for_each(|part| self.emit(part, limit));
    }

    fn audio(&mut self, frame: Frame) {
        let Some((packager, Some(clock), _)) = &mut self.running else { return };
        let duration = self.tracks.audio.as_ref().and_then(|audio| audio.frame()).unwrap_or(1024);
        if let Some(time) = clock.place(i64::from(frame.time), duration) {
            packager.audio(Sample { time, offset: 0, duration, key: true, data: frame.data });
        }
    }

    fn emit(&self, part: Part, limit: u64) {
        let opening = self.broadcast.grid.shown(part.start);
        let reports = self.broadcast.reports(&self.rendition.name);
        self.rendition.window.push(part.clone(), limit, reports, || {
            let fallback = crate::hls::grid::Boundary {
                start: part.start,
                shown: part.start,
                number: 0,
                wall: crate::clock::now(),
            };
            opening.unwrap_or(fallback)
        });
    }
}
