//! Bad input: every endpoint that takes some, with what people and programs get wrong.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Engine, Service};

/// Method, path (`P` is a product, `A` an auction, `B` a broadcast, `O` an order), body, status, and a field or code
/// that the answer names.
fn table() -> Vec<(&'static str, &'static str, Value, u16, &'static str)> {
    let long = "가".repeat(6000);
    vec![
        ("POST", "/people", json!({"email": "a@b.kr", "password": "short", "name": "n"}), 422, "password"),
        ("POST", "/people", json!({"email": "a", "password": "long enough!", "name": "n"}), 422, "email"),
        ("POST", "/people", json!({"email": "a@b.kr", "password": "long enough!", "name": " "}), 422, "name"),
        ("POST", "/people", json!({"email": "a@b.kr", "password": "long enough!", "name": "a\u{0}b"}), 422, "name"),
        (
            "POST",
            "/people",
            json!({"email": "a@b.kr", "password": "long enough!", "name": "n", "company": "c"}),
            422,
            "registration",
        ),
        (
            "POST",
            "/people",
            json!({"email": format!("{long}@b.kr"), "password": "long enough!", "name": "n"}),
            422,
            "email",
        ),
        ("POST", "/people", json!([]), 422, "body"),
        ("POST", "/people", json!({"email": 5}), 422, "body"),
        ("POST", "/session", json!({}), 422, "body"),
        ("PATCH", "/me", json!({"name": ""}), 422, "name"),
        ("PATCH", "/me", json!({"name": "n", "about": long}), 422, "about"),
        ("POST", "/products", json!({"form": "gift", "category": "living", "title": "tt", "price": 1000}), 422, "body"),
        (
            "POST",
            "/products",
            json!({"form": "ordinary", "category": "none", "title": "tt", "price": 1000}),
            422,
            "category",
        ),
        (
            "POST",
            "/products",
            json!({"form": "ordinary", "category": "living", "title": "t", "price": 1000}),
            422,
            "title",
        ),
        (
            "POST",
            "/products",
            json!({"form": "ordinary", "category": "living", "title": "tt", "price": -1}),
            422,
            "price",
        ),
        (
            "POST",
            "/products",
            json!({"form": "ordinary", "category": "living", "title": "tt", "price": i64::MAX}),
            422,
            "price",
        ),
        (
            "POST",
            "/products",
            json!({"form": "ordinary", "category": "living", "title": "tt", "price": 1.5}),
            422,
            "body",
        ),
        (
            "POST",
            "/products",
            json!({"form": "ordinary", "category": "living", "title": "tt", "price": 1000, "stock": 0}),
            422,
            "stock",
        ),
        ("POST", "/products", json!({"form": "used", "category": "living", "title": "tt", "price": 1000}), 422, "wear"),
        (
            "POST",
            "/products",
            json!({"form": "used", "category": "living", "title": "tt", "price": 1000, "wear": "good", "stock": 2}),
            422,
            "stock",
        ),
        (
            "POST",
            "/products",
            json!({"form": "direct", "category": "living", "title": "tt", "price": 1000, "wear": "good"}),
            422,
            "place",
        ),
        (
            "POST",
            "/products",
            json!({"form": "auction", "category": "living", "title": "tt", "price": 1000}),
            422,
            "auction",
        ),
        (
            "POST",
            "/products",
            json!({"form": "auction", "category": "living", "title": "tt", "price": 1000, "auction": {"step": 0, "ends_at": i64::MAX}}),
            422,
            "step",
        ),
        (
            "POST",
            "/products",
            json!({"form": "auction", "category": "living", "title": "tt", "price": 1000, "auction": {"step": 1, "ends_at": i64::MIN}}),
            422,
            "ends_at",
        ),
        (
            "POST",
            "/products",
            json!({"form": "auction", "category": "living", "title": "tt", "price": 1000, "auction": {"step": 1, "starts_at": i64::MIN, "ends_at": i64::MAX}}),
            422,
            "starts_at",
        ),
        ("PATCH", "/products/P", json!({"price": 1}), 422, "price"),
        ("PATCH", "/products/P", json!({"add_stock": i64::MAX}), 422, "add_stock"),
        ("PATCH", "/products/P", json!({"add_stock": -1000}), 409, "stock-range"),
        ("PATCH", "/products/A", json!({"price": 5000}), 409, "auction-fixed"),
        ("PATCH", "/products/A", json!({"add_stock": 1}), 409, "single-piece"),
        ("PATCH", "/products/0000000000000", json!({}), 404, "not-found"),
        ("PATCH", "/products/x", json!({}), 404, "not-found"),
        ("POST", "/products/P/reviews", json!({"stars": 6}), 422, "stars"),
        ("POST", "/products/P/reviews", json!({"stars": 0}), 422, "stars"),
        ("POST", "/products/A/bids", json!({"amount": 0}), 422, "amount"),
        ("POST", "/products/A/bids", json!({"amount": -5}), 422, "amount"),
        ("POST", "/products/A/bids", json!({"amount": "1000"}), 422, "body"),
        ("POST", "/products/A/bids", json!({"amount": i64::MAX}), 422, "amount"),
        ("POST", "/products/P/bids", json!({"amount": 1000}), 404, "not-found"),
        ("PUT", "/cart/P", json!({"quantity": -1}), 422, "quantity"),
        ("PUT", "/cart/A", json!({"quantity": 1}), 409, "not-for-cart"),
        ("PUT", "/cart/0000000000000", json!({"quantity": 1}), 404, "not-found"),
        ("POST", "/checkout", json!({"recipient": "a", "phone": "b", "address": "c"}), 409, "cart-empty"),
        ("POST", "/orders", json!({"items": []}), 422, "items"),
        ("POST", "/orders", json!({"items": [{"product_id": "x"}]}), 422, "body"),
        ("POST", "/orders", json!({"items": [{"product_id": "P", "quantity": 0}]}), 422, "quantity"),
        ("POST", "/orders", json!({"items": [{"product_id": "P", "quantity": 5000}]}), 422, "quantity"),
        ("POST", "/orders", json!({"items": [{"product_id": "P"}, {"product_id": "P"}]}), 422, "items"),
        (
            "POST",
            "/orders",
            json!({"items": [{"product_id": "Q"}, {"product_id": "R"}], "recipient": "a", "phone": "b", "address": "c"}),
            422,
            "items",
        ),
        ("POST", "/orders", json!({"items": [{"product_id": "Q"}]}), 422, "recipient"),
        (
            "POST",
            "/orders",
            json!({"items": [{"product_id": "Q"}], "recipient": "a", "phone": "b", "address": long}),
            422,
            "address",
        ),
        (
            "POST",
            "/orders",
            json!({"items": [{"product_id": "Q", "quantity": 999}], "recipient": "a", "phone": "b", "address": "c"}),
            409,
            "sold-out",
        ),
        (
            "POST",
            "/orders",
            json!({"items": [{"product_id": "P"}], "recipient": "a", "phone": "b", "address": "c"}),
            409,
            "own-product",
        ),
        (
            "POST",
            "/orders",
            json!({"items": [{"product_id": "0000000000000"}], "recipient": "a", "phone": "b", "address": "c"}),
            404,
            "not-found",
        ),
        ("POST", "/orders/O/payment", json!({"payment_token": ""}), 422, "payment_token"),
        ("POST", "/orders/x/cancel", Value::Null, 404, "not-found"),
        ("POST", "/ads", json!({"slot": "side", "product_id": "P", "days": 1}), 422, "body"),
        ("POST", "/ads", json!({"slot": "top", "product_id": "P", "days": 0}), 422, "days"),
        ("POST", "/broadcasts", json!({"title": "t", "starts_at": 0}), 422, "title"),
        ("POST", "/broadcasts", json!({"title": "tt", "starts_at": 0}), 422, "starts_at"),
        ("POST", "/broadcasts", json!({"title": "tt", "starts_at": i64::MAX}), 422, "starts_at"),
        ("PATCH", "/broadcasts/B", json!({"slow_seconds": -1}), 422, "slow_seconds"),
        ("PATCH", "/broadcasts/B", json!({"pinned_id": "Q"}), 422, "pinned_id"),
        ("POST", "/broadcasts/B/comments", json!({"text": ""}), 422, "text"),
        ("POST", "/broadcasts/B/comments", json!({"text": long}), 422, "text"),
        ("POST", "/broadcasts/B/chat", json!({"text": "   "}), 422, "text"),
        ("POST", "/broadcasts/0000000000000/chat", json!({"text": "a"}), 404, "not-found"),
        ("POST", "/broadcasts/B/silences", json!({"person_id": "0000000000000", "seconds": 5}), 404, "not-found"),
        ("POST", "/broadcasts/B/silences", json!({"person_id": "0000000000000", "seconds": -5}), 422, "seconds"),
        ("GET", "/products?limit=0", Value::Null, 422, "limit"),
        ("GET", "/products?limit=many", Value::Null, 400, "malformed"),
        ("GET", "/products?after=1", Value::Null, 422, "after"),
        ("GET", "/products?form=gift", Value::Null, 422, "form"),
        ("GET", "/products?category=none", Value::Null, 422, "category"),
        ("GET", "/products?seller='%20OR%201=1", Value::Null, 422, "seller"),
        ("GET", "/orders?after=x", Value::Null, 422, "after"),
        ("GET", "/broadcasts?state=soon", Value::Null, 400, "malformed"),
        ("GET", "/nothing", Value::Null, 404, "not-found"),
        ("DELETE", "/products", Value::Null, 405, "method"),
    ]
}

