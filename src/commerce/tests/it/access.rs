//! The access matrix: every operation of the API document, as every role, on things of one's own and of others.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Engine, Service, User};

/// Who asks, in the order of the matrix's columns.
const ROLES: [&str; 6] = ["nobody", "buyer", "stranger", "seller", "other seller", "admin"];

/// What a role may get: y is an answer or a refusal that has nothing to do with who asks; l is "log in"; n is "not
/// allowed" or "no such thing".
const MATRIX: &[(&str, &str, &str)] = &[
    ("POST", "/api/v1/people", "yyyyyy"),
    ("POST", "/api/v1/session", "yyyyyy"),
    ("GET", "/api/v1/me", "lyyyyy"),
    ("PATCH", "/api/v1/me", "lyyyyy"),
    ("GET", "/api/v1/me/stream-key", "lnnyyy"),
    ("POST", "/api/v1/me/stream-key", "lnnyyy"),
    ("DELETE", "/api/v1/me/stream-key", "lnnyyy"),
    ("GET", "/api/v1/categories", "yyyyyy"),
    ("GET", "/api/v1/products", "yyyyyy"),
    ("POST", "/api/v1/products", "lnnyyy"),
    ("GET", "/api/v1/products/{id}", "yyyyyy"),
    ("PATCH", "/api/v1/products/{id}", "lnnyny"),
    ("POST", "/api/v1/products/{id}/pictures", "lnnyny"),
    ("GET", "/api/v1/products/{id}/reviews", "yyyyyy"),
    ("POST", "/api/v1/products/{id}/reviews", "lynnnn"),
    ("GET", "/api/v1/products/{id}/bids", "yyyyyy"),
    ("POST", "/api/v1/products/{id}/bids", "lyyyyy"),
    ("GET", "/api/v1/cart", "lyyyyy"),
    ("PUT", "/api/v1/cart/{id}", "lyyyyy"),
    ("POST", "/api/v1/checkout", "lyyyyy"),
    ("GET", "/api/v1/orders", "lyyyyy"),
    ("POST", "/api/v1/orders", "lyyyyy"),
    ("GET", "/api/v1/orders/{id}", "lynyny"),
    ("POST", "/api/v1/orders/{id}/payment", "lynnnn"),
    ("POST", "/api/v1/orders/{id}/cancel", "lynyny"),
    ("POST", "/api/v1/orders/{id}/delivery", "lynynn"),
    ("POST", "/api/v1/orders/{id}/confirmation", "lynyny"),
    ("POST", "/api/v1/orders/{id}/refund", "lynyny"),
    ("GET", "/api/v1/sales", "lyyyyy"),
    ("GET", "/api/v1/statement", "lyyyyy"),
    ("POST", "/api/v1/ads", "lnnyny"),
    ("GET", "/api/v1/broadcasts", "yyyyyy"),
    ("POST", "/api/v1/broadcasts", "lnnynn"),
    ("GET", "/api/v1/broadcasts/{id}", "yyyyyy"),
    ("PATCH", "/api/v1/broadcasts/{id}", "lnnyny"),
    ("GET", "/api/v1/broadcasts/{id}/comments", "yyyyyy"),
    ("POST", "/api/v1/broadcasts/{id}/comments", "lyyyyy"),
    ("GET", "/api/v1/broadcasts/{id}/chat", "yyyyyy"),
    ("POST", "/api/v1/broadcasts/{id}/chat", "lyyyyy"),
    ("POST", "/api/v1/broadcasts/{id}/silences", "lnnyny"),
    ("DELETE", "/api/v1/broadcasts/{id}/chat/{message}", "lnnyny"),
    ("GET", "/api/v1/admin/audit", "lnnnny"),
    ("PUT", "/api/v1/admin/people/{id}/suspension", "lnnnny"),
    ("PUT", "/api/v1/admin/test-provider", "lnnnny"),
    ("DELETE", "/api/v1/session", "lyyyyy"),
];

/// Things that the matrix's rows are about, of which each column may get new ones.
struct Things {
    product: String,
    order: String,
    broadcast: String,
    message: String,
    person: String,
}

async fn things(service: &Service, seller: &User, buyer: &User, person: &User) -> Things {
    let product = service.product(seller, json!({"stock": 50})).await;
    let order = service.ordered(buyer, &product).await;
    service.until(buyer, &order, "paid").await;
    let input = json!({"title": "방송", "starts_at": 1_000 + now(), "products": [product]});
    let made = service.expect(201, Some(seller), Method::POST, "/api/v1/broadcasts", input).await;
    let broadcast = made["id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/broadcasts/{broadcast}/chat");
    let said = service.expect(201, Some(seller), Method::POST, &path, json!({"text": "안녕"})).await;
    let person = person.id.clone();
    Things { product, order, broadcast, message: said["id"].as_str().unwrap().to_owned(), person }
}

fn now() -> i64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as i64
}

fn fill(path: &str, things: &Things) -> String {
    let id = match path.split('/').nth(3).unwrap() {
        "products" | "cart" => &things.product,
        "orders" => &things.order,
        "broadcasts" => &things.broadcast,
        _ => &things.person,
    };
    path.replace("{id}", id).replace("{message}", &things.message)
}

