//! Any byte stream: tags and codec configurations are read or refused.
#![no_main]

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use media::ingest::flv;

fuzz_target!(|data: &[u8]| {
    let mut buffer = BytesMut::from(data);
    if data.first() == Some(&b'F') && !matches!(flv::header(&mut buffer), Ok(true)) {
        return;
    }
    while let Ok(Some((kind, time, body))) = flv::tag(&mut buffer) {
        let _ = flv::read(kind, time, body);
    }
    // A body alone reaches the configuration records sooner.
    for kind in [flv::AUDIO, flv::VIDEO, flv::DATA] {
        let _ = flv::read(kind, 0, bytes::Bytes::copy_from_slice(data));
    }
});
