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