async fn refused_on(engine: Engine) {
    let service = Service::start(engine, &[]);
    let (user, one, two) = (service.user(true).await, service.user(true).await, service.user(true).await);
    let product = service.product(&user, json!({})).await;
    let soon = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as i64 + 60_000;
    let auction = json!({"form": "auction", "stock": 1, "auction": {"step": 10, "ends_at": soon}});
    let auction = service.product(&one, auction).await;
    let (q, r) = (service.product(&one, json!({})).await, service.product(&two, json!({})).await);
    let broadcast = json!({"title": "방송", "starts_at": soon, "products": [product]});
    let broadcast = service.expect(201, Some(&user), Method::POST, "/api/v1/broadcasts", broadcast).await;
    let order = service.ordered(&user, &q).await;
    let own =
        service.product(&user, json!({"form": "auction", "stock": 1, "auction": {"step": 10, "ends_at": soon}})).await;
    let named = |text: &str, path: bool| {
        let ids = [("P", &product), ("Q", &q), ("R", &r), ("O", &order)];
        let broadcast = broadcast["id"].as_str().unwrap().to_owned();
        // An auction is changed by its owner and bid for by others.
        let auction = if text.contains("/bids") { &auction } else { &own };
        let mut text = text.to_owned();
        for (letter, id) in ids.into_iter().chain([("A", auction), ("B", &broadcast)]) {
            let (from, to) = if path {
                (format!("/{letter}"), format!("/{id}"))
            } else {
                (format!("\"{letter}\""), format!("\"{id}\""))
            };
            text = replaced(&text, &from, &to, path);
        }
        text
    };
    let mut wrong = Vec::new();
    for (method, path, body, status, name) in table() {
        let path = format!("/api/v1{}", named(path, true));
        let request = service.client.request(method.parse().unwrap(), format!("{}{path}", service.base));
        let mut request = request
            .bearer_auth(&user.token)
            .header("idempotency-key", format!("bad-input-{}", crate::harness::number()));
        if !body.is_null() {
            request = request.header("content-type", "application/json").body(named(&body.to_string(), false));
        }
        let answer = request.send().await.unwrap();
        let (got, kind) = (answer.status().as_u16(), answer.headers().get("content-type").cloned());
        let told = answer.text().await.unwrap();
        let problem = kind.is_some_and(|kind| kind == "application/problem+json");
        if got != status || !told.contains(&format!("\"{name}\"")) || !problem {
            wrong.push(format!("{method} {path} {body}: {got} {told}, wanted {status} and `{name}`"));
        }
    }
    assert!(wrong.is_empty(), "{engine:?}\n{}", wrong.join("\n"));

    // Bodies that are no JSON, of the wrong type, or without the key.
    let post = |path: &str| service.client.post(format!("{}/api/v1{path}", service.base)).bearer_auth(&user.token);
    let json = "application/json";
    for (kind, body, status) in
        [(json, "{", 400), (json, "", 400), ("text/plain", "{}", 415), (json, "\u{feff}{}", 400)]
    {
        let answer = post("/products").header("content-type", kind).body(body).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status, "{kind} {body}");
    }
    let huge = format!("{{\"title\": \"{}\"}}", "a".repeat(3 << 20));
    let answer = post("/products").header("content-type", json).body(huge).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 413);
    for key in [None, Some("short"), Some("with a space in it"), Some("")] {
        let mut request = post("/orders").json(&crate::harness::order_of(&q, 1, "ok"));
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        assert_eq!(request.send().await.unwrap().status().as_u16(), 400, "{key:?}");
    }
    service.verified();
}

