//! Keeps the cloud in memory or in a file that several processes may share.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::SystemTime;

use super::cloud::Cloud;

pub(super) struct Store {
    file: Option<PathBuf>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    cloud: Cloud,
    /// What the file looked like when it was last read or written.
    seen: Option<(SystemTime, u64)>,
}

impl Store {
    pub(super) fn memory() -> Self {
        Self { file: None, state: Mutex::default() }
    }

    pub(super) fn open(path: &Path) -> io::Result<Self> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let store = Self { file: Some(path.to_owned()), state: Mutex::default() };
        store.refresh(path, &mut store.state.lock().expect("no call panics"))?;
        Ok(store)
    }

    /// Looks at the cloud, or changes it when `act` says so, with no other process in between.
    ///
    /// A file that cannot be read or written in the middle of a run ends the process: going on would forget what was
    /// made, and a message is all a person can use.
    pub(super) fn with<T>(&self, act: impl FnOnce(&mut Cloud) -> (T, bool)) -> T {
        let mut state = self.state.lock().expect("no call panics");
        let Some(path) = &self.file else { return act(&mut state.cloud).0 };
        let attempt = || -> io::Result<T> {
            let lock = File::create(path.with_extension("lock"))?;
            lock.lock()?;
            self.refresh(path, &mut state)?;
            let (answer, changed) = act(&mut state.cloud);
            if changed {
                write(path, &state.cloud)?;
                state.seen = look(path)?;
            }
            Ok(answer)
        };
        attempt().unwrap_or_else(|error| panic!("the simulated cloud `{}` cannot be kept: {error}", path.display()))
    }

    fn refresh(&self, path: &Path, state: &mut State) -> io::Result<()> {
        let seen = look(path)?;
        if seen != state.seen {
            state.cloud = match seen {
                Some(_) => serde_json::from_slice(&fs::read(path)?).map_err(io::Error::other)?,
                None => Cloud::default(),
            };
            state.seen = seen;
        }
        Ok(())
    }
}

fn look(path: &Path) -> io::Result<Option<(SystemTime, u64)>> {
    match fs::metadata(path) {
        Ok(metadata) => Ok(Some((metadata.modified()?, metadata.len()))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Replaces the file in one step, so that a process killed in the middle leaves the old one whole.
fn write(path: &Path, cloud: &Cloud) -> io::Result<()> {
    let draft = path.with_extension("new");
    fs::write(&draft, serde_json::to_vec(cloud).map_err(io::Error::other)?)?;
    fs::rename(draft, path)
}
