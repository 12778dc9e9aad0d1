//! The service as its users meet it: a process on a free port, spoken to by HTTP.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use reqwest::{Client, Method, Response, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;

/// The program under test.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_commerce");
/// The password of everybody in the tests.
pub(crate) const PASSWORD: &str = "a long password";

static NUMBER: AtomicU64 = AtomicU64::new(0);

/// A number that no test had before.
pub(crate) fn number() -> u64 {
    NUMBER.fetch_add(1, Ordering::Relaxed)
}

/// A setting from the environment, to run the load tests longer.
pub(crate) fn setting(name: &str, normal: usize) -> usize {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(normal)
}

/// Which database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    Sqlite,
    MariaDb,
}

/// A running service.
pub(crate) struct Service {
    child: Child,
    pub(crate) base: String,
    pub(crate) folder: TempDir,
    pub(crate) database: String,
    options: Vec<String>,
    environment: Vec<(&'static str, String)>,
    pub(crate) client: Client,
}

impl Drop for Service {
    fn drop(&mut self) {
        // Only the process that this test started.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(
    folder: &Path,
    database: &str,
    options: &[String],
    environment: &[(&str, String)],
    listen: &str,
) -> (Child, String) {
    let mut child = Command::new(PROGRAM)
        .args(["serve", "--listen", listen, "--database", database])
        .arg("--data")
        .arg(folder.join("data"))
        .args(options)
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .env("RUST_LOG", "warn")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let base = loop {
        let line = lines.next().expect("the service says where it listens").unwrap();
        if let Some(base) = line.strip_prefix("listening on ") {
            break base.to_owned();
        }
    };
    // Somebody has to read what else it says.
    std::thread::spawn(move || lines.for_each(drop));
    (child, base)
}

impl Service {
    /// A new shop.
    pub(crate) fn start(engine: Engine, options: &[&str]) -> Self {
        // Tests try faster than people.
        Self::within(engine, options, &[])
    }

