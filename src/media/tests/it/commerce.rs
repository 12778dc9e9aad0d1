//! The callbacks: who may publish is asked, running streams are checked again, events arrive in order whatever happens.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use media::callbacks::sign::{Signed, Verifier};
use serde_json::{Value, json};

use crate::encoder::{Codec, DEBIAN, push, sample};
use crate::server::{Server, edge, serve_in, serve_with, text};

const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// A `commerce` that does what the contract says, and fails when told to.
struct Commerce {
    address: String,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    verifier: Mutex<Option<Verifier>>,
    /// Requests that must be answered with 503.
    failing: Mutex<Vec<&'static str>>,
    cut: Mutex<bool>,
    events: Mutex<Vec<Value>>,
    attempts: Mutex<usize>,
    viewers: Mutex<u64>,
    origin: Mutex<Option<String>>,
}

impl State {
    async fn answer(&self, request: Request<Incoming>) -> (u16, Value) {
        let (head, body) = request.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let header = |name: &str| head.headers[name].to_str().unwrap();
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        let signed = Signed {
            method: head.method.as_str(),
            path: head.uri.path(),
            timestamp: header("terrace-timestamp"),
            nonce: header("terrace-nonce"),
            body: &body,
        };
        let verdict = self.verifier.lock().unwrap().as_ref().unwrap().check(signed, header("terrace-signature"), now);
        if let Err(reason) = verdict {
            return (401, json!({"error": reason}));
        }
        let value: Value = serde_json::from_slice(&body).unwrap();
        let path = head.uri.path().rsplit('/').next().unwrap();
        *self.attempts.lock().unwrap() += usize::from(path == "events");
        if self.failing.lock().unwrap().contains(&path) {
            return (503, json!({}));
        }
        match path {
            "authorize" if *self.cut.lock().unwrap() => (200, json!({"allow": false, "reason": "revoked"})),
            "authorize" if value["key"] == "k-seller" => {
                (200, json!({"allow": true, "stream": "seller-1", "key_id": "17", "title": "Sale", "cache_seconds": 0}))
            }
            "authorize" => (200, json!({"allow": false, "reason": "unknown"})),
            "recheck" => {
                *self.viewers.lock().unwrap() = value["streams"][0]["viewers"].as_u64().unwrap();
                assert_eq!(value["streams"][0]["key_id"], "17");
                let cut = *self.cut.lock().unwrap();
                (200, json!({"cut": if cut { vec![value["streams"][0]["broadcast"].clone()] } else { vec![] }}))
            }
            "events" => {
                self.events.lock().unwrap().push(value);
                (204, json!({}))
            }
            "origin" => match &*self.origin.lock().unwrap() {
                Some(origin) if value["stream"] == "seller-1" => (200, json!({"origin": origin})),
                _ => (404, json!({})),
            },
            other => panic!("{other} is not in the contract"),
        }
    }
}

