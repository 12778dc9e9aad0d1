//! Serves viewers over HTTP/1.1 and HTTP/2, with and without TLS.
//!
//! Decides how many connections there may be, how they are closed, and who speaks on them: hyper where there is TLS or requests have
//! bodies, `lean` on the plain connections of viewers. What is answered is decided by whoever implements `Site`: the
//! origin, the edge and the admin listener.

pub(crate) mod answer;
mod lean;
pub(crate) mod live;
pub(crate) mod page;
pub(crate) mod replay;
pub(crate) mod site;
pub(crate) mod tls;

use std::collections::HashMap;
use std::convert::Infallible;
use std::error::Error;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hyper::Request;
use hyper::body::{Body, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use self::answer::Answer;
use self::tls::Tls;
use crate::metrics::METRICS;

/// A request's head must come within this time.
const HEAD: Duration = Duration::from_secs(10);
/// A TLS handshake must be over within this time.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Requests under way on one HTTP/2 connection.
const STREAMS: u32 = 64;
/// After closing was asked for, answers under way have this long.
const CLOSING: Duration = Duration::from_secs(5);

/// Answers requests.
pub(crate) trait Site: Send + Sync + 'static {
    /// Whether requests may have a body.
    const BODIES: bool = false;

    /// Answers one.
    fn answer<B>(&self, request: Request<B>, peer: SocketAddr) -> impl Future<Output = Answer> + Send
    where
        B: Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + Send;
}

/// Bounds on open connections.
#[derive(Debug)]
pub(crate) struct Doors {
    most: usize,
    most_of_one: usize,
    open: Mutex<(usize, HashMap<IpAddr, usize>)>,
}

impl Doors {
    pub(crate) fn new(most: usize, most_of_one: usize) -> Arc<Self> {
        Arc::new(Doors { most, most_of_one, open: Mutex::default() })
    }

    /// Lets a connection in, until the pass is dropped.
    pub(crate) fn enter(self: &Arc<Self>, address: IpAddr) -> Option<Pass> {
        let mut open = self.open.lock().expect("no holder panics");
        let of_one = open.1.get(&address).copied().unwrap_or(0);
        if open.0 >= self.most || of_one >= self.most_of_one {
            return None;
        }
        open.0 += 1;
        open.1.insert(address, of_one + 1);
        Some(Pass(self.clone(), address))
    }
}

/// One connection's right to be open.
pub(crate) struct Pass(Arc<Doors>, IpAddr);

impl Drop for Pass {
    fn drop(&mut self) {
        let mut open = self.0.open.lock().expect("no holder panics");
        open.0 -= 1;
        if let Some(count) = open.1.get_mut(&self.1) {
            *count -= 1;
            if *count == 0 {
                open.1.remove(&self.1);
            }
        }
    }
}

/// Accepts connections until `stop` says so.
pub(crate) async fn serve(
    listener: TcpListener,
    tls: Option<Tls>,
    doors: Arc<Doors>,
    site: Arc<impl Site>,
    stop: watch::Receiver<bool>,
) {
    let mut stopped = stop.clone();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopped.wait_for(|stop| *stop) => return,
        };
        let Ok((socket, peer)) = accepted else {
            // Out of file descriptors: wait for some to be closed.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let Some(pass) = doors.enter(peer.ip()) else { continue };
        let (site, stop, tls) = (site.clone(), stop.clone(), tls.clone());
        tokio::spawn(async move {
            METRICS.connections.fetch_add(1, Ordering::Relaxed);
            secure(socket, peer, tls, site, stop).await;
            METRICS.connections.fetch_sub(1, Ordering::Relaxed);
            drop(pass);
        });
    }
}

async fn secure<S: Site>(
    socket: TcpStream,
    peer: SocketAddr,
    tls: Option<Tls>,
    site: Arc<S>,
    stop: watch::Receiver<bool>,
) {
    let _ = socket.set_nodelay(true);
    match tls {
        None if S::BODIES => converse(socket, peer, site, stop).await,
        None => lean::converse(socket, peer, site, stop).await,
        Some(tls) => {
            if let Ok(Ok(socket)) = tokio::time::timeout(HANDSHAKE, tls.accept(socket)).await {
                converse(socket, peer, site, stop).await;
            }
        }
    }
}

/// Answers a request and counts it.
async fn counted<B>(site: &impl Site, request: Request<B>, peer: SocketAddr) -> Answer
where
    B: Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + Send,
{
    METRICS.requests.fetch_add(1, Ordering::Relaxed);
    let answer = site.answer(request, peer).await;
    METRICS.sent.fetch_add(answer.body().left(), Ordering::Relaxed);
    answer
}

async fn converse(
    socket: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: SocketAddr,
    site: Arc<impl Site>,
    mut stop: watch::Receiver<bool>,
) {
    let service = service_fn(move |request: Request<Incoming>| {
        let site = site.clone();
        async move { Ok::<_, Infallible>(counted(&*site, request, peer).await) }
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD).max_buf_size(16 << 10);
    builder.http2().timer(TokioTimer::new()).max_concurrent_streams(STREAMS).keep_alive_interval(HEAD);
    let connection = builder.serve_connection(TokioIo::new(socket), service);
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        _ = connection.as_mut() => return,
        _ = stop.wait_for(|stop| *stop) => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = tokio::time::timeout(CLOSING, connection).await;
}
