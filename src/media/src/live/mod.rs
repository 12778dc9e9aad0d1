//! Broadcasts while they are on air.
//!
//! Decides who holds a stream's seat, when a broadcast begins, is resumed and ends. Refuses to know of protocols on either side.

pub(crate) mod broadcast;
pub(crate) mod cadence;
pub(crate) mod feed;
pub(crate) mod hub;
pub(crate) mod life;
pub(crate) mod publish;
pub(crate) mod timeline;
pub(crate) mod viewers;

/// Why a broadcast ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Reason {
    /// The publisher said goodbye.
    Finished,
    /// The publisher stayed away for the grace period.
    Lost,
    /// Its key is no longer good.
    Revoked,
    /// An operator cut it.
    Kicked,
    /// The server was drained.
    Drained,
    /// The server died.
    Crashed,
}

impl Reason {
    /// The word used in callbacks.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Reason::Finished => "finished",
            Reason::Lost => "lost",
            Reason::Revoked => "revoked",
            Reason::Kicked => "kicked",
            Reason::Drained => "drained",
            Reason::Crashed => "crashed",
        }
    }
}
