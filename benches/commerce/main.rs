//! What the shop does in a second, beside the two naive ways of doing it, printed in one run.
//!
//! `cargo bench -p commerce`. Everything is on loopback and shares the machine: the service, the database and the
//! load. `COMMERCE_BENCH_SECONDS` (default 8), `COMMERCE_BENCH_CONNECTIONS` (64) and `COMMERCE_BENCH_SOCKETS` (10000)
//! make it longer or larger; `COMMERCE_BENCH_ONLY` names one part (`orders`, `sqlite`, `mariadb`, `naive`, `start`,
//! `pages` or `chat`).

#![allow(missing_docs, clippy::unwrap_used)]

mod chat;
mod load;
#[path = "../../src/commerce/tests/it/mariadb.rs"]
mod mariadb;
mod naive;
mod pages;
mod processor;
mod service;

use std::time::Duration;

use load::Shop;
use service::Service;

/// A setting from the environment.
fn setting(name: &str, normal: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(normal)
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    // The naive server and the chat's listeners are processes of their own: the same program, told so.
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[1..] {
        ["naive", way, url, redis] => return several().block_on(naive::serve(way, url, redis)),
        ["listeners", address, room, count] => return single().block_on(chat::listen(address, room, count)),
        _ => {}
    }
    let only = std::env::var("COMMERCE_BENCH_ONLY").unwrap_or_default();
    let wanted = |parts: &[&str]| only.is_empty() || parts.contains(&only.as_str());
    single().block_on(async {
        orders(&wanted).await;
        if wanted(&["start"]) {
            cold_start();
        }
        if wanted(&["pages"]) {
            pages::run().await;
        }
        if wanted(&["chat"]) {
            chat::run(setting("COMMERCE_BENCH_SOCKETS", 10_000) as usize).await;
        }
    });
}

fn single() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

fn several() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap()
}

async fn orders(wanted: &impl Fn(&[&str]) -> bool) {
    let time = Duration::from_secs(setting("COMMERCE_BENCH_SECONDS", 8));
    let connections = setting("COMMERCE_BENCH_CONNECTIONS", 64) as usize;
    if wanted(&["orders", "sqlite", "mariadb", "naive"]) {
        println!(
            "one hot product, {connections} connections, {} s each; an order is a form with session, CSRF token and",
            time.as_secs()
        );
        println!(
            "key, stock reserved and paid through the outbox; durable commits everywhere. µs/order is processor time"
        );
        println!("of service and database until all is paid, load µs that of the load, which shares the machine\n");
        load::head();
    }
    for (part, name) in [("sqlite", "SQLite"), ("mariadb", "MariaDB")] {
        if !wanted(&["orders", part]) {
            continue;
        }
        let folder = tempfile::tempdir().unwrap();
        let (database, mut processes) = match part {
            "sqlite" => (format!("sqlite:{}", folder.path().join("shop.db").display()), vec![]),
            _ => (mariadb::database(), vec![mariadb::process()]),
        };
        let service = Service::start(folder.path(), &database, &[]);
        processes.push(service.process());
        let shop = Shop::prepare(&service.address, processes).await;
        let (measured, paid) = load::run(&shop, connections, time, async |placed| service.paid(placed).await).await;
        service.check(measured.placed);
        measured.print(name, paid, 0);
    }
    for way in ["for-update", "redis-lock"] {
        if wanted(&["orders", "naive"]) {
            let server = naive::Server::start(way, &mariadb::database());
            let (measured, paid) = load::run(&server.shop(), connections, time, async |_| {}).await;
            measured.print(naive::name(way), paid, server.oversold(measured.placed).await);
        }
    }
}

/// From the start of the process to its readiness, with a schema that is there already.
fn cold_start() {
    let folder = tempfile::tempdir().unwrap();
    let database = format!("sqlite:{}", folder.path().join("shop.db").display());
    let start = |_| Service::start(folder.path(), &database, &[]).started_in;
    let mut times: Vec<Duration> = (0..21).map(start).skip(1).collect();
    times.sort();
    let ms = |time: Duration| time.as_secs_f64() * 1000.0;
    let (middle, last) = (times[times.len() / 2], times[times.len() - 1]);
    println!("\ncold start, {} times: median {:.1} ms, slowest {:.1} ms", times.len(), ms(middle), ms(last));
}
