//! RTMP chunks: messages cut into pieces and interleaved (Adobe RTMP 1.0, 5.3).
//!
//! Decides where a message begins and ends and what is too much: 8 MB a message, 64 chunk streams, 16 MB half-read. Refuses to know
//! what a message says.

use std::collections::HashMap;

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::ingest::Error;
use crate::ingest::flv::MAX_TAG;

/// Chunk streams that one peer may open; encoders use four or five.
const MAX_STREAMS: usize = 64;
/// Bytes of half-read messages that one peer may leave with us.
const MAX_PARTIAL: usize = 2 * MAX_TAG;
/// A timestamp field of this value says that the real one follows.
const EXTENDED: u32 = 0xff_ffff;
/// Payload bytes a chunk that we send.
pub(super) const SEND_SIZE: usize = 4096;

/// One whole message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// What it is (Adobe RTMP 1.0, 5.4, 6 and 7.1).
    pub kind: u8,
    /// Milliseconds on the sender's clock.
    pub time: u32,
    /// The message stream it belongs to.
    pub stream: u32,
    /// Its content.
    pub body: Bytes,
}

#[derive(Debug, Default)]
struct Chunks {
    time: u32,
    /// The last timestamp field as sent: absolute after a full header, else a delta.
    field: u32,
    extended: bool,
    length: usize,
    kind: u8,
    stream: u32,
    partial: BytesMut,
}

/// Puts a peer's chunks together.
#[derive(Debug)]
pub struct Reader {
    size: usize,
    streams: HashMap<u32, Chunks>,
    partial: usize,
}

impl Default for Reader {
    fn default() -> Self {
        // 128 bytes until the peer says otherwise (Adobe RTMP 1.0, 5.4.1).
        Reader { size: 128, streams: HashMap::new(), partial: 0 }
    }
}

impl Reader {
    /// The peer will send chunks of this size from now on.
    pub fn resize(&mut self, size: u32) {
        self.size = (size as usize).clamp(1, EXTENDED as usize);
    }

    /// The peer gives up a half-sent message.
    pub fn abort(&mut self, id: u32) {
        if let Some(chunks) = self.streams.get_mut(&id) {
            self.partial -= chunks.partial.len();
            chunks.partial.clear();
        }
    }

    /// Takes the next message off the input; `None` until one is whole.
    pub fn next(&mut self, input: &mut BytesMut) -> Result<Option<Message>, Error> {
        loop {
            match self.chunk(input)? {
                Step::More => return Ok(None),
                Step::Piece => {}
                Step::Message(message) => return Ok(Some(message)),
            }
        }
    }

    fn chunk(&mut self, input: &mut BytesMut) -> Result<Step, Error> {
        let mut head = &input[..];
        let Some((format, id)) = basic(&mut head) else { return Ok(Step::More) };
        if !self.streams.contains_key(&id) {
            if format == 3 {
                return Err(Error::Protocol("chunk stream begins without a header".to_owned()));
            }
            if self.streams.len() == MAX_STREAMS {
                return Err(Error::Protocol("too many chunk streams".to_owned()));
            }
        }
        let width = [11, 7, 3, 0][usize::from(format)];
        if head.len() < width {
            return Ok(Step::More);
        }
        let known = self.streams.get(&id);
        let begun = known.is_some_and(|chunks| !chunks.partial.is_empty());
        let (mut field, mut extended) = known.map_or((0, false), |chunks| (chunks.field, chunks.extended));
        let (mut length, mut kind) = known.map_or((0, 0), |chunks| (chunks.length, chunks.kind));
        let mut stream = known.map_or(0, |chunks| chunks.stream);
        if width >= 3 {
            field = head.get_uint(3) as u32;
            extended = field == EXTENDED;
        }
        if width >= 7 {
            length = head.get_uint(3) as usize;
            kind = head.get_u8();
        }
        if width == 11 {
            stream = head.get_u32_le();
        }
        if begun && width >= 7 && known.is_some_and(|chunks| chunks.length != length) {
            return Err(Error::Protocol("message changes its length half-way".to_owned()));
        }
        if length > MAX_TAG {
            return Err(Error::Protocol(format!("message of {length} bytes is too large")));
        }
        if extended {
            if head.len() < 4 {
                return Ok(Step::More);
            }
            let value = u32::from_be_bytes([head[0], head[1], head[2], head[3]]);
            // Some encoders leave the extended timestamp out of chunks without a header.
            if format != 3 || value == field {
                field = value;
                head.advance(4);
            }
        }
        let have = known.map_or(0, |chunks| chunks.partial.len());
        let take = (length - have).min(self.size);
        if head.len() < take {
            return Ok(Step::More);
        }
        let used = input.len() - head.len();
        input.advance(used);
        let chunks = self.streams.entry(id).or_default();
        if !begun {
            chunks.time = if format == 0 { field } else { chunks.time.wrapping_add(field) };
        }
        (chunks.field, chunks.extended, chunks.length, chunks.kind, chunks.stream) =
            (field, extended, length, kind, stream);
        let piece = input.split_to(take);
        let body = if have + take < length {
            self.partial += take;
            if self.partial > MAX_PARTIAL {
                return Err(Error::Protocol("too much is left half-sent".to_owned()));
            }
            if chunks.partial.capacity() == 0 {
                chunks.partial.reserve(length.min(64 << 10));
            }
            chunks.partial.extend_from_slice(&piece);
            return Ok(Step::Piece);
        } else if have == 0 {
            piece.freeze()
        } else {
            self.partial -= have;
            chunks.partial.extend_from_slice(&piece);
            chunks.partial.split().freeze()
        };
        Ok(Step::Message(Message { kind, time: chunks.time, stream, body }))
    }
}

