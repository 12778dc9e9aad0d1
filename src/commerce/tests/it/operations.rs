//! Running it: health, migrations, backup and restore, verify, stopping, limits, events.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Engine, PROGRAM, Service};

/// A Redis of the test's own, ended with it.
pub(crate) struct Redis {
    pub(crate) url: String,
    child: Child,
}

impl Redis {
    pub(crate) fn start() -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let child = Command::new("redis-server")
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .stdout(Stdio::null())
            .spawn()
            .expect("the package `redis-server` is installed");
        let began = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(began.elapsed() < Duration::from_secs(10), "redis did not start");
            std::thread::sleep(Duration::from_millis(20));
        }
        Redis { url: format!("redis://127.0.0.1:{port}"), child }
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn it_tells_how_it_is() {
    for engine in [Engine::Sqlite, Engine::MariaDb] {
        let service = Service::start(engine, &[]);
        let ready = service.expect(200, None, Method::GET, "/readyz", Value::Null).await;
        assert_eq!(ready["ready"], true, "{ready}");
        assert_eq!(ready["checks"]["database"], "ok");
        let version = service.expect(200, None, Method::GET, "/version", Value::Null).await;
        assert!(version["digest"].as_str().unwrap().starts_with("sha256:"), "{version}");
        let live = service.ask(None, Method::GET, "/livez", Value::Null).await;
        assert_eq!(live.headers()["x-content-type-options"], "nosniff");
        let policy = live.headers()["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("script-src 'self';") && !policy.contains("unsafe"), "{policy}");
        let answer = service.client.get(format!("{}/livez", service.base)).header("x-request-id", "abcdef-123456");
        assert_eq!(answer.send().await.unwrap().headers()["x-request-id"], "abcdef-123456");
        let metrics = service.ask(None, Method::GET, "/metrics", Value::Null).await.text().await.unwrap();
        assert!(
            metrics.contains("commerce_requests_total{method=\"Get\",route=\"/livez\",status=\"200\"}"),
            "{metrics}"
        );
    }
}

#[tokio::test]
async fn a_service_whose_database_is_gone_is_alive_but_not_ready() {
    let service = Service::start(Engine::Sqlite, &[]);
    let path = service.database.trim_start_matches("sqlite:");
    let database = rusqlite::Connection::open(path).unwrap();
    database.execute("DELETE FROM migrations", []).unwrap();
    let ready = service.expect(503, None, Method::GET, "/readyz", Value::Null).await;
    assert_eq!(ready["checks"]["migrations"], "failed: 1 pending, 0 changed");
    assert_eq!(service.ask(None, Method::GET, "/livez", Value::Null).await.status().as_u16(), 200);
}

#[tokio::test]
async fn migrate_check_tells_what_is_missing_or_changed() {
    for engine in [Engine::Sqlite, Engine::MariaDb] {
        let folder = tempfile::tempdir().unwrap();
        let database = match engine {
            Engine::Sqlite => format!("sqlite:{}", folder.path().join("new.db").display()),
            Engine::MariaDb => crate::mariadb::database(),
        };
        let run = |arguments: &[&str]| {
            Command::new(PROGRAM).args(arguments).env("COMMERCE_DATABASE", &database).output().unwrap()
        };
        if engine == Engine::Sqlite {
            // An empty database is one; a missing file is not.
            rusqlite::Connection::open(database.trim_start_matches("sqlite:")).unwrap();
        }
        let check = run(&["migrate", "--check"]);
        assert_eq!(check.status.code(), Some(2), "{check:?}");
        assert_eq!(String::from_utf8(check.stdout).unwrap(), "pending 0001_shop\n");
        assert!(run(&["migrate"]).status.success());
        // Running it again, and checking, finds nothing to do.
        assert!(run(&["migrate"]).status.success() && run(&["migrate", "--check"]).status.success());
        let sql = "UPDATE migrations SET checksum = 'other'";
        match engine {
            Engine::Sqlite => {
                let path = database.trim_start_matches("sqlite:");
                rusqlite::Connection::open(path).unwrap().execute(sql, []).unwrap();
            }
            Engine::MariaDb => assert!(crate::mariadb::execute(&database, sql)),
        }
        let check = run(&["migrate", "--check"]);
        assert_eq!(String::from_utf8(check.stdout).unwrap(), "changed 0001_shop\n");
        assert!(!run(&["migrate"]).status.success());
    }
}

#[tokio::test]
async fn a_backup_is_restored_and_its_books_are_right() {
    for engine in [Engine::Sqlite, Engine::MariaDb] {
        let service = Service::start(engine, &["--demo"]);
        service.settled(Duration::from_secs(20)).await;
        let file = service.folder.path().join("backup");
        let file = file.to_str().unwrap();
        let backup = service.command(&["backup", file]);
        assert!(backup.status.success(), "{backup:?}");
        assert!(!service.command(&["backup", file]).status.success(), "a backup is not overwritten");
        assert!(!service.command(&["restore", file]).status.success(), "a shop is not overwritten");
        let target = match engine {
            Engine::Sqlite => format!("sqlite:{}", service.folder.path().join("restored.db").display()),
            Engine::MariaDb => crate::mariadb::database(),
        };
        let began = Instant::now();
        let run = |arguments: &[&str]| {
            Command::new(PROGRAM).args(arguments).env("COMMERCE_DATABASE", &target).output().unwrap()
        };
        let restore = run(&["restore", file]);
        assert!(restore.status.success(), "{restore:?}");
        let verify = run(&["verify", "--json"]);
        let (restored, took): (Value, _) = (serde_json::from_slice(&verify.stdout).unwrap(), began.elapsed());
        assert!(verify.status.success(), "{restored:#}");
        let original = service.verified();
        for table in ["people", "products", "orders", "charges", "bids", "audit", "images"] {
            assert_eq!(restored["rows"][table], original["rows"][table], "{engine:?} {table}");
            assert_ne!(restored["rows"][table], 0, "the demo fills {table}");
        }
        assert!(restored["newest_canary_age_ms"].as_i64().unwrap() < 60_000, "{restored:#}");
        println!("{engine:?}: restored and verified in {took:?}");
    }
}

#[tokio::test]
async fn verify_finds_what_was_tampered_with() {
    let damages = [
        ("UPDATE products SET stock = stock + 1", "products whose stock is not"),
        ("UPDATE audit SET detail = 'nothing happened' WHERE number = 2", "entry 2 was changed"),
        ("DELETE FROM audit WHERE number = 2", "entry 2 is missing"),
        ("DELETE FROM audit WHERE number = (SELECT MAX(number) FROM audit)", "was cut at its end"),
        ("DELETE FROM charges", "paid orders without a charge"),
        ("UPDATE orders SET total = total + 1", "total is not the sum"),
        ("DELETE FROM ledger", "the ledger does not know once"),
        ("DELETE FROM outbox", "without a settled message"),
        ("UPDATE order_lines SET product_id = 1", "point by product_id to no row"),
    ];
    let service = Service::start(Engine::Sqlite, &[]);
    let (seller, buyer) = (service.user(true).await, service.user(false).await);
    let product = service.product(&seller, json!({})).await;
    let order = service.ordered(&buyer, &product).await;
    service.until(&buyer, &order, "paid").await;
    service.verified();
    let good = service.folder.path().join("good.db");
    assert!(service.command(&["backup", good.to_str().unwrap()]).status.success());
    for (sql, finding) in damages {
        let copy = service.folder.path().join("damaged.db");
        std::fs::copy(&good, &copy).unwrap();
        let database = rusqlite::Connection::open(&copy).unwrap();
        database.execute_batch(&format!("PRAGMA foreign_keys = OFF; {sql}")).unwrap();
        drop(database);
        let place = format!("sqlite:{}", copy.display());
        let output = Command::new(PROGRAM).args(["verify", "--json"]).env("COMMERCE_DATABASE", place).output().unwrap();
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(1), "{sql}");
        let problems = report["problems"].as_array().unwrap();
        assert!(problems.iter().any(|p| p.as_str().unwrap().contains(finding)), "{sql}: {report:#}");
        for file in ["damaged.db", "damaged.db-wal", "damaged.db-shm"] {
            let _ = std::fs::remove_file(service.folder.path().join(file));
        }
    }
}

