//! No overselling, ever: many clients, repeated keys, and kill -9 in the middle.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::harness::{Engine, Service, setting};
use serde_json::{Value, json};

/// Clients at the same time.
const CLIENTS: usize = 32;

async fn sell_out(engine: Engine, products: usize, crashes: usize) {
    let attempts = setting("COMMERCE_TEST_ORDERS", 1500);
    let clients = setting("COMMERCE_TEST_CLIENTS", CLIENTS);
    let stock = (attempts / 3 / products) as i64;
    let service = Service::start(engine, &[]);
    let seller = service.user(true).await;
    let mut ids = Vec::new();
    for _ in 0..products {
        ids.push(service.product(&seller, json!({"stock": stock})).await);
    }
    let mut buyers = Vec::new();
    for _ in 0..4 {
        buyers.push(service.user(false).await);
    }
    let (ids, buyers) = (Arc::new(ids), Arc::new(buyers));
    // The clients know only the address; the process stays here, to be killed in the middle of their requests.
    let mut process = service;
    let shop = Arc::new(process.address());
    let (next, placed) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let mut running = tokio::task::JoinSet::new();
    for _ in 0..clients {
        let (shop, ids, buyers) = (Arc::clone(&shop), Arc::clone(&ids), Arc::clone(&buyers));
        let (next, placed) = (Arc::clone(&next), Arc::clone(&placed));
        running.spawn(async move {
            loop {
                let turn = next.fetch_add(1, Ordering::Relaxed);
                if turn >= attempts {
                    return;
                }
                let (product, buyer, key) = (&ids[turn % products], &buyers[turn % 4], format!("attempt-{turn}"));
                // A client that hears nothing asks again with the same key, as clients must.
                let status = loop {
                    let answered = shop.order(buyer, product, 1, &key, "ok").await;
                    match answered {
                        Ok(response) if !response.status().is_server_error() => break response.status().as_u16(),
                        Ok(_) | Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
                    }
                };
                assert!(matches!(status, 200 | 201 | 409), "{status}");
                if status != 409 {
                    placed.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
    }
    for crash in 1..=crashes {
        while next.load(Ordering::Relaxed) < attempts * crash / (crashes + 2) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        process.crash();
    }
    while let Some(client) = running.join_next().await {
        client.unwrap();
    }
    let service = process;
    service.settled(Duration::from_secs(60)).await;
    let report = service.verified();
    let sold = stock * products as i64;
    assert_eq!(placed.load(Ordering::Relaxed) as i64, sold, "orders that clients know of");
    for id in ids.iter() {
        assert_eq!(service.stock(id).await, 0);
    }
    assert_eq!(report["rows"]["orders"], sold);
    assert_eq!(report["rows"]["outbox"], sold);
    assert_eq!(report["paid_orders"], sold);
    assert_eq!(report["charges"], sold);
    assert_eq!(report["rows"]["test_charges"], sold, "what the provider took");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_never_oversells_one_product_and_survives_kill() {
    sell_out(Engine::Sqlite, 1, 2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_never_oversells_a_hundred_products_and_survives_kill() {
    sell_out(Engine::Sqlite, 100, 2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mariadb_never_oversells_one_product_and_survives_kill() {
    sell_out(Engine::MariaDb, 1, 2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mariadb_never_oversells_a_hundred_products_and_survives_kill() {
    sell_out(Engine::MariaDb, 100, 2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_key_is_one_order_however_often_it_is_sent() {
    for engine in [Engine::Sqlite, Engine::MariaDb] {
        let service = Service::start(engine, &[]);
        let (seller, buyer) = (service.user(true).await, service.user(false).await);
        let product = service.product(&seller, json!({"stock": 50})).await;
        let many = (0..40).map(|_| service.order(&buyer, &product, 2, "one-and-the-same"));
        let mut orders = std::collections::HashSet::new();
        for answer in futures::future::join_all(many).await {
            let answer = answer.unwrap();
            assert!(answer.status().is_success(), "{:?} {}", engine, answer.status());
            orders.insert(answer.json::<Value>().await.unwrap()["id"].clone());
        }
        assert_eq!(orders.len(), 1, "{engine:?}");
        assert_eq!(service.stock(&product).await, 48);
        let other = service.order(&buyer, &product, 3, "one-and-the-same").await.unwrap();
        assert_eq!(other.status().as_u16(), 409);
        assert_eq!(other.json::<Value>().await.unwrap()["code"], "key-reused");
    }
}
