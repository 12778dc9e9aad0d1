//! The everyday paths: selling, the cart, direct deals, reviews, advertising.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Engine, Service, number};

#[tokio::test]
async fn both_engines_carry_the_whole_path() {
    for engine in [Engine::Sqlite, Engine::MariaDb] {
        let service = Service::start(engine, &[]);
        let (seller, other, buyer) = (service.user(true).await, service.user(true).await, service.user(false).await);
        let mug = service.product(&seller, json!({"title": "파란 머그 100%", "stock": 3})).await;
        let lamp = service.product(&other, json!({"title": "Night LAMP_1", "stock": 2, "category": "digital"})).await;

        // Searching: words in any case, and the wildcards of SQL are only letters.
        for (query, found) in [
            ("q=lamp", 1),
            ("q=머그", 1),
            ("q=%25", 1),
            ("q=_", 1),
            ("q=없는것", 0),
            ("category=digital", 1),
            ("form=used", 0),
        ] {
            let page = service.expect(200, None, Method::GET, &format!("/api/v1/products?{query}"), Value::Null).await;
            assert_eq!(page["products"].as_array().unwrap().len(), found, "{engine:?} {query}");
        }
        let first = service.expect(200, None, Method::GET, "/api/v1/products?limit=1", Value::Null).await;
        assert_eq!(first["products"][0]["id"], lamp.as_str());
        let path = format!("/api/v1/products?limit=1&after={}", first["next"].as_str().unwrap());
        let second = service.expect(200, None, Method::GET, &path, Value::Null).await;
        assert_eq!((second["products"][0]["id"].as_str(), second["next"].as_str()), (Some(mug.as_str()), None));

        // The cart becomes one order for each seller.
        for (product, quantity) in [(&mug, 2), (&lamp, 1)] {
            let path = format!("/api/v1/cart/{product}");
            service.expect(204, Some(&buyer), Method::PUT, &path, json!({"quantity": quantity})).await;
        }
        let check_out = service.client.post(format!("{}/api/v1/checkout", service.base)).bearer_auth(&buyer.token);
        let check_out = check_out.header("idempotency-key", format!("check-out-{}", number()));
        let body = json!({"recipient": "김", "phone": "010", "address": "서울", "payment_token": "ok"});
        let orders: Value = check_out.json(&body).send().await.unwrap().json().await.unwrap();
        assert_eq!(orders.as_array().unwrap().len(), 2, "{orders}");
        for order in orders.as_array().unwrap() {
            service.until(&buyer, order["id"].as_str().unwrap(), "paid").await;
        }
        let cart = service.expect(200, Some(&buyer), Method::GET, "/api/v1/cart", Value::Null).await;
        assert_eq!(cart, json!([]));
        assert_eq!((service.stock(&mug).await, service.stock(&lamp).await), (1, 1));
        let sales = service.expect(200, Some(&seller), Method::GET, "/api/v1/sales", Value::Null).await;
        assert_eq!(sales["orders"][0]["total"], 24_000);
        let statement = service.expect(200, Some(&seller), Method::GET, "/api/v1/statement", Value::Null).await;
        assert_eq!((statement["sales"].as_i64(), statement["commission"].as_i64()), (Some(24_000), Some(-1200)));

        // Reviews are for buyers, once.
        let reviews = format!("/api/v1/products/{mug}/reviews");
        service.expect(403, Some(&other), Method::POST, &reviews, json!({"stars": 1})).await;
        service.expect(201, Some(&buyer), Method::POST, &reviews, json!({"stars": 4, "text": "좋아요 👍"})).await;
        let again = service.expect(409, Some(&buyer), Method::POST, &reviews, json!({"stars": 5})).await;
        assert_eq!(again["code"], "already-reviewed");
        let told = service.expect(200, None, Method::GET, &reviews, Value::Null).await;
        assert_eq!(told[0]["text"], "좋아요 👍");

        // Stock changes by differences and never below nothing.
        let path = format!("/api/v1/products/{mug}");
        service.expect(409, Some(&seller), Method::PATCH, &path, json!({"add_stock": -2})).await;
        let more = service.expect(200, Some(&seller), Method::PATCH, &path, json!({"add_stock": 9})).await;
        assert_eq!(more["stock"], 10);
        service.expect(200, Some(&seller), Method::PATCH, &path, json!({"state": "hidden"})).await;
        service.expect(404, Some(&buyer), Method::GET, &path, Value::Null).await;
        service.expect(200, Some(&seller), Method::GET, &path, Value::Null).await;
        let answer = service.order(&buyer, &mug, 1, "hidden-one").await.unwrap();
        assert_eq!(answer.status().as_u16(), 404);

        // An address signs up once, in whatever case.
        let twice = json!({"email": buyer.email.to_uppercase(), "password": "a long password", "name": "둘째"});
        let taken = service.expect(409, None, Method::POST, "/api/v1/people", twice).await;
        assert_eq!(taken["code"], "email-taken");

        // Advertising is booked while there are places, and is on the statement.
        for turn in 0..4 {
            let status = if turn < 3 { 201 } else { 409 };
            let ad = json!({"slot": "top", "product_id": lamp, "days": 2});
            service.expect(status, Some(&other), Method::POST, "/api/v1/ads", ad).await;
        }
        let statement = service.expect(200, Some(&other), Method::GET, "/api/v1/statement", Value::Null).await;
        assert_eq!(statement["advertising"], -300_000);
        service.verified();
    }
}