#[test]
fn what_cannot_be_meant_is_refused_with_a_hint() {
    let folder = tempfile::tempdir().unwrap();
    let there = |name: &str| format!("sqlite:{}", folder.path().join(name).display());
    for (arguments, says) in [
        (vec!["verify"], "there is no database"),
        (vec!["backup", "copy"], "there is no database"),
        (vec!["migrate", "--check"], "there is no database"),
        (vec!["serve", "--media-secret", "short"], "shorter than 32 characters"),
        (vec!["serve", "--replica", "mysql://root@127.0.0.1/x"], "a replica is of a MySQL database"),
        (vec!["serve", "--test-faults", "2"], "from 0 to 1"),
        (vec!["serve", "--payment-window", "0"], "payable for a second"),
        (vec!["serve", "--payment", "toss"], "needs `--payment-key`"),
    ] {
        let mut run = Command::new(PROGRAM);
        run.args(&arguments).args(["--database", &there("none.db")]).current_dir(folder.path());
        let output = run.output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {text}");
        assert!(
            text.starts_with("error: ") && text.contains(says) && text.contains("\n\nhint: "),
            "{arguments:?}: {text}"
        );
        if arguments[0] != "serve" {
            assert!(!folder.path().join("none.db").exists(), "asking makes no database");
        }
    }
    rusqlite::Connection::open(folder.path().join("empty.db")).unwrap();
    let output = Command::new(PROGRAM).args(["verify", "--database", &there("empty.db")]).output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("0001_shop") && text.contains("commerce migrate"), "{text}");
}

