//! Any bytes in the place of a transport stream: tables, PES packets, sound frames and pictures are read or refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use media::ingest::mpegts::Reader;

fuzz_target!(|data: &[u8]| {
    let mut reader = Reader::default();
    let mut size = 0;
    for piece in data.chunks(1316) {
        if piece.first() == Some(&0) {
            reader.gap();
        }
        if reader.push(piece).is_err() {
            return;
        }
        while let Some(packet) = reader.packet() {
            if let media::ingest::Packet::Video(frame) | media::ingest::Packet::Audio(frame) = packet {
                size += frame.data.len();
            }
        }
    }
    reader.finish();
    while let Some(packet) = reader.packet() {
        if let media::ingest::Packet::Video(frame) | media::ingest::Packet::Audio(frame) = packet {
            size += frame.data.len();
        }
    }
    // A start code of three bytes becomes a length of four; sets that come new are put in once more.
    assert!(size <= data.len() * 3 + 64);
});