enum Step {
    More,
    Piece,
    Message(Message),
}

/// The basic header: chunk format and chunk stream.
fn basic(head: &mut &[u8]) -> Option<(u8, u32)> {
    let first = *head.first()?;
    let (id, used) = match first & 0x3f {
        0 => (64 + u32::from(*head.get(1)?), 2),
        1 => (64 + u32::from(*head.get(1)?) + 256 * u32::from(*head.get(2)?), 3),
        id => (u32::from(id), 1),
    };
    *head = &head[used..];
    Some((first >> 6, id))
}

/// Cuts a message into chunks of `SEND_SIZE`.
pub fn write(out: &mut BytesMut, id: u8, message: &Message) {
    let extended = message.time >= EXTENDED;
    out.put_u8(id & 0x3f);
    out.put_uint(u64::from(message.time.min(EXTENDED)), 3);
    out.put_uint(message.body.len() as u64, 3);
    out.put_u8(message.kind);
    out.put_u32_le(message.stream);
    let mut pieces = message.body.chunks(SEND_SIZE);
    if extended {
        out.put_u32(message.time);
    }
    out.put_slice(pieces.next().unwrap_or_default());
    for piece in pieces {
        out.put_u8(0xc0 | id & 0x3f);
        if extended {
            out.put_u32(message.time);
        }
        out.put_slice(piece);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_cut_is_put_together(
            list in prop::collection::vec((3u8..60, 1u8..30, any::<u32>(), 0usize..20_000), 1..8),
            step in 1usize..3000,
        ) {
            let messages: Vec<Message> = list.iter()
                .map(|(_, kind, time, length)| Message { kind: *kind, time: *time, stream: 1, body: vec![*kind; *length].into() })
                .collect();
            let mut wire = BytesMut::new();
            for (message, (id, ..)) in messages.iter().zip(&list) {
                write(&mut wire, *id, message);
            }
            let mut reader = Reader::default();
            reader.resize(SEND_SIZE as u32);
            let (mut input, mut got) = (BytesMut::new(), vec![]);
            for piece in wire.chunks(step) {
                input.extend_from_slice(piece);
                while let Some(message) = reader.next(&mut input).unwrap() {
                    got.push(message);
                }
            }
            prop_assert_eq!(got, messages);
            prop_assert_eq!(reader.partial, 0);
        }

        #[test]
        fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
            let mut input = BytesMut::from(&bytes[..]);
            let mut reader = Reader::default();
            while let Ok(Some(_)) = reader.next(&mut input) {}
        }
    }

    #[test]
    fn deltas_add_up_and_wrap() {
        let mut input = BytesMut::new();
        write(&mut input, 4, &Message { kind: 9, time: u32::MAX - 5, stream: 1, body: Bytes::from_static(b"a") });
        input.extend_from_slice(&[0x84, 0, 0, 10, b'b', 0xc4, b'c']);
        let mut reader = Reader::default();
        let times: Vec<u32> = std::iter::from_fn(|| reader.next(&mut input).unwrap()).map(|m| m.time).collect();
        assert_eq!(times, [u32::MAX - 5, 4, 14]);
    }
}
