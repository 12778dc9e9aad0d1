//! Any file in the place of a recording: scanned up to where it makes sense, and finished.
#![no_main]

use std::io::Cursor;

use libfuzzer_sys::fuzz_target;
use media::mux::movie::{duration, movie};
use media::mux::read::scan;

fuzz_target!(|data: &[u8]| {
    if let Ok(scan) = scan(&mut Cursor::new(data)) {
        assert!(scan.end <= data.len() as u64);
        let _ = (duration(&scan), movie(&scan));
    }
});
