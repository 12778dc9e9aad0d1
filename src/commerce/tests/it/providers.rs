//! The clients of real providers, each against a small server that insists on what the provider's public documentation
//! says of requests, keys and answers, and keeps books that the shop's must agree with.
//!
//! Toss: <https://docs.tosspayments.com/reference>. Stripe: <https://docs.stripe.com/api>.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use base64::Engine as _;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Engine, Service, User};

/// The provider's books.
#[derive(Default)]
struct Books {
    /// By idempotency key: what was asked, and what was answered.
    answers: HashMap<String, (String, u16, Value)>,
    /// Payments by the order.
    payments: HashMap<String, Value>,
    /// Calls that moved money.
    moved: usize,
    /// Requests that break the provider's rules.
    faults: Vec<String>,
}

type Shared = Arc<Mutex<Books>>;

fn answer(status: u16, body: &Value) -> Response {
    (StatusCode::from_u16(status).unwrap(), axum::Json(body.clone())).into_response()
}

/// An answer that breaks off: the caller cannot know what happened.
fn broken() -> Response {
    let broken = futures::stream::iter([Ok("{"), Err(std::io::Error::other("gone"))]);
    Response::builder().header("content-type", "application/json").body(Body::from_stream(broken)).unwrap()
}

/// What was answered under a key before; the same key for something else is a fault.
fn repeated(books: &mut Books, headers: &HeaderMap, asked: &str, longest: usize) -> Result<String, Response> {
    let key = headers.get("idempotency-key").and_then(|v| v.to_str().ok()).unwrap_or("").to_owned();
    if key.is_empty() || key.len() > longest {
        books.faults.push(format!("idempotency key `{key}`"));
    }
    let Some((before, status, body)) = books.answers.get(&key).cloned() else { return Ok(key) };
    if before != asked {
        books.faults.push(format!("the key `{key}` was used for `{before}` and `{asked}`"));
    }
    Err(answer(status, &body))
}

async fn listen(routes: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    url
}

mod toss {
    use super::*;

    fn allowed(books: &mut Books, headers: &HeaderMap) {
        let expected = format!("Basic {}", base64::engine::general_purpose::STANDARD.encode("test_sk_terrace:"));
        if headers.get("authorization").is_none_or(|given| given != expected.as_str()) {
            books.faults.push("the authorization is not `Basic base64(secret:)`".into());
        }
    }

    async fn confirm(State(books): State<Shared>, headers: HeaderMap, text: String) -> Response {
        let mut books = books.lock().unwrap();
        allowed(&mut books, &headers);
        let body: Value = serde_json::from_str(&text).unwrap();
        let order = body["orderId"].as_str().unwrap_or("").to_owned();
        let plain = order.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        if !(6..=64).contains(&order.len()) || !plain || body["amount"].as_i64().is_none() {
            books.faults.push(format!("confirm {body}"));
        }
        let key = match repeated(&mut books, &headers, &text, 300) {
            Ok(key) => key,
            Err(before) => return before,
        };
        let token = body["paymentKey"].as_str().unwrap_or("");
        let (status, told) = match token {
            "reject" => (403, json!({"code": "REJECT_CARD_PAYMENT", "message": "한도초과 혹은 잔액부족"})),
            _ => {
                let payment = json!({"paymentKey": token, "orderId": order, "status": "DONE", "currency": "KRW",
                    "totalAmount": body["amount"], "balanceAmount": body["amount"], "cancels": null});
                books.payments.insert(order, payment.clone());
                books.moved += 1;
                (200, payment)
            }
        };
        books.answers.insert(key, (text.clone(), status, told.clone()));
        if token == "lost" { broken() } else { answer(status, &told) }
    }

    async fn cancel(
        State(books): State<Shared>,
        Path(key): Path<String>,
        headers: HeaderMap,
        text: String,
    ) -> Response {
        let mut books = books.lock().unwrap();
        allowed(&mut books, &headers);
        let asked = match repeated(&mut books, &headers, &text, 300) {
            Ok(asked) => asked,
            Err(before) => return before,
        };
        let body: Value = serde_json::from_str(&text).unwrap();
        if body["cancelReason"].as_str().is_none_or(str::is_empty) {
            books.faults.push(format!("cancel {body}"));
        }
        let found = books.payments.values_mut().find(|payment| payment["paymentKey"] == key.as_str());
        let Some(payment) = found else {
            return answer(404, &json!({"code": "NOT_FOUND_PAYMENT", "message": "존재하지 않는 결제 입니다."}));
        };
        if payment["balanceAmount"] != body["cancelAmount"] {
            return answer(403, &json!({"code": "NOT_CANCELABLE_AMOUNT", "message": "취소 할 수 없는 금액 입니다."}));
        }
        payment["status"] = "CANCELED".into();
        payment["balanceAmount"] = 0.into();
        payment["cancels"] = json!([{"cancelAmount": body["cancelAmount"], "cancelReason": body["cancelReason"]}]);
        let told = payment.clone();
        books.answers.insert(asked, (text.clone(), 200, told.clone()));
        answer(200, &told)
    }

