//! Health, metrics and the operator's API.
//!
//! Decides who is an operator: whoever holds the bearer token, or signs with the secret shared with `commerce`. Without either
//! configured the API is closed.

use std::error::Error;
use std::fmt::Write;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::body::Body;
use hyper::{HeaderMap, Method, Request, StatusCode};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::callbacks::sign::{Signed, Verifier, hex};
use crate::http::Site;
use crate::http::answer::{Answer, json, missing, ok, text};
use crate::live::Reason;
use crate::live::broadcast::Broadcast;
use crate::live::hub::Hub;
use crate::metrics::METRICS;

/// A request's body may be this long.
const LONGEST: usize = 64 << 10;

/// The admin listener.
pub(crate) struct Admin {
    hub: Arc<Hub>,
    verifier: Option<Verifier>,
}

impl Admin {
    pub(crate) fn new(hub: Arc<Hub>) -> Arc<Self> {
        let secrets = hub.settings.secrets.clone();
        let verifier = (!secrets.is_empty()).then(|| Verifier::new(secrets));
        Arc::new(Admin { hub, verifier })
    }

    fn admits(&self, method: &str, path: &str, headers: &HeaderMap, body: &[u8]) -> Result<(), &'static str> {
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        if let Some(given) = header("authorization").and_then(|value| value.strip_prefix("Bearer ")) {
            let token = self.hub.settings.admin_token.as_ref().ok_or("no admin token is configured")?;
            let same = crate::auth::same(token.as_bytes(), given.as_bytes());
            return same.then_some(()).ok_or("token is wrong");
        }
        let signature = header("terrace-signature").ok_or("neither a bearer token nor a signature is given")?;
        let (timestamp, nonce) = (header("terrace-timestamp").unwrap_or(""), header("terrace-nonce").unwrap_or(""));
        let verifier = self.verifier.as_ref().ok_or("no shared secret is configured")?;
        let signed = Signed { method, path, timestamp, nonce, body };
        verifier.check(signed, signature, crate::clock::now() / 1000)
    }

    async fn api<B>(&self, request: Request<B>) -> Answer
    where
        B: Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + Send,
    {
        let (head, body) = request.into_parts();
        let Ok(body) = Limited::new(body, LONGEST).collect().await else {
            return text(StatusCode::PAYLOAD_TOO_LARGE, "body is over 64 KiB\n");
        };
        let body = body.to_bytes();
        let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
        if let Err(reason) = self.admits(head.method.as_str(), path, &head.headers, &body) {
            return json(StatusCode::UNAUTHORIZED, &json!({"error": reason}));
        }
        match (&head.method, head.uri.path()) {
            (&Method::GET, "/admin/v1/streams") => {
                let streams: Vec<Value> = self.hub.on_air().iter().map(|broadcast| describe(broadcast)).collect();
                json(StatusCode::OK, &json!({"streams": streams}))
            }
            (&Method::POST, "/admin/v1/kick") => self.kick(&body),
            _ => missing(),
        }
    }

    fn kick(&self, body: &[u8]) -> Answer {
        let value: Value = serde_json::from_slice(body).unwrap_or_default();
        let name = ["stream", "broadcast"].iter().find_map(|field| value.get(field)?.as_str());
        match name {
            Some(name) => json(StatusCode::OK, &json!({"kicked": self.hub.cut(name, Reason::Kicked)})),
            None => json(StatusCode::BAD_REQUEST, &json!({"error": "`stream` or `broadcast` is missing"})),
        }
    }
}

impl Site for Admin {
    const BODIES: bool = true;

    async fn answer<B>(&self, request: Request<B>, _: SocketAddr) -> Answer
    where
        B: Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + Send,
    {
        match request.uri().path() {
            "/metrics" => ok("text/plain; version=0.0.4; charset=utf-8", "no-store", Bytes::from(metrics(&self.hub))),
            path if path.starts_with("/admin/") => self.api(request).await,
            path => health(&self.hub, path.trim_start_matches('/')),
        }
    }
}

/// `livez`, `readyz` and `version`, on every listener.
pub(crate) fn health(hub: &Hub, path: &str) -> Answer {
    match path {
        "livez" => text(StatusCode::OK, "live\n"),
        "readyz" if hub.is_draining() => text(StatusCode::SERVICE_UNAVAILABLE, "draining\n"),
        "readyz" => match crate::files::write_whole(&hub.settings.data.join(".ready"), b"") {
            Ok(()) => text(StatusCode::OK, "ready\n"),
            Err(_) => text(StatusCode::SERVICE_UNAVAILABLE, "data directory cannot be written\n"),
        },
        "version" => version(),
        _ => missing(),
    }
}

/// Which program this is.
pub(crate) fn version() -> Answer {
    json(StatusCode::OK, &json!({"version": env!("CARGO_PKG_VERSION"), "build": build()}))
}

/// SHA-256 of the running program.
pub(crate) fn build() -> &'static str {
    static BUILD: OnceLock<String> = OnceLock::new();
    BUILD.get_or_init(|| {
        let program = std::env::current_exe().and_then(std::fs::read).unwrap_or_default();
        hex(&Sha256::digest(&program))
    })
}

fn describe(broadcast: &Broadcast) -> Value {
    let counters = &broadcast.counters;
    let source = &broadcast.source().window;
    json!({
        "stream": broadcast.grant.stream,
        "broadcast": broadcast.id,
        "key_id": broadcast.grant.key_id,
        "began": crate::clock::rfc3339(broadcast.began),
        "viewers": broadcast.viewers.count(),
        "codecs": broadcast.source().tracks().names(),
        "bitrate": source.bandwidth().1,
        "renditions": broadcast.renditions().iter().map(|rendition| rendition.name.clone()).collect::<Vec<_>>(),
        "memory_bytes": broadcast.renditions().iter().map(|rendition| rendition.window.bytes()).sum::<usize>(),
        "received_bytes": counters.bytes.load(Ordering::Relaxed),
        "mended_times": counters.mended.load(Ordering::Relaxed),
        "dropped_frames": counters.dropped.load(Ordering::Relaxed),
        "skipped_parts": counters.skipped.load(Ordering::Relaxed),
        "resumed": counters.resumed.load(Ordering::Relaxed),
        "ladder_deaths": counters.ladder_deaths.load(Ordering::Relaxed),
    })
}

fn metrics(hub: &Hub) -> String {
    let mut out = METRICS.text();
    let streams: Vec<Value> = hub.on_air().iter().map(|broadcast| describe(broadcast)).collect();
    let gauges = [
        ("viewers", "Viewers seen in the last ten seconds", "gauge"),
        ("bitrate", "Bits a second of the source", "gauge"),
        ("memory_bytes", "Bytes of parts in memory", "gauge"),
        ("received_bytes", "Bytes received", "counter"),
        ("mended_times", "Times that jumped or ran backwards", "counter"),
        ("dropped_frames", "Frames left out", "counter"),
        ("skipped_parts", "Parts a follower was too slow for", "counter"),
        ("resumed", "Publishers that came back", "counter"),
        ("ladder_deaths", "Ladder processes that died", "counter"),
    ];
    for (field, help, kind) in gauges {
        let name = format!("media_stream_{field}");
        let _ = write!(out, "# HELP {name} {help}.\n# TYPE {name} {kind}\n");
        for stream in &streams {
            let _ = writeln!(out, "{name}{{stream={}}} {}", stream["stream"], stream[field]);
        }
    }
    out
}
