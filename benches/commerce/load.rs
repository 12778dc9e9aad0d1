//! The load: connections that send one order after another and note how long each took. HTTP is written by hand, and
//! one thread does it all, so that the load takes little of the machine it shares with what it measures; what it takes
//! is told apart.

use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::processor;

/// People who buy.
const BUYERS: usize = 32;

/// Where to order, as whom, and which processes are behind it.
#[derive(Clone)]
pub(crate) struct Shop {
    pub(crate) address: String,
    pub(crate) sessions: Vec<(String, String)>,
    pub(crate) product: String,
    pub(crate) processes: Vec<u32>,
}

/// What was measured.
pub(crate) struct Measured {
    pub(crate) placed: u64,
    pub(crate) took: Duration,
    /// Sorted, in microseconds.
    pub(crate) times: Vec<u32>,
    /// Processor time of the processes behind the shop, until everything is paid.
    pub(crate) used: Duration,
    /// Processor time of the load itself.
    pub(crate) load: Duration,
}

/// The table's head.
pub(crate) fn head() {
    println!(
        "{:<40} {:>9} {:>8} {:>7} {:>7} {:>9} {:>9} {:>8}",
        "way", "orders/s", "paid/s", "p50 ms", "p99 ms", "µs/order", "load µs", "oversold"
    );
}

impl Measured {
    /// One line of the table; `paid` is when the last order was paid, since the first was sent.
    pub(crate) fn print(&self, name: &str, paid: Duration, oversold: i64) {
        let rate = |time: Duration| self.placed as f64 / time.as_secs_f64();
        let each = |time: Duration| time.as_secs_f64() * 1e6 / self.placed as f64;
        let at = |share: f64| f64::from(self.times[((self.times.len() - 1) as f64 * share) as usize]) / 1000.0;
        println!(
            "{name:<40} {:>9.0} {:>8.0} {:>7.1} {:>7.1} {:>9.0} {:>9.0} {oversold:>8}",
            rate(self.took),
            rate(paid),
            at(0.5),
            at(0.99),
            each(self.used),
            each(self.load)
        );
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
        Wire { stream, buffer: Vec::with_capacity(8192) }
    }

    /// Sends a request and reads its whole answer, which stays in the buffer; the status.
    pub(crate) async fn send(&mut self, request: &[u8]) -> u16 {
        self.stream.write_all(request).await.unwrap();
        self.buffer.clear();
        loop {
            let count = self.stream.read_buf(&mut self.buffer).await.unwrap();
            assert!(count > 0, "the service closed the connection");
            let Some(head) = self.buffer.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
            let whole = match length(&self.buffer[..head]) {
                Some(length) => self.buffer.len() >= head + 4 + length,
                // Without a length it comes in pieces, the last one empty.
                None => self.buffer.ends_with(b"\r\n0\r\n\r\n"),
            };
            if whole {
                return std::str::from_utf8(&self.buffer[9..12]).unwrap().parse().unwrap();
            }
        }
    }

    /// The last answer's bytes on the wire.
    pub(crate) fn weight(&self) -> usize {
        self.buffer.len()
    }

    /// The last answer's text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.buffer).into_owned()
    }

    /// Sends JSON as somebody; the JSON of the answer.
    pub(crate) async fn json(
        &mut self,
        method: &str,
        path: &str,
        token: &str,
        body: &serde_json::Value,
    ) -> serde_json::Value {
        let bearer = if token.is_empty() { String::new() } else { format!("authorization: Bearer {token}\r\n") };
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let headers = format!("content-type: application/json\r\n{bearer}");
        let status = self.send(request(method, path, &headers, &body).as_bytes()).await;
        let text = self.text();
        assert!(status < 300, "{method} {path}: {text}");
        serde_json::from_str(text.split("\r\n\r\n").nth(1).unwrap_or("")).unwrap_or_default()
    }
}

