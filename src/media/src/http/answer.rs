//! Answers and their bodies.
//!
//! Decides cache headers and CORS. A body is bytes that already exist and are shared, or pieces that a reader hands over one by one.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use hyper::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};
use tokio::sync::mpsc;

/// What a `Site` gives.
pub(crate) type Answer = Response<Body>;

/// Never changes: names are used once.
pub(crate) const FOREVER: &str = "public, max-age=31536000, immutable";
/// Changes with every part; caches must ask.
pub(crate) const NEVER: &str = "no-cache";
/// Changes slowly; a CDN may answer for a second.
pub(crate) const SECOND: &str = "public, max-age=1";
/// An answer to a request that named the part: the same request has the same answer for as long as the window lasts.
pub(crate) const NAMED: &str = "public, max-age=6";

/// Content type of playlists.
pub(crate) const PLAYLIST: &str = "application/vnd.apple.mpegurl";
/// Content type of parts and replays.
pub(crate) const MP4: &str = "video/mp4";

/// An answer's content.
#[derive(Debug)]
pub(crate) enum Body {
    /// Pieces in memory.
    Pieces(VecDeque<Bytes>),
    /// Pieces still being read, and how many bytes they will have.
    Read(mpsc::Receiver<io::Result<Bytes>>, u64),
}

impl Body {
    /// Bytes to come.
    pub(crate) fn left(&self) -> u64 {
        match self {
            Body::Pieces(pieces) => pieces.iter().map(|piece| piece.len() as u64).sum(),
            Body::Read(_, left) => *left,
        }
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Body::Pieces(if bytes.is_empty() { VecDeque::new() } else { VecDeque::from([bytes]) })
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match self.get_mut() {
            Body::Pieces(pieces) => Poll::Ready(pieces.pop_front().map(|piece| Ok(Frame::data(piece)))),
            Body::Read(pieces, left) => pieces.poll_recv(context).map(|piece| {
                let piece = piece?;
                *left -= piece.as_ref().map_or(0, |piece| (piece.len() as u64).min(*left));
                Some(piece.map(Frame::data))
            }),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.left() == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left())
    }
}

/// A good answer.
pub(crate) fn ok(kind: &'static str, cache: &'static str, body: impl Into<Body>) -> Answer {
    with(StatusCode::OK, kind, cache, body)
}

/// An answer with a status.
pub(crate) fn with(status: StatusCode, kind: &'static str, cache: &'static str, body: impl Into<Body>) -> Answer {
    let mut answer = Response::new(body.into());
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(cache));
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    answer
}

/// A short text with a status; not cached, or a CDN would keep a stream off air.
pub(crate) fn text(status: StatusCode, text: &'static str) -> Answer {
    with(status, "text/plain; charset=utf-8", "no-store", Bytes::from_static(text.as_bytes()))
}

/// JSON, never cached.
pub(crate) fn json(status: StatusCode, value: &serde_json::Value) -> Answer {
    with(status, "application/json", "no-store", Bytes::from(value.to_string()))
}

/// There is nothing under this path.
pub(crate) fn missing() -> Answer {
    text(StatusCode::NOT_FOUND, "not here\n")
}
