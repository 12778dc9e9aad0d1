//! Signalling: an offer is posted, a session is deleted (RFC 9725, 4.2).
//!
//! Decides status codes and what the text of a refusal is. Candidates of the publisher need not be told (no trickle ICE, no ICE
//! restart, hence 405 for PATCH by RFC 9725, 4.3): this side only answers checks. Refuses to know of datagrams and frames.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::body::Body;
use hyper::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ALLOW, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION, RETRY_AFTER, USER_AGENT,
    WWW_AUTHENTICATE,
};
use hyper::{Method, Request, StatusCode};
use tokio::sync::oneshot;

use super::Whip;
use super::offer::{self, Refusal};
use super::peer::Peer;
use super::wire::Wire;
use crate::callbacks::sign::random;
use crate::http::answer::{Answer, missing, text, with};
use crate::http::{Doors, Site};
use crate::ingest::{self, ENCODER_LENGTH, KEY_LENGTH};
use crate::live::hub::Hub;
use crate::live::publish::publish;

/// An offer may be this long; browsers write some kilobytes.
const LONGEST: usize = 64 << 10;
/// It must come within this time.
const BODY: Duration = Duration::from_secs(10);
/// Where sessions are.
const SESSIONS: &str = "/whip/session/";
const SDP: &str = "application/sdp";
const ENDPOINT: &str = "POST, OPTIONS";
const SESSION: &str = "DELETE, OPTIONS";

/// The signalling of one listener.
pub(crate) struct Signal {
    hub: Arc<Hub>,
    wire: Arc<Wire>,
    /// Bounds connections of publishers.
    doors: Arc<Doors>,
    protocol: &'static str,
}

impl Signal {
    pub(crate) fn new(hub: Arc<Hub>, wire: Arc<Wire>, doors: Arc<Doors>, protocol: &'static str) -> Arc<Self> {
        Arc::new(Signal { hub, wire, doors, protocol })
    }

    async fn offered<B>(&self, request: Request<B>, peer: SocketAddr) -> Result<Answer, Answer>
    where
        B: Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + Send,
    {
        let (head, body) = request.into_parts();
        let key = key(&head.headers)
            .ok_or_else(|| unauthorized("stream key is missing: send it as `Authorization: Bearer <key>`"))?;
        if !is_sdp(&head.headers) {
            return Err(plain(StatusCode::UNSUPPORTED_MEDIA_TYPE, "body must be an offer of type application/sdp"));
        }
        let collected = tokio::time::timeout(BODY, Limited::new(body, LONGEST).collect()).await;
        let body = match collected {
            Err(_) => return Err(plain(StatusCode::REQUEST_TIMEOUT, "offer did not come within 10 s")),
            Ok(Err(_)) => return Err(plain(StatusCode::PAYLOAD_TOO_LARGE, "offer is cut short, or over 64 KiB")),
            Ok(Ok(body)) => body.to_bytes(),
        };
        let offer = offer::read(&String::from_utf8_lossy(&body)).map_err(refusal)?;
        let busy = |reason| {
            let mut answer = plain(StatusCode::SERVICE_UNAVAILABLE, reason);
            answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("5"));
            answer
        };
        if self.hub.is_draining() {
            return Err(busy("server is going down; connect again"));
        }
        let pass = self.doors.enter(peer.ip()).ok_or_else(|| busy("too many connections of publishers"))?;
        let began = Instant::now();
        let (connection, answer, name) =
            Peer::answer(&offer, self.wire.announced, &self.wire.identity, began).map_err(refusal)?;
        let id = random(16);
        let encoder = head.headers.get(USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let encoder = encoder.chars().take(ENCODER_LENGTH).collect();
        let request = ingest::Request { key, encoder, address: peer.ip(), protocol: self.protocol };
        let (told, verdict) = oneshot::channel();
        let plug = self.wire.plug(&name, &id);
        let whip = Whip { request, peer: connection, plug, began, told: Some(told), parting: false, _pass: pass };
        tokio::spawn(publish(self.hub.clone(), whip));
        match verdict.await {
            Ok(Ok(())) => {}
            Ok(Err(reason)) => return Err(unauthorized(&reason)),
            Err(_) => return Err(busy("server could not take the stream; connect again")),
        }
        let mut created = with(StatusCode::CREATED, SDP, "no-store", Bytes::from(answer));
        let location = HeaderValue::from_str(&format!("{SESSIONS}{id}"));
        location.into_iter().for_each(|location| drop(created.headers_mut().insert(LOCATION, location)));
        Ok(created)
    }
}

impl Site for Signal {
    const BODIES: bool = true;

    async fn answer<B>(&self, request: Request<B>, peer: SocketAddr) -> Answer
    where
        B: Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + Send,
    {
        let path = request.uri().path().to_owned();
        let session = path.strip_prefix(SESSIONS);
        let endpoint = session.is_none() && (path == "/whip" || path.starts_with("/whip/"));
        let mut answer = match (request.method(), session) {
            (&Method::OPTIONS, _) if endpoint || session.is_some() => permit(if endpoint { ENDPOINT } else { SESSION }),
            (&Method::POST, None) if endpoint => self.offered(request, peer).await.unwrap_or_else(|refused| refused),
            (&Method::DELETE, Some(id)) if self.wire.goodbye(id) => text(StatusCode::OK, ""),
            (&Method::DELETE, Some(_)) => plain(StatusCode::NOT_FOUND, "there is no such session; it may have ended"),
            (_, Some(_)) => forbid(SESSION),
            (_, None) if endpoint => forbid(ENDPOINT),
            _ => match path.as_str() {
                "/livez" | "/readyz" | "/version" => crate::admin::health(&self.hub, path.trim_start_matches('/')),
                _ => missing(),
            },
        };
        // A page of another origin reads where its session is.
        answer.headers_mut().insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("location"));
        answer
    }
}

fn key(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, key) = value.split_once(' ')?;
    let key = key.trim();
    // The scheme's letters may be large or small (RFC 9110, 11.1).
    (scheme.eq_ignore_ascii_case("bearer") && (1..=KEY_LENGTH).contains(&key.len())).then(|| key.to_owned())
}

fn is_sdp(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(SDP)
}

fn plain(status: StatusCode, reason: &str) -> Answer {
    with(status, "text/plain; charset=utf-8", "no-store", Bytes::from(format!("{reason}\n")))
}

fn unauthorized(reason: &str) -> Answer {
    let mut answer = plain(StatusCode::UNAUTHORIZED, reason);
    answer.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    answer
}

fn refusal(refusal: Refusal) -> Answer {
    match refusal {
        Refusal::Unreadable(reason) => plain(StatusCode::BAD_REQUEST, &reason),
        Refusal::Unusable(reason) => plain(StatusCode::NOT_ACCEPTABLE, &reason),
    }
}

fn forbid(methods: &'static str) -> Answer {
    let mut answer = plain(StatusCode::METHOD_NOT_ALLOWED, &format!("this path takes {methods} only"));
    answer.headers_mut().insert(ALLOW, HeaderValue::from_static(methods));
    answer
}

/// What a page of another origin may do, and which body is taken (RFC 9725, 4.2).
fn permit(methods: &'static str) -> Answer {
    let mut answer = text(StatusCode::OK, "");
    let headers = answer.headers_mut();
    for (name, value) in [
        (ACCESS_CONTROL_ALLOW_METHODS, methods),
        (ACCESS_CONTROL_ALLOW_HEADERS, "authorization, content-type, if-match"),
        (ACCESS_CONTROL_MAX_AGE, "86400"),
        (ALLOW, methods),
        (HeaderName::from_static("accept-post"), SDP),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    answer
}
