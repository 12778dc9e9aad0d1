use std::collections::HashMap;
use std::path::PathBuf;

use schemars::{JsonSchema, Schema, schema_for};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::*;
use crate::blueprint::{Expansion, Scope, Wanted};
use crate::{Address, Changed, Error, Found, Kind, Labels, Query, Ref, Result, Timing, graph};

/// A kind as far as blueprints go: no cloud is called here.
macro_rules! kind {
    ($name:ident, $kind:literal, { $($fields:tt)* }, $example:expr, $unique:expr) => {
        #[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        struct $name { $($fields)* }

        impl Kind for $name {
            type Cloud = ();
            type Outputs = Value;
            const NAME: &'static str = $kind;
            const FIXED: &'static [&'static str] = &[];
            const UNIQUE: &'static [&'static str] = $unique;

            fn example() -> Self {
                serde_json::from_value($example).unwrap()
            }

            fn variants() -> Vec<Self> {
                Vec::new()
            }

            async fn find(_: &(), _: Query<'_>) -> Result<Vec<Found<Self>>> {
                Ok(Vec::new())
            }

            async fn create(&self, _: &(), _: &Labels) -> Result<String> {
                Err(Error::NotFound)
            }

            async fn update(&self, _: &(), _: &str, _: &Changed) -> Result<()> {
                Ok(())
            }

            async fn label(_: &(), _: &str, _: &Labels) -> Result<()> {
                Ok(())
            }

            async fn delete(_: &(), _: &str) -> Result<()> {
                Ok(())
            }

            fn timing() -> Timing {
                Timing::seconds(1, 1, 1)
            }

            fn simulate(&self, id: &str, _: u32) -> Value {
                json!({ "id": id, "arn": "arn:x" })
            }
        }
    };
}

