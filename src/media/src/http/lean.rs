//! One viewer's HTTP/1.1 connection without TLS.
//!
//! Decides framing only: which requests are understood, when a connection is closed, how long it may be silent. Requests to viewers'
//! sites have no body; one that has is refused and its connection closed, so that nothing can be smuggled through a balancer that
//! reads lengths otherwise. A general server keeps 20 KB for each connection, and a viewer asks ten times a second: this one keeps
//! 2 KB. Refuses to know what is answered.

use std::io::{self, IoSlice, Write};
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use hyper::header::{CONNECTION, CONTENT_LENGTH, HOST, HeaderName, HeaderValue, TRANSFER_ENCODING};
use hyper::{Request, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use super::answer::{Answer, Body, text};
use super::{CLOSING, HEAD, Site};

/// A request's head may have this many bytes.
const LONGEST: usize = 8 << 10;
/// A request may have this many headers.
const HEADERS: usize = 64;
/// What a connection keeps for reading; a browser's request fits.
const ROOM: usize = 1 << 10;
/// A player that takes nothing for so long is gone.
const STUCK: Duration = Duration::from_secs(30);

/// A request that was understood, and whether another one may follow.
type Asked = (Request<http_body_util::Empty<bytes::Bytes>>, bool);

/// Answers requests until either side has enough.
pub(super) async fn converse(
    mut socket: TcpStream,
    peer: SocketAddr,
    site: Arc<impl Site>,
    stop: watch::Receiver<bool>,
) {
    let (mut input, mut output) = (Vec::with_capacity(ROOM), Vec::with_capacity(ROOM / 2));
    // Both outlive a request: to register anew with the timer and the signal costs as much as to read what was asked.
    let (mut silence, mut stopped) = (pin!(sleep(HEAD)), stop.clone());
    let mut stopped = pin!(stopped.wait_for(|stop| *stop));
    loop {
        silence.as_mut().reset(Instant::now() + HEAD);
        let asked = tokio::select! {
            biased;
            asked = request(&mut socket, &mut input) => asked,
            () = &mut silence => return,
            _ = &mut stopped => return,
        };
        let Ok(Some(asked)) = asked else { return };
        let (answer, stay) = match asked {
            Ok((request, stay)) => (super::counted(&*site, request, peer).await, stay && !*stop.borrow()),
            Err(status) => (text(status, "request is not understood\n"), false),
        };
        output.clear();
        if head(&answer, stay, &mut output).and(send(&mut socket, &output, answer.into_body()).await).is_err() {
            return;
        }
        if !stay {
            return close(socket).await;
        }
    }
}

/// The next request, once its head is whole; `None` when the other side has gone.
async fn request(socket: &mut TcpStream, input: &mut Vec<u8>) -> io::Result<Option<Result<Asked, StatusCode>>> {
    loop {
        if !input.is_empty() {
            match parse(input) {
                Ok(None) if input.len() >= LONGEST => {
                    return Ok(Some(Err(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE)));
                }
                Ok(None) => {}
                Ok(Some((asked, length))) => {
                    input.drain(..length);
                    return Ok(Some(Ok(asked)));
                }
                Err(status) => return Ok(Some(Err(status))),
            }
        }
        if socket.read_buf(input).await? == 0 {
            return Ok(None);
        }
    }
}

/// The request at the beginning of some bytes, and how many of them it takes; `None` while it is not whole.
fn parse(input: &[u8]) -> Result<Option<(Asked, usize)>, StatusCode> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut head = httparse::Request::new(&mut headers);
    let length = match head.parse(input) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(httparse::Error::TooManyHeaders) => return Err(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE),
        Err(_) => return Err(StatusCode::BAD_REQUEST),
    };
    let mut request = Request::new(http_body_util::Empty::new());
    *request.method_mut() = head.method.unwrap_or_default().parse().map_err(|_| StatusCode::BAD_REQUEST)?;
    *request.uri_mut() = head.path.unwrap_or_default().parse().map_err(|_| StatusCode::BAD_REQUEST)?;
    let names = request.headers_mut();
    names.reserve(head.headers.len());
    for header in head.headers.iter() {
        let name = HeaderName::from_bytes(header.name.as_bytes()).map_err(|_| StatusCode::BAD_REQUEST)?;
        names.append(name, HeaderValue::from_bytes(header.value).map_err(|_| StatusCode::BAD_REQUEST)?);
    }
    let headers = request.headers();
    let modern = head.version == Some(1);
    if modern && headers.get_all(HOST).iter().count() != 1 {
        return Err(StatusCode::BAD_REQUEST);
    }
    let body = headers.get_all(CONTENT_LENGTH).iter().any(|length| length != "0");
    if body || headers.contains_key(TRANSFER_ENCODING) {
        return Err(StatusCode::PAYLOAD_TOO_LARGE);
    }
    let said = headers.get_all(CONNECTION).iter().filter_map(|value| value.to_str().ok());
    let leaves = said.flat_map(|value| value.split(',')).any(|word| word.trim().eq_ignore_ascii_case("close"));
    Ok(Some(((request, modern && !leaves), length)))
}

