//! SRT publishers.
//!
//! Decides how a caller of the port becomes a publisher: what its stream id asks for, when the handshake ends, and what its end means.
//! Datagrams are the port's business, and what the bytes hold is `mpegts`'.

mod port;
mod streamid;

use std::net::IpAddr;
use std::time::Duration;

use sapflow_srt::ConnId;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use self::port::{Command, Piece};
pub use self::port::{Options, Port};
use self::streamid::Refusal;
use super::mpegts::Reader;
use super::{Error, Ingest, Packet, Request};

/// Without any datagram this long, a publisher is lost; SRT's own default.
const PEER_IDLE: Duration = Duration::from_secs(5);
/// Without pictures and sound this long, one that is still there is lost, too.
const SILENCE: Duration = Duration::from_secs(10);

/// What a caller is told that is let go without a reason: the server has too much to do.
const OVERLOAD: u16 = 402;
/// What a caller is told whose key is not good.
const FORBIDDEN: u16 = 403;

/// Who calls, by the handshake.
struct Caller {
    id: ConnId,
    address: IpAddr,
    stream_id: Vec<u8>,
    encoder: String,
    /// It must know a passphrase.
    secret: bool,
}

/// A publisher's connection.
pub struct Srt {
    caller: Caller,
    port: mpsc::UnboundedSender<Command>,
    pieces: mpsc::Receiver<Piece>,
    reader: Reader,
    accepted: bool,
    over: bool,
    /// What it is told when it is let go before it was accepted.
    refusal: u16,
}

impl Srt {
    fn new(caller: Caller, port: mpsc::UnboundedSender<Command>, pieces: mpsc::Receiver<Piece>) -> Self {
        Srt { caller, port, pieces, reader: Reader::default(), accepted: false, over: false, refusal: OVERLOAD }
    }

    /// Where it connects from.
    pub fn address(&self) -> IpAddr {
        self.caller.address
    }

    async fn accept(&mut self) -> Result<(), Error> {
        if self.accepted {
            return Ok(());
        }
        let (answer, answered) = oneshot::channel();
        let _ = self.port.send(Command::Accept(self.caller.id, answer));
        self.accepted = answered.await.unwrap_or(false);
        match (self.accepted, self.caller.secret) {
            (true, _) => Ok(()),
            (false, true) => Err(self.refused("passphrase is wrong")),
            (false, false) => Err(Error::Io(std::io::ErrorKind::ConnectionAborted.into())),
        }
    }

    fn refused(&self, why: &str) -> Error {
        Error::Refused(format!("srt from {} ({}): {why}", self.caller.address, self.caller.encoder))
    }
}

impl Drop for Srt {
    fn drop(&mut self) {
        let _ = self.port.send(Command::Leave(self.caller.id, self.refusal));
    }
}

impl Ingest for Srt {
    async fn request(&mut self) -> Result<Request, Error> {
        let key = match streamid::key(&self.caller.stream_id) {
            Ok(key) => key.to_owned(),
            Err(refusal) => {
                self.refusal = refusal as u16;
                let what = match refusal {
                    Refusal::BadRequest => "stream id names no key",
                    Refusal::BadMode => "stream id asks to read; this port takes publishers only",
                };
                return Err(self.refused(what));
            }
        };
        // The passphrase is only seen to be right when the handshake ends, and nobody may take a seat before.
        if self.caller.secret {
            self.accept().await?;
        }
        Ok(Request { key, encoder: self.caller.encoder.clone(), address: self.caller.address, protocol: "srt" })
    }

    async fn answer(&mut self, verdict: Result<(), &str>) -> Result<(), Error> {
        match verdict {
            Ok(()) => self.accept().await,
            // SRT has no words for the reason, only a number, and once the connection stands not even this.
            Err(_) => {
                self.refusal = FORBIDDEN;
                let _ = self.port.send(Command::Leave(self.caller.id, self.refusal));
                Ok(())
            }
        }
    }

    async fn packet(&mut self) -> Result<Option<Packet>, Error> {
        loop {
            if let Some(packet) = self.reader.packet() {
                return Ok(Some(packet));
            }
            if self.over {
                return Ok(None);
            }
            match timeout(SILENCE, self.pieces.recv()).await {
                Ok(Some(Piece::Data(data))) => self.reader.push(&data)?,
                Ok(Some(Piece::Gap)) => self.reader.gap(),
                Ok(Some(Piece::Goodbye)) => {
                    self.reader.finish();
                    self.over = true;
                }
                Ok(Some(Piece::Silence)) => return Err(Error::Silent(PEER_IDLE.as_secs())),
                Ok(None) => return Err(Error::Io(std::io::ErrorKind::ConnectionAborted.into())),
                Err(_) => return Err(Error::Silent(SILENCE.as_secs())),
            }
        }
    }

    fn dropped(&mut self) -> u64 {
        self.reader.dropped()
    }

    /// Whoever said goodbye over SRT is gone already.
    async fn part(&mut self) {}
}