    /// A new shop in an environment.
    pub(crate) fn within(engine: Engine, options: &[&str], environment: &[(&'static str, String)]) -> Self {
        Self::new(engine, &[options, &["--limit-factor", "100000"]].concat(), environment)
    }

    /// A new shop with the limits that people have.
    pub(crate) fn limited() -> Self {
        Self::new(Engine::Sqlite, &[], &[])
    }

    /// Another node of the same shop.
    pub(crate) fn beside(first: &Service) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (child, base) = spawn(folder.path(), &first.database, &first.options, &first.environment, "127.0.0.1:0");
        let (database, options) = (first.database.clone(), first.options.clone());
        let (environment, client) = (first.environment.clone(), first.client.clone());
        Service { child, base, folder, database, options, environment, client }
    }

    fn new(engine: Engine, options: &[&str], environment: &[(&'static str, String)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = match engine {
            Engine::Sqlite => format!("sqlite:{}", folder.path().join("shop.db").display()),
            Engine::MariaDb => crate::mariadb::database(),
        };
        let options: Vec<String> = options.iter().map(|o| (*o).to_owned()).collect();
        let environment = environment.to_vec();
        let (child, base) = spawn(folder.path(), &database, &options, &environment, "127.0.0.1:0");
        let client = Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Service { child, base, folder, database, options, environment, client }
    }

    /// kill -9, and a new process on the same address.
    pub(crate) fn crash(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        let listen = self.base.trim_start_matches("http://").to_owned();
        (self.child, _) = spawn(self.folder.path(), &self.database, &self.options, &self.environment, &listen);
    }

    /// Asks it to stop; whether it did so in good order, and how long it took.
    pub(crate) fn stop(&mut self) -> (bool, Duration) {
        let began = Instant::now();
        let told = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(told.success());
        (self.child.wait().unwrap().success(), began.elapsed())
    }

    /// Runs another command of the program on the same database.
    pub(crate) fn command(&self, arguments: &[&str]) -> Output {
        Command::new(PROGRAM).args(arguments).env("COMMERCE_DATABASE", &self.database).output().unwrap()
    }

    /// The books, which must be right.
    pub(crate) fn verified(&self) -> Value {
        let output = self.command(&["verify", "--json"]);
        let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
        assert!(output.status.success(), "{report:#}");
        report
    }

    /// A request as somebody, with a JSON body unless it is null.
    pub(crate) async fn ask(&self, who: Option<&User>, method: Method, path: &str, body: Value) -> Response {
        let mut request = self.client.request(method, format!("{}{path}", self.base));
        if let Some(user) = who {
            request = request.bearer_auth(&user.token);
        }
        if !body.is_null() {
            request = request.json(&body);
        }
        request.send().await.unwrap()
    }

    /// The JSON that a request answers with; its status must be this.
    pub(crate) async fn expect(
        &self,
        status: u16,
        who: Option<&User>,
        method: Method,
        path: &str,
        body: Value,
    ) -> Value {
        let response = self.ask(who, method.clone(), path, body).await;
        let got = response.status();
        let text = response.text().await.unwrap();
        assert_eq!(got.as_u16(), status, "{method} {path}: {text}");
        serde_json::from_str(&text).unwrap_or(Value::Null)
    }

    /// Somebody new.
    pub(crate) async fn user(&self, seller: bool) -> User {
        let email = format!("user{}@test.kr", number());
        let input = json!({"email": email, "password": PASSWORD, "name": format!("이름 {email}"), "seller": seller});
        self.expect(201, None, Method::POST, "/api/v1/people", input).await;
        self.log_in(&email).await
    }

    /// Somebody who keeps order.
    pub(crate) async fn admin(&self) -> User {
        let user = self.user(false).await;
        assert!(self.command(&["admin", &user.email]).status.success());
        self.log_in(&user.email).await
    }

    /// Opens a session.
    pub(crate) async fn log_in(&self, email: &str) -> User {
        let input = json!({"email": email, "password": PASSWORD});
        let opened = self.expect(201, None, Method::POST, "/api/v1/session", input).await;
        User {
            email: email.to_owned(),
            id: opened["person"]["id"].as_str().unwrap().to_owned(),
            token: opened["token"].as_str().unwrap().to_owned(),
        }
    }

    /// Something for sale.
    pub(crate) async fn product(&self, seller: &User, more: Value) -> String {
        let mut input =
            json!({"form": "ordinary", "category": "living", "title": "머그", "price": 12_000, "stock": 10});
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let product = self.expect(201, Some(seller), Method::POST, "/api/v1/products", input).await;
        product["id"].as_str().unwrap().to_owned()
    }

    /// The address, for clients that outlive the process.
    pub(crate) fn address(&self) -> Address {
        Address { base: self.base.clone(), client: self.client.clone() }
    }

    /// Orders some of a product with a key.
    pub(crate) async fn order(
        &self,
        buyer: &User,
        product: &str,
        quantity: i64,
        key: &str,
    ) -> Result<Response, reqwest::Error> {
        self.address().order(buyer, product, quantity, key, "ok").await
    }

    /// Orders one piece, which must succeed; the order's id.
    pub(crate) async fn ordered(&self, buyer: &User, product: &str) -> String {
        let response = self.order(buyer, product, 1, &format!("key-{}-{}", buyer.id, number())).await.unwrap();
        assert_eq!(response.status(), StatusCode::CREATED);
        response.json::<Value>().await.unwrap()["id"].as_str().unwrap().to_owned()
    }

    /// Waits until an order is in a state.
    pub(crate) async fn until(&self, who: &User, order: &str, state: &str) -> Value {
        let began = Instant::now();
        loop {
            let found = self.expect(200, Some(who), Method::GET, &format!("/api/v1/orders/{order}"), Value::Null).await;
            if found["state"] == state {
                return found;
            }
            assert!(began.elapsed() < Duration::from_secs(20), "not {state}: {found:#}");
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    }

    /// What is left of a product.
    pub(crate) async fn stock(&self, product: &str) -> i64 {
        let found = self.expect(200, None, Method::GET, &format!("/api/v1/products/{product}"), Value::Null).await;
        found["stock"].as_i64().unwrap()
    }

    /// Waits until nothing waits for the provider; how long it took.
    pub(crate) async fn settled(&self, within: Duration) -> Duration {
        let began = Instant::now();
        loop {
            let report = self.command(&["verify", "--json"]);
            let report: Value = serde_json::from_slice(&report.stdout).unwrap();
            // The first canary is written a moment after the start.
            if report["waiting"] == 0 && !report["newest_canary_age_ms"].is_null() {
                return began.elapsed();
            }
            assert!(began.elapsed() < within, "the outbox did not empty: {report:#}");
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
    }
}

/// Where a service is.
#[derive(Clone)]
pub(crate) struct Address {
    base: String,
    client: Client,
}

impl Address {
    /// Orders, with a token for the provider.
    pub(crate) async fn order(
        &self,
        buyer: &User,
        product: &str,
        quantity: i64,
        key: &str,
        token: &str,
    ) -> Result<Response, reqwest::Error> {
        let request = self.client.post(format!("{}/api/v1/orders", self.base)).bearer_auth(&buyer.token);
        request.header("idempotency-key", key).json(&order_of(product, quantity, token)).send().await
    }
}

/// The body of an order of one product.
pub(crate) fn order_of(product: &str, quantity: i64, token: &str) -> Value {
    json!({"items": [{"product_id": product, "quantity": quantity}], "recipient": "김하늘", "phone": "010",
        "address": "서울", "payment_token": token})
}

/// Somebody with an open session.
#[derive(Clone)]
pub(crate) struct User {
    pub(crate) email: String,
    pub(crate) id: String,
    pub(crate) token: String,
}
