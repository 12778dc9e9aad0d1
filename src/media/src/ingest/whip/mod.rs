//! WHIP publishers (RFC 9725): an offer by HTTP, media by WebRTC.
//!
//! Decides when a publisher has been silent for too long, and what is a goodbye: deleting the session is one, a connection that is
//! closed or falls silent is not, so a page that is reloaded resumes its broadcast. Signalling is `signal`, the connection `peer`,
//! the socket `wire`.

mod clock;
mod intake;
mod offer;
mod peer;
pub(crate) mod signal;
pub(crate) mod wire;

use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use self::peer::Peer;
use self::wire::{Heard, Plug};
use super::{Error, Ingest, Packet, Request};
use crate::http::Pass;

/// From the answer to an established connection.
const HELLO: Duration = Duration::from_secs(10);
/// Without a frame this long, a publisher is lost; keeping the connection open is not publishing.
const SILENCE: Duration = Duration::from_secs(10);
/// After a goodbye, datagrams that were sent before it may arrive for so long.
const STRAGGLERS: Duration = Duration::from_millis(200);
/// A publisher that closes its connection first has this long to delete its session.
const AFTERWARDS: Duration = Duration::from_secs(1);
/// So that guessing keys costs time.
const REFUSAL: Duration = Duration::from_millis(200);

/// A publisher's connection.
pub(crate) struct Whip {
    request: Request,
    peer: Peer,
    plug: Plug,
    began: Instant,
    /// Where the offer's sender hears whether it may publish.
    told: Option<oneshot::Sender<Result<(), String>>>,
    /// It said goodbye.
    parting: bool,
    _pass: Pass,
}

impl Whip {
    async fn flush(&mut self) {
        let sendings = self.peer.sendings();
        if !sendings.is_empty() {
            self.plug.send(sendings).await;
        }
    }

    async fn close(&mut self) {
        self.peer.close(Instant::now());
        self.flush().await;
    }

    fn take(&mut self, (source, bytes): wire::Datagram) -> Result<(), Error> {
        if self.peer.receive(Instant::now(), source, &bytes)? {
            self.plug.proved(source);
        }
        Ok(())
    }

    /// Takes what was sent before the goodbye; whatever it is, the goodbye stands.
    async fn stragglers(&mut self) {
        let end = tokio::time::Instant::now() + STRAGGLERS;
        while !self.peer.closed
            && let Ok(Some(datagram)) = tokio::time::timeout_at(end, self.plug.rest()).await
        {
            let _ = self.take(datagram);
        }
    }
}

impl Ingest for Whip {
    async fn request(&mut self) -> Result<Request, Error> {
        Ok(self.request.clone())
    }

    async fn answer(&mut self, verdict: Result<(), &str>) -> Result<(), Error> {
        if verdict.is_err() {
            self.close().await;
        }
        let Some(told) = self.told.take() else { return Ok(()) };
        if verdict.is_err() {
            tokio::time::sleep(REFUSAL).await;
        }
        let gone = |_| Error::Io(std::io::ErrorKind::ConnectionAborted.into());
        told.send(verdict.map_err(str::to_owned)).map_err(gone)
    }

    async fn packet(&mut self) -> Result<Option<Packet>, Error> {
        loop {
            self.flush().await;
            if let Some(packet) = self.peer.packet() {
                return Ok(Some(packet));
            }
            if self.parting {
                return Ok(None);
            }
            if self.peer.closed {
                let said = tokio::time::timeout(AFTERWARDS, self.plug.goodbye()).await.is_ok();
                return if said { Ok(None) } else { Err(Error::Io(std::io::ErrorKind::UnexpectedEof.into())) };
            }
            let (since, patience) = match self.peer.heard {
                _ if !self.peer.connected => (self.began, HELLO),
                None => (self.began, HELLO + SILENCE),
                Some(heard) => (heard, SILENCE),
            };
            if since.elapsed() >= patience {
                return Err(Error::Silent(patience.as_secs()));
            }
            let wake = self.peer.deadline().min(since + patience);
            tokio::select! {
                biased;
                heard = self.plug.hear() => match heard {
                    Heard::Datagram(datagram) => self.take(datagram)?,
                    Heard::Goodbye => {
                        self.parting = true;
                        self.stragglers().await;
                    }
                },
                () = tokio::time::sleep_until(wake.into()) => self.peer.tick(Instant::now())?,
            }
        }
    }

    fn dropped(&mut self) -> u64 {
        self.peer.dropped()
    }

    async fn part(&mut self) {
        self.close().await;
    }
}
