//! A full room: what a socket costs the service, and how long a message takes to reach everybody. The listeners are a
//! process of their own, because a process may open only so many files and every socket is one at both ends.

use std::cell::RefCell;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::rc::Rc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures::SinkExt;
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::load::Wire;
use crate::processor;
use crate::service::Service;

/// Messages said, one after another.
const SAID: usize = 20;
/// The pause between them.
const PAUSE: Duration = Duration::from_millis(500);

/// Microseconds since 1970, which two processes agree on.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros() as u64
}

async fn prepare(address: &str) -> (String, String) {
    let mut wire = Wire::open(address).await;
    let person = json!({"email": "host@test.kr", "password": "a long password", "name": "n", "seller": true});
    wire.json("POST", "/api/v1/people", "", &person).await;
    let input = json!({"email": "host@test.kr", "password": "a long password"});
    let token = wire.json("POST", "/api/v1/session", "", &input).await["token"].as_str().unwrap().to_owned();
    let input = json!({"title": "room", "starts_at": now() / 1000 + 60_000});
    let made = wire.json("POST", "/api/v1/broadcasts", &token, &input).await;
    (made["id"].as_str().unwrap().to_owned(), token)
}

/// Fills a room and talks in it.
pub(crate) async fn run(wanted: usize) {
    let limit = Command::new("sh").args(["-c", "ulimit -Hn"]).output().unwrap().stdout;
    let allowed: usize = String::from_utf8(limit).unwrap().trim().parse().unwrap_or(usize::MAX);
    let sockets = wanted.min(allowed.saturating_sub(200));
    let folder = tempfile::tempdir().unwrap();
    let database = format!("sqlite:{}", folder.path().join("shop.db").display());
    let service = Service::start(folder.path(), &database, &[]);
    // Before anybody came: what the log-in took is counted too, because sockets may use it after.
    let before = service.memory();
    let (room, token) = prepare(&service.address).await;
    let line = "ulimit -n $(ulimit -Hn); exec \"$0\" \"$@\"";
    let mut listeners = Command::new("sh")
        .args(["-c", line])
        .arg(std::env::current_exe().unwrap())
        .args(["listeners", &service.address, &room, &sockets.to_string()])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(listeners.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "listening");
    tokio::time::sleep(Duration::from_secs(1)).await;
    let quiet = service.memory() - before;
    let mut request = format!("ws://{}/socket/{room}", service.address).into_client_request().unwrap();
    request.headers_mut().insert("cookie", format!("session={token}").parse().unwrap());
    let (mut host, _) = client_async(request, TcpStream::connect(&service.address).await.unwrap()).await.unwrap();
    let used = processor::of_process(service.process());
    for _ in 0..SAID {
        host.send(Message::Text(json!({"say": format!("said-{}", now())}).to_string().into())).await.unwrap();
        tokio::time::sleep(PAUSE).await;
    }
    let told = lines.next().unwrap().unwrap();
    let used = processor::of_process(service.process()) - used;
    let talked = service.memory() - before;
    listeners.wait().unwrap();
    let told: Vec<f64> = told.split(' ').map(|number| number.parse().unwrap()).collect();
    let [heard, p50, p99, last] = told[..] else { panic!("{told:?}") };
    let each = |bytes: u64| bytes as f64 / 1024.0 / sockets as f64;
    println!(
        "\nchat: {sockets} sockets, {:.1} KB of the service's memory each ({:.1} KB after the talk); {heard:.0} of {} deliveries, \
         p50 {p50:.0} ms, p99 {p99:.0} ms, last {last:.0} ms, {:.1} µs of the service each",
        each(quiet),
        each(talked),
        SAID * sockets,
        used.as_secs_f64() * 1e6 / heard
    );
    assert_eq!(heard as usize, SAID * sockets, "a message was lost");
}

/// The listeners: they enter, say so, hear every message, and tell how long it took.
pub(crate) async fn listen(address: &str, room: &str, count: &str) {
    let count: usize = count.parse().unwrap();
    let times = Rc::new(RefCell::new(Vec::with_capacity(count * SAID)));
    let local = tokio::task::LocalSet::new();
    local
        .run_until(async {
            for _ in 0..count {
                let stream = enter(address, room).await;
                local.spawn_local(hear(stream, Rc::clone(&times)));
            }
            println!("listening");
            let mut patience = SAID as u32 * 2 + 60;
            while times.borrow().len() < count * SAID && patience > 0 {
                tokio::time::sleep(PAUSE).await;
                patience -= 1;
            }
        })
        .await;
    let mut times = times.take();
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize] as f64 / 1000.0;
    println!("{} {} {} {}", times.len(), at(0.5), at(0.99), at(1.0));
}

async fn enter(address: &str, room: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!(
        "GET /socket/{room} HTTP/1.1\r\nhost: {address}\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        stream.readable().await.unwrap();
        let mut byte = [0];
        match stream.try_read(&mut byte) {
            Ok(1) => answer.push(byte[0]),
            Ok(_) => panic!("the room is closed: {}", String::from_utf8_lossy(&answer)),
            Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(e) => panic!("{e}"),
        }
    }
    assert!(answer.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&answer));
    stream
}

async fn hear(stream: TcpStream, times: Rc<RefCell<Vec<u64>>>) {
    let mut frames = Vec::new();
    while stream.readable().await.is_ok() {
        let mut piece = [0; 2048];
        match stream.try_read(&mut piece) {
            Ok(0) => return,
            Ok(count) => frames.extend_from_slice(&piece[..count]),
            Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => continue,
            Err(_) => return,
        }
        // A server's frame: a byte of kind, the length in one byte or three, the content (RFC 6455, section 5.2).
        while let [kind, short, rest @ ..] = &frames[..] {
            let (head, length) = match (short, rest) {
                (126, [high, low, ..]) => (4, usize::from(*high) << 8 | usize::from(*low)),
                (126, _) => break,
                (length, _) => (2, usize::from(*length)),
            };
            if frames.len() < head + length {
                break;
            }
            if *kind == 0x89 {
                // An empty pong, masked with nothing.
                let _ = stream.try_write(&[0x8a, 0x80, 0, 0, 0, 0]);
            }
            // The words are the moment they were said.
            let text = std::str::from_utf8(&frames[head..head + length]).unwrap_or("");
            if let Some(said) = text.split("said-").nth(1) {
                let digits: String = said.chars().take_while(char::is_ascii_digit).collect();
                times.borrow_mut().push(now() - digits.parse::<u64>().unwrap());
            }
            frames.drain(..head + length);
        }
        if frames.is_empty() {
            frames = Vec::new();
        }
    }
}
