//! Broadcasts: the media server's calls, the chat and what pages are told.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures::{SinkExt, StreamExt};
use hmac::{Hmac, Mac};
use reqwest::{Method, Response};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error as SocketError, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::harness::{Engine, Service, User, number};

const SECRET: &str = "0123456789abcdef0123456789abcdef";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A call as the media server makes it; `age` shifts its clock, `secret` signs it.
async fn call(service: &Service, path: &str, body: &Value, age: i64, nonce: &str, secret: &str) -> Response {
    let body = body.to_string();
    let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64 - age;
    let text = format!("v1\nPOST\n{path}\n{at}\n{nonce}\n{}", hex(&Sha256::digest(&body)));
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(text.as_bytes());
    let signature = format!("v1={}", hex(&mac.finalize().into_bytes()));
    let request = service.client.post(format!("{}{path}", service.base)).header("terrace-timestamp", at.to_string());
    let request = request.header("terrace-nonce", nonce).header("terrace-signature", signature);
    request.header("content-type", "application/json").body(body).send().await.unwrap()
}

fn nonce() -> String {
    format!("{:032x}", u128::from(number()) + (u128::from(std::process::id()) << 64))
}

async fn media(service: &Service, path: &str, body: Value) -> Value {
    let answer = call(service, path, &body, 0, &nonce(), SECRET).await;
    let status = answer.status();
    assert!(status.is_success(), "{path} {status}");
    serde_json::from_str(&answer.text().await.unwrap()).unwrap_or(Value::Null)
}

async fn scheduled(service: &Service, seller: &User, products: &[&str]) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64;
    let input =
        json!({"title": "저녁 라이브", "notice": "곧 만나요", "starts_at": now + 3_600_000, "products": products});
    let made = service.expect(201, Some(seller), Method::POST, "/api/v1/broadcasts", input).await;
    made["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_media_server_s_calls_carry_a_broadcast_from_key_to_replay() {
    for engine in [Engine::Sqlite, Engine::MariaDb] {
        let service = Service::start(engine, &["--media-secret", SECRET]);
        let (seller, buyer) = (service.user(true).await, service.user(false).await);
        let room = scheduled(&service, &seller, &[]).await;
        service.expect(403, Some(&buyer), Method::POST, "/api/v1/me/stream-key", Value::Null).await;
        let key = service.expect(201, Some(&seller), Method::POST, "/api/v1/me/stream-key", Value::Null).await;
        let secret = key["secret"].as_str().unwrap().to_owned();
        let shown = service.expect(200, Some(&seller), Method::GET, "/api/v1/me/stream-key", Value::Null).await;
        assert!(!shown.to_string().contains(&secret), "the secret is told once");

        let authorize = |key: String| json!({"key": key, "address": "203.0.113.9", "protocol": "rtmp", "server": "a"});
        let unknown = media(&service, "/hooks/media/authorize", authorize("sk_live_guess".into())).await;
        assert_eq!(unknown, json!({"allow": false, "reason": "unknown"}));
        let allowed = media(&service, "/hooks/media/authorize", authorize(secret.clone())).await;
        assert_eq!((allowed["allow"].as_bool(), allowed["title"].as_str()), (Some(true), Some("저녁 라이브")));
        let (stream, key_id) = (allowed["stream"].as_str().unwrap(), allowed["key_id"].as_str().unwrap());

        let event = |kind: &str, number: u64, more: Value| {
            let mut event = json!({"id": format!("m1-{number}"), "kind": kind, "stream": stream, "broadcast": "m1m1m1m1m1", "at": "2025-06-01T09:00:00.120Z", "server": "a"});
            event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            event
        };
        let path = format!("/api/v1/broadcasts/{room}");
        let started =
            json!({"title": "t", "playback": "http://127.0.0.1:1/live/x/index.m3u8", "origin": "http://127.0.0.1:1"});
        media(&service, "/hooks/media/events", event("started", 0, started.clone())).await;
        let live = service.expect(200, None, Method::GET, &path, Value::Null).await;
        assert_eq!((live["state"].as_str(), live["playback"].as_str()), (Some("live"), started["playback"].as_str()));
        let origin = media(&service, "/hooks/media/origin", json!({"stream": stream})).await;
        assert_eq!(origin["origin"], "http://127.0.0.1:1");

        // What is watched is counted, and a key that is no longer good is cut.
        let running = json!({"server": "a", "streams": [{"stream": stream, "broadcast": "m1m1m1m1m1", "key_id": key_id, "viewers": 12}]});
        assert_eq!(media(&service, "/hooks/media/recheck", running.clone()).await, json!({"cut": []}));
        let live = service.expect(200, None, Method::GET, &path, Value::Null).await;
        assert_eq!((live["viewers"].as_i64(), live["peak"].as_i64()), (Some(12), Some(12)));
        service.expect(204, Some(&seller), Method::DELETE, "/api/v1/me/stream-key", Value::Null).await;
        assert_eq!(media(&service, "/hooks/media/recheck", running).await, json!({"cut": ["m1m1m1m1m1"]}));
        let revoked = media(&service, "/hooks/media/authorize", authorize(secret)).await;
        assert_eq!(revoked["reason"], "revoked");

        media(&service, "/hooks/media/events", event("ended", 1, json!({"reason": "revoked"}))).await;
        let replay =
            json!({"playback": "https://media.example/replay/m1/index.m3u8", "poster": null, "mp4": "https://x/y"});
        media(&service, "/hooks/media/events", event("replay_ready", 2, replay)).await;
        // The start heard again, by its id or anew, changes nothing; neither does what was never heard of.
        media(&service, "/hooks/media/events", event("started", 0, started.clone())).await;
        media(&service, "/hooks/media/events", event("started", 9, started)).await;
        let stranger = json!({"id": "z-1", "kind": "ended", "stream": "s-none", "broadcast": "zzzzzzzzzz"});
        media(&service, "/hooks/media/events", stranger).await;
        let over = service.expect(200, None, Method::GET, &path, Value::Null).await;
        assert_eq!(over["state"], "ended");
        assert_eq!(over["replay"], "https://media.example/replay/m1/index.m3u8");
        let gone = call(&service, "/hooks/media/origin", &json!({"stream": stream}), 0, &nonce(), SECRET).await;
        assert_eq!(gone.status().as_u16(), 404);
    }
}

