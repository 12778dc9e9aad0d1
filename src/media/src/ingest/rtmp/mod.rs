//! RTMP and RTMPS publishers.
//!
//! Decides when a peer has been silent for too long. The conversation itself is `session`, without input or output.

pub mod chunk;
pub mod handshake;
pub mod session;

use std::net::IpAddr;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use self::session::{Event, Session};
use super::{Error, Ingest, Packet, Request};

/// From the connection to the stream key.
const HELLO: Duration = Duration::from_secs(10);
/// Without a byte this long, a publisher is lost.
const SILENCE: Duration = Duration::from_secs(10);
/// After its goodbye a publisher has this long to close the connection.
const PARTING: Duration = Duration::from_secs(3);
/// Read at once.
const BUFFER: usize = 32 << 10;

/// A publisher's connection, over TCP or TLS.
pub struct Rtmp<S> {
    socket: S,
    address: IpAddr,
    protocol: &'static str,
    session: Session,
    input: BytesMut,
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Rtmp<S> {
    /// Takes over an accepted connection.
    pub fn new(socket: S, address: IpAddr, protocol: &'static str) -> Self {
        Rtmp { socket, address, protocol, session: Session::default(), input: BytesMut::new() }
    }

    async fn event(&mut self, patience: Duration) -> Result<Option<Event>, Error> {
        loop {
            let event = self.session.next(&mut self.input)?;
            self.flush(patience).await?;
            if event.is_some() {
                return Ok(event);
            }
            self.input.reserve(BUFFER);
            let silent = |_| Error::Silent(patience.as_secs());
            let count = timeout(patience, self.socket.read_buf(&mut self.input)).await.map_err(silent)??;
            if count == 0 {
                return Ok(None);
            }
            self.session.received(count);
        }
    }

    async fn flush(&mut self, patience: Duration) -> Result<(), Error> {
        let output = self.session.output();
        if !output.is_empty() {
            let silent = |_| Error::Silent(patience.as_secs());
            timeout(patience, self.socket.write_all(&output)).await.map_err(silent)??;
            timeout(patience, self.socket.flush()).await.map_err(silent)??;
        }
        Ok(())
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Ingest for Rtmp<S> {
    async fn request(&mut self) -> Result<Request, Error> {
        let hello = timeout(HELLO, self.event(HELLO)).await.map_err(|_| Error::Silent(HELLO.as_secs()))??;
        let Some(Event::Publish { key, encoder }) = hello else {
            return Err(Error::Protocol("peer left before it named a stream key".to_owned()));
        };
        Ok(Request { key, encoder, address: self.address, protocol: self.protocol })
    }

    async fn answer(&mut self, verdict: Result<(), &str>) -> Result<(), Error> {
        self.session.answer(verdict);
        self.flush(HELLO).await
    }

    async fn packet(&mut self) -> Result<Option<Packet>, Error> {
        loop {
            match self.event(SILENCE).await? {
                Some(Event::Packet(packet)) => return Ok(Some(packet)),
                Some(Event::Publish { .. }) => {}
                Some(Event::Finished) => return Ok(None),
                None => return Err(Error::Io(std::io::ErrorKind::UnexpectedEof.into())),
            }
        }
    }
    async fn part(&mut self) {
        let closed = async {
            while self.socket.read_buf(&mut self.input).await? > 0 {
                self.input.clear();
            }
            Ok::<_, std::io::Error>(())
        };
        let _ = timeout(PARTING, closed).await;
    }
}