/// Writes an answer's head.
fn head(answer: &Answer, stay: bool, output: &mut Vec<u8>) -> io::Result<()> {
    let status = answer.status();
    for piece in ["HTTP/1.1 ", status.as_str(), " ", status.canonical_reason().unwrap_or_default(), "\r\n"] {
        output.extend_from_slice(piece.as_bytes());
    }
    for (name, value) in answer.headers() {
        output.extend_from_slice(name.as_str().as_bytes());
        output.extend_from_slice(b": ");
        output.extend_from_slice(value.as_bytes());
        output.extend_from_slice(b"\r\n");
    }
    if !answer.headers().contains_key(CONTENT_LENGTH) && status != StatusCode::NO_CONTENT {
        write!(output, "content-length: {}\r\n", answer.body().left())?;
    }
    write!(output, "date: {}\r\n", httpdate::HttpDate::from(SystemTime::now()))?;
    output.extend_from_slice(if stay { b"\r\n" } else { b"connection: close\r\n\r\n" });
    Ok(())
}

async fn send(socket: &mut TcpStream, head: &[u8], body: Body) -> io::Result<()> {
    match body {
        Body::Pieces(pieces) => {
            let all = std::iter::once(head).chain(pieces.iter().map(|piece| &piece[..]));
            write(socket, &mut all.map(IoSlice::new).collect::<Vec<_>>()).await
        }
        Body::Read(mut pieces, mut left) => {
            write(socket, &mut [IoSlice::new(head)]).await?;
            while let Some(piece) = pieces.recv().await {
                let piece = piece?;
                left = left.saturating_sub(piece.len() as u64);
                write(socket, &mut [IoSlice::new(&piece)]).await?;
            }
            // A body that is shorter than was said must not be taken for whole.
            if left == 0 { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
        }
    }
}

async fn write(socket: &mut TcpStream, mut slices: &mut [IoSlice<'_>]) -> io::Result<()> {
    IoSlice::advance_slices(&mut slices, 0);
    while !slices.is_empty() {
        let written = timeout(STUCK, socket.write_vectored(slices)).await??;
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        IoSlice::advance_slices(&mut slices, written);
    }
    Ok(())
}

/// Closes after an answer: what is still coming is read, because a connection closed with unread bytes is reset and the answer lost.
async fn close(mut socket: TcpStream) {
    let mut rest = [0; 512];
    let drained = async {
        socket.shutdown().await?;
        while socket.read(&mut rest).await? > 0 {}
        Ok::<_, io::Error>(())
    };
    let _ = timeout(CLOSING, drained).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Option<(String, bool, usize)>, u16> {
        let parsed = parse(text.as_bytes()).map_err(|status| status.as_u16())?;
        Ok(parsed.map(|((request, stay), length)| (format!("{} {}", request.method(), request.uri()), stay, length)))
    }

    #[test]
    fn heads_are_read_or_refused() {
        let ok = |line: &str, stay, length| Ok(Some((line.to_owned(), stay, length)));
        assert_eq!(read("GET /a?b=1 HTTP/1.1\r\nHost: x\r\n\r\nGET"), ok("GET /a?b=1", true, 32));
        assert_eq!(read("GET /a HTTP/1.1\r\nHost: x\r\nConnection: x, Close\r\n\r\n"), ok("GET /a", false, 50));
        assert_eq!(read("GET /a HTTP/1.0\r\n\r\n"), ok("GET /a", false, 19));
        assert_eq!(read("GET /a HTTP/1.1\r\nHost: x\r\n"), Ok(None));
        assert_eq!(read("GET /a HTTP/1.1\r\n\r\n"), Err(400));
        assert_eq!(read("GET /a HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n"), Err(400));
        assert_eq!(read("GET /a b HTTP/1.1\r\nHost: x\r\n\r\n"), Err(400));
        assert_eq!(read("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n"), Err(413));
        assert_eq!(read("GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: 4\r\n\r\n"), Err(413));
        assert_eq!(read("GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"), Err(413));
        assert_eq!(read("GET / HTTP/1.1\r\nHost : x\r\n\r\n"), Err(400));
        let many = format!("GET / HTTP/1.1\r\nHost: x\r\n{}\r\n", "a: b\r\n".repeat(HEADERS));
        assert_eq!(read(&many), Err(431));
    }
}