#[tokio::test]
async fn a_direct_deal_is_done_when_both_say_so() {
    for engine in [Engine::Sqlite, Engine::MariaDb] {
        let service = Service::start(engine, &[]);
        let (owner, buyer, third) = (service.user(false).await, service.user(false).await, service.user(false).await);
        let chair = json!({"form": "direct", "stock": 1, "wear": "fair", "place": "합정역"});
        let chair = service.product(&owner, chair).await;
        let order = service.ordered(&buyer, &chair).await;
        let late = service.order(&third, &chair, 1, "too-late-now").await.unwrap();
        assert_eq!(late.json::<Value>().await.unwrap()["code"], "sold-out");
        let path = format!("/api/v1/orders/{order}/confirmation");
        service.expect(404, Some(&third), Method::POST, &path, Value::Null).await;
        let (one, two) = tokio::join!(
            service.ask(Some(&owner), Method::POST, &path, Value::Null),
            service.ask(Some(&buyer), Method::POST, &path, Value::Null)
        );
        assert!(one.status().is_success() && two.status().is_success());
        let done = service.until(&buyer, &order, "paid").await;
        assert_eq!((done["method"].as_str(), done["commission"].as_i64()), (Some("meet"), Some(0)));

        // Called off, the thing is for sale again.
        let second =
            service.product(&owner, json!({"form": "direct", "stock": 1, "wear": "good", "place": "여기"})).await;
        let order = service.ordered(&buyer, &second).await;
        service.expect(200, Some(&owner), Method::POST, &format!("/api/v1/orders/{order}/cancel"), Value::Null).await;
        assert_eq!(service.stock(&second).await, 1);
        service.ordered(&third, &second).await;
        service.verified();
    }
}

#[tokio::test]
async fn pictures_are_rewritten_and_what_is_none_is_refused() {
    let service = Service::start(Engine::Sqlite, &[]);
    let seller = service.user(true).await;
    let product = service.product(&seller, json!({})).await;
    let send = |kind: &'static str, bytes: Vec<u8>| {
        let request = service.client.post(format!("{}/api/v1/products/{product}/pictures", service.base));
        request.bearer_auth(&seller.token).header("content-type", kind).body(bytes).send()
    };
    let mut png = Vec::new();
    let drawn = image::DynamicImage::new_rgb8(900, 600);
    drawn.write_to(&mut std::io::Cursor::new(&mut png), image::ImageFormat::Png).unwrap();
    let picture: Value = send("image/png", png.clone()).await.unwrap().json().await.unwrap();
    let name = picture["name"].as_str().unwrap();
    for (file, width) in [(format!("{name}.jpg"), 900), (format!("{name}-small.jpg"), 480)] {
        let answer = service.client.get(format!("{}/pictures/{file}", service.base)).send().await.unwrap();
        assert!(answer.headers()["cache-control"].to_str().unwrap().contains("immutable"));
        assert_eq!(image::load_from_memory(&answer.bytes().await.unwrap()).unwrap().width(), width);
    }
    assert_eq!(send("image/svg+xml", b"<svg/>".to_vec()).await.unwrap().status().as_u16(), 415);
    assert_eq!(send("image/png", b"no picture".to_vec()).await.unwrap().status().as_u16(), 422);
    assert_eq!(send("image/png", vec![0; 9 << 20]).await.unwrap().status().as_u16(), 413);
    for _ in 1..8 {
        assert_eq!(send("image/png", png.clone()).await.unwrap().status().as_u16(), 201);
    }
    assert_eq!(send("image/png", png).await.unwrap().status().as_u16(), 409);
    for path in ["/pictures/..%2Fshop.db", "/pictures/none.jpg", "/pictures/%2Fetc%2Fpasswd"] {
        let answer = service.client.get(format!("{}{path}", service.base)).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 404, "{path}");
    }
}