    async fn by_order(State(books): State<Shared>, Path(order): Path<String>, headers: HeaderMap) -> Response {
        let mut books = books.lock().unwrap();
        allowed(&mut books, &headers);
        match books.payments.get(&order) {
            Some(payment) => answer(200, payment),
            None => answer(404, &json!({"code": "NOT_FOUND_PAYMENT", "message": "존재하지 않는 결제 정보 입니다."})),
        }
    }

    pub(super) async fn start(books: &Shared) -> String {
        let routes = Router::new()
            .route("/v1/payments/confirm", post(confirm))
            .route("/v1/payments/{key}/cancel", post(cancel))
            .route("/v1/payments/orders/{order}", get(by_order));
        listen(routes.with_state(Arc::clone(books))).await
    }
}

mod stripe {
    use super::*;

    fn allowed(books: &mut Books, headers: &HeaderMap) {
        if headers.get("authorization").is_none_or(|given| given != "Bearer sk_test_terrace") {
            books.faults.push("the authorization is not the secret key".into());
        }
    }

    fn fields(text: &str) -> HashMap<String, String> {
        let decoded = |text: &str| {
            let url = reqwest::Url::parse(&format!("http://x/?{text}")).unwrap();
            url.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
        };
        decoded(text)
    }

    async fn create(State(books): State<Shared>, headers: HeaderMap, text: String) -> Response {
        let mut books = books.lock().unwrap();
        allowed(&mut books, &headers);
        if headers.get("content-type").is_none_or(|kind| kind != "application/x-www-form-urlencoded") {
            books.faults.push("a body that is no form".into());
        }
        let key = match repeated(&mut books, &headers, &text, 255) {
            Ok(key) => key,
            Err(before) => return before,
        };
        let given = fields(&text);
        let part = |name: &str| given.get(name).map_or("", String::as_str);
        let known = [
            "amount",
            "currency",
            "payment_method",
            "confirm",
            "error_on_requires_action",
            "payment_method_types[]",
            "metadata[order]",
        ];
        // Confirming at once takes a page to come back to, or a kind of payment that needs none.
        if given.keys().any(|name| !known.contains(&name.as_str()))
            || part("currency") != "krw"
            || part("confirm") != "true"
            || part("payment_method_types[]") != "card"
        {
            books.faults.push(format!("create {given:?}"));
        }
        let amount: i64 = part("amount").parse().unwrap_or(-1);
        let (order, token) = (part("metadata[order]").to_owned(), part("payment_method").to_owned());
        let mut intent = json!({"id": format!("pi_{order}"), "object": "payment_intent", "amount": amount,
            "currency": "krw", "status": "succeeded", "metadata": {"order": order}});
        let (status, told) = match token.as_str() {
            "pm_card_chargeDeclined" => {
                intent["status"] = "requires_payment_method".into();
                let error = json!({"type": "card_error", "code": "card_declined", "message": "Your card was declined.",
                    "payment_intent": intent});
                (402, json!({"error": error}))
            }
            "pm_processing" => {
                intent["status"] = "processing".into();
                (200, intent.clone())
            }
            _ => {
                books.moved += 1;
                (200, intent.clone())
            }
        };
        books.payments.insert(order, intent);
        books.answers.insert(key, (text.clone(), status, told.clone()));
        if token == "pm_lost" { broken() } else { answer(status, &told) }
    }

    async fn search(State(books): State<Shared>, headers: HeaderMap, RawQuery(query): RawQuery) -> Response {
        let mut books = books.lock().unwrap();
        allowed(&mut books, &headers);
        let query = fields(&query.unwrap_or_default());
        let query = query.get("query").map_or("", String::as_str);
        let order = query.strip_prefix("metadata['order']:'").and_then(|rest| rest.strip_suffix('\''));
        let Some(order) = order.map(str::to_owned) else {
            books.faults.push(format!("search `{query}`"));
            return answer(400, &json!({"error": {"type": "invalid_request_error", "message": "bad query"}}));
        };
        // What was processing has succeeded by now.
        if books.payments.get(&order).is_some_and(|found| found["status"] == "processing") {
            books.moved += 1;
            books.payments.get_mut(&order).unwrap()["status"] = "succeeded".into();
        }
        let data: Vec<&Value> = books.payments.get(&order).into_iter().collect();
        answer(200, &json!({"object": "search_result", "data": data, "has_more": false}))
    }

    async fn refund(State(books): State<Shared>, headers: HeaderMap, text: String) -> Response {
        let mut books = books.lock().unwrap();
        allowed(&mut books, &headers);
        let key = match repeated(&mut books, &headers, &text, 255) {
            Ok(key) => key,
            Err(before) => return before,
        };
        let given = fields(&text);
        let found = books.payments.values_mut().find(|intent| intent["id"] == given["payment_intent"].as_str());
        let intent = found.unwrap();
        assert_eq!(intent["amount"].to_string(), given["amount"]);
        intent["refunded"] = true.into();
        let told = json!({"id": "re_1", "object": "refund", "amount": intent["amount"], "status": "pending"});
        books.answers.insert(key, (text.clone(), 200, told.clone()));
        answer(200, &told)
    }

    pub(super) async fn start(books: &Shared) -> String {
        let routes = Router::new()
            .route("/v1/payment_intents", post(create))
            .route("/v1/payment_intents/search", get(search))
            .route("/v1/refunds", post(refund));
        listen(routes.with_state(Arc::clone(books))).await
    }
}

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