impl Commerce {
    async fn start() -> Commerce {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let state = Arc::new(State::default());
        *state.verifier.lock().unwrap() = Some(Verifier::new(vec![SECRET.as_bytes().to_vec()]));
        let shared = state.clone();
        tokio::spawn(async move {
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                let state = shared.clone();
                let service = service_fn(move |request| {
                    let state = state.clone();
                    async move {
                        let (status, value) = state.answer(request).await;
                        let body = Full::new(Bytes::from(value.to_string()));
                        Ok::<_, Infallible>(Response::builder().status(status).body(body).unwrap())
                    }
                });
                tokio::spawn(
                    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(socket), service),
                );
            }
        });
        Commerce { address, state }
    }

    fn url(&self) -> String {
        format!("http://{}/hooks/media", self.address)
    }

    fn server(&self, arguments: &[&str]) -> Server {
        let url = self.url();
        serve_with(&[&["--commerce", &url][..], arguments].concat(), &[("MEDIA_SECRET", SECRET)])
    }

    async fn event(&self, kind: &str) -> Value {
        let begin = Instant::now();
        loop {
            if let Some(event) = self.state.events.lock().unwrap().iter().find(|event| event["kind"] == kind) {
                return event.clone();
            }
            assert!(begin.elapsed() < Duration::from_secs(20), "no {kind}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn kinds(&self) -> Vec<String> {
        let events = self.state.events.lock().unwrap();
        let kinds = events.iter().map(|event| event["kind"].as_str().unwrap().to_owned());
        kinds.filter(|kind| kind != "thumbnail").collect()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_arrive_in_order_even_when_nobody_took_them_at_first() {
    let commerce = Commerce::start().await;
    let server = commerce.server(&["--thumbnail-s", "1"]);
    let file = sample(Codec::H264, 5, "320x180");
    commerce.state.failing.lock().unwrap().push("events");
    let mut encoder = push(DEBIAN, &file, &server.push_url("k-seller"));
    text(&server.url("/live/seller-1/source/live.m3u8")).await;
    assert!(encoder.wait());
    server.event("replay_ready");
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(*commerce.state.attempts.lock().unwrap() >= 2);
    commerce.state.failing.lock().unwrap().clear();
    let ready = commerce.event("replay_ready").await;
    assert_eq!(commerce.kinds(), ["started", "ended", "replay_ready"]);
    let id = ready["broadcast"].as_str().unwrap();
    assert_eq!(ready["playback"], format!("http://media.test/replay/{id}/index.m3u8"));
    assert_eq!(ready["mp4"], format!("http://media.test/replay/{id}/replay.mp4"));
    assert!((4.8..5.3).contains(&ready["duration_seconds"].as_f64().unwrap()));
    let started = commerce.event("started").await;
    assert_eq!(started["title"], "Sale");
    assert_eq!(started["playback"], "http://media.test/live/seller-1/index.m3u8");
    assert_eq!((&started["width"], &started["height"]), (&json!(320), &json!(180)));
    assert_eq!(commerce.event("ended").await["reason"], "finished");
    let left = std::fs::read_dir(server.data().join("outbox")).unwrap().count();
    assert_eq!(left, 0, "taken events are gone");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_outlive_the_process() {
    let commerce = Commerce::start().await;
    commerce.state.failing.lock().unwrap().push("events");
    let directory = tempfile::tempdir().unwrap();
    let url = commerce.url();
    let arguments = ["--commerce", url.as_str()];
    let mut server = serve_in(directory.path(), &arguments, &[("MEDIA_SECRET", SECRET)]);
    let file = sample(Codec::H264, 20, "320x180");
    let mut encoder = push(DEBIAN, &file, &server.push_url("k-seller"));
    text(&server.url("/live/seller-1/source/live.m3u8")).await;
    server.event("started");
    tokio::time::sleep(Duration::from_millis(500)).await;
    server.kill();
    encoder.kill();
    commerce.state.failing.lock().unwrap().clear();
    let _server = serve_in(directory.path(), &arguments, &[("MEDIA_SECRET", SECRET)]);
    commerce.event("replay_ready").await;
    assert_eq!(commerce.kinds(), ["started", "ended", "replay_ready"]);
    assert_eq!(commerce.event("ended").await["reason"], "crashed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_key_is_cut_within_a_second() {
    let commerce = Commerce::start().await;
    let server = commerce.server(&[]);
    let file = sample(Codec::H264, 20, "320x180");
    assert!(!push(DEBIAN, &file, &server.push_url("k-stranger")).wait());
    assert_eq!(server.logged("publisher refused")["reason"], "stream key is refused: unknown");
    let mut encoder = push(DEBIAN, &file, &server.push_url("k-seller"));
    text(&server.url("/live/seller-1/source/live.m3u8")).await;
    tokio::time::sleep(Duration::from_millis(800)).await;
    assert_eq!(*commerce.state.viewers.lock().unwrap(), 1);
    *commerce.state.cut.lock().unwrap() = true;
    let revoked = Instant::now();
    assert!(!encoder.wait());
    assert!(revoked.elapsed() < Duration::from_secs(1), "cut after {:?}", revoked.elapsed());
    assert_eq!(commerce.event("ended").await["reason"], "revoked");
    assert!(!push(DEBIAN, &file, &server.push_url("k-seller")).wait());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_commerce_nobody_new_publishes_and_running_streams_go_on() {
    let commerce = Commerce::start().await;
    let server = commerce.server(&[]);
    let file = sample(Codec::H264, 20, "320x180");
    let mut running = push(DEBIAN, &file, &server.push_url("k-seller"));
    text(&server.url("/live/seller-1/source/live.m3u8")).await;
    commerce.state.failing.lock().unwrap().extend(["authorize", "recheck"]);
    server.logged("running streams could not be checked; they go on");
    assert!(!push(DEBIAN, &file, &server.push_url("k-seller")).wait());
    let refused = server.logged("publisher refused");
    assert_eq!(refused["reason"], "stream keys cannot be checked at the moment; try again");
    assert!(running.is_running());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edge_finds_the_origin_through_commerce() {
    let commerce = Commerce::start().await;
    let server = commerce.server(&[]);
    *commerce.state.origin.lock().unwrap() = Some(server.url(""));
    let edge = edge(&["--commerce", &commerce.url()], &[("MEDIA_SECRET", SECRET)]);
    let file = sample(Codec::H264, 20, "320x180");
    let _encoder = push(DEBIAN, &file, &server.push_url("k-seller"));
    crate::checker::check(&text(&edge.url("/live/seller-1/source/live.m3u8")).await);
    assert_eq!(crate::server::get(&edge.url("/live/seller-2/index.m3u8")).await.0, 404);
}