/// Uploads that are refused before they are read: each sender gets the reason, not a broken connection.
#[tokio::test]
async fn a_refused_upload_hears_why() {
    let service = Service::start(Engine::Sqlite, &[]);
    let seller = service.user(true).await;
    let product = service.product(&seller, json!({})).await;
    let pictures = format!("/api/v1/products/{product}/pictures");
    let (bearer, cookie) = (format!("Bearer {}", seller.token), format!("session={}", seller.token));
    let (bearer, cookie) = (("authorization", bearer.as_str()), ("cookie", cookie.as_str()));
    let nobody = ("accept", "*/*");
    let boundary = "multipart/form-data; boundary=b";
    let part = "--b\r\ncontent-disposition: form-data; name=\"pictures\"; filename=\"a\"\r\n\r\n";
    let mega = 1 << 20;
    for (path, who, kind, size, status) in [
        (pictures.as_str(), bearer, "image/png", 9 * mega, 413),
        (&pictures, bearer, "image/gif", 9 * mega, 415),
        (&pictures, nobody, "image/png", 9 * mega, 401),
        ("/api/v1/products", bearer, "application/json", 3 * mega, 413),
        ("/api/v1/products", bearer, "text/plain", 9 * mega, 415),
        ("/api/v1/me", bearer, "application/json", 9 * mega, 405),
        ("/api/v1/nothing", bearer, "application/json", 9 * mega, 404),
        ("/checkout", cookie, "application/x-www-form-urlencoded", 9 * mega, 413),
        ("/sell", cookie, boundary, 9 * mega, 413),
        ("/sell", cookie, boundary, 73 * mega, 413),
        ("/sell", nobody, boundary, 9 * mega, 303),
        ("/hooks/payments", nobody, "application/json", 9 * mega, 413),
        ("/hooks/media/events", nobody, "application/json", 9 * mega, 413),
    ] {
        let mut body = if kind == boundary { part.as_bytes().to_vec() } else { Vec::new() };
        body.resize(size, b'a');
        let request = service.client.post(format!("{}{path}", service.base)).header(who.0, who.1);
        let answer = request.header("content-type", kind).body(body).send().await;
        let answer = answer.unwrap_or_else(|e| panic!("{path} {kind} {size}: {e:?}"));
        assert_eq!(answer.status().as_u16(), status, "{path} {kind} {size}");
    }
    let other =
        service.client.post(format!("{}/cart/{product}", service.base)).header("origin", "https://evil.example");
    assert_eq!(other.body(vec![0; 9 * mega]).send().await.unwrap().status().as_u16(), 403);
}

