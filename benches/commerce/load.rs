//! The load: connections that send one order after another and note how long each took. HTTP is written by hand, so
//! that the load takes little of the machine it shares with what it measures.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Where to order, as whom.
#[derive(Clone)]
pub(crate) struct Shop {
    pub(crate) address: String,
    pub(crate) sessions: Vec<(String, String)>,
    pub(crate) product: String,
}

/// What was measured.
pub(crate) struct Result {
    pub(crate) placed: u64,
    pub(crate) took: Duration,
    pub(crate) oversold: i64,
    pub(crate) times: Vec<u32>,
}

impl Result {
    /// One line of the table; `paid` is the time until the last order was paid, beyond the run for the outbox.
    pub(crate) fn print(&self, name: &str, paid: Duration) {
        let rate = self.placed as f64 / self.took.as_secs_f64();
        let paid = if paid == self.took { self.took } else { self.took + paid };
        let paid = self.placed as f64 / paid.as_secs_f64();
        let at = |share: f64| f64::from(self.times[((self.times.len() - 1) as f64 * share) as usize]) / 1000.0;
        println!("{name:<44} {rate:>9.0} {paid:>9.0} {:>9.1} {:>9.1} {:>8}", at(0.5), at(0.99), self.oversold);
    }
}

/// A connection that stays open.
pub(crate) struct Wire {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Wire {
    pub(crate) async fn open(address: &str) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Wire { stream, buffer: Vec::with_capacity(4096) }
    }

    /// Sends a request; the status, and the whole answer as text.
    pub(crate) async fn send(&mut self, method: &str, path: &str, headers: &str, body: &str) -> (u16, String) {
        let request =
            format!("{method} {path} HTTP/1.1\r\nhost: shop\r\n{headers}content-length: {}\r\n\r\n{body}", body.len());
        self.stream.write_all(request.as_bytes()).await.unwrap();
        self.buffer.clear();
        loop {
            let count = self.stream.read_buf(&mut self.buffer).await.unwrap();
            assert!(count > 0, "the service closed the connection");
            let Some(head) = self.buffer.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
            let text = String::from_utf8_lossy(&self.buffer[..head]).to_ascii_lowercase();
            let length = text
                .split("content-length: ")
                .nth(1)
                .map_or(0, |rest| rest.split("\r\n").next().unwrap().trim().parse::<usize>().unwrap());
            if self.buffer.len() >= head + 4 + length {
                let status = text[9..12].parse().unwrap();
                return (status, String::from_utf8_lossy(&self.buffer).into_owned());
            }
        }
    }

    async fn json(&mut self, method: &str, path: &str, token: &str, body: serde_json::Value) -> serde_json::Value {
        let bearer = if token.is_empty() { String::new() } else { format!("authorization: Bearer {token}\r\n") };
        let headers = format!("content-type: application/json\r\n{bearer}");
        let (status, text) = self.send(method, path, &headers, &body.to_string()).await;
        assert!(status < 300, "{method} {path}: {text}");
        serde_json::from_str(text.split("\r\n\r\n").nth(1).unwrap_or("")).unwrap_or_default()
    }
}

impl Shop {
    /// A seller with a product, and buyers with open sessions.
    pub(crate) async fn prepare(address: &str, _: i64) -> Self {
        let mut wire = Wire::open(address).await;
        let mut sessions = Vec::new();
        let mut product = String::new();
        for number in 0..9 {
            let email = format!("bench{number}@test.kr");
            let person =
                serde_json::json!({"email": email, "password": "a long password", "name": "n", "seller": number == 0});
            wire.json("POST", "/api/v1/people", "", person).await;
            let input = serde_json::json!({"email": email, "password": "a long password"});
            let opened = wire.json("POST", "/api/v1/session", "", input).await;
            let token = opened["token"].as_str().unwrap().to_owned();
            if number == 0 {
                let input = serde_json::json!({"form": "ordinary", "category": "living", "title": "hot", "price": 1000, "stock": 1_000_000});
                product = wire.json("POST", "/api/v1/products", &token, input).await["id"].as_str().unwrap().to_owned();
            } else {
                sessions.push((token, opened["csrf"].as_str().unwrap().to_owned()));
            }
        }
        Shop { address: address.to_owned(), sessions, product }
    }
}

/// Orders on many connections for a time.
pub(crate) async fn run(shop: &Shop, connections: usize, time: Duration) -> Result {
    let key = Arc::new(AtomicU64::new(0));
    let began = Instant::now();
    let mut running = tokio::task::JoinSet::new();
    for number in 0..connections {
        let (shop, key) = (shop.clone(), Arc::clone(&key));
        running.spawn(async move {
            let mut wire = Wire::open(&shop.address).await;
            let (session, csrf) = &shop.sessions[number % shop.sessions.len()];
            let headers = format!("cookie: session={session}\r\ncontent-type: application/x-www-form-urlencoded\r\n");
            let mut times = Vec::new();
            while began.elapsed() < time {
                let turn = key.fetch_add(1, Ordering::Relaxed);
                let form = format!(
                    "csrf={csrf}&key=bench-key-{turn}&product={}&quantity=1&recipient=n&phone=1&address=a&token=ok",
                    shop.product
                );
                let sent = Instant::now();
                let (status, text) = wire.send("POST", "/checkout", &headers, &form).await;
                assert_eq!(status, 303, "{text}");
                times.push(u32::try_from(sent.elapsed().as_micros()).unwrap_or(u32::MAX));
            }
            times
        });
    }
    let mut times = Vec::new();
    while let Some(some) = running.join_next().await {
        times.extend(some.unwrap());
    }
    let took = began.elapsed();
    times.sort_unstable();
    Result { placed: times.len() as u64, took, oversold: 0, times }
}
