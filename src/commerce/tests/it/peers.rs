//! Small servers in the place of payment providers. They insist on what the provider's public documentation says of
//! requests, keys and answers, and keep books that the shop's must agree with.
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
use serde_json::{Value, json};

/// The provider's books.
#[derive(Default)]
pub(crate) struct Books {
    /// By idempotency key: what was asked, and what was answered.
    pub(crate) answers: HashMap<String, (String, u16, Value)>,
    /// Payments by the order.
    pub(crate) payments: HashMap<String, Value>,
    /// Calls that moved money.
    pub(crate) moved: usize,
    /// Requests that break the provider's rules.
    pub(crate) faults: Vec<String>,
}

pub(crate) type Shared = Arc<Mutex<Books>>;

pub(crate) fn answer(status: u16, body: &Value) -> Response {
    (StatusCode::from_u16(status).unwrap(), axum::Json(body.clone())).into_response()
}

/// An answer that breaks off: the caller cannot know what happened.
fn broken() -> Response {
    let broken = futures::stream::iter([Ok("{"), Err(std::io::Error::other("gone"))]);
    Response::builder().header("content-type", "application/json").body(Body::from_stream(broken)).unwrap()
}

/// What was answered under a key before; the same key for something else is a fault.
fn repeated(books: &mut Books, headers: &HeaderMap, asked: &str, longest: usize) -> Result<String, Box<Response>> {
    let key = headers.get("idempotency-key").and_then(|v| v.to_str().ok()).unwrap_or("").to_owned();
    if key.is_empty() || key.len() > longest {
        books.faults.push(format!("idempotency key `{key}`"));
    }
    let Some((before, status, body)) = books.answers.get(&key).cloned() else { return Ok(key) };
    if before != asked {
        books.faults.push(format!("the key `{key}` was used for `{before}` and `{asked}`"));
    }
    Err(Box::new(answer(status, &body)))
}

pub(crate) async fn listen(routes: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    url
}

pub(crate) mod toss {
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
            Err(before) => return *before,
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
            Err(before) => return *before,
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

    pub(crate) async fn start(books: &Shared) -> String {
        let routes = Router::new()
            .route("/v1/payments/confirm", post(confirm))
            .route("/v1/payments/{key}/cancel", post(cancel))
            .route("/v1/payments/orders/{order}", get(by_order));
        listen(routes.with_state(Arc::clone(books))).await
    }
}

pub(crate) mod stripe {
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
            Err(before) => return *before,
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
            Err(before) => return *before,
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

    pub(crate) async fn start(books: &Shared) -> String {
        let routes = Router::new()
            .route("/v1/payment_intents", post(create))
            .route("/v1/payment_intents/search", get(search))
            .route("/v1/refunds", post(refund));
        listen(routes.with_state(Arc::clone(books))).await
    }
}
