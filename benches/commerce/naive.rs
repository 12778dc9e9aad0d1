//! The two ways that shops are often built: a lock in Redis around reading the stock and writing it back, and
//! `SELECT … FOR UPDATE`. The same flow otherwise: session, CSRF token, key, reservation, order, payment, all durable.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::{Form, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::post;
use mysql_async::prelude::Queryable;
use mysql_async::{OptsBuilder, Pool, PoolConstraints, PoolOpts, TxOpts};
use redis::aio::MultiplexedConnection;

use crate::load::Shop;

/// Pieces there are at first.
const STOCK: i64 = 1_000_000;

/// What a way is called.
pub(crate) fn name(way: &str) -> &'static str {
    match way {
        "for-update" => "naive: MariaDB, SELECT … FOR UPDATE",
        _ => "naive: Redis lock, read, write back",
    }
}

/// A naive shop in a process of its own, and the Redis it locks in.
pub(crate) struct Server {
    address: String,
    pool: Pool,
    child: Child,
    redis: Child,
}

impl Drop for Server {
    fn drop(&mut self) {
        // Only the processes that the bench started.
        for child in [&mut self.child, &mut self.redis] {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Server {
    /// Starts it and waits until it listens.
    pub(crate) fn start(way: &str, url: &str) -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let redis = Command::new("redis-server")
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .stdout(Stdio::null())
            .spawn()
            .expect("the package `redis-server` is installed");
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["naive", way, url, &format!("redis://127.0.0.1:{port}")])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let address = lines.next().expect("the naive shop says where it listens").unwrap();
        Server { address, pool: pool(url), child, redis }
    }

    /// Where to order.
    pub(crate) fn shop(&self) -> Shop {
        let processes = vec![self.child.id(), self.redis.id(), crate::mariadb::process()];
        let sessions = vec![("s".into(), "c".into())];
        Shop { address: self.address.clone(), sessions, product: "1".into(), processes }
    }

    /// Orders that were taken beyond what the stock says was sold.
    pub(crate) async fn oversold(&self, placed: u64) -> i64 {
        let left: Option<i64> =
            self.pool.get_conn().await.unwrap().query_first("SELECT stock FROM products").await.unwrap();
        placed as i64 - (STOCK - left.unwrap())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    ForUpdate,
    RedisLock,
}

#[derive(Clone)]
struct Parts {
    way: Way,
    pool: Pool,
    redis: MultiplexedConnection,
    next: Arc<AtomicU64>,
}

#[derive(serde::Deserialize)]
struct Order {
    csrf: String,
    key: String,
    product: i64,
    quantity: i64,
}

fn pool(url: &str) -> Pool {
    let options = OptsBuilder::from_opts(mysql_async::Opts::from_url(url).unwrap());
    let limits = PoolOpts::new().with_constraints(PoolConstraints::new(1, 32).unwrap()).with_reset_connection(false);
    Pool::new(options.pool_opts(limits))
}

/// The naive shop itself; runs until it is killed.
pub(crate) async fn serve(way: &str, url: &str, redis: &str) {
    let way = if way == "for-update" { Way::ForUpdate } else { Way::RedisLock };
    let pool = pool(url);
    let mut connection = pool.get_conn().await.unwrap();
    for sql in [
        "CREATE TABLE sessions (token VARCHAR(64) PRIMARY KEY, person BIGINT, csrf VARCHAR(64))",
        "CREATE TABLE products (id BIGINT PRIMARY KEY, stock BIGINT NOT NULL, price BIGINT NOT NULL)",
        "CREATE TABLE orders (id BIGINT PRIMARY KEY, person BIGINT, total BIGINT, state VARCHAR(16))",
        "CREATE TABLE order_lines (order_id BIGINT, product_id BIGINT, quantity BIGINT, price BIGINT, PRIMARY KEY (order_id, product_id))",
        "CREATE TABLE idempotency (person BIGINT, token VARCHAR(100), order_id BIGINT, PRIMARY KEY (person, token))",
        "CREATE TABLE charges (order_id BIGINT PRIMARY KEY, amount BIGINT)",
        "INSERT INTO sessions VALUES ('s', 1, 'c')",
    ] {
        connection.query_drop(sql).await.unwrap();
    }
    connection.exec_drop("INSERT INTO products VALUES (1, ?, 1000)", (STOCK,)).await.unwrap();
    drop(connection);
    let client = redis::Client::open(redis).unwrap();
    let lock = loop {
        match client.get_multiplexed_async_connection().await {
            Ok(connection) => break connection,
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    };
    let parts = Parts { way, pool, redis: lock, next: Arc::new(AtomicU64::new(1)) };
    let app = Router::new().route("/checkout", post(order)).with_state(parts);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("{}", listener.local_addr().unwrap());
    axum::serve(listener, app).await.unwrap();
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

async fn order(State(parts): State<Parts>, headers: HeaderMap, Form(given): Form<Order>) -> axum::response::Response {
    match place(&parts, &headers, &given).await {
        Ok(id) => (StatusCode::SEE_OTHER, [(header::LOCATION, format!("/orders/{id}"))]).into_response(),
        Err(e) => (StatusCode::INTERNAL_SERVER_ERROR, e.to_string()).into_response(),
    }
}

async fn place(parts: &Parts, headers: &HeaderMap, given: &Order) -> Result<u64, Failure> {
    let cookie = headers.get("cookie").and_then(|v| v.to_str().ok()).and_then(|c| c.strip_prefix("session="));
    let mut connection = parts.pool.get_conn().await?;
    let sql = "SELECT person, csrf FROM sessions WHERE token = ?";
    let found: Option<(i64, String)> = connection.exec_first(sql, (cookie.unwrap_or(""),)).await?;
    let (person, csrf) = found.ok_or("log in first")?;
    if csrf != given.csrf {
        return Err("the form is too old".into());
    }
    let id = parts.next.fetch_add(1, Ordering::Relaxed);
    let held = match parts.way {
        Way::RedisLock => Some(lock(&parts.redis, given.product, id).await?),
        Way::ForUpdate => None,
    };
    let mut work = connection.start_transaction(TxOpts::default()).await?;
    let sql = match parts.way {
        Way::ForUpdate => "SELECT stock, price FROM products WHERE id = ? FOR UPDATE",
        Way::RedisLock => "SELECT stock, price FROM products WHERE id = ?",
    };
    let row: Option<(i64, i64)> = work.exec_first(sql, (given.product,)).await?;
    let (stock, price) = row.ok_or("no such product")?;
    if stock < given.quantity {
        return Err("sold out".into());
    }
    work.exec_drop("UPDATE products SET stock = ? WHERE id = ?", (stock - given.quantity, given.product)).await?;
    work.exec_drop("INSERT INTO idempotency VALUES (?, ?, ?)", (person, &given.key, id)).await?;
    work.exec_drop("INSERT INTO orders VALUES (?, ?, ?, 'pending')", (id, person, price * given.quantity)).await?;
    work.exec_drop("INSERT INTO order_lines VALUES (?, ?, ?, ?)", (id, given.product, given.quantity, price)).await?;
    work.commit().await?;
    if let Some(token) = held {
        unlock(&parts.redis, given.product, &token).await?;
    }
    // The payment, at once and alone.
    let mut work = connection.start_transaction(TxOpts::default()).await?;
    work.exec_drop("INSERT INTO charges VALUES (?, ?)", (id, price * given.quantity)).await?;
    work.exec_drop("UPDATE orders SET state = 'paid' WHERE id = ?", (id,)).await?;
    work.commit().await?;
    Ok(id)
}

async fn lock(redis: &MultiplexedConnection, product: i64, id: u64) -> Result<String, Failure> {
    let (mut redis, token) = (redis.clone(), id.to_string());
    loop {
        let mut set = redis::cmd("SET");
        set.arg(format!("lock:{product}")).arg(&token).arg("NX").arg("PX").arg(10_000);
        let taken: Option<String> = set.query_async(&mut redis).await?;
        if taken.is_some() {
            return Ok(token);
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

async fn unlock(redis: &MultiplexedConnection, product: i64, token: &str) -> Result<(), Failure> {
    let script = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end return 0";
    let mut redis = redis.clone();
    let mut call = redis::cmd("EVAL");
    call.arg(script).arg(1).arg(format!("lock:{product}")).arg(token);
    let _: i64 = call.query_async(&mut redis).await?;
    Ok(())
}
