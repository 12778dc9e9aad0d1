//! What happened, one event a line, for people and reports. Nothing reads it to recover.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use engine::apply::Event;
use serde::Serialize;

use crate::context::KEEP;

/// An append-only file of events.
pub(crate) struct Journal {
    file: File,
}

/// One line.
#[derive(Serialize)]
struct Line<'a> {
    /// Unix time in milliseconds.
    time: u64,
    #[serde(flatten)]
    event: &'a Event,
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64
}

impl Journal {
    /// Begins a journal of one apply or destroy.
    pub(crate) fn begin(environment: &str, verb: &str) -> io::Result<Self> {
        let folder = PathBuf::from(KEEP).join("journal");
        fs::create_dir_all(&folder)?;
        let path = folder.join(format!("{}-{environment}-{verb}.ndjson", now()));
        Ok(Self { file: OpenOptions::new().create(true).append(true).open(path)? })
    }

    /// Appends an event. A journal that cannot be written is no reason to stop an apply.
    pub(crate) fn write(&mut self, event: &Event) {
        let line = serde_json::to_string(&Line { time: now(), event }).expect("events are plain JSON");
        if let Err(error) = writeln!(self.file, "{line}") {
            tracing::warn!("the journal cannot be written: {error}");
        }
    }
}
