//! `tiers`: groups of alike instances, each behind its load balancer, open to nobody but the tier in front.

mod build;
mod check;
mod section;

use std::collections::BTreeMap;

use engine::Flaw;
use engine::blueprint::{Component, Expansion, MAX_NAME, NAME, Scope};
use schemars::{Schema, json_schema};
use serde_json::Value;

use super::parts::{Parts, section};
use section::Tier;

/// The `tiers` section as a component.
pub(super) struct TiersSection;

impl Component for TiersSection {
    fn name(&self) -> &'static str {
        "tiers"
    }

    fn schema(&self) -> Schema {
        let mut schema = schemars::schema_for!(BTreeMap<String, Tier>);
        schema.insert("description".into(), "Groups of alike instances, by name.".into());
        let names = json_schema!({ "pattern": NAME, "maxLength": MAX_NAME - "-lb-http".len() });
        schema.insert("propertyNames".into(), names.to_value());
        schema
    }

    fn expand(&self, value: &Value, scope: &Scope<'_>) -> Expansion {
        let tiers: BTreeMap<String, Tier> = match section(value) {
            Ok(tiers) => tiers,
            Err(expansion) => return expansion,
        };
        let mut parts = Parts::default();
        for name in tiers.keys().filter(|name| taken(name, &tiers)) {
            let message = format!("`{name}` is also the name of something that belongs to another tier");
            parts.flaw(Flaw::new(name, message).hint("choose a name that does not end in `-lb`"));
        }
        check::mistakes(&tiers, scope, &mut parts);
        for (name, tier) in &tiers {
            build::resources(name, tier, scope, &mut parts);
        }
        parts.done()
    }
}

/// The security group of a tier's load balancer.
fn balancer_group(tier: &str) -> String {
    format!("{tier}-lb")
}

fn taken(name: &str, tiers: &BTreeMap<String, Tier>) -> bool {
    tiers.keys().any(|other| balancer_group(other) == *name)
}

/// The tiers of the blueprint that no other tier stands behind: those that do the work, and use the database.
pub(super) fn last(scope: &Scope<'_>) -> Vec<String> {
    let tiers = scope.document.get("tiers").and_then(Value::as_object);
    let fronts: Vec<&str> =
        tiers.iter().flat_map(|tiers| tiers.values()).filter_map(|tier| tier.get("behind")?.as_str()).collect();
    let names = tiers.into_iter().flat_map(|tiers| tiers.keys());
    names.filter(|name| !fronts.contains(&name.as_str())).cloned().collect()
}
