//! The three-tier blueprint that is shipped, with overrides laid over it.

use std::path::Path;

use aws::{components, kinds};
use engine::blueprint::{Reading, read_with};
use engine::{Graph, Owner};

/// What every test changes: nothing is protected, so that everything can be deleted again.
const OPEN: &str = "tiers: { web: { load_balancer: { deletion_protection: false } } }
database: { deletion_protection: false, final_snapshot: false }
";

/// The stack's owner: the blueprint is called `shop`, the environment `test`.
pub(crate) fn owner() -> Owner {
    Owner::new("shop", "test")
}

/// Reads the shipped blueprint with overrides in YAML.
pub(crate) fn shop(overrides: &str) -> Graph {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../blueprints/three-tier.yaml");
    let blueprint = std::fs::read_to_string(path).unwrap();
    let open = merged(&blueprint, OPEN);
    graph(&open, overrides)
}

/// Reads a blueprint with overrides, both in YAML; it has to be without mistakes.
pub(crate) fn graph(blueprint: &str, overrides: &str) -> Graph {
    let reading = read(blueprint, overrides);
    assert!(!reading.failed(), "{}\n{blueprint}", reading.render(false));
    reading.graph
}

/// A blueprint with one set of overrides laid over it, as YAML.
fn merged(blueprint: &str, overrides: &str) -> String {
    let reading = read(blueprint, overrides);
    assert!(!reading.failed(), "{}", reading.render(false));
    reading.show()
}

fn read(blueprint: &str, overrides: &str) -> Reading {
    let mut environment = "blueprint: shop.yaml\nprovider: simulator\n".to_owned();
    if !overrides.trim().is_empty() {
        environment.push_str("overrides:\n");
        environment.extend(overrides.lines().map(|line| format!("  {line}\n")));
    }
    let files = |path: &Path| {
        Ok(if path == Path::new("shop.yaml") { blueprint.to_owned() } else { environment.clone() }.into_bytes())
    };
    read_with(Path::new("test.yaml"), &files, components::ALL, kinds::INFOS)
}
