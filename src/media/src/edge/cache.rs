//! Answers of origins, each fetched once.
//!
//! Decides how long an answer is kept, from its Cache-Control, and what goes when memory is full: the oldest. Whoever asks while a
//! fetch is under way waits for that fetch; it goes on when the one who began it has left.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use hyper::StatusCode;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use tokio::sync::watch;

use crate::http::answer::{Answer, text, with};
use crate::metrics::METRICS;

/// Longer than any blocking reload of an origin.
const PATIENCE: Duration = Duration::from_secs(40);
/// An answer may have this many bytes.
const LONGEST: usize = 64 << 20;
/// Answers remembered or under way.
const MOST: usize = 20_000;

/// One answer of an origin.
#[derive(Debug, Clone)]
struct Fetched {
    status: StatusCode,
    kind: HeaderValue,
    cache: HeaderValue,
    body: Bytes,
    until: Instant,
}

type Slot = watch::Receiver<Option<Fetched>>;

#[derive(Debug, Default)]
struct Kept {
    slots: HashMap<String, Slot>,
    order: VecDeque<String>,
    bytes: usize,
}

/// The cache.
#[derive(Debug)]
pub(super) struct Cache {
    http: reqwest::Client,
    most: usize,
    kept: Arc<Mutex<Kept>>,
}

impl Cache {
    pub(super) fn new(http: reqwest::Client, most: usize) -> Self {
        Cache { http, most, kept: Arc::default() }
    }

    /// The answer to a URL.
    pub(super) async fn get(&self, url: String) -> Answer {
        let mut slot = {
            let mut kept = self.kept.lock().expect("no holder panics");
            match kept.slots.get(&url).filter(|slot| is_fresh(slot)) {
                Some(slot) => slot.clone(),
                None => {
                    kept.forget(&url);
                    if kept.slots.len() >= MOST && !kept.drop_oldest() {
                        return text(StatusCode::SERVICE_UNAVAILABLE, "too many requests under way\n");
                    }
                    self.begin(&mut kept, url)
                }
            }
        };
        let fetched = match slot.wait_for(Option::is_some).await {
            Ok(fetched) => fetched.clone(),
            Err(_) => None,
        };
        let Some(fetched) = fetched else { return text(StatusCode::BAD_GATEWAY, "origin does not answer\n") };
        let mut answer = with(fetched.status, "", "", fetched.body);
        answer.headers_mut().insert(CONTENT_TYPE, fetched.kind);
        answer.headers_mut().insert(CACHE_CONTROL, fetched.cache);
        answer
    }

    fn begin(&self, kept: &mut Kept, url: String) -> Slot {
        let (sender, slot) = watch::channel(None);
        kept.slots.insert(url.clone(), slot.clone());
        kept.order.push_back(url.clone());
        let (http, shared, most) = (self.http.clone(), self.kept.clone(), self.most);
        METRICS.upstream.fetch_add(1, Ordering::Relaxed);
        tokio::spawn(async move {
            let fetched = fetch(&http, &url).await;
            let mut kept = shared.lock().expect("no holder panics");
            match fetched {
                Ok(fetched) => {
                    kept.bytes += fetched.body.len();
                    sender.send_replace(Some(fetched));
                    while kept.bytes > most && kept.drop_oldest() {}
                }
                Err(error) => {
                    tracing::warn!(error, "origin does not answer");
                    kept.forget(&url);
                }
            }
        });
        slot
    }
}

/// Under way, or not too old.
fn is_fresh(slot: &Slot) -> bool {
    slot.borrow().as_ref().map_or(slot.has_changed().is_ok(), |fetched| fetched.until > Instant::now())
}

impl Kept {
    fn forget(&mut self, url: &str) {
        if let Some(slot) = self.slots.remove(url) {
            self.bytes -= slot.borrow().as_ref().map_or(0, |fetched| fetched.body.len());
        }
    }

    /// Drops the oldest answer that is not under way; false when there is none.
    fn drop_oldest(&mut self) -> bool {
        for _ in 0..self.order.len() {
            let Some(url) = self.order.pop_front() else { return false };
            match self.slots.get(&url) {
                None => {}
                Some(slot) if slot.borrow().is_some() => {
                    self.forget(&url);
                    return true;
                }
                Some(_) => self.order.push_back(url),
            }
        }
        false
    }
}

async fn fetch(http: &reqwest::Client, url: &str) -> Result<Fetched, String> {
    // The URL is left out of errors: it is long and the origin's name is known.
    let failed = |error: reqwest::Error| error.without_url().to_string();
    let mut response = http.get(url).timeout(PATIENCE).send().await.map_err(failed)?;
    let header = |name, default| response.headers().get(name).cloned().unwrap_or(HeaderValue::from_static(default));
    let (kind, cache) = (header(CONTENT_TYPE, "application/octet-stream"), header(CACHE_CONTROL, "no-store"));
    let status = response.status();
    let mut body = BytesMut::new();
    while let Some(piece) = response.chunk().await.map_err(failed)? {
        body.extend_from_slice(&piece);
        if body.len() > LONGEST {
            return Err("answer is too long".to_owned());
        }
    }
    let until = Instant::now() + age(cache.to_str().unwrap_or_default());
    Ok(Fetched { status, kind, cache, body: body.freeze(), until })
}

/// How long an answer is good here. What must not be cached at all is still shared by those who ask within the same moment.
fn age(cache: &str) -> Duration {
    let seconds = cache.split(',').find_map(|word| word.trim().strip_prefix("max-age=")?.parse().ok());
    seconds.map_or(Duration::from_millis(100), |seconds: u64| Duration::from_secs(seconds.min(3600)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_follow_cache_control() {
        assert_eq!(age("public, max-age=6"), Duration::from_secs(6));
        assert_eq!(age("no-cache"), Duration::from_millis(100));
        assert_eq!(age("public, max-age=31536000, immutable"), Duration::from_secs(3600));
    }
}
