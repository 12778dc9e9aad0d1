//! The clients of real providers, each against a peer that is as strict as its documentation.

use axum::Router;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Engine, Service, User};
use crate::peers::{Shared, answer, listen, stripe, toss};

/// Orders with a token for the provider; the order's id.
async fn order(service: &Service, buyer: &User, product: &str, token: &str) -> String {
    let key = format!("provider-{}", crate::harness::number());
    let placed = service.address().order(buyer, product, 1, &key, token).await.unwrap();
    assert_eq!(placed.status().as_u16(), 201);
    placed.json::<Value>().await.unwrap()["id"].as_str().unwrap().to_owned()
}

/// Pays, loses an answer, is declined and gives back, with the tokens that make the provider do so.
async fn used(service: &Service, books: &Shared, tokens: [&str; 3]) -> [String; 2] {
    let (seller, buyer) = (service.user(true).await, service.user(false).await);
    let product = service.product(&seller, json!({"stock": 5})).await;
    let [good, lost, declined] = tokens;
    let paid = order(service, &buyer, &product, good).await;
    let unsure = order(service, &buyer, &product, lost).await;
    let refused = order(service, &buyer, &product, declined).await;
    for id in [&paid, &unsure] {
        service.until(&buyer, id, "paid").await;
    }
    let failed = service.until(&buyer, &refused, "failed").await;
    assert!(!failed["reason"].as_str().unwrap().is_empty());
    assert_eq!(books.lock().unwrap().moved, 2, "each order is charged once");
    service.expect(200, Some(&buyer), Method::POST, &format!("/api/v1/orders/{paid}/refund"), Value::Null).await;
    service.until(&buyer, &paid, "refunded").await;
    assert_eq!(service.stock(&product).await, 4);
    let report = service.verified();
    assert_eq!((report["paid_orders"].as_i64(), report["waiting"].as_i64()), (Some(1), Some(0)), "{report:#}");
    assert_eq!(books.lock().unwrap().faults, Vec::<String>::new());
    [paid, unsure]
}

#[tokio::test]
async fn toss_payments_charges_once_and_gives_back() {
    let books = Shared::default();
    let url = toss::start(&books).await;
    let options = ["--payment", "toss", "--payment-url", &url, "--payment-key", "test_sk_terrace"];
    let service = Service::start(Engine::Sqlite, &options);
    let [paid, unsure] = used(&service, &books, ["ok", "lost", "reject"]).await;
    {
        let books = books.lock().unwrap();
        assert_eq!(books.payments[&paid]["status"], "CANCELED");
        assert_eq!(books.payments[&unsure]["status"], "DONE");
    }
    // A notice is only a hint: whoever sends one, the books stay as they are.
    let notice = |order: &str| {
        json!({"eventType": "PAYMENT_STATUS_CHANGED", "createdAt": "2026-01-01T00:00:00.000000",
            "data": {"orderId": order, "status": "DONE", "paymentKey": "forged"}})
    };
    for order in [&unsure, &paid, "0000000000001"] {
        service.expect(204, None, Method::POST, "/hooks/payments", notice(order)).await;
    }
    service.expect(400, None, Method::POST, "/hooks/payments", json!({"data": {}})).await;
    assert_eq!(service.verified()["paid_orders"], 1);
}