fn body(method: &str, path: &str, things: &Things) -> Value {
    match (method, path.trim_start_matches("/api/v1")) {
        ("GET" | "DELETE", _) => Value::Null,
        (_, "/people") => json!({"email": "not an address", "password": "x", "name": ""}),
        (_, "/session") => json!({"email": "nobody", "password": 1}),
        (_, "/me") => json!({"name": "새 이름"}),
        (_, "/products") => json!({"form": "ordinary", "category": "living", "title": "물건", "price": 1000}),
        (_, "/products/{id}/reviews") => json!({"stars": 5}),
        (_, "/products/{id}/bids") => json!({"amount": 1000}),
        (_, "/cart/{id}") => json!({"quantity": 1}),
        (_, "/orders/{id}/payment") => json!({"payment_token": "ok", "address": "서울"}),
        (_, "/ads") => json!({"slot": "list", "product_id": things.product, "days": 1}),
        (_, "/broadcasts") => json!({"title": "방송", "starts_at": now() + 9000, "products": [things.product]}),
        (_, "/broadcasts/{id}/comments" | "/broadcasts/{id}/chat") => json!({"text": "안녕"}),
        (_, "/broadcasts/{id}/silences") => json!({"person_id": things.person, "seconds": 1}),
        (_, "/admin/people/{id}/suspension") => json!({"suspended": true}),
        (_, "/admin/test-provider") => json!({"share": 0}),
        _ => json!({}),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_operation_answers_every_role_as_the_matrix_says() {
    let service = Service::start(Engine::Sqlite, &[]);
    // The matrix is complete: it has the operations of the document, no more and no fewer.
    let document = service.expect(200, None, Method::GET, "/api/v1/openapi.json", Value::Null).await;
    let mut known: Vec<(String, String)> = Vec::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        known.extend(operations.as_object().unwrap().keys().map(|method| (method.to_uppercase(), path.clone())));
    }
    let mut listed: Vec<(String, String)> = MATRIX.iter().map(|(m, p, _)| ((*m).to_owned(), (*p).to_owned())).collect();
    known.sort();
    listed.sort();
    assert_eq!(listed, known);

    let (seller, buyer) = (service.user(true).await, service.user(false).await);
    let (stranger, other) = (service.user(false).await, service.user(true).await);
    let (admin, person) = (service.admin().await, service.user(false).await);
    let roles = [None, Some(&buyer), Some(&stranger), Some(&seller), Some(&other), Some(&admin)];
    let mut wrong = Vec::new();
    for (method, path, expected) in MATRIX {
        // Each operation gets things of its own, which its roles share.
        let shared = things(&service, &seller, &buyer, &person).await;
        for ((who, role), letter) in roles.iter().zip(ROLES).zip(expected.chars()) {
            let request =
                service.client.request(method.parse().unwrap(), format!("{}{}", service.base, fill(path, &shared)));
            let mut request = request.header("idempotency-key", format!("matrix-{}", crate::harness::number()));
            if let Some(user) = who {
                request = request.bearer_auth(&user.token);
            }
            let body = body(method, path, &shared);
            request = match *path {
                "/api/v1/products/{id}/pictures" => request.header("content-type", "image/png").body("none"),
                _ if body.is_null() => request,
                _ => request.json(&body),
            };
            let answer = request.send().await.unwrap();
            let status = answer.status().as_u16();
            let got = match status {
                401 if !path.ends_with("/session") || *method == "DELETE" => 'l',
                403 => 'n',
                404 if path.contains("/orders/") => 'n',
                500.. => '!',
                _ => 'y',
            };
            if got != letter {
                wrong.push(format!(
                    "{method} {path} as {role}: {status}, wanted {letter}: {}",
                    answer.text().await.unwrap()
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn suspended_people_are_out_at_once_and_cannot_come_back() {
    let service = Service::start(Engine::Sqlite, &[]);
    let (user, admin) = (service.user(true).await, service.admin().await);
    service.expect(200, Some(&user), Method::GET, "/api/v1/me", Value::Null).await;
    let path = format!("/api/v1/admin/people/{}/suspension", user.id);
    service.expect(204, Some(&admin), Method::PUT, &path, json!({"suspended": true})).await;
    service.expect(401, Some(&user), Method::GET, "/api/v1/me", Value::Null).await;
    let input = json!({"email": user.email, "password": crate::harness::PASSWORD});
    service.expect(401, None, Method::POST, "/api/v1/session", input).await;
    service.expect(204, Some(&admin), Method::PUT, &path, json!({"suspended": false})).await;
    service.log_in(&user.email).await;
    let audit = service.expect(200, Some(&admin), Method::GET, "/api/v1/admin/audit", Value::Null).await;
    assert_eq!(audit[0]["action"], "person.restore");
}

#[tokio::test]
async fn a_page_of_another_site_can_write_nothing() {
    let service = Service::start(Engine::Sqlite, &[]);
    let user = service.user(false).await;
    let send = |name: &'static str, value: String, form: &'static str| {
        let request = service.client.post(format!("{}/account", service.base));
        let request = request.header("cookie", format!("session={}", user.token)).header(name, value);
        request.header("content-type", "application/x-www-form-urlencoded").body(form).send()
    };
    for (name, value) in
        [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site"), ("sec-fetch-site", "same-site")]
    {
        assert_eq!(send(name, value.into(), "name=x").await.unwrap().status().as_u16(), 403, "{name}");
    }
    // Even from our own site, a form needs the session's token.
    for form in ["name=x", "name=x&csrf=", "name=x&csrf=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
        assert_eq!(send("origin", service.base.clone(), form).await.unwrap().status().as_u16(), 403, "{form}");
    }
    let me = service.expect(200, Some(&user), Method::GET, "/api/v1/me", Value::Null).await;
    assert_ne!(me["name"], "x");
}
