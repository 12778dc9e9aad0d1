//! What can be decoded is the same after it was encoded and decoded again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use media::ingest::amf::{decode, encode};

fuzz_target!(|data: &[u8]| {
    if let Ok(values) = decode(data) {
        let again = encode(&values);
        // Text is repaired on the way in and may grow beyond what a short string holds; bytes settle after one round.
        if let Ok(values) = decode(&again) {
            assert_eq!(encode(&values), again);
        }
    }
});
