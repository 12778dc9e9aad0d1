//! Keeps two applies of one stack apart, with nothing to unlock by hand after a crash.
//!
//! A lease is a numbered record: whoever creates the next number holds it, and the store creates a number at most
//! once. The holder renews its record; one that was not renewed for [`TTL`] has lapsed and anybody may create the
//! next number. A lapsed lease is also the end of the lag window: what a crashed holder made is listed by now, because
//! the holder stops writing [`MARGIN`] before its lease lapses and AWS lists what it accepted within a minute.

use std::time::Duration;

use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};

use crate::{Owner, Result};

/// How long a lease holds after its last renewal.
pub const TTL: Duration = Duration::from_secs(90);
/// How often the holder renews.
pub const RENEWAL: Duration = Duration::from_secs(15);
/// How long before its lease lapses a holder that could not renew stops starting work.
pub const MARGIN: Duration = Duration::from_secs(60);

/// Who holds the stack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// A person's name for the holder, such as `jin@build-7 (pid 4242)`.
    pub holder: String,
    /// Unix time of the last renewal, in milliseconds.
    pub renewed: u64,
    /// Whether the holder finished and let go.
    pub released: bool,
}

/// Where lease records are kept.
pub trait LeaseStore: Send + Sync {
    /// Every record of an owner by number, in no order.
    fn read<'a>(&'a self, owner: &'a Owner) -> BoxFuture<'a, Result<Vec<(u32, Record)>>>;
    /// Creates a record; `false` if the number exists.
    fn create<'a>(&'a self, owner: &'a Owner, number: u32, record: &'a Record) -> BoxFuture<'a, Result<bool>>;
    /// Overwrites a record.
    fn write<'a>(&'a self, owner: &'a Owner, number: u32, record: &'a Record) -> BoxFuture<'a, Result<()>>;
    /// Removes a record; removing one that is gone is not an error.
    fn remove<'a>(&'a self, owner: &'a Owner, number: u32) -> BoxFuture<'a, Result<()>>;
}
