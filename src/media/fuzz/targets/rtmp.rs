//! Any bytes from a peer: the conversation answers or refuses, and keeps no more than it may.
#![no_main]

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use media::ingest::rtmp::session::{Event, Session};

fuzz_target!(|data: &[u8]| {
    // Without this the fuzzer would spend its time on the handshake's 3 KB, which mean nothing.
    let mut input = BytesMut::with_capacity(3100 + data.len());
    input.extend_from_slice(&[3]);
    input.resize(1 + 2 * 1536, 0);
    let mut session = Session::default();
    for piece in data.chunks(1 + data.first().map_or(0, |first| usize::from(*first))) {
        input.extend_from_slice(piece);
        session.received(piece.len());
        loop {
            match session.next(&mut input) {
                Ok(Some(Event::Publish { .. })) => session.answer(Ok(())),
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(_) => return,
            }
        }
        assert!(session.output().len() < 1 << 20);
    }
});
