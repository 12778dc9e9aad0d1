//! What the origin answers to viewers.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use hyper::body::Body as Content;
use hyper::header::{HeaderName, HeaderValue, USER_AGENT};
use hyper::http::request::Parts;
use hyper::{HeaderMap, Method, Request, StatusCode};

use super::answer::{Answer, Body, missing, text};
use super::{Site, live, page, replay};
use crate::live::hub::Hub;

/// Paths longer than this name nothing.
const LONGEST_PATH: usize = 512;

/// The origin.
pub(crate) struct Origin {
    hub: Arc<Hub>,
}

impl Origin {
    pub(crate) fn new(hub: Arc<Hub>) -> Arc<Self> {
        Arc::new(Origin { hub })
    }

    async fn get(&self, request: &Parts, peer: SocketAddr) -> Answer {
        let (path, query) = (request.uri.path(), request.uri.query().unwrap_or_default());
        let Some(path) = path.strip_prefix('/').filter(|path| path.len() <= LONGEST_PATH) else { return missing() };
        let (first, rest) = path.split_once('/').unwrap_or((path, ""));
        match first {
            "live" => {
                let (stream, rest) = rest.split_once('/').unwrap_or((rest, ""));
                live::answer(
                    &self.hub,
                    stream,
                    rest,
                    query,
                    viewer(&request.headers, peer, self.hub.settings.forwarded),
                )
                .await
            }
            "replay" => replay::answer(&self.hub, rest, &request.headers).await,
            "watch" if !rest.is_empty() => page::watch(),
            "assets" => page::asset(rest),
            _ => crate::admin::health(&self.hub, path),
        }
    }
}

impl Site for Origin {
    async fn answer<B: Content + Send>(&self, request: Request<B>, peer: SocketAddr) -> Answer {
        let (request, _) = request.into_parts();
        visit(&request, self.get(&request, peer)).await
    }
}

/// Methods are the same for every site of viewers.
pub(crate) async fn visit(request: &Parts, get: impl Future<Output = Answer>) -> Answer {
    match request.method {
        Method::GET => get.await,
        Method::HEAD => {
            let mut answer = get.await;
            let length = answer.body().left();
            answer.headers_mut().insert(hyper::header::CONTENT_LENGTH, HeaderValue::from(length));
            *answer.body_mut() = Body::from(Bytes::new());
            answer
        }
        Method::OPTIONS => {
            let mut answer = text(StatusCode::NO_CONTENT, "");
            let allowed = [
                ("access-control-allow-methods", "GET, HEAD, OPTIONS"),
                ("access-control-allow-headers", "range"),
                ("access-control-max-age", "86400"),
            ];
            for (name, value) in allowed {
                answer.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(value));
            }
            answer
        }
        _ => text(StatusCode::METHOD_NOT_ALLOWED, "only GET, HEAD and OPTIONS\n"),
    }
}

/// Who asks: the connection, or behind a balancer the address and player it reports.
pub(crate) fn viewer(headers: &HeaderMap, peer: SocketAddr, forwarded: bool) -> u64 {
    let mut hasher = DefaultHasher::new();
    match headers.get("x-forwarded-for").filter(|_| forwarded) {
        Some(address) => (address, headers.get(USER_AGENT)).hash(&mut hasher),
        None => peer.hash(&mut hasher),
    }
    hasher.finish()
}
