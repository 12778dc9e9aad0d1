//! What needs no cloud: the simulated one against the critical path, planning much, starting up.

use std::process::Command;
use std::time::{Duration, Instant};

use aws::kinds;
use engine::apply::{Job, Pace, apply};
use engine::simulator::{Settings, Simulator};
use engine::{Graph, Inventory, Live, Phase, Resource, Spec, Tags, discover, plan};
use serde_json::{Value, json};

use crate::report::{group, row};
use crate::shop::{owner, shop};

/// How many resources are planned in memory.
const MANY: usize = 10_000;
/// How often the command is started.
const STARTS: u32 = 20;

pub(crate) fn run() {
    group("apply on the simulated cloud, 100 times as fast as AWS");
    let (expected, wall) = simulated(0.01);
    row("critical path", format!("{:.2} s", expected.as_secs_f64()), "");
    row("wall", format!("{:.2} s", wall.as_secs_f64()), "");
    row("wall / critical path", format!("{:.3}", wall.as_secs_f64() / expected.as_secs_f64()), "≤ 1.05");
    group(&format!("planning {MANY} resources in memory"));
    let (graph, inventory) = many();
    let start = Instant::now();
    let first = plan(&graph, &Inventory::default(), kinds::INFOS);
    row("everything is to be made", format!("{:.2} s", start.elapsed().as_secs_f64()), "≤ 1 s");
    assert_eq!(first.steps.len(), MANY);
    let start = Instant::now();
    let second = plan(&graph, &inventory, kinds::INFOS);
    row("nothing is to be done", format!("{:.2} s", start.elapsed().as_secs_f64()), "≤ 1 s");
    assert!(second.is_empty());
    group("starting up");
    let mut times: Vec<Duration> = (0..STARTS).map(|_| start_up()).collect();
    times.sort();
    let median = times[times.len() / 2];
    row("terrace --version, median", format!("{:.1} ms", median.as_secs_f64() * 1000.0), "≤ 15 ms");
    row("terrace --version, slowest", format!("{:.1} ms", times[times.len() - 1].as_secs_f64() * 1000.0), "");
}

fn simulated(scale: f64) -> (Duration, Duration) {
    let cloud = Simulator::in_memory(kinds::INFOS, Settings { scale, ..Settings::default() });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let owner = owner();
        let inventory = discover(&cloud, &owner).await.unwrap();
        let plan = plan(&shop(), &inventory, kinds::INFOS);
        let pace = Pace { scale, ..Pace::default() };
        let job = Job { owner: &owner, provider: &cloud, pace, width: 64, stop: &|| false, fence: &|| true };
        let start = Instant::now();
        let outcome = apply(&plan, inventory, &job, |_| {}).await;
        assert!(outcome.tally.complete());
        (pace.real(plan.estimate()), start.elapsed())
    })
}

/// Networks with subnets in them, and what is live of them.
fn many() -> (Graph, Inventory) {
    let mut resources = Vec::new();
    let mut live = Vec::new();
    for index in 0..MANY {
        let network = index / 100;
        let (kind, name, properties) = match index % 100 {
            0 => ("vpc", format!("net-{network}"), json!({ "cidr": "10.0.0.0/16" })),
            subnet => {
                let cidr = format!("10.0.{subnet}.0/24");
                let properties = json!({ "vpc": format!("net-{network}"), "cidr": cidr, "zone": "ap-northeast-2a" });
                ("subnet", format!("net-{network}-{subnet}"), properties)
            }
        };
        let info = kinds::INFOS.iter().find(|info| info.name == kind).unwrap();
        let properties = (info.canonical)(properties).unwrap();
        let address = engine::Address::new(kind, &name);
        let mut shown = properties.clone();
        if kind == "subnet" {
            shown["vpc"] = json!({ "$id": format!("vpc/net-{network}"), "$kind": "vpc" });
        }
        live.push(Live {
            id: address.to_string(),
            address: address.clone(),
            properties: shown,
            outputs: Value::Null,
            phase: Phase::Ready,
            spec: Spec::of(&properties),
            tags: Tags::new(),
            note: None,
        });
        resources.push(Resource { address, component: "resources".to_owned(), properties, tags: Tags::new() });
    }
    (Graph::new(resources), Inventory::new(live))
}

fn start_up() -> Duration {
    let start = Instant::now();
    let output = Command::new(env!("CARGO_BIN_EXE_terrace")).arg("--version").output().unwrap();
    let elapsed = start.elapsed();
    assert!(output.status.success());
    elapsed
}
