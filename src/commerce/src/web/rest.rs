//! The rest of a refused upload. Whoever sends a large body reads the answer only after it; a server that answers early
//! and closes the connection, with the body still coming in, makes the network reset it, and the sender sees a broken
//! connection instead of the reason (RFC 9112, section 9.6). So what a handler left of a body is read and thrown away
//! before the answer goes out, within bounds. Refuses to know why it was left.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, BodyDataStream, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::header;
use axum::middleware::Next;
use axum::response::Response;
use futures::{Stream, StreamExt};
use tokio::sync::oneshot;

/// The longest body that is heard to its end: above what any form takes, so that people learn what was too large.
const LONGEST: u64 = 160 * 1024 * 1024;
/// How long the rest may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A body on loan to a handler. When the handler drops it unread, it comes back.
struct Loan {
    body: Option<BodyDataStream>,
    begun: bool,
    back: Option<oneshot::Sender<(BodyDataStream, bool)>>,
}

impl Stream for Loan {
    type Item = Result<Bytes, axum::Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.begun = true;
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let next = body.poll_next_unpin(context);
        if matches!(next, Poll::Ready(None | Some(Err(_)))) {
            self.body = None;
        }
        next
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        if let (Some(body), Some(back)) = (self.body.take(), self.back.take()) {
            // Nobody waits for it once the connection is gone.
            let _ = back.send((body, self.begun));
        }
    }
}

/// Reads what a handler leaves of the body before its answer goes out.
pub(crate) async fn heard(request: Request, next: Next) -> Response {
    if request.body().is_end_stream() {
        return next.run(request).await;
    }
    let expects = request.headers().contains_key(header::EXPECT);
    let length = request.body().size_hint().exact();
    let (back, mut returned) = oneshot::channel();
    let lent =
        |body: Body| Body::from_stream(Loan { body: Some(body.into_data_stream()), begun: false, back: Some(back) });
    let response = next.run(request.map(lent)).await;
    // A sender that asked first and was not told to go on has sent nothing.
    if let Ok((rest, begun)) = returned.try_recv()
        && (begun || !expects)
        && length.is_none_or(|length| length <= LONGEST)
    {
        let _ = tokio::time::timeout(PATIENCE, thrown_away(rest)).await;
    }
    response
}

async fn thrown_away(mut rest: BodyDataStream) {
    let mut left = LONGEST;
    while let Some(Ok(piece)) = rest.next().await {
        left = left.saturating_sub(piece.len() as u64);
        if left == 0 {
            return;
        }
    }
}
