//! The RTMP handshake (Adobe RTMP 1.0, 5.2).
//!
//! Decides when it is over. The peer's digest is not checked: it proves knowledge of a constant of Flash Player, and a server that
//! sends version 0.0.0.0 tells encoders not to expect one.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::ingest::Error;

/// Length of C1, C2, S1 and S2.
const BLOCK: usize = 1536;

/// Where the handshake stands.
#[derive(Debug, Default, PartialEq, Eq)]
pub enum Handshake {
    /// C0 and C1 are awaited.
    #[default]
    Hello,
    /// C2 is awaited.
    Echo,
    /// Chunks follow.
    Done,
}

impl Handshake {
    /// Takes what has come and gives what is to be sent.
    pub fn step(&mut self, input: &mut BytesMut) -> Result<Bytes, Error> {
        let mut out = BytesMut::new();
        if *self == Handshake::Hello && input.first().is_some_and(|version| *version != 3) {
            return Err(Error::Protocol(format!("RTMP version {} is not spoken", input[0])));
        }
        if *self == Handshake::Hello && input.len() > BLOCK {
            input.advance(1);
            let hello = input.split_to(BLOCK);
            out.reserve(1 + 2 * BLOCK);
            out.put_u8(3);
            out.put_bytes(0, 8);
            out.extend((0..BLOCK - 8).map(|at| (at * 31 % 251) as u8));
            out.put_slice(&hello);
            *self = Handshake::Echo;
        }
        if *self == Handshake::Echo && input.len() >= BLOCK {
            input.advance(BLOCK);
            *self = Handshake::Done;
        }
        Ok(out.freeze())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_over_after_c2_however_it_is_cut() {
        let bytes = [&[3][..], &[7; BLOCK], &[9; BLOCK], b"chunks"].concat();
        let (mut state, mut input, mut sent) = (Handshake::default(), BytesMut::new(), BytesMut::new());
        for piece in bytes.chunks(100) {
            input.extend_from_slice(piece);
            sent.extend_from_slice(&state.step(&mut input).unwrap());
        }
        assert_eq!((state, &input[..], sent.len()), (Handshake::Done, &b"chunks"[..], 1 + 2 * BLOCK));
        assert_eq!(&sent[1 + BLOCK..], &[7; BLOCK]);
    }
}
