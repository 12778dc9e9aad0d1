//! Who watches.
//!
//! Decides that a viewer is whoever asked for a media playlist in the last ten seconds. Addresses are not kept, only a hash; what one
//! stream remembers is bounded.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// A viewer who has not asked for this long is gone.
const PRESENT: Duration = Duration::from_secs(10);
/// Viewers of one stream that are told apart.
const MOST: usize = 200_000;

/// The viewers of one stream.
#[derive(Debug, Default)]
pub(crate) struct Viewers(Mutex<HashMap<u64, Instant>>);

impl Viewers {
    /// This viewer asked for a playlist.
    pub(crate) fn saw(&self, viewer: u64) {
        let mut seen = self.0.lock().expect("no holder panics");
        if seen.len() < MOST || seen.contains_key(&viewer) {
            seen.insert(viewer, Instant::now());
        }
    }

    /// How many watch now.
    pub(crate) fn count(&self) -> usize {
        let mut seen = self.0.lock().expect("no holder panics");
        seen.retain(|_, last| last.elapsed() < PRESENT);
        seen.len()
    }
}
