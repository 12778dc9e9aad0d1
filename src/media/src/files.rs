//! Writes files that are whole or not there.

use std::fs::File;
use std::io::{Result, Write};
use std::path::Path;

/// Writes beside the target, makes it durable, then renames.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".part");
    let mut file = File::create(&beside)?;
    file.write_all(bytes)?;
    file.sync_data()?;
    std::fs::rename(&beside, path)
}