#[tokio::test]
async fn calls_that_are_not_the_media_server_s_are_refused() {
    let old = "an older secret of thirty-two letters";
    let service = Service::start(Engine::Sqlite, &["--media-secret", SECRET, "--media-secret-old", old]);
    let (path, body) = ("/hooks/media/recheck", json!({"server": "a", "streams": []}));
    let status =
        async |age, nonce: String, secret| call(&service, path, &body, age, &nonce, secret).await.status().as_u16();
    assert_eq!(status(0, nonce(), SECRET).await, 200);
    assert_eq!(status(250, nonce(), old).await, 200, "while it is changed, the old one is good");
    assert_eq!(status(0, nonce(), "another secret of thirty-two letters").await, 401);
    assert_eq!(status(400, nonce(), SECRET).await, 401, "too old");
    assert_eq!(status(-400, nonce(), SECRET).await, 401, "from the future");
    let once = nonce();
    assert_eq!(status(0, once.clone(), SECRET).await, 200);
    assert_eq!(status(0, once, SECRET).await, 401, "heard before");
    assert_eq!(status(0, "short".into(), SECRET).await, 401);
    let bare = service.client.post(format!("{}{path}", service.base)).json(&body).send().await.unwrap();
    assert_eq!(bare.status().as_u16(), 401);
    let garbage = call(&service, path, &json!([1, 2]), 0, &nonce(), SECRET).await;
    assert_eq!(garbage.status().as_u16(), 400);
}

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn enter(service: &Service, room: &str, who: Option<&User>, origin: Option<&str>) -> Result<Socket, SocketError> {
    let address = format!("{}/socket/{room}", service.base.replace("http:", "ws:"));
    let mut request = address.into_client_request().unwrap();
    if let Some(user) = who {
        request.headers_mut().insert("cookie", format!("session={}", user.token).parse().unwrap());
    }
    if let Some(origin) = origin {
        request.headers_mut().insert("origin", origin.parse().unwrap());
    }
    connect_async(request).await.map(|(socket, _)| socket)
}

