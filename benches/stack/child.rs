//! One piece of work in a process of its own, and what it cost.

use std::process::Command;
use std::time::{Duration, Instant};

use aws::kinds;
use aws::lease::Leases;
use aws::wire::Wire;
use engine::apply::{Job, Pace, apply};
use engine::{Catalog, Graph, Site, discover, plan};
use serde::{Deserialize, Serialize};

use crate::shop::{big_shop, owner, shop};

/// What a piece of work cost.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Cost {
    pub(crate) calls: usize,
    pub(crate) waves: usize,
    /// Seconds.
    pub(crate) wall: f64,
    /// Seconds, user and system.
    pub(crate) cpu: f64,
    /// Mebibytes.
    pub(crate) peak: f64,
    /// Steps carried out.
    pub(crate) steps: usize,
}

/// Runs `task` on an account in a process of its own; `latency` is added to every call.
pub(crate) fn measure(task: &str, size: &str, endpoint: &str, access_key: &str, latency: Duration) -> Cost {
    let itself = std::env::current_exe().unwrap();
    let latency = latency.as_millis().to_string();
    let output = Command::new(itself).args(["--child", task, size, endpoint, access_key, &latency]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The process itself: does the work, prints the cost.
pub(crate) fn run(arguments: &[String]) {
    let [task, size, endpoint, access_key, latency] = arguments else { panic!("five arguments: {arguments:?}") };
    let wanted = if size == "big" { big_shop() } else { shop() };
    let wire = Wire::plain();
    wire.slow(Duration::from_millis(latency.parse().unwrap()));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let start = Instant::now();
    let steps = runtime.block_on(work(task, wanted, &wire, endpoint, access_key));
    let wall = start.elapsed().as_secs_f64();
    let cost = Cost { calls: wire.calls(), waves: wire.waves(), wall, cpu: cpu(), peak: peak(), steps };
    println!("{}", serde_json::to_string(&cost).unwrap());
}

async fn work(task: &str, wanted: Graph, wire: &Wire, endpoint: &str, access_key: &str) -> usize {
    let aws = wire.connect(endpoint, "ap-northeast-2", access_key);
    let cloud = Catalog::new(vec![(Site::primary(), aws.clone())], kinds::ALL, Box::new(Leases(aws)));
    let owner = owner();
    let wanted = if task == "destroy" { Graph::default() } else { wanted };
    let inventory = discover(&cloud, &owner).await.unwrap();
    let plan = plan(&wanted, &inventory, kinds::INFOS);
    if task == "plan" {
        return plan.steps.len();
    }
    // Phases pass at once on this server, so nothing is worth waiting long for.
    let pace = Pace { scale: 0.01, ..Pace::default() };
    let job = Job { owner: &owner, provider: &cloud, pace, width: 24, stop: &|| false, fence: &|| true };
    let outcome = apply(&plan, inventory, &job, |_| {}).await;
    assert!(outcome.tally.complete(), "{:?}", outcome.tally);
    plan.steps.len()
}

/// User and system time of this process: fields 14 and 15 of `/proc/self/stat`, in hundredths of a second.
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    let ticks: f64 = after.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<f64>().ok()).sum();
    ticks / 100.0
}

/// The most memory this process had at once.
fn peak() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    let kibibytes: f64 = line.split_whitespace().next().and_then(|field| field.parse().ok()).unwrap_or_default();
    kibibytes / 1024.0
}
