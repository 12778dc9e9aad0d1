//! The RTMP conversation of a publisher, without any input or output of its own.
//!
//! Decides what is answered to which command. Refuses to know of sockets and of who may publish. The whole state is bounded by
//! `chunk`'s limits.

use bytes::{BufMut, Bytes, BytesMut};

use super::chunk::{self, Message, Reader, SEND_SIZE};
use super::handshake::Handshake;
use crate::ingest::amf::{self, Value};
use crate::ingest::flv::{self, AUDIO, DATA, VIDEO};
use crate::ingest::{ENCODER_LENGTH, Error, KEY_LENGTH, Packet};

/// Bytes after which each side wants to hear from the other.
const WINDOW: u32 = 2_500_000;

/// What the peer did.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// It wants to publish under this key.
    Publish {
        /// The secret.
        key: String,
        /// What the encoder calls itself.
        encoder: String,
    },
    /// It sent this.
    Packet(Packet),
    /// It said goodbye.
    Finished,
}

/// One peer's state.
#[derive(Debug, Default)]
pub struct Session {
    handshake: Handshake,
    reader: Reader,
    out: BytesMut,
    encoder: String,
    received: u64,
    acknowledged: u64,
    window: Option<u32>,
    publishing: bool,
}

impl Session {
    /// What is to be sent to the peer.
    pub fn output(&mut self) -> Bytes {
        self.out.split().freeze()
    }

    /// Counts bytes that came, for acknowledgements.
    pub fn received(&mut self, count: usize) {
        self.received += count as u64;
        let window = u64::from(self.window.unwrap_or(WINDOW)).max(1000);
        if self.handshake == Handshake::Done && self.received - self.acknowledged >= window {
            self.acknowledged = self.received;
            let count = self.received as u32;
            self.control(3, &count.to_be_bytes());
        }
    }

    /// Takes the next event off the input; `None` until more comes.
    pub fn next(&mut self, input: &mut BytesMut) -> Result<Option<Event>, Error> {
        if self.handshake != Handshake::Done {
            let answer = self.handshake.step(input)?;
            self.out.extend_from_slice(&answer);
            if self.handshake != Handshake::Done {
                return Ok(None);
            }
        }
        while let Some(message) = self.reader.next(input)? {
            if let Some(event) = self.message(message)? {
                return Ok(Some(event));
            }
        }
        Ok(None)
    }

    /// Tells the peer that it may publish, or why not.
    pub fn answer(&mut self, verdict: Result<(), &str>) {
        let (level, code, text) = match verdict {
            Ok(()) => ("status", "NetStream.Publish.Start", "publishing"),
            Err(reason) => ("error", "NetStream.Publish.Denied", reason),
        };
        self.publishing = verdict.is_ok();
        if self.publishing {
            self.control(4, &[0, 0, 0, 0, 0, 1]);
        }
        self.command(1, &["onStatus".into(), 0.0.into(), Value::Null, status(level, code, text)]);
    }

    fn control(&mut self, kind: u8, body: &[u8]) {
        let message = Message { kind, time: 0, stream: 0, body: Bytes::copy_from_slice(body) };
        chunk::write(&mut self.out, 2, &message);
    }

    fn command(&mut self, stream: u32, values: &[Value]) {
        let message = Message { kind: 20, time: 0, stream, body: amf::encode(values) };
        chunk::write(&mut self.out, 3, &message);
    }