#[tokio::test]
async fn it_stops_after_finishing_what_it_began() {
    let mut service = Service::start(Engine::Sqlite, &[]);
    let (seller, buyer) = (service.user(true).await, service.user(false).await);
    let product = service.product(&seller, json!({"stock": 500})).await;
    let many = (0..200).map(|_| service.ordered(&buyer, &product));
    futures::future::join_all(many).await;
    let (good, took) = service.stop();
    assert!(good && took < Duration::from_secs(15), "{took:?}");
    let report = service.verified();
    assert_eq!((report["waiting"].as_i64(), report["paid_orders"].as_i64()), (Some(0), Some(200)), "{report:#}");
}

#[tokio::test]
async fn too_many_tries_are_refused() {
    let service = Service::limited();
    let wrong = json!({"email": "nobody@test.kr", "password": "a wrong password"});
    let mut answers = Vec::new();
    for _ in 0..12 {
        let answer = service.ask(None, Method::POST, "/api/v1/session", wrong.clone()).await;
        answers.push((answer.status().as_u16(), answer.headers().contains_key("retry-after")));
    }
    assert_eq!(answers[..10], [(401, false); 10]);
    assert_eq!(answers[10..], [(429, true); 2]);
    // Another address is not locked out by it.
    let other = json!({"email": "other@test.kr", "password": "a wrong password"});
    assert_eq!(service.ask(None, Method::POST, "/api/v1/session", other).await.status().as_u16(), 401);
}

#[tokio::test]
async fn events_are_lines_of_json() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.ndjson");
    let place = format!("file:{}", path.display());
    let mut service = Service::start(Engine::Sqlite, &["--events", &place]);
    let (seller, buyer) = (service.user(true).await, service.user(false).await);
    let product = service.product(&seller, json!({})).await;
    let order = service.ordered(&buyer, &product).await;
    service.until(&buyer, &order, "paid").await;
    service.ask(None, Method::GET, "/", Value::Null).await;
    assert!(service.stop().0);
    let text = std::fs::read_to_string(path).unwrap();
    let events: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let kinds: Vec<&str> = events.iter().map(|event| event["event"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["order.placed", "order.paid", "seen"], "{text}");
    assert_eq!(events[0]["order"], order.as_str());
}

#[tokio::test]
async fn a_replica_is_asked_for_lists_and_never_for_stock() {
    // The replica here is a shop of its own with nothing in it: whatever is answered from it is empty.
    let replica = crate::mariadb::database();
    let migrate = Command::new(PROGRAM).arg("migrate").env("COMMERCE_DATABASE", &replica).status().unwrap();
    assert!(migrate.success());
    let service = Service::start(Engine::MariaDb, &["--replica", &replica]);
    let (seller, buyer) = (service.user(true).await, service.user(false).await);
    let product = service.product(&seller, json!({"stock": 2})).await;
    let list = service.expect(200, None, Method::GET, "/api/v1/products", Value::Null).await;
    assert_eq!(list["products"], json!([]), "lists come from the replica");
    assert_eq!(service.stock(&product).await, 2);
    service.ordered(&buyer, &product).await;
    let cart = format!("/api/v1/cart/{product}");
    service.expect(204, Some(&buyer), Method::PUT, &cart, json!({"quantity": 1})).await;
    let found = service.expect(200, Some(&buyer), Method::GET, "/api/v1/cart", Value::Null).await;
    assert_eq!(found[0]["stock"], 1);
}

#[tokio::test]
async fn a_connection_that_says_nothing_sensible_harms_nobody() {
    let service = Service::start(Engine::Sqlite, &[]);
    let address = service.base.trim_start_matches("http://").to_owned();
    for garbage in [
        &b"\0\0\0\0"[..],
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /api/v1/orders HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n",
    ] {
        let mut socket = TcpStream::connect(&address).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
        socket.write_all(garbage).unwrap();
        let _ = socket.read(&mut [0; 64]);
    }
    assert_eq!(service.ask(None, Method::GET, "/livez", Value::Null).await.status().as_u16(), 200);
}
