//! The service as a process.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::load::{Wire, request};

/// A running service.
pub(crate) struct Service {
    child: Child,
    database: String,
    pub(crate) address: String,
    pub(crate) started_in: Duration,
}

impl Drop for Service {
    fn drop(&mut self) {
        // Only the process that the bench started.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Service {
    /// Starts it and waits until it listens.
    pub(crate) fn start(folder: &Path, database: &str, options: &[&str]) -> Self {
        let began = Instant::now();
        // As many open files as the system allows: every socket is one.
        let line = "ulimit -n $(ulimit -Hn); exec \"$0\" \"$@\"";
        let mut child = Command::new("sh")
            .args(["-c", line, env!("CARGO_BIN_EXE_commerce"), "serve", "--listen", "127.0.0.1:0"])
            .args(["--limit-factor", "1000000", "--database", database, "--data"])
            .arg(folder)
            .args(options)
            .env("RUST_LOG", "error")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let address = lines.find_map(|line| line.strip_prefix("listening on http://").map(str::to_owned));
        let address = address.expect("the service says where it listens");
        let started_in = began.elapsed();
        Service { child, database: database.to_owned(), address, started_in }
    }

    /// The process.
    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    /// Waits until this many orders are paid.
    pub(crate) async fn paid(&self, orders: u64) {
        let mut wire = Wire::open(&self.address).await;
        let ask = request("GET", "/metrics", "", "");
        loop {
            assert_eq!(wire.send(ask.as_bytes()).await, 200);
            let text = wire.text();
            let line = text.lines().find_map(|line| line.strip_prefix("commerce_orders_paid_total ")).unwrap();
            if line.parse::<u64>().unwrap() >= orders {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Checks the books, which must say that this many orders are paid.
    pub(crate) fn check(&self, orders: u64) {
        let report = Command::new(env!("CARGO_BIN_EXE_commerce"))
            .args(["verify", "--json"])
            .env("COMMERCE_DATABASE", &self.database)
            .output()
            .unwrap();
        let text: serde_json::Value = serde_json::from_slice(&report.stdout).unwrap();
        assert_eq!(text["ok"], true, "{text:#}");
        assert_eq!((&text["paid_orders"], &text["waiting"]), (&orders.into(), &0.into()), "{text:#}");
    }

    /// Memory of the process in bytes.
    pub(crate) fn memory(&self) -> u64 {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = text.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
    }
}
