//! Any bytes as a blueprint and its environment: reading them must end, and never panic.
//!
//! The kinds are two small ones, so that references, ranges and circles are reached without building the AWS clients.

#![no_main]

use std::path::Path;

use engine::blueprint::{Component, Expansion, Scope, Wanted, read_with};
use engine::{Address, Error, KindInfo, ReplaceOrder, Tags, Timing};
use libfuzzer_sys::fuzz_target;
use schemars::{Schema, json_schema};
use serde_json::{Value, json};

/// Between the environment and the blueprint in one input.
const SEPARATOR: &str = "\n=====\n";

struct Networks;

impl Component for Networks {
    fn name(&self) -> &'static str {
        "network"
    }

    fn schema(&self) -> Schema {
        json_schema!({ "type": "object", "properties": { "count": { "type": "integer", "maximum": 9 } } })
    }

    fn expand(&self, section: &Value, _: &Scope<'_>) -> Expansion {
        let count = section.get("count").and_then(Value::as_u64).unwrap_or(1);
        let wanted = |index| Wanted {
            address: Address::new("net", &format!("n{index}")),
            path: String::new(),
            properties: json!({ "cidr": format!("10.{index}.0.0/16") }),
            tags: Tags::new(),
        };
        Expansion { resources: (0..count).map(wanted).collect(), ..Expansion::default() }
    }
}

fn net() -> Schema {
    json_schema!({ "type": "object", "properties": { "cidr": { "type": "string", "format": "cidr" } }, "required": ["cidr"] })
}

fn part() -> Schema {
    json_schema!({ "type": "object", "properties": {
        "net": { "type": "string", "x-ref": "net" },
        "next": { "type": "string", "x-ref": "part", "x-late": true },
        "cidr": { "type": "string", "format": "cidr" },
    } })
}

fn canonical(mut properties: Value) -> Result<Value, Error> {
    for (key, kind) in [("net", "net"), ("next", "part")] {
        if let Some(Value::String(name)) = properties.get(key) {
            properties[key] = json!({ "$ref": Address::new(kind, name) });
        }
    }
    Ok(properties)
}

fn kind(name: &'static str, schema: fn() -> Schema) -> KindInfo {
    KindInfo {
        name,
        fixed: &[],
        stateful: false,
        order: ReplaceOrder::CreateFirst,
        unique: &["cidr"],
        renewed: &[],
        protection: None,
        permanent: false,
        after: &[],
        repeatable: true,
        quota: None,
        unmanaged: &[],
        timing: || Timing::seconds(1, 1, 1),
        example: || json!({ "cidr": "10.0.0.0/16" }),
        variants: Vec::new,
        schema,
        canonical,
        check: |_| Vec::new(),
        impact: |_, _| Vec::new(),
        usage: |_| Vec::new(),
        simulate: |_, id, _| json!({ "id": id, "arn": id }),
    }
}

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let (environment, blueprint) =
        text.split_once(SEPARATOR).unwrap_or(("blueprint: shop.yaml\nprovider: simulator\n", &text));
    let files = |path: &Path| {
        let text = if path.ends_with("test.yaml") { environment } else { blueprint };
        Ok(text.as_bytes().to_vec())
    };
    let reading = read_with(Path::new("test.yaml"), &files, &[&Networks], &[kind("net", net), kind("part", part)]);
    let shown = reading.render(true);
    assert_eq!(shown.is_empty(), reading.diagnostics.is_empty());
    reading.show();
    for diagnostic in &reading.diagnostics {
        diagnostic.told(&reading.sources);
    }
});