    fn message(&mut self, message: Message) -> Result<Option<Event>, Error> {
        let Message { kind, time, body, .. } = message;
        match (kind, number(&body)) {
            (1, Some(size)) => self.reader.resize(size & 0x7fff_ffff),
            (2, Some(id)) => self.reader.abort(id),
            (5, Some(window)) => self.window = Some(window),
            // Ping: the time comes back (Adobe RTMP 1.0, 7.1.7).
            (4, _) if body.len() >= 6 && body[..2] == [0, 6] => {
                let mut pong = BytesMut::from(&[0, 7][..]);
                pong.put_slice(&body[2..6]);
                self.control(4, &pong);
            }
            (AUDIO | VIDEO, _) if self.publishing => return Ok(flv::read(kind, time, body)?.map(Event::Packet)),
            (DATA, _) if self.publishing => return Ok(flv::read(DATA, time, body)?.map(Event::Packet)),
            (20, _) => return self.called(&body),
            // The same with a byte in front, from encoders that speak AMF3 in name only.
            (17, _) if !body.is_empty() => return self.called(&body[1..]),
            _ => {}
        }
        Ok(None)
    }

    fn called(&mut self, body: &[u8]) -> Result<Option<Event>, Error> {
        let values = amf::decode(body).map_err(|error| Error::Protocol(error.to_string()))?;
        let name = values.first().and_then(Value::text).unwrap_or_default();
        let transaction = values.get(1).and_then(Value::number).unwrap_or_default();
        match name {
            "connect" => {
                let encoder = values.get(2).and_then(|object| object.field("flashVer")).and_then(Value::text);
                self.encoder = encoder.unwrap_or_default().chars().take(ENCODER_LENGTH).collect();
                self.connected(transaction);
            }
            "createStream" => self.command(0, &["_result".into(), transaction.into(), Value::Null, 1.0.into()]),
            "releaseStream" | "FCPublish" | "getStreamLength" | "_checkbw" => {
                self.command(0, &["_result".into(), transaction.into(), Value::Null, Value::Null]);
            }
            "publish" => {
                let key = values.get(3).and_then(Value::text).unwrap_or_default();
                // Some encoders repeat the query of the URL.
                let key = key.split('?').next().unwrap_or_default();
                if key.is_empty() || key.len() > KEY_LENGTH || self.publishing {
                    return Err(Error::Protocol("publish without a usable stream key".to_owned()));
                }
                return Ok(Some(Event::Publish { key: key.to_owned(), encoder: self.encoder.clone() }));
            }
            "play" | "play2" => {
                let text = "watch over HLS; this port takes publishers only";
                self.command(
                    1,
                    &["onStatus".into(), 0.0.into(), Value::Null, status("error", "NetStream.Play.Failed", text)],
                );
            }
            "FCUnpublish" | "deleteStream" | "closeStream" if self.publishing => return Ok(Some(Event::Finished)),
            _ => {}
        }
        Ok(None)
    }

    fn connected(&mut self, transaction: f64) {
        self.control(5, &WINDOW.to_be_bytes());
        let mut bandwidth = BytesMut::from(&WINDOW.to_be_bytes()[..]);
        bandwidth.put_u8(2);
        self.control(6, &bandwidth);
        self.control(1, &(SEND_SIZE as u32).to_be_bytes());
        let codecs = ["avc1", "hvc1", "av01", "mp4a", "Opus"].map(Value::from).to_vec();
        let server = Value::Object(vec![
            ("fmsVer".to_owned(), "FMS/3,5,7,7009".into()),
            ("capabilities".to_owned(), 31.0.into()),
            ("mode".to_owned(), 1.0.into()),
        ]);
        let mut info = status("status", "NetConnection.Connect.Success", "connected");
        if let Value::Object(fields) = &mut info {
            fields.push(("objectEncoding".to_owned(), 0.0.into()));
            fields.push(("fourCcList".to_owned(), Value::Array(codecs)));
        }
        self.command(0, &["_result".into(), transaction.into(), server, info]);
    }
}

fn status(level: &str, code: &str, text: &str) -> Value {
    let field = |name: &str, value: &str| (name.to_owned(), value.into());
    Value::Object(vec![field("level", level), field("code", code), field("description", text)])
}

fn number(body: &[u8]) -> Option<u32> {
    body.first_chunk().map(|bytes| u32::from_be_bytes(*bytes))
}