kind!(Net, "net", { #[schemars(extend("format" = "cidr"))] cidr: String }, json!({"cidr": "10.0.0.0/8"}), &[]);
kind!(
    Part,
    "part",
    {
        net: Ref<Net>,
        #[schemars(with = "String")]
        cidr: ipnet::Ipv4Net,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        next: Option<Ref<Part>>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        arn: Option<crate::Late<String>>
    },
    json!({"net": "a", "cidr": "10.0.0.0/16"}),
    &["cidr"]
);

struct Nets;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Section {
    /// How many there are.
    #[serde(default)]
    count: u8,
}

impl Component for Nets {
    fn name(&self) -> &'static str {
        "nets"
    }

    fn schema(&self) -> Schema {
        schema_for!(Section)
    }

    fn expand(&self, section: &Value, scope: &Scope<'_>) -> Expansion {
        let Section { count } = Section::deserialize(section).unwrap();
        let mut expansion = Expansion::default();
        if count > 3 {
            expansion.flaws.push(crate::Flaw::new("count", "too many nets"));
        }
        expansion.resources = (0..count)
            .map(|index| Wanted {
                address: Address::new("net", &format!("n{index}")),
                path: String::new(),
                properties: json!({ "cidr": format!("10.{index}.0.0/16") }),
                tags: [("Zones".to_owned(), scope.zones.join(" "))].into(),
            })
            .collect();
        expansion.outputs.push(graph::Output { name: "count".into(), value: json!(count) });
        expansion
    }
}

fn reading(environment: &str, blueprint: &str) -> Reading {
    let files: HashMap<_, _> = [("env/test.yaml", environment), ("shop.yaml", blueprint)]
        .map(|(name, text)| (PathBuf::from(name), text))
        .into();
    let open = |path: &Path| {
        let plain = path.to_string_lossy().replace("env/../", "");
        files.get(Path::new(&plain)).map(|text| text.as_bytes().to_vec()).ok_or(io::ErrorKind::NotFound.into())
    };
    read_with(Path::new("env/test.yaml"), &open, &[&Nets], &[KindInfo::of::<Net>(), KindInfo::of::<Part>()])
}

const ENVIRONMENT: &str = "blueprint: ../shop.yaml\nprovider: simulator\n";

#[test]
fn a_blueprint_becomes_a_graph() {
    let reading = reading(
        &format!("{ENVIRONMENT}overrides:\n  tags: {{Stage: test}}\n  nets: {{count: 2}}\n"),
        "name: shop\ntags: {Team: web}\nnets: {count: 1}\nresources:\n  part:\n    x: {net: n1, cidr: 10.1.2.0/24, arn: '${net/n0.arn}', tags: {Team: db}}\noutputs:\n  net: net/n0.arn\n",
    );
    assert_eq!(reading.render(false), "");
    assert_eq!(reading.owner, Some(Owner::new("shop", "test")));
    let shown: Vec<_> =
        reading.graph.iter().map(|one| json!([one.address, one.component, one.properties, one.tags])).collect();
    let zones = "ap-northeast-2a ap-northeast-2c";
    assert_eq!(
        shown,
        [
            json!(["net/n0", "nets", {"cidr": "10.0.0.0/16"}, {"Team": "web", "Stage": "test", "Zones": zones}]),
            json!(["net/n1", "nets", {"cidr": "10.1.0.0/16"}, {"Team": "web", "Stage": "test", "Zones": zones}]),
            json!([
                "part/x",
                "resources",
                {"net": {"$ref": "net/n1"}, "cidr": "10.1.2.0/24", "arn": {"$ref": "net/n0", "output": "arn"}},
                {"Team": "db", "Stage": "test"}
            ]),
        ]
    );
    let outputs: Vec<_> = reading.graph.outputs.iter().map(|output| json!([output.name, output.value])).collect();
    assert_eq!(outputs, [json!(["count", 2]), json!(["net", {"$ref": "net/n0", "output": "arn"}])]);
    assert_eq!(reading.show().lines().next(), Some("name: shop"));
}

#[test]
fn every_mistake_is_reported_where_it_was_made() {
    for (environment, blueprint, expected) in [
        (
            "",
            "name: shop",
            &["env/test.yaml:1:1 `blueprint` is missing", "env/test.yaml:1:1 `provider` is missing"][..],
        ),
        (
            "blueprint: ../shop.yaml\nprovider: azure",
            "name: Shop",
            &[
                "env/test.yaml:2:11 `azure` is not one of the values this key takes",
                "shop.yaml:1:7 `Shop` is not of the form this key takes",
            ],
        ),
        (
            "blueprint: nowhere.yaml\nprovider: aws",
            "",
            &["env/test.yaml:1:12 cannot read `env/nowhere.yaml`: there is no such file"],
        ),
        (
            "blueprint: ../shop.yaml\nprovider: aws\noverrides: {nets: {cuont: 1}}",
            "name: shop",
            &["env/test.yaml:3:20 unknown key `cuont`"],
        ),
        (
            "blueprint: ../shop.yaml\nprovider: aws\naccount: 12345",
            "name: shop",
            &["env/test.yaml:3:10 `12345` is not an AWS account id"],
        ),
        (ENVIRONMENT, "name: shop\nnets: {count: 4}", &["shop.yaml:2:15 too many nets"]),
        (
            ENVIRONMENT,
            "name: shop\nzones: [a, us-west-1b, ap-northeast-2a]",
            &[
                "shop.yaml:2:12 `us-west-1b` is not a zone of ap-northeast-2",
                "shop.yaml:2:24 the zone ap-northeast-2a is in the list twice",
            ],
        ),
        (
            ENVIRONMENT,
            "name: shop\nresources: {part: {x: {net: n9, cidr: 10.0.0.0/24}}, net: {n1: {cidr: 10.0.0.0/8}}}",
            &["shop.yaml:2:29 there is no net `n9`"],
        ),
        (
            ENVIRONMENT,
            "name: shop\nresources: {part: {x: {net: n1, cidr: 11.0.0.0/24}, y: {net: n1, cidr: 10.0.0.0/33}}, net: {n1: {cidr: 10.0.0.0/8}}}",
            &[
                "shop.yaml:2:39 11.0.0.0/24 of `part/x` does not lie in 10.0.0.0/8 of `net/n1`",
                "shop.yaml:2:72 invalid IP address syntax",
            ],
        ),
        (
            ENVIRONMENT,
            "name: shop\nnets: {count: 1}\nresources: {net: {n0: {cidr: 10.0.0.0/8}}}",
            &["shop.yaml:3:19 `net/n0` is defined already, by `nets`"],
        ),
        (
            ENVIRONMENT,
            "name: shop\nnets: {count: 1}\nresources: {part: {x: {net: n0, cidr: 10.0.0.0/24, next: y}, y: {net: n0, cidr: 10.0.0.128/25, next: x}}}",
            &[
                "shop.yaml:3:81 10.0.0.128/25 of `part/y` overlaps 10.0.0.0/24 of `part/x`",
                "shop.yaml:3:102 these resources wait for each other",
            ],
        ),
        (
            ENVIRONMENT,
            "name: shop\nnets: {count: 1}\noutputs: {a: net/n0.dns, b: net/n0, c: net/n7.id}",
            &[
                "shop.yaml:3:14 `net/n0` has no output `dns`",
                "shop.yaml:3:29 `net/n0` does not name an output",
                "shop.yaml:3:40 there is no `net/n7`",
            ],
        ),
        (
            ENVIRONMENT,
            "name: shop\ntags: {'aws:x': a, 'terrace:y': b}",
            &[
                "shop.yaml:2:8 the tag `aws:x` is kept for AWS",
                "shop.yaml:2:20 the tag `terrace:y` is kept for Terrace",
            ],
        ),
    ] {
        let reading = reading(environment, blueprint);
        let words = reading.diagnostics.iter().map(|diagnostic| {
            let place = diagnostic.place.unwrap();
            let at = reading.sources.position(place.file, place.start);
            let name = reading.sources.name(place.file);
            format!("{name}:{}:{} {}", at.line, at.column, diagnostic.message)
        });
        assert_eq!(words.collect::<Vec<_>>(), expected, "{environment}\n{blueprint}");
    }
}
