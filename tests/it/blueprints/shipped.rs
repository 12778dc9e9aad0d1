//! The blueprints and environments that are shipped.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use engine::blueprint::{Reading, read, read_with};
use serde_json::Value;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn environment(name: &str) -> Reading {
    read(&folder().join(format!("environments/{name}.yaml")), aws::components::ALL, aws::kinds::INFOS)
}

/// The shipped blueprint under overrides.
fn changed(overrides: &str) -> Reading {
    let environment = format!("blueprint: ../blueprints/three-tier.yaml\nprovider: simulator\noverrides:\n{overrides}");
    let files = |path: &Path| {
        if path.ends_with("changed.yaml") { Ok(environment.clone().into_bytes()) } else { std::fs::read(path) }
    };
    let path = folder().join("environments/changed.yaml");
    let reading = read_with(&path, &files, aws::components::ALL, aws::kinds::INFOS);
    assert_eq!(reading.render(false), "", "{overrides}");
    reading
}

fn ranges(reading: &Reading) -> BTreeMap<String, String> {
    let subnets = reading.graph.iter().filter(|resource| resource.address.kind() == "subnet");
    subnets.map(|one| (one.address.name().to_owned(), one.properties["cidr"].as_str().unwrap().to_owned())).collect()
}

#[test]
fn every_environment_is_sound() {
    for name in ["sandbox", "dev", "prod"] {
        let reading = environment(name);
        assert_eq!(reading.render(false), "", "{name}");
        assert_eq!(reading.owner.as_ref().unwrap().to_string(), format!("shop/{name}"));
    }
}

#[test]
fn a_new_zone_or_group_moves_nobody() {
    let before = ranges(&environment("sandbox"));
    assert_eq!(before["public-a"], "10.0.0.0/24");
    assert_eq!(before["db-c"], "10.0.50.0/24");
    for overrides in [
        "  zones: [a, b, c]\n  tiers: {web: {min: 3}, was: {min: 3}}\n",
        "  network: {subnets: [public, web, was, db, batch]}\n",
    ] {
        let after = ranges(&changed(overrides));
        assert!(after.len() > before.len());
        for (name, range) in &before {
            assert_eq!(&after[name], range, "{name}");
        }
    }
    let fewer = ranges(&changed("  zones: [c, d]\n"));
    assert_eq!(fewer["web-c"], before["web-c"]);
}

#[test]
fn the_blueprint_shown_is_the_one_meant() {
    let shown: Value = serde_yaml::from_str(&environment("dev").show()).unwrap();
    assert_eq!(shown["network"]["nat"], "single");
    assert_eq!(shown["tags"]["Stage"], "dev");
    assert_eq!(shown["tiers"]["web"].get("schedule"), None);
    assert_eq!(shown["tiers"]["web"]["port"], 80);
}

/// Who may reach a security group, as `port from peer`.
fn callers(reading: &Reading, group: &str) -> Vec<String> {
    let group = reading.graph.get(&format!("security-group/{group}").parse().unwrap()).unwrap();
    let rules = group.properties["ingress"].as_array().unwrap();
    let peer = |peer: &Value| match peer {
        Value::Object(map) => {
            map.values().next().map(|one| one.get("$ref").unwrap_or(one).as_str().unwrap().to_owned())
        }
        other => other.as_str().map(str::to_owned),
    };
    let mut all: Vec<_> =
        rules.iter().map(|rule| format!("{} from {}", rule["ports"], peer(&rule["peer"]).unwrap())).collect();
    all.sort();
    all
}

#[test]
fn every_tier_is_open_to_the_one_in_front_alone() {
    let reading = environment("sandbox");
    for (group, expected) in [
        ("web-lb", "80 from 0.0.0.0/0"),
        ("web", "80 from security-group/web-lb"),
        ("was-lb", "80 from security-group/web"),
        ("was", "8080 from security-group/was-lb"),
        ("db", "3306 from security-group/was"),
        ("endpoints", "443 from 10.0.0.0/16"),
    ] {
        assert_eq!(callers(&reading, group), [expected], "{group}");
    }
    let certificate = "arn:aws:acm:ap-northeast-2:123456789012:certificate/x";
    let settings = format!("{{certificate: '{certificate}', allow: [192.0.2.0/24]}}");
    let reading = changed(&format!(
        "  tiers: {{web: {{load_balancer: {settings}}}, was: {{load_balancer: none, scaling: [cpu: 60]}}}}\n"
    ));
    assert_eq!(callers(&reading, "web-lb"), ["443 from 192.0.2.0/24", "80 from 192.0.2.0/24"]);
    assert_eq!(callers(&reading, "was"), ["8080 from security-group/web"]);
    let listener = |name: &str| &reading.graph.get(&format!("listener/{name}").parse().unwrap()).unwrap().properties;
    assert_eq!(listener("web-http")["default_action"]["type"], "redirect");
    assert_eq!(listener("web-https")["default_action"]["type"], "forward");
    assert_eq!(listener("web-https")["certificate"], certificate);
}

#[test]
fn private_subnets_leave_by_their_own_zone_or_as_told() {
    let ways = |reading: &Reading| -> BTreeMap<String, String> {
        let tables = reading.graph.iter().filter(|one| one.address.kind() == "route-table");
        let way = |properties: &Value| match properties["routes"].as_array().unwrap().first() {
            Some(route) => {
                let target = route["via"].as_object().unwrap().values().next().unwrap();
                target["$ref"].as_str().unwrap().to_owned()
            }
            None => "nowhere".to_owned(),
        };
        tables.map(|one| (one.address.name().to_owned(), way(&one.properties))).collect()
    };
    let of = |pairs: [(&str, &str); 4]| pairs.map(|(table, way)| (table.to_owned(), way.to_owned()));
    for (overrides, expected) in [
        (
            "  network: {}\n",
            [
                ("web-a", "nat-gateway/a"),
                ("web-c", "nat-gateway/c"),
                ("db-a", "nowhere"),
                ("public", "internet-gateway/main"),
            ],
        ),
        (
            "  network: {nat: single}\n",
            [
                ("web-a", "nat-gateway/a"),
                ("web-c", "nat-gateway/a"),
                ("db-a", "nowhere"),
                ("public", "internet-gateway/main"),
            ],
        ),
        (
            "  network: {nat: none}\n",
            [("web-a", "nowhere"), ("web-c", "nowhere"), ("db-a", "nowhere"), ("public", "internet-gateway/main")],
        ),
        (
            "  network: {isolated: []}\n",
            [
                ("web-a", "nat-gateway/a"),
                ("web-c", "nat-gateway/c"),
                ("db-a", "nat-gateway/a"),
                ("public", "internet-gateway/main"),
            ],
        ),
    ] {
        let ways = ways(&changed(overrides));
        for (table, way) in of(expected) {
            assert_eq!(ways[&table], way, "{overrides}{table}");
        }
    }
}

#[test]
fn the_sandbox_protects_nothing_and_production_everything() {
    for (name, expected) in [("sandbox", false), ("dev", false), ("prod", true)] {
        let reading = environment(name);
        for (address, property) in [
            ("load-balancer/web", "deletion_protection"),
            ("db-instance/db", "deletion_protection"),
            ("db-instance/db", "final_snapshot"),
        ] {
            let resource = reading.graph.get(&address.parse().unwrap()).unwrap();
            assert_eq!(resource.properties[property], expected, "{name} {address} {property}");
        }
    }
}
