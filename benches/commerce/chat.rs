//! A full room: what a socket costs, and how long a message takes to reach everybody.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::client_async_with_config;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use crate::load::Wire;
use crate::service::Service;

/// Messages said, one after another.
const SAID: u64 = 20;

type Socket = tokio_tungstenite::WebSocketStream<TcpStream>;

async fn enter(address: &str, room: &str, token: &str) -> Socket {
    let mut request = format!("ws://{address}/socket/{room}").into_client_request().unwrap();
    if !token.is_empty() {
        request.headers_mut().insert("cookie", format!("session={token}").parse().unwrap());
    }
    let small = WebSocketConfig::default().read_buffer_size(512).write_buffer_size(512);
    let stream = TcpStream::connect(address).await.unwrap();
    client_async_with_config(request, stream, Some(small)).await.unwrap().0
}

async fn prepare(address: &str) -> (String, String) {
    let mut wire = Wire::open(address).await;
    let json = "content-type: application/json\r\n";
    let person = r#"{"email":"host@test.kr","password":"a long password","name":"n","seller":true}"#;
    wire.send("POST", "/api/v1/people", json, person).await;
    let (_, opened) = wire.send("POST", "/api/v1/session", json, person).await;
    let body =
        |text: &str| -> serde_json::Value { serde_json::from_str(text.split("\r\n\r\n").nth(1).unwrap()).unwrap() };
    let token = body(&opened)["token"].as_str().unwrap().to_owned();
    let soon = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as u64 + 60_000;
    let input = serde_json::json!({"title": "room", "starts_at": soon}).to_string();
    let headers = format!("{json}authorization: Bearer {token}\r\n");
    let (_, made) = wire.send("POST", "/api/v1/broadcasts", &headers, &input).await;
    (body(&made)["id"].as_str().unwrap().to_owned(), token)
}

/// Fills a room and talks in it.
pub(crate) async fn run(wanted: usize) {
    // Both ends of a socket are files of this machine; stay within this process's own limit.
    let limit = std::fs::read_to_string("/proc/self/limits").unwrap();
    let open = limit.lines().find(|line| line.starts_with("Max open files")).unwrap();
    let allowed: usize = open.split_whitespace().nth(3).unwrap().parse().unwrap_or(usize::MAX);
    let sockets = wanted.min(allowed.saturating_sub(200));
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(folder.path(), &format!("sqlite:{}", folder.path().join("shop.db").display()));
    let (room, token) = prepare(&service.address).await;
    let before = service.memory();
    let (heard, times) = (Arc::new(AtomicU64::new(0)), Arc::new(std::sync::Mutex::new(Vec::new())));
    let epoch = Instant::now();
    for _ in 0..sockets {
        let mut socket = enter(&service.address, &room, "").await;
        let (heard, times) = (Arc::clone(&heard), Arc::clone(&times));
        tokio::spawn(async move {
            while let Some(Ok(message)) = socket.next().await {
                let Message::Text(text) = message else { continue };
                // The words are the moment they were said.
                if let Some(said) =
                    text.as_str().split("said-").nth(1).and_then(|t| t.split('"').next()?.parse::<u64>().ok())
                {
                    let took = epoch.elapsed().as_micros() as u64 - said;
                    times.lock().unwrap().push(took);
                    heard.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let each = (service.memory() - before) / sockets as u64;
    let mut host = enter(&service.address, &room, &token).await;
    for _ in 0..SAID {
        let text = serde_json::json!({"say": format!("said-{}", epoch.elapsed().as_micros())}).to_string();
        host.send(Message::Text(text.into())).await.unwrap();
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let wait = Instant::now();
    while heard.load(Ordering::Relaxed) < SAID * sockets as u64 && wait.elapsed() < Duration::from_secs(20) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let mut times = times.lock().unwrap().clone();
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize] as f64 / 1000.0;
    println!(
        "\nchat: {sockets} sockets, {:.1} KB each; {} of {} deliveries, p50 {:.0} ms, p99 {:.0} ms",
        each as f64 / 1024.0,
        times.len(),
        SAID * sockets as u64,
        at(0.5),
        at(0.99)
    );
}
