//! One publisher's WebRTC connection, without any input or output of its own.
//!
//! Decides what is answered to an offer, and which events matter: frames, and the end. Refuses to know of sockets, of HTTP and of who
//! may publish. ICE, DTLS and SRTP are str0m's.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, UNIX_EPOCH};

use str0m::change::SdpOffer;
use str0m::config::{CryptoProvider, DtlsCert};
use str0m::format::Codec;
use str0m::media::{KeyframeRequestKind, MediaData, Mid};
use str0m::net::{Protocol, Receive};
use str0m::{Candidate, Event, Input, Output, Rtc, RtcConfig, RtcError};

use super::clock::Stamp;
use super::intake::{Intake, Kind};
use super::offer::{Offer, Refusal};
use crate::codec::VideoCodec;
use crate::ingest::{Error, Packet};

/// So many packets of sound, or so long, wait for one that is missing. Players stand 0.45 s behind the edge and would run dry;
/// browsers do not send sound again anyway.
const SOUND_WAITS: (usize, Duration) = (4, Duration::from_millis(100));

/// Bytes that never became a frame, beyond a quarter of those that did: resent packets and padding are less, and what is held of
/// unfinished frames may not grow for ever.
const SWALLOWED: usize = 32 << 20;

/// A datagram for the publisher.
pub(super) type Sending = (SocketAddr, Vec<u8>);

/// What every connection shares: the certificate is bound to the offer's answer by its fingerprint, so one will do.
#[derive(Clone)]
pub(super) struct Identity {
    crypto: Arc<CryptoProvider>,
    certificate: DtlsCert,
}

impl Identity {
    pub(super) fn new() -> Result<Self, String> {
        let crypto = Arc::new(str0m::crypto::from_feature_flags());
        let certificate = crypto.dtls_provider.generate_certificate().ok_or("a DTLS certificate cannot be made")?;
        Ok(Identity { crypto, certificate })
    }
}

/// The connection.
pub(super) struct Peer {
    rtc: Rtc,
    began: Instant,
    /// Where publishers send to, as they were told.
    address: SocketAddr,
    intake: Intake,
    picture: Option<(Mid, Option<str0m::media::Rid>)>,
    packets: VecDeque<Packet>,
    sendings: Vec<Sending>,
    deadline: Instant,
    swallowed: usize,
    /// DTLS stands.
    pub(super) connected: bool,
    /// The publisher closed the connection.
    pub(super) closed: bool,
    /// When the last frame came.
    pub(super) heard: Option<Instant>,
}

impl Peer {
    /// Answers an offer: the connection, the answer's SDP and the name by which STUN finds it.
    pub(super) fn answer(
        offer: &Offer,
        address: SocketAddr,
        identity: &Identity,
        now: Instant,
    ) -> Result<(Peer, String, String), Refusal> {
        let unreadable = |error: &dyn std::fmt::Display| Refusal::Unreadable(format!("offer cannot be taken: {error}"));
        let mut rtc = RtcConfig::new()
            .set_crypto_provider(identity.crypto.clone())
            .set_dtls_cert(identity.certificate.clone())
            .set_ice_lite(true)
            .set_reordering_size_audio(SOUND_WAITS.0)
            .set_reordering_timeout_audio(Some(SOUND_WAITS.1))
            .clear_codecs()
            .enable_opus(true, false)
            .enable_h264(true)
            .enable_h265(true)
            .build(now);
        let candidate = Candidate::host(address, Protocol::Udp).map_err(|error| unreadable(&error))?;
        rtc.add_local_candidate(candidate);
        // The parser's own words name places in memory, not in the text.
        let parsed =
            SdpOffer::from_sdp_string(&offer.text).map_err(|_| unreadable(&"it is not SDP as RFC 8866 has it"))?;
        let answer = rtc.sdp_api().accept_offer(parsed).map_err(|error| unreadable(&error))?.to_sdp_string();
        // A track is refused by its port (RFC 3264, 6): the codec is known by name, but not this kind of it.
        for (offered, kind, what) in [(offer.video, "m=video 0 ", "picture"), (offer.audio, "m=audio 0 ", "sound")] {
            if offered && answer.contains(kind) {
                let reason =
                    format!("{what} format is not carried\n\nhint: H.264 in 4:2:0 with 8 bits, or HEVC Main; Opus");
                return Err(Refusal::Unusable(reason));
            }
        }
        let name = rtc.direct_api().local_ice_credentials().ufrag;
        let mut peer = Peer {
            rtc,
            began: now,
            address,
            intake: Intake::default(),
            picture: None,
            packets: VecDeque::from([Packet::Expect { video: offer.video, audio: offer.audio }]),
            sendings: vec![],
            deadline: now,
            swallowed: 0,
            connected: false,
            closed: false,
            heard: None,
        };
        peer.drive(now).map_err(|error| unreadable(&error))?;
        Ok((peer, answer, name))
    }

