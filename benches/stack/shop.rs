//! The shipped blueprint, as it is and with ten times as much in it.

use std::path::Path;

use aws::{components, kinds};
use engine::blueprint::read_with;
use engine::{Graph, Owner};

/// Whose stack the benchmarks make.
pub(crate) fn owner() -> Owner {
    Owner::new("shop", "bench")
}

/// The stack with nothing protected, so that it can be destroyed.
pub(crate) fn shop() -> Graph {
    read(
        "tiers: { web: { load_balancer: { deletion_protection: false } } }
database: { deletion_protection: false, final_snapshot: false }",
    )
}

/// Ten times the subnets, and security groups with ten times the rules.
pub(crate) fn big_shop() -> Graph {
    let mut overrides = "tiers: { web: { load_balancer: { deletion_protection: false } } }
database: { deletion_protection: false, final_snapshot: false }
resources:
  subnet:
"
    .to_owned();
    for index in 0..72 {
        let zone = if index % 2 == 0 { "a" } else { "c" };
        overrides.push_str(&format!(
            "    extra-{index}: {{ vpc: main, cidr: 10.0.{}.{}/28, zone: ap-northeast-2{zone} }}\n",
            240 + index / 16,
            index % 16 * 16
        ));
    }
    overrides.push_str("  security-group:\n");
    for index in 0..50 {
        overrides.push_str(&format!("    extra-{index}:\n      vpc: main\n      description: extra\n      ingress:\n"));
        for rule in 0..10 {
            overrides.push_str(&format!(
                "        - {{ protocol: tcp, ports: {}, peer: {{ cidr: 10.0.0.0/16 }} }}\n",
                9000 + rule
            ));
        }
    }
    read(&overrides)
}

fn read(overrides: &str) -> Graph {
    let mut environment = "blueprint: three-tier.yaml\nprovider: simulator\noverrides:\n".to_owned();
    environment.extend(overrides.lines().map(|line| format!("  {line}\n")));
    let files = |path: &Path| match path.ends_with("bench.yaml") {
        true => Ok(environment.clone().into_bytes()),
        false => std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("blueprints/three-tier.yaml")),
    };
    let reading = read_with(Path::new("bench.yaml"), &files, components::ALL, kinds::INFOS);
    assert!(!reading.failed(), "{}", reading.render(false));
    reading.graph
}
