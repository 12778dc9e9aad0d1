//! Auctions: the ledger is one line of bids, there is one winner, and the end is bounded.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Engine, Service, User, setting};

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64
}

async fn auction(service: &Service, seller: &User, seconds: i64) -> String {
    let terms = json!({"form": "auction", "stock": 1, "price": 1000, "auction": {"step": 100, "ends_at": now() + seconds * 1000}});
    service.product(seller, terms).await
}

async fn bid(service: &Service, who: &User, product: &str, amount: i64) -> (u16, Value) {
    let answer = service
        .ask(Some(who), Method::POST, &format!("/api/v1/products/{product}/bids"), json!({"amount": amount}))
        .await;
    (answer.status().as_u16(), answer.json().await.unwrap())
}

async fn storm(engine: Engine) {
    let bids = setting("COMMERCE_TEST_BIDS", 600);
    let service = Service::start(engine, &[]);
    let seller = service.user(true).await;
    let product = auction(&service, &seller, 600).await;
    let mut bidders = Vec::new();
    for _ in 0..6 {
        bidders.push(service.user(false).await);
    }
    let mut taken: Vec<(i64, i64, String)> = Vec::new();
    for round in 0..bids.div_ceil(30) {
        // Many bid at once, around the same amounts and with the same ones.
        let many = (0..30).map(|turn| {
            let amount = 1000 + (round as i64 * 10 + turn % 15) * 100;
            let who = &bidders[turn as usize % bidders.len()];
            let (service, product) = (&service, &product);
            async move { (who.id.clone(), amount, bid(service, who, product, amount).await) }
        });
        for (who, amount, (status, answer)) in futures::future::join_all(many).await {
            match status {
                201 => taken.push((answer["bids"].as_i64().unwrap(), amount, who)),
                409 => assert!(["bid-too-low", "already-top"].contains(&answer["code"].as_str().unwrap()), "{answer}"),
                other => panic!("{other}: {answer}"),
            }
        }
    }
    // Every accepted answer is one line of the ledger, in the same place, and each is a step above the one before.
    taken.sort();
    let ledger = service.expect(200, None, Method::GET, &format!("/api/v1/products/{product}/bids"), Value::Null).await;
    let newest = ledger.as_array().unwrap();
    let known: Vec<(i64, i64, String)> = newest
        .iter()
        .rev()
        .map(|b| {
            (b["number"].as_i64().unwrap(), b["amount"].as_i64().unwrap(), b["bidder_id"].as_str().unwrap().to_owned())
        })
        .collect();
    assert_eq!(taken[taken.len() - known.len()..], known[..]);
    let numbers: Vec<i64> = taken.iter().map(|(number, ..)| *number).collect();
    assert_eq!(numbers, (1..=taken.len() as i64).collect::<Vec<_>>());
    assert!(taken.windows(2).all(|pair| pair[1].1 >= pair[0].1 + 100 && pair[1].2 != pair[0].2));
    service.verified();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_bids_make_one_line_on_sqlite() {
    storm(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_bids_make_one_line_on_mariadb() {
    storm(Engine::MariaDb).await;
}

#[tokio::test]
async fn the_winner_gets_a_timed_order_and_pays_it() {
    for engine in [Engine::Sqlite, Engine::MariaDb] {
        let service = Service::start(engine, &[]);
        let (seller, one, two) = (service.user(true).await, service.user(false).await, service.user(false).await);
        let product = auction(&service, &seller, 600).await;
        assert_eq!(bid(&service, &one, &product, 999).await.1["code"], "bid-too-low");
        assert_eq!(bid(&service, &one, &product, 1000).await.0, 201);
        assert_eq!(bid(&service, &one, &product, 2000).await.1["code"], "already-top");
        assert_eq!(bid(&service, &two, &product, 1099).await.1["code"], "bid-too-low");
        assert_eq!(bid(&service, &two, &product, 1500).await.0, 201);
        assert_eq!(bid(&service, &seller, &product, 9000).await.1["code"], "own-product");
        // Ordering around the auction is refused.
        let around = service.order(&one, &product, 1, "around-it").await.unwrap();
        assert_eq!(around.json::<Value>().await.unwrap()["code"], "auction");
        end_now(&service, &product, engine);
        let order = wait_for_order(&service, &two).await;
        assert_eq!((order["total"].as_i64(), order["state"].as_str()), (Some(1500), Some("pending")));
        assert_eq!(bid(&service, &one, &product, 5000).await.1["code"], "auction-over");
        let none = service.expect(200, Some(&one), Method::GET, "/api/v1/orders", Value::Null).await;
        assert_eq!(none["orders"], json!([]));
        let path = format!("/api/v1/orders/{}/payment", order["id"].as_str().unwrap());
        service.expect(422, Some(&two), Method::POST, &path, json!({"payment_token": "ok"})).await;
        let paying = json!({"payment_token": "ok", "address": "서울", "phone": "010"});
        service.expect(404, Some(&one), Method::POST, &path, paying.clone()).await;
        service.expect(202, Some(&two), Method::POST, &path, paying).await;
        service.until(&two, order["id"].as_str().unwrap(), "paid").await;
        service.verified();
    }
}

async fn wait_for_order(service: &Service, who: &User) -> Value {
    let began = Instant::now();
    loop {
        let found = service.expect(200, Some(who), Method::GET, "/api/v1/orders", Value::Null).await;
        if let Some(order) = found["orders"].as_array().unwrap().first() {
            return order.clone();
        }
        assert!(began.elapsed() < Duration::from_secs(10), "the auction was not closed");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Moves an auction's end into the past, as waiting would.
fn end_now(service: &Service, product: &str, engine: Engine) {
    let sql = "UPDATE auctions SET ends_at = 1 WHERE state = 'open'";
    let done = match engine {
        Engine::Sqlite => {
            let path = service.database.trim_start_matches("sqlite:");
            let database = rusqlite::Connection::open(path).unwrap();
            database.busy_timeout(Duration::from_secs(5)).unwrap();
            database.execute(sql, []).unwrap() == 1
        }
        Engine::MariaDb => crate::mariadb::execute(&service.database, sql),
    };
    assert!(done, "{product}");
}

#[tokio::test]
async fn a_late_bid_moves_the_end_and_never_beyond_the_latest() {
    let service = Service::start(Engine::Sqlite, &[]);
    let (seller, one, two) = (service.user(true).await, service.user(false).await, service.user(false).await);
    let product = auction(&service, &seller, 5).await;
    let before = now();
    let (_, first) = bid(&service, &one, &product, 1000).await;
    let end = first["ends_at"].as_i64().unwrap();
    assert!((before + 29_000..=now() + 30_500).contains(&end), "{first}");
    // A bid that is refused moves nothing.
    bid(&service, &two, &product, 1001).await;
    let path = format!("/api/v1/products/{product}");
    let same = service.expect(200, None, Method::GET, &path, Value::Null).await;
    assert_eq!(same["auction"]["ends_at"], end);
    // Near the latest end, the end is the latest end.
    let path = service.database.trim_start_matches("sqlite:").to_owned();
    let latest = now() + 8_000;
    rusqlite::Connection::open(path)
        .unwrap()
        .execute("UPDATE auctions SET ends_at = ?, latest_end = ?", [latest - 2000, latest])
        .unwrap();
    let (_, last) = bid(&service, &two, &product, 5000).await;
    assert_eq!(last["ends_at"], latest, "{last}");
}