    /// Takes a datagram; true when it proves that its sender is the publisher (RFC 8489, 9.1).
    pub(super) fn receive(&mut self, now: Instant, source: SocketAddr, bytes: &[u8]) -> Result<bool, Error> {
        let Ok(receive) = Receive::new(Protocol::Udp, source, self.address, bytes) else { return Ok(false) };
        let input = Input::Receive(now, receive);
        if !self.rtc.accepts(&input) {
            return Ok(false);
        }
        self.swallowed += bytes.len();
        let result = self.rtc.handle_input(input);
        self.bear(result)?;
        self.drive(now)?;
        self.ask(now)?;
        if self.swallowed > SWALLOWED {
            return Err(Error::Protocol("much is sent that never becomes a frame".to_owned()));
        }
        Ok(is_stun(bytes))
    }

    /// Lets time pass.
    pub(super) fn tick(&mut self, now: Instant) -> Result<(), Error> {
        let result = self.rtc.handle_input(Input::Timeout(now));
        self.bear(result)?;
        self.drive(now)?;
        self.ask(now)
    }

    /// When time must pass at the latest.
    pub(super) fn deadline(&self) -> Instant {
        self.deadline
    }

    /// The next packet of the stream.
    pub(super) fn packet(&mut self) -> Option<Packet> {
        self.packets.pop_front()
    }

    /// Pictures left out since this was asked last.
    pub(super) fn dropped(&mut self) -> u64 {
        std::mem::take(&mut self.intake.dropped)
    }

    /// What is to be sent.
    pub(super) fn sendings(&mut self) -> Vec<Sending> {
        std::mem::take(&mut self.sendings)
    }

    /// Says goodbye to the publisher.
    pub(super) fn close(&mut self, now: Instant) {
        if self.rtc.close().is_ok() {
            let _ = self.drive(now);
        }
    }

    /// A frame that cannot be put together is a loss; anything else ends the connection.
    fn bear(&mut self, result: Result<(), RtcError>) -> Result<(), Error> {
        match result {
            Ok(()) => Ok(()),
            Err(RtcError::Packet(..)) => {
                self.intake.lost();
                Ok(())
            }
            Err(error) => Err(Error::Protocol(error.to_string())),
        }
    }

    fn drive(&mut self, now: Instant) -> Result<(), Error> {
        loop {
            match self.rtc.poll_output() {
                Ok(Output::Timeout(deadline)) => {
                    self.deadline = deadline;
                    return Ok(());
                }
                Ok(Output::Transmit(transmit)) => self.sendings.push((transmit.destination, transmit.contents.into())),
                Ok(Output::Event(Event::Connected)) => self.connected = true,
                Ok(Output::Event(Event::Closed)) => self.closed = true,
                Ok(Output::Event(Event::MediaData(data))) => self.frame(&data, now)?,
                Ok(Output::Event(_)) => {}
                Err(error) => self.bear(Err(error))?,
            }
        }
    }

    fn frame(&mut self, data: &MediaData, now: Instant) -> Result<(), Error> {
        let kind = match data.params.spec().codec {
            Codec::H264 => Kind::Picture(VideoCodec::H264),
            Codec::H265 => Kind::Picture(VideoCodec::Hevc),
            Codec::Opus => Kind::Opus,
            _ => return Ok(()),
        };
        if data.data.is_empty() {
            return Ok(());
        }
        self.heard = Some(now);
        self.swallowed = self.swallowed.saturating_sub(data.data.len() * 5 / 4 + 200);
        if matches!(kind, Kind::Picture(_)) {
            self.picture = Some((data.mid, data.rid));
            if !data.contiguous {
                self.intake.lost();
            }
        }
        let micros = |duration: Duration| duration.as_micros() as i64;
        let report = data.last_sender_info.and_then(|info| {
            let wall = info.ntp_time.duration_since(UNIX_EPOCH).ok()?;
            Some((micros(wall), info.rtp_time.numer() as u32))
        });
        let arrived = micros(data.network_time.saturating_duration_since(self.began));
        let stamp = Stamp { rtp: data.time.numer(), rate: data.time.denom(), arrived, report };
        self.intake.take(kind, stamp, &data.data, now, &mut self.packets)
    }

    /// Asks for a keyframe where one is due.
    fn ask(&mut self, now: Instant) -> Result<(), Error> {
        let Some((mid, rid)) = self.picture else { return Ok(()) };
        if !self.intake.asks(now) {
            return Ok(());
        }
        // Publishers that did not negotiate it cannot be asked; their own interval must do.
        let asked = self
            .rtc
            .writer(mid)
            .is_some_and(|mut writer| writer.request_keyframe(rid, KeyframeRequestKind::Pli).is_ok());
        if asked { self.drive(now) } else { Ok(()) }
    }
}

/// Told apart by the first byte (RFC 7983, 7).
pub(super) fn is_stun(bytes: &[u8]) -> bool {
    bytes.len() >= 20 && bytes[0] < 4
}

#[cfg(test)]
mod tests;
