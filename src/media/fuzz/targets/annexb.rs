//! Any bytes as H.264 and HEVC byte streams, two access units after each other: they are read or left out.
#![no_main]

use libfuzzer_sys::fuzz_target;
use media::codec::VideoCodec;
use media::codec::annexb::Stream;

fuzz_target!(|data: &[u8]| {
    let (first, second) = data.split_at(data.len() / 2);
    for mut stream in [VideoCodec::H264, VideoCodec::Hevc].into_iter().filter_map(Stream::new) {
        for unit in [first, second, data] {
            let taken = stream.take(unit);
            assert!(taken.config.is_none() || taken.key);
        }
    }
});