/// A sender that asks before it sends is not told to go on, and hears the answer at once.
#[test]
fn an_upload_that_asks_first_is_not_called_for() {
    use std::io::{Read, Write};
    let service = Service::start(Engine::Sqlite, &[]);
    let mut wire = std::net::TcpStream::connect(service.base.trim_start_matches("http://")).unwrap();
    let head = "POST /api/v1/nothing HTTP/1.1\r\nhost: shop\r\nexpect: 100-continue\r\ncontent-length: 9000000\r\n\r\n";
    wire.write_all(head.as_bytes()).unwrap();
    wire.set_read_timeout(Some(std::time::Duration::from_secs(5))).unwrap();
    let mut answer = [0; 12];
    wire.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 404");
}

/// A text with whole segments of a path, or quoted words, replaced.
fn replaced(text: &str, from: &str, to: &str, path: bool) -> String {
    if !path {
        return text.replace(from, to);
    }
    let (path, query) = text.split_once('?').map_or((text, None), |(path, query)| (path, Some(query)));
    let segments: Vec<&str> = path.split('/').map(|s| if from == format!("/{s}") { &to[1..] } else { s }).collect();
    let joined = segments.join("/");
    query.map_or(joined.clone(), |query| format!("{joined}?{query}"))
}

#[tokio::test]
async fn bad_input_is_refused_with_reasons_on_sqlite() {
    refused_on(Engine::Sqlite).await;
}

#[tokio::test]
async fn bad_input_is_refused_with_reasons_on_mariadb() {
    refused_on(Engine::MariaDb).await;
}
