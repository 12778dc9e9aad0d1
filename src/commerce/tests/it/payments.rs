//! Payments exactly once, whatever the provider does.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Engine, Service, number, setting};

async fn under_faults(engine: Engine) {
    let orders = setting("COMMERCE_TEST_PAYMENTS", 400);
    let service = Service::start(engine, &["--test-faults", "0.3"]);
    let (seller, buyer, admin) = (service.user(true).await, service.user(false).await, service.admin().await);
    let product = service.product(&seller, json!({"stock": orders})).await;
    let shop = service.address();
    let mut left = orders;
    while left > 0 {
        let now = left.min(32);
        let many = (0..now).map(|_| async {
            let turn = number();
            let token = if turn.is_multiple_of(10) { "decline" } else { "ok" };
            let answer = shop.order(&buyer, &product, 1, &format!("faulty-{turn}"), token).await.unwrap();
            assert_eq!(answer.status().as_u16(), 201);
            let order: Value = answer.json().await.unwrap();
            // Some are called off while their payment is under way.
            if turn.is_multiple_of(7) {
                let path = format!("/api/v1/orders/{}/cancel", order["id"].as_str().unwrap());
                let status = service.ask(Some(&buyer), Method::POST, &path, Value::Null).await.status().as_u16();
                assert!(matches!(status, 200 | 409), "{status}");
            }
        });
        futures::future::join_all(many).await;
        left -= now;
    }
    let path = "/api/v1/admin/test-provider";
    service.expect(204, Some(&admin), Method::PUT, path, json!({"share": 0})).await;
    let took = service.settled(Duration::from_secs(30)).await;
    println!("{engine:?}: converged {took:?} after the faults stopped");
    let report = service.verified();
    let held = orders as i64 - service.stock(&product).await;
    assert_eq!(report["paid_orders"], report["charges"]);
    assert_eq!(report["paid_orders"], held, "every piece that is gone is paid for: {report:#}");
    assert!(held > 0 && held < orders as i64, "some were declined or called off");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thirty_percent_faults_lose_and_double_nothing_on_sqlite() {
    under_faults(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thirty_percent_faults_lose_and_double_nothing_on_mariadb() {
    under_faults(Engine::MariaDb).await;
}

#[tokio::test]
async fn a_declined_card_gives_the_stock_back() {
    let service = Service::start(Engine::Sqlite, &[]);
    let (seller, buyer) = (service.user(true).await, service.user(false).await);
    let product = service.product(&seller, json!({"stock": 1})).await;
    let answer = service.address().order(&buyer, &product, 1, "declined-1", "decline").await.unwrap();
    let order: Value = answer.json().await.unwrap();
    let failed = service.until(&buyer, order["id"].as_str().unwrap(), "failed").await;
    assert_eq!(failed["reason"], "the card was declined");
    assert_eq!(service.stock(&product).await, 1);
    service.verified();
}

#[tokio::test]
async fn an_unpaid_order_expires_and_late_money_goes_back() {
    // Every call fails after or before the money moved, so the order expires while its payment is unknown.
    let service = Service::start(Engine::Sqlite, &["--test-faults", "1", "--payment-window", "1"]);
    let (seller, buyer, admin) = (service.user(true).await, service.user(false).await, service.admin().await);
    let product = service.product(&seller, json!({"stock": 1})).await;
    let order = service.ordered(&buyer, &product).await;
    assert_eq!(service.stock(&product).await, 0);
    service.until(&buyer, &order, "expired").await;
    assert_eq!(service.stock(&product).await, 1);
    service.expect(204, Some(&admin), Method::PUT, "/api/v1/admin/test-provider", json!({"share": 0})).await;
    let refunded = service.until(&buyer, &order, "refunded").await;
    assert_eq!(refunded["released"], true);
    let report = service.verified();
    assert_eq!(report["charges"], 0);
}

#[tokio::test]
async fn a_refund_gives_back_money_and_unsent_goods_once() {
    let service = Service::start(Engine::Sqlite, &[]);
    let (seller, buyer) = (service.user(true).await, service.user(false).await);
    let product = service.product(&seller, json!({"stock": 5})).await;
    let (sent, unsent) = (service.ordered(&buyer, &product).await, service.ordered(&buyer, &product).await);
    for order in [&sent, &unsent] {
        service.until(&buyer, order, "paid").await;
    }
    let refund = |order: &str| format!("/api/v1/orders/{order}/refund");
    service.expect(200, Some(&buyer), Method::POST, &refund(&unsent), Value::Null).await;
    service.until(&buyer, &unsent, "refunded").await;
    assert_eq!(service.stock(&product).await, 4);
    service.expect(409, Some(&buyer), Method::POST, &refund(&unsent), Value::Null).await;

    let path = format!("/api/v1/orders/{sent}/delivery");
    assert_eq!(service.expect(200, Some(&seller), Method::POST, &path, Value::Null).await["delivery"], "shipped");
    assert_eq!(service.expect(200, Some(&buyer), Method::POST, &path, Value::Null).await["delivery"], "received");
    let asked = service.expect(200, Some(&buyer), Method::POST, &refund(&sent), Value::Null).await;
    assert_eq!((asked["state"].as_str(), asked["wants_refund"].as_bool()), (Some("paid"), Some(true)));
    service.expect(200, Some(&seller), Method::POST, &refund(&sent), Value::Null).await;
    service.until(&buyer, &sent, "refunded").await;
    assert_eq!(service.stock(&product).await, 4, "what was sent is the seller's matter");

    let statement = service.expect(200, Some(&seller), Method::GET, "/api/v1/statement", Value::Null).await;
    assert_eq!(statement["sales"], 24_000);
    assert_eq!(statement["refunds"], -24_000);
    assert_eq!((statement["commission"].as_i64(), statement["balance"].as_i64()), (Some(0), Some(0)));
    service.verified();
}
