//! Writes parts as they come.
//!
//! Decides durability: a part is handed to the system in one write, so that a killed process loses at most the one under way; what a
//! power cut may lose is bounded by making the file durable once a second.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::{MOVIE, Meta};
use crate::live::broadcast::Output;
use crate::mux::movie::opening;

/// Between two times that the file is made durable.
const SYNC: Duration = Duration::from_secs(1);

/// Writes until the broadcast ends.
pub(super) fn record(directory: &Path, meta: &Meta, mut output: mpsc::Receiver<Output>) -> io::Result<()> {
    let mut file: Option<File> = None;
    let mut expected = None;
    let mut synced = Instant::now();
    while let Some(output) = output.blocking_recv() {
        match output {
            Output::Init(data) => {
                if file.is_none() {
                    std::fs::create_dir_all(directory)?;
                    let mut begun = File::create(directory.join(MOVIE))?;
                    begun.write_all(&opening())?;
                    meta.write(directory)?;
                    file = Some(begun);
                }
                if let Some(file) = &mut file {
                    file.write_all(&data)?;
                }
                expected = None;
            }
            Output::Part(part) => {
                let Some(file) = &mut file else { continue };
                // After a gap decoding starts at a keyframe.
                if expected.is_some_and(|expected| part.start != expected) && !part.independent {
                    continue;
                }
                expected = Some(part.start + part.duration);
                file.write_all(&part.data)?;
                if synced.elapsed() > SYNC {
                    file.sync_data()?;
                    synced = Instant::now();
                }
            }
        }
    }
    Ok(())
}
