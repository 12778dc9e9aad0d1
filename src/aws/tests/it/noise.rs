//! A thousand random valid blueprints: made on the simulated cloud, each is as wanted afterwards, always.

use std::time::Duration;

use aws::kinds;
use engine::apply::{Job, Pace, apply};
use engine::simulator::{Settings, Simulator};
use engine::{Graph, Plan, discover, plan};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Map, Value, json};

use crate::shop::{graph, owner};

/// How many blueprints are made up.
const BLUEPRINTS: u32 = 1000;

#[test]
fn a_plan_after_an_apply_is_empty_whatever_the_blueprint() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let mut runner = TestRunner::new(Config { cases: BLUEPRINTS, failure_persistence: None, ..Config::default() });
    let result = runner.run(&blueprint(), |document| {
        let text = serde_json::to_string(&document).unwrap();
        let graph = graph(&text, "");
        let left = runtime.block_on(twice(&graph));
        prop_assert!(left.is_empty(), "{:#?}", left.changes);
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
    println!("{BLUEPRINTS} blueprints");
}

/// Applies, and plans again.
async fn twice(graph: &Graph) -> Plan {
    let mut roomy = kinds::INFOS.to_vec();
    roomy.iter_mut().for_each(|kind| kind.quota = None);
    let cloud = Simulator::in_memory(&roomy, Settings::default());
    let owner = owner();
    let inventory = discover(&cloud, &owner).await.unwrap();
    let first = plan(graph, &inventory, &roomy);
    let pace = Pace { scale: 0.0, lag: Duration::ZERO };
    let job = Job { owner: &owner, provider: &cloud, pace, width: 64, stop: &|| false, fence: &|| true };
    let outcome = apply(&first, inventory, &job, |_| {}).await;
    assert!(outcome.tally.complete(), "{:?}", outcome.tally);
    assert_eq!(cloud.contents().len(), graph.len());
    plan(graph, &discover(&cloud, &owner).await.unwrap(), &roomy)
}

/// A blueprint as JSON, which is YAML too.
fn blueprint() -> impl Strategy<Value = Value> {
    let zones = subsequence(vec!["a", "b", "c", "d"], 2..=4).prop_shuffle();
    let region = select(vec!["ap-northeast-2", "us-west-1", "eu-central-1"]);
    let names = subsequence(vec!["web", "was", "api", "batch", "admin"], 0..=4);
    (zones, region, names, any::<[bool; 6]>(), 16_u8..=20)
        .prop_flat_map(|(zones, region, names, flags, bits)| {
            let count = zones.len() as u32;
            let tiers: Vec<_> = (0..names.len()).map(|index| tier(count, index == 0)).collect();
            (tiers, network(bits), database(), Just((zones, region, names, flags)))
        })
        .prop_map(|(tiers, network, database, (zones, region, names, flags))| {
            let mut document = json!({ "name": "shop", "region": region, "zones": zones, "network": network });
            let mut groups = vec!["public"];
            groups.extend(&names);
            groups.push("db");
            document["network"]["subnets"] = json!(groups);
            document["network"]["isolated"] = if flags[0] { json!(["db"]) } else { json!([]) };
            if flags[1] {
                document["tags"] = json!({ "Team": "platform", "Cost": "42" });
            }
            if flags[2] {
                let endpoints = if flags[3] { json!(["ssm", "ssmmessages", "ec2messages"]) } else { json!([]) };
                document["access"] = json!({ "session_manager": flags[4], "endpoints": endpoints });
            }
            if !names.is_empty() {
                let mut section = Map::new();
                for (index, (name, mut tier)) in names.iter().zip(tiers).enumerate() {
                    if index > 0 {
                        tier["behind"] = json!(names[index - 1]);
                    }
                    section.insert((*name).to_owned(), tier);
                }
                document["tiers"] = Value::Object(section);
                if flags[5] {
                    document["database"] = database;
                }
            }
            document
        })
}

fn network(bits: u8) -> impl Strategy<Value = Value> {
    let nat = select(vec!["per-zone", "single", "none"]);
    (nat, any::<bool>(), 0_u8..=255).prop_map(
        move |(nat, s3, second)| json!({ "cidr": format!("10.{second}.0.0/{bits}"), "nat": nat, "s3_endpoint": s3 }),
    )
}

fn tier(zones: u32, first: bool) -> impl Strategy<Value = Value> {
    let sizes = (zones..zones + 4, 0_u32..6, select(vec!["m5.large", "t3.medium", "c5.xlarge"]));
    let traffic = (select(vec![80_u16, 8080, 3000]), any::<[bool; 5]>(), 8_u32..200, 1_u32..4000);
    (sizes, traffic).prop_map(move |((min, more, instance), (port, flags, volume, idle))| {
        let scheme = if first { "public" } else { "internal" };
        let mut tier =
            json!({ "instance_type": instance, "min": min, "max": min + more, "port": port, "volume_size": volume });
        tier["load_balancer"] = match (flags[0], first && flags[1]) {
            (true, true) => json!({
                "scheme": scheme,
                "certificate": "arn:aws:acm:ap-northeast-2:123456789012:certificate/0a1b2c3d",
                "allow": ["203.0.113.0/24", "198.51.100.0/24"],
            }),
            (true, false) => json!({ "scheme": scheme, "idle_timeout": idle }),
            (false, _) => json!(scheme),
        };
        if flags[2] {
            tier["scaling"] = json!([{ "cpu": 55.5 }, { "requests": 900 }]);
        }
        if flags[3] {
            tier["schedule"] = json!({ "evening": { "cron": "0 18 * * *", "time_zone": "Asia/Seoul", "min": min } });
        }
        if flags[4] {
            tier["user_data"] = json!("#!/bin/bash\necho hello\n");
            tier["health_check"] = json!({ "path": "/up", "codes": "200-299", "interval": 20, "timeout": 6 });
        }
        tier
    })
}

fn database() -> impl Strategy<Value = Value> {
    let engines = select(vec![("mysql", "8.0"), ("mariadb", "10.11"), ("postgres", "16")]);
    (engines, any::<[bool; 4]>(), 20_u32..400, 0_u32..35).prop_map(|((engine, version), flags, storage, days)| {
        let mut database = json!({
            "engine": engine,
            "version": version,
            "class": "db.m5.large",
            "storage": storage,
            "multi_az": flags[0],
            "deletion_protection": flags[1],
            "final_snapshot": flags[2],
            "backup": { "keep_days": days },
        });
        if flags[3] {
            database["max_storage"] = json!(storage * 2);
            database["maintenance"] = json!("sun:18:30-sun:19:30");
        }
        database
    })
}
