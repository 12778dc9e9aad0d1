//! Who may publish.
//!
//! Decides by a local list of keys, or by asking `commerce`. A key is compared by its digest and never kept, logged or counted. When
//! `commerce` cannot be reached, nobody new may publish.

mod remote;

use std::time::Duration;

use sha2::{Digest, Sha256};

pub(crate) use self::remote::{OnAir, Remote};
use crate::ingest::Request;

/// What a key's owner may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Grant {
    /// The name viewers use.
    pub(crate) stream: String,
    /// A handle of the key that is no secret.
    pub(crate) key_id: String,
    /// For the list of replays.
    pub(crate) title: String,
    /// Keep a replay.
    pub(crate) record: bool,
    /// Make smaller qualities.
    pub(crate) ladder: bool,
}

/// A key of the local list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LocalKey {
    /// The stream it opens.
    pub(crate) stream: String,
    /// SHA-256 of the key.
    pub(crate) digest: [u8; 32],
}

/// Where keys are checked.
#[derive(Debug)]
pub(crate) enum Keys {
    /// A list in the configuration.
    Local(Vec<LocalKey>),
    /// `commerce`.
    Remote(Box<Remote>),
}

/// Between two questions whether running publishers are still welcome.
pub(crate) const RECHECK: Duration = Duration::from_millis(500);

impl Keys {
    /// What this publisher may do, or why it may not publish.
    pub(crate) async fn authorize(&self, request: &Request) -> Result<Grant, String> {
        match self {
            Keys::Remote(remote) => remote.authorize(request).await,
            Keys::Local(list) => {
                let digest = digest(&request.key);
                // Every entry is compared whole, so that the time taken tells nothing.
                let found =
                    list.iter().fold(None, |found, key| if same(&key.digest, &digest) { Some(key) } else { found });
                let key = found.ok_or("stream key is unknown")?;
                Ok(Grant {
                    stream: key.stream.clone(),
                    key_id: key.stream.clone(),
                    title: key.stream.clone(),
                    record: true,
                    ladder: true,
                })
            }
        }
    }
}

/// SHA-256 of a key.
pub(crate) fn digest(key: &str) -> [u8; 32] {
    Sha256::digest(key.as_bytes()).into()
}

/// Compares in constant time.
pub(crate) fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |difference, (a, b)| difference | (a ^ b)) == 0
}

/// A stream name that is safe in URLs, file names and metrics.
pub(crate) fn is_name(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = name.as_bytes();
    (1..=64).contains(&bytes.len())
        && fits(bytes[0])
        && bytes.iter().all(|byte| fits(*byte) || matches!(byte, b'-' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_listed_keys_open_a_stream() {
        let keys = Keys::Local(vec![LocalKey { stream: "demo".to_owned(), digest: digest("secret") }]);
        let request = |key: &str| Request {
            key: key.to_owned(),
            encoder: String::new(),
            address: std::net::IpAddr::from([127, 0, 0, 1]),
            protocol: "rtmp",
        };
        assert_eq!(keys.authorize(&request("secret")).await.unwrap().stream, "demo");
        assert_eq!(keys.authorize(&request("secrets")).await.unwrap_err(), "stream key is unknown");
        assert!(!format!("{:?}", request("secret")).contains("secret"));
    }

    #[test]
    fn names_are_plain() {
        assert!(is_name("seller-42") && is_name("a"));
        for bad in ["", "A", "../etc", "a/b", "-a", "a b", &"a".repeat(65)] {
            assert!(!is_name(bad), "{bad}");
        }
    }
}
