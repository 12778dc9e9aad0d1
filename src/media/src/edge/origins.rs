//! Where a stream's origin is: a list, one for all, or what `commerce` says (CALLBACKS.md, section 5).

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::json;

use crate::auth::is_name;
use crate::callbacks::client::Commerce;

/// How long an answer of `commerce` is believed.
const BELIEVED: Duration = Duration::from_secs(2);
/// How long `commerce` may take.
const PATIENCE: Duration = Duration::from_secs(3);
/// Streams remembered; names that viewers make up must not cost memory.
const MOST: usize = 4096;

/// Finds origins.
#[derive(Debug)]
pub(super) struct Origins {
    fallback: Option<String>,
    listed: HashMap<String, String>,
    commerce: Option<Commerce>,
    remembered: Mutex<HashMap<String, (Instant, Option<String>)>>,
}

impl Origins {
    pub(super) fn new(fallback: Option<String>, list: &[String], commerce: Option<Commerce>) -> Result<Self, String> {
        let listed: HashMap<String, String> = list
            .iter()
            .map(|entry| {
                let pair = entry.split_once('=').filter(|(name, _)| is_name(name));
                let (name, url) =
                    pair.ok_or_else(|| format!("`{entry}` is not an origin\n\nhint: name=https://host"))?;
                Ok((name.to_owned(), checked(url)?))
            })
            .collect::<Result<_, String>>()?;
        let fallback = fallback.map(|url| checked(&url)).transpose()?;
        if fallback.is_none() && listed.is_empty() && commerce.is_none() {
            return Err("no origin is known\n\nhint: set --origin, --stream-origin or --commerce".to_owned());
        }
        Ok(Origins { fallback, listed, commerce, remembered: Mutex::default() })
    }

    /// The base URL of a stream's origin.
    pub(super) async fn of(&self, stream: &str) -> Option<String> {
        if let Some(url) = self.listed.get(stream) {
            return Some(url.clone());
        }
        let Some(commerce) = &self.commerce else { return self.fallback.clone() };
        {
            let mut remembered = self.remembered.lock().expect("no holder panics");
            match remembered.get(stream) {
                Some((when, origin)) if when.elapsed() < BELIEVED => return origin.clone(),
                _ => {}
            }
            if remembered.len() >= MOST {
                remembered.retain(|_, (when, _)| when.elapsed() < BELIEVED);
            }
        }
        let origin = ask(commerce, stream).await.or_else(|| self.fallback.clone());
        let mut remembered = self.remembered.lock().expect("no holder panics");
        if remembered.len() < MOST {
            remembered.insert(stream.to_owned(), (Instant::now(), origin.clone()));
        }
        origin
    }
}

async fn ask(commerce: &Commerce, stream: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Found {
        origin: String,
    }
    let body = json!({"stream": stream}).to_string().into_bytes();
    match commerce.post("origin", body, PATIENCE).await {
        Ok((200, answer)) => {
            serde_json::from_slice::<Found>(&answer).ok().and_then(|found| checked(&found.origin).ok())
        }
        Ok((404, _)) => None,
        Ok((status, _)) => {
            tracing::warn!(status, stream, "commerce does not tell the origin");
            None
        }
        Err(error) => {
            tracing::warn!(error, stream, "commerce does not tell the origin");
            None
        }
    }
}

fn checked(url: &str) -> Result<String, String> {
    let parsed = reqwest::Url::parse(url).map_err(|error| format!("`{url}` is not a URL: {error}"))?;
    let fits = matches!(parsed.scheme(), "http" | "https") && parsed.host_str().is_some();
    fits.then(|| url.trim_end_matches('/').to_owned()).ok_or_else(|| format!("`{url}` is not an http or https URL"))
}