/// A request as text.
pub(crate) fn request(method: &str, path: &str, headers: &str, body: &str) -> String {
    format!("{method} {path} HTTP/1.1\r\nhost: shop\r\n{headers}content-length: {}\r\n\r\n{body}", body.len())
}

/// The length of a body, if its head tells.
fn length(head: &[u8]) -> Option<usize> {
    const NAME: &[u8] = b"\r\ncontent-length: ";
    let found = head.windows(NAME.len()).position(|part| part.eq_ignore_ascii_case(NAME));
    let digits = head[found? + NAME.len()..].iter().take_while(|byte| byte.is_ascii_digit());
    Some(digits.fold(0, |sum, digit| sum * 10 + usize::from(digit - b'0')))
}

impl Shop {
    /// A seller with a product, and buyers with open sessions.
    pub(crate) async fn prepare(address: &str, processes: Vec<u32>) -> Self {
        let mut wire = Wire::open(address).await;
        let mut sessions = Vec::new();
        let mut product = String::new();
        for number in 0..=BUYERS {
            let email = format!("bench{number}@test.kr");
            let person =
                serde_json::json!({"email": email, "password": "a long password", "name": "n", "seller": number == 0});
            wire.json("POST", "/api/v1/people", "", &person).await;
            let input = serde_json::json!({"email": email, "password": "a long password"});
            let opened = wire.json("POST", "/api/v1/session", "", &input).await;
            let token = opened["token"].as_str().unwrap().to_owned();
            if number == 0 {
                let input = serde_json::json!({"form": "ordinary", "category": "living", "title": "hot", "price": 1000, "stock": 1_000_000});
                let made = wire.json("POST", "/api/v1/products", &token, &input).await;
                product = made["id"].as_str().unwrap().to_owned();
            } else {
                sessions.push((token, opened["csrf"].as_str().unwrap().to_owned()));
            }
        }
        Shop { address: address.to_owned(), sessions, product, processes }
    }

    fn used(&self) -> Duration {
        self.processes.iter().map(|id| processor::of_process(*id)).sum()
    }
}

/// Orders on many connections for a time, then waits until `paid` says that this many are.
pub(crate) async fn run<P: AsyncFn(u64)>(
    shop: &Shop,
    connections: usize,
    time: Duration,
    paid: P,
) -> (Measured, Duration) {
    let before = (shop.used(), processor::of_this_thread());
    let began = Instant::now();
    let shop = Rc::new(shop.clone());
    let local = tokio::task::LocalSet::new();
    let running: Vec<_> =
        (0..connections).map(|number| local.spawn_local(order_on(number, Rc::clone(&shop), began, time))).collect();
    let mut times = local
        .run_until(futures::future::join_all(running))
        .await
        .into_iter()
        .flat_map(Result::unwrap)
        .collect::<Vec<u32>>();
    let took = began.elapsed();
    let load = processor::of_this_thread() - before.1;
    times.sort_unstable();
    let placed = times.len() as u64;
    paid(placed).await;
    let all_paid = began.elapsed();
    let used = shop.used() - before.0;
    (Measured { placed, took, times, used, load }, all_paid)
}

async fn order_on(number: usize, shop: Rc<Shop>, began: Instant, time: Duration) -> Vec<u32> {
    let mut wire = Wire::open(&shop.address).await;
    let (session, csrf) = &shop.sessions[number % shop.sessions.len()];
    let headers = format!("cookie: session={session}\r\ncontent-type: application/x-www-form-urlencoded\r\n");
    let mut times = Vec::with_capacity(4096);
    while began.elapsed() < time {
        let form = format!(
            "csrf={csrf}&key=bench-key-{number}-{}&product={}&quantity=1&recipient=n&phone=1&address=a&token=ok",
            times.len(),
            shop.product
        );
        let request = request("POST", "/checkout", &headers, &form);
        let sent = Instant::now();
        let status = wire.send(request.as_bytes()).await;
        assert_eq!(status, 303, "{}", wire.text());
        times.push(u32::try_from(sent.elapsed().as_micros()).unwrap_or(u32::MAX));
    }
    times
}
