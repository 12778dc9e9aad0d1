//! What the shop does in a second, beside the two naive ways of doing it, printed in one run.
//!
//! `cargo bench -p commerce`. Everything is on loopback and shares the machine: the service, the database and the
//! load. `COMMERCE_BENCH_SECONDS` (default 8) and `COMMERCE_BENCH_SOCKETS` (default 10000) make it longer or larger.

#![allow(missing_docs, clippy::unwrap_used)]

mod chat;
mod load;
#[path = "../../src/commerce/tests/it/mariadb.rs"]
mod mariadb;
mod naive;
mod service;

use std::time::Duration;

use load::Shop;
use service::Service;

/// A setting from the environment.
fn setting(name: &str, normal: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(normal)
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(run());
}

async fn run() {
    let time = Duration::from_secs(setting("COMMERCE_BENCH_SECONDS", 8));
    let connections = setting("COMMERCE_BENCH_CONNECTIONS", 64) as usize;
    println!(
        "one hot product, {connections} connections, {} s each; an order is a form with session, CSRF token and",
        time.as_secs()
    );
    println!("key, stock reserved and paid through the outbox; durable commits everywhere\n");
    println!("{:<44} {:>9} {:>9} {:>9} {:>9} {:>8}", "way", "orders/s", "paid/s", "p50 ms", "p99 ms", "oversold");
    for name in ["SQLite, group commit", "MariaDB, conditional update, group commit"] {
        let folder = tempfile::tempdir().unwrap();
        let database = match name.starts_with("SQLite") {
            true => format!("sqlite:{}", folder.path().join("shop.db").display()),
            false => mariadb::database(),
        };
        let service = Service::start(folder.path(), &database);
        let shop = Shop::prepare(&service.address, 50_000_000).await;
        let result = load::run(&shop, connections, time).await;
        let paid = service.settled(result.placed).await;
        result.print(name, paid);
    }
    for way in [naive::Way::ForUpdate, naive::Way::RedisLock] {
        let server = naive::start(way, &mariadb::database()).await;
        let result = load::run(&server.shop, connections, time).await;
        let (oversold, took) = (server.oversold(result.placed).await, result.took);
        let result = load::Result { oversold, ..result };
        result.print(way.name(), took);
    }
    cold_start();
    chat::run(setting("COMMERCE_BENCH_SOCKETS", 10_000) as usize).await;
}

/// From the start of the process to its readiness, with a schema that is there already.
fn cold_start() {
    let folder = tempfile::tempdir().unwrap();
    let database = format!("sqlite:{}", folder.path().join("shop.db").display());
    let mut times: Vec<Duration> = (0..10)
        .map(|_| {
            let service = Service::start(folder.path(), &database);
            service.started_in
        })
        .skip(1)
        .collect();
    times.sort();
    let ms = |time: Duration| time.as_secs_f64() * 1000.0;
    println!(
        "\ncold start: median {:.1} ms, slowest of {} {:.1} ms",
        ms(times[times.len() / 2]),
        times.len(),
        ms(times[times.len() - 1])
    );
}
