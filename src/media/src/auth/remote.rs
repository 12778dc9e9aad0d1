//! Asks `commerce` about keys (CALLBACKS.md, sections 2 and 3).

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::json;

use super::{Grant, digest, is_name};
use crate::callbacks::client::Commerce;
use crate::ingest::Request;

/// How long `commerce` may take.
const PATIENCE: Duration = Duration::from_secs(3);
/// Answers remembered; beyond it the oldest go.
const MOST: usize = 4096;
/// The longest an allowance may be remembered, in seconds.
const LONGEST: u64 = 60;

#[derive(Debug, Deserialize)]
struct Answer {
    allow: bool,
    #[serde(default)]
    reason: Option<String>,
    #[serde(default)]
    stream: String,
    #[serde(default)]
    key_id: String,
    #[serde(default)]
    title: String,
    #[serde(default = "yes")]
    record: bool,
    #[serde(default = "yes")]
    ladder: bool,
    #[serde(default = "five")]
    cache_seconds: u64,
}

fn yes() -> bool {
    true
}

fn five() -> u64 {
    5
}

type Remembered = HashMap<[u8; 32], (Instant, Result<Grant, String>)>;

/// `commerce` as the judge of keys.
#[derive(Debug)]
pub(crate) struct Remote {
    /// How to reach it.
    pub(crate) commerce: Commerce,
    remembered: Mutex<Remembered>,
}

/// A broadcast on air, as `/recheck` names it.
#[derive(Debug, Clone, serde::Serialize)]
pub(crate) struct OnAir {
    pub(crate) stream: String,
    pub(crate) broadcast: String,
    pub(crate) key_id: String,
    pub(crate) viewers: usize,
}

impl Remote {
    pub(crate) fn new(commerce: Commerce) -> Self {
        Remote { commerce, remembered: Mutex::default() }
    }

    pub(super) async fn authorize(&self, request: &Request) -> Result<Grant, String> {
        let digest = digest(&request.key);
        {
            let mut remembered = self.remembered.lock().expect("no holder panics");
            remembered.retain(|_, (until, _)| *until > Instant::now());
            if let Some((_, verdict)) = remembered.get(&digest) {
                return verdict.clone();
            }
        }
        let body = json!({
            "key": request.key, "address": request.address, "protocol": request.protocol, "encoder": request.encoder,
            "server": self.commerce.server,
        });
        let answer: Answer = self.commerce.ask("authorize", &body, PATIENCE).await.map_err(|error| {
            tracing::warn!(%error, "stream key could not be checked");
            "stream keys cannot be checked at the moment; try again".to_owned()
        })?;
        let (verdict, seconds) = if answer.allow && is_name(&answer.stream) {
            let Answer { stream, key_id, title, record, ladder, .. } = answer;
            let title = if title.is_empty() { stream.clone() } else { title };
            (Ok(Grant { stream, key_id, title, record, ladder }), answer.cache_seconds.min(LONGEST))
        } else {
            let reason = answer.reason.unwrap_or_else(|| "unknown".to_owned());
            (Err(format!("stream key is refused: {reason}")), 1)
        };
        let mut remembered = self.remembered.lock().expect("no holder panics");
        if remembered.len() >= MOST {
            remembered.clear();
        }
        remembered.insert(digest, (Instant::now() + Duration::from_secs(seconds), verdict.clone()));
        verdict
    }

    /// Which of these must be cut.
    pub(crate) async fn recheck(&self, on_air: &[OnAir]) -> Result<Vec<String>, String> {
        #[derive(Deserialize)]
        struct Cut {
            cut: Vec<String>,
        }
        let body = json!({"server": self.commerce.server, "streams": on_air});
        let answer: Cut = self.commerce.ask("recheck", &body, PATIENCE).await?;
        if !answer.cut.is_empty() {
            // What was allowed before may not be allowed now.
            self.remembered.lock().expect("no holder panics").clear();
        }
        Ok(answer.cut)
    }
}