/// The next message of a kind.
async fn heard(socket: &mut Socket, kind: &str) -> Value {
    let wait = async {
        loop {
            if let Message::Text(text) = socket.next().await.expect("the socket is open").unwrap() {
                let message: Value = serde_json::from_str(text.as_str()).unwrap();
                if message["kind"] == kind {
                    return message;
                }
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(10), wait).await.unwrap_or_else(|_| panic!("no `{kind}` was heard"))
}

async fn say(socket: &mut Socket, text: &str) {
    socket.send(Message::Text(json!({"say": text}).to_string().into())).await.unwrap();
}

#[tokio::test]
async fn the_room_hears_chat_stock_and_the_pinned_product() {
    let service = Service::start(Engine::Sqlite, &[]);
    let (seller, buyer, guest) = (service.user(true).await, service.user(false).await, service.user(false).await);
    let product = service.product(&seller, json!({"stock": 7})).await;
    let room = scheduled(&service, &seller, &[&product]).await;
    let base = service.base.clone();
    let mut host = enter(&service, &room, Some(&seller), Some(&base)).await.unwrap();
    let mut one = enter(&service, &room, Some(&buyer), None).await.unwrap();
    let mut silent = enter(&service, &room, None, None).await.unwrap();
    assert!(enter(&service, &room, Some(&buyer), Some("https://evil.example")).await.is_err(), "another site's page");

    say(&mut one, "안녕하세요 <b>").await;
    for socket in [&mut host, &mut one, &mut silent] {
        let message = heard(socket, "chat").await;
        assert_eq!((message["text"].as_str(), message["seller"].as_bool()), (Some("안녕하세요 <b>"), Some(false)));
    }
    say(&mut silent, "누구게").await;
    assert_eq!(heard(&mut silent, "refused").await["code"], "unauthenticated");
    // Slow mode: one second between two messages of one person, but not of the seller.
    say(&mut one, "한 번 더").await;
    assert_eq!(heard(&mut one, "refused").await["code"], "too-many");
    for text in ["하나", "둘"] {
        say(&mut host, text).await;
        assert_eq!(heard(&mut host, "chat").await["text"], text);
    }
    say(&mut host, &"가".repeat(201)).await;
    assert_eq!(heard(&mut host, "refused").await["code"], "invalid");

    service.ordered(&guest, &product).await;
    let stock = heard(&mut silent, "stock").await;
    assert_eq!((stock["product"].as_str(), stock["stock"].as_i64()), (Some(product.as_str()), Some(6)));
    let path = format!("/api/v1/broadcasts/{room}");
    service.expect(200, Some(&seller), Method::PATCH, &path, json!({"pinned_id": product})).await;
    assert_eq!(heard(&mut silent, "pinned").await["product"], product.as_str());
    assert_eq!(heard(&mut silent, "viewers").await["count"], 3);

    // Muted, somebody hears but does not speak; banned, they are shown out and stay out.
    let silences = format!("{path}/silences");
    service.expect(403, Some(&guest), Method::POST, &silences, json!({"person_id": buyer.id, "seconds": 60})).await;
    service.expect(204, Some(&seller), Method::POST, &silences, json!({"person_id": buyer.id, "seconds": 60})).await;
    tokio::time::sleep(Duration::from_millis(1100)).await;
    say(&mut one, "들리나요").await;
    assert_eq!(heard(&mut one, "refused").await["code"], "forbidden");
    let ban = json!({"person_id": buyer.id, "seconds": 60, "ban": true});
    service.expect(204, Some(&seller), Method::POST, &silences, ban).await;
    heard(&mut one, "banned").await;
    assert!(enter(&service, &room, Some(&buyer), None).await.is_err());

    let chat = format!("{path}/chat");
    let history = service.expect(200, None, Method::GET, &chat, Value::Null).await;
    let texts: Vec<&str> = history.as_array().unwrap().iter().map(|m| m["text"].as_str().unwrap()).collect();
    assert_eq!(texts, ["안녕하세요 <b>", "하나", "둘"]);
    let id = history[0]["id"].as_str().unwrap();
    service.expect(403, Some(&guest), Method::DELETE, &format!("{chat}/{id}"), Value::Null).await;
    service.expect(204, Some(&seller), Method::DELETE, &format!("{chat}/{id}"), Value::Null).await;
    assert_eq!(heard(&mut silent, "hidden").await["id"], id);
}

#[tokio::test]
async fn with_redis_two_nodes_are_one_room() {
    let redis = crate::operations::Redis::start();
    let mut first = Service::start(Engine::MariaDb, &["--redis", &redis.url]);
    let second = Service::beside(&first);
    let (seller, buyer) = (first.user(true).await, first.user(false).await);
    let product = first.product(&seller, json!({"stock": 3})).await;
    let room = scheduled(&first, &seller, &[&product]).await;
    let mut here = enter(&first, &room, Some(&seller), None).await.unwrap();
    let mut there = enter(&second, &room, Some(&buyer), None).await.unwrap();
    // The relay connects a moment after the start.
    tokio::time::sleep(Duration::from_millis(1500)).await;
    say(&mut there, "옆 노드에서").await;
    assert_eq!(heard(&mut here, "chat").await["text"], "옆 노드에서");
    say(&mut here, "네").await;
    assert_eq!(heard(&mut there, "chat").await["text"], "옆 노드에서");
    assert_eq!(heard(&mut there, "chat").await["text"], "네");
    second.ordered(&buyer, &product).await;
    assert_eq!(heard(&mut here, "stock").await["stock"], 2);
    // Sockets are closed with a reason when a node stops.
    let (good, _) = first.stop();
    assert!(good);
}
