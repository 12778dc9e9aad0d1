//! Plan, apply and destroy through the real SDK.

use std::time::Duration;

use crate::child::{Cost, measure};
use crate::report::{group, row};
use crate::server::{Account, server};

/// What is added to every call: a region on another continent's answer time, about.
const LATENCY: Duration = Duration::from_millis(50);

pub(crate) fn run() {
    let account = server().account();
    let big = server().account();
    let quick = Duration::ZERO;
    let applied = on(&account, "apply", "shop", LATENCY);
    let again = on(&account, "apply", "shop", quick);
    assert_eq!(again.steps, 0, "the second plan is not empty");
    let planned = on(&account, "plan", "shop", LATENCY);
    on(&big, "apply", "big", quick);
    let planned_big = on(&big, "plan", "big", LATENCY);
    let destroyed = on(&account, "destroy", "shop", LATENCY);
    group(&format!("plan of the applied stack, {} ms added to every call", LATENCY.as_millis()));
    row("calls", planned.calls.to_string(), "≤ 100");
    row("calls that wait for one another", planned.waves.to_string(), "≤ 5");
    row("wall", seconds(planned.wall), "≤ 1 s");
    row("CPU", seconds(planned.cpu), "");
    row("peak memory", format!("{:.0} MB", planned.peak), "≤ 60 MB");
    group("the same with ten times the rules and subnets");
    row("calls", planned_big.calls.to_string(), "");
    row("wall", seconds(planned_big.wall), "");
    row("wall, compared", format!("{:+.0} %", (planned_big.wall / planned.wall - 1.0) * 100.0), "≤ +10 %");
    changes("apply from nothing likewise, phases pass at once", &applied, "≤ 3 s");
    changes("destroy likewise", &destroyed, "≤ 4 s");
}

fn changes(name: &str, cost: &Cost, aim: &str) {
    group(name);
    row("steps", cost.steps.to_string(), "");
    row("calls", cost.calls.to_string(), "≤ 300");
    row("calls that wait for one another", cost.waves.to_string(), "");
    row("wall", seconds(cost.wall), aim);
    row("CPU", seconds(cost.cpu), "");
    row("peak memory", format!("{:.0} MB", cost.peak), "");
}

fn on(account: &Account, task: &str, size: &str, latency: Duration) -> Cost {
    measure(task, size, &server().endpoint, &account.access_key(), latency)
}

fn seconds(seconds: f64) -> String {
    format!("{seconds:.2} s")
}