#[tokio::test]
async fn a_buyer_pays_on_the_page_of_toss() {
    let books = Shared::default();
    let url = toss::start(&books).await;
    let options = ["--payment", "toss", "--payment-url", &url, "--payment-key", "test_sk_terrace"];
    let service =
        Service::start(Engine::Sqlite, &[&options[..], &["--payment-client-key", "test_ck_terrace"]].concat());
    let (seller, buyer, other) = (service.user(true).await, service.user(false).await, service.user(false).await);
    let product = service.product(&seller, json!({"stock": 2})).await;
    let mut body = crate::harness::order_of(&product, 1, "");
    body.as_object_mut().unwrap().remove("payment_token");
    let request = service.client.post(format!("{}/api/v1/orders", service.base)).bearer_auth(&buyer.token);
    let placed: Value =
        request.header("idempotency-key", "by-the-page").json(&body).send().await.unwrap().json().await.unwrap();
    let order = placed["id"].as_str().unwrap();
    let page = service.ask(Some(&buyer), Method::GET, &format!("/orders/{order}"), Value::Null).await;
    let policy = page.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.contains("script-src 'self' https://*.tosspayments.com;") && !policy.contains("unsafe"), "{policy}");
    let text = page.text().await.unwrap();
    assert!(text.contains("data-toss=\"test_ck_terrace\"") && text.contains("js.tosspayments.com"), "{text}");
    let back =
        |order: &str, amount: i64| format!("/orders/{order}/paid?paymentKey=pk_page&orderId={order}&amount={amount}");
    // Nobody else's order, no other amount, and no half of an answer.
    for (who, path, status) in [
        (&other, back(order, 12_000), 404),
        (&buyer, back(order, 11_000), 409),
        (&buyer, format!("/orders/{order}/paid?orderId={order}"), 400),
        (&buyer, back(order, 12_000), 303),
    ] {
        assert_eq!(service.ask(Some(who), Method::GET, &path, Value::Null).await.status().as_u16(), status, "{path}");
    }
    service.until(&buyer, order, "paid").await;
    let (paid, faults) =
        (books.lock().unwrap().payments[order]["paymentKey"].clone(), books.lock().unwrap().faults.clone());
    assert_eq!((paid, faults), (json!("pk_page"), vec![]));
    let page = service.ask(Some(&buyer), Method::GET, &format!("/orders/{order}"), Value::Null).await;
    assert!(!page.headers()["content-security-policy"].to_str().unwrap().contains("toss"), "only where it is needed");
    service.verified();
}

#[tokio::test]
async fn stripe_charges_once_and_gives_back() {
    let books = Shared::default();
    let url = stripe::start(&books).await;
    let secret = "whsec_terrace";
    let options = ["--payment", "stripe", "--payment-url", &url, "--payment-key", "sk_test_terrace"];
    let service = Service::start(Engine::Sqlite, &[&options[..], &["--payment-webhook-secret", secret]].concat());
    let [paid, _] = used(&service, &books, ["pm_card_visa", "pm_lost", "pm_card_chargeDeclined"]).await;
    assert_eq!(books.lock().unwrap().payments[&paid]["refunded"], true);

    // A payment that takes its time is paid when its notice comes, if the notice is Stripe's.
    let (seller, buyer) = (service.user(true).await, service.user(false).await);
    let product = service.product(&seller, json!({"stock": 1})).await;
    let slow = order(&service, &buyer, &product, "pm_processing").await;
    let notice = json!({"id": "evt_1", "object": "event", "type": "payment_intent.succeeded",
        "data": {"object": {"id": format!("pi_{slow}"), "metadata": {"order": slow}}}})
    .to_string();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    for (at, key, status) in
        [(now, "whsec_other", 401), (now - 600, secret, 401), (now, secret, 204), (now, secret, 204)]
    {
        let signature = format!("t={at},v1={}", signed(key, &format!("{at}.{notice}")));
        let call = service.client.post(format!("{}/hooks/payments", service.base));
        let answer = call.header("stripe-signature", signature).body(notice.clone()).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status, "{key} {at}");
    }
    service.until(&buyer, &slow, "paid").await;
    assert_eq!(books.lock().unwrap().moved, 3);
    assert_eq!(books.lock().unwrap().faults, Vec::<String>::new());
    service.verified();
}

/// A hexadecimal HMAC-SHA256.
fn signed(key: &str, text: &str) -> String {
    use hmac::Mac;
    let mut mac = hmac::Hmac::<sha2::Sha256>::new_from_slice(key.as_bytes()).unwrap();
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn a_wrong_key_of_the_shop_refuses_no_buyer() {
    // A provider that knows nobody: the orders wait, and are not failed.
    let routes = Router::new().fallback(|| async { answer(401, &json!({"code": "UNAUTHORIZED_KEY", "message": "x"})) });
    let url = listen(routes).await;
    let options = ["--payment", "toss", "--payment-url", &url, "--payment-key", "wrong"];
    let service = Service::start(Engine::Sqlite, &options);
    let (seller, buyer) = (service.user(true).await, service.user(false).await);
    let product = service.product(&seller, json!({"stock": 1})).await;
    let order = order(&service, &buyer, &product, "ok").await;
    tokio::time::sleep(std::time::Duration::from_millis(1500)).await;
    let found = service.expect(200, Some(&buyer), Method::GET, &format!("/api/v1/orders/{order}"), Value::Null).await;
    assert_eq!(found["state"], "pending");
}
