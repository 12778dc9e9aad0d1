//! Compares what is wanted with what is live, property by property.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One property whose live value is not the desired one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FieldChange {
    /// Keys joined by dots, such as `health_check.path`.
    pub path: String,
    /// The live value.
    pub before: Value,
    /// The desired value; an unresolved `{"$ref": …, "output": …}` is known only after apply.
    pub after: Value,
}

impl FieldChange {
    /// The top-level property the change is in.
    pub fn property(&self) -> &str {
        self.path.split('.').next().unwrap_or(&self.path)
    }
}

/// Lists the properties of `desired` that `live` does not have.
///
/// A property `desired` leaves out is not managed, whatever its live value. Lists are compared whole: a kind whose
/// order does not matter keeps a set.
pub fn diff(desired: &Value, live: &Value) -> Vec<FieldChange> {
    let mut changes = Vec::new();
    walk(&mut changes, "", desired, live);
    changes
}

fn walk(changes: &mut Vec<FieldChange>, path: &str, desired: &Value, live: &Value) {
    match (desired, live) {
        (Value::Object(want), Value::Object(have)) if !want.contains_key("$ref") => {
            for (key, want) in want {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                walk(changes, &path, want, have.get(key).unwrap_or(&Value::Null));
            }
        }
        (want, have) if same(want, have) => {}
        _ => changes.push(FieldChange { path: path.to_owned(), before: live.clone(), after: desired.clone() }),
    }
}

/// Equality in which 1 and 1.0 are one number.
fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one == other || one.as_f64() == other.as_f64(),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        _ => one == other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn change(path: &str, before: Value, after: Value) -> FieldChange {
        FieldChange { path: path.to_owned(), before, after }
    }

    #[test]
    fn only_stated_properties_are_compared() {
        let live = json!({ "size": 2, "health": { "path": "/", "port": 80 }, "extra": true });
        assert_eq!(diff(&json!({ "size": 2.0, "health": { "path": "/" } }), &live), []);
        assert_eq!(
            diff(&json!({ "size": 3, "health": { "path": "/up" }, "new": null }), &live),
            [change("health.path", json!("/"), json!("/up")), change("size", json!(2), json!(3))]
        );
    }

    #[test]
    fn lists_and_references_are_compared_whole() {
        let live = json!({ "subnets": [{ "$ref": "subnet/a" }], "vpc": { "$id": "vpc-1", "$kind": "vpc" } });
        let desired =
            json!({ "subnets": [{ "$ref": "subnet/a" }, { "$ref": "subnet/b" }], "vpc": { "$ref": "vpc/main" } });
        let changed: Vec<String> = diff(&desired, &live).into_iter().map(|change| change.path).collect();
        assert_eq!(changed, ["subnets", "vpc"]);
    }
}
