//! The parameters somebody set, compared as a whole: one that is set and not wanted is a difference.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// Values by parameter name.
///
/// A blueprint writes a map. The engine compares maps by the keys that are wanted and lists as a whole, so the
/// canonical form is a sorted list of `name=value`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parameters(pub BTreeMap<String, String>);

impl<const N: usize> From<[(&str, &str); N]> for Parameters {
    fn from(pairs: [(&str, &str); N]) -> Self {
        Self(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }
}

impl Serialize for Parameters {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|(name, value)| format!("{name}={value}")))
    }
}

impl<'de> Deserialize<'de> for Parameters {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let pairs = match Value::deserialize(deserializer)? {
            Value::Object(map) => map.into_iter().map(|(name, value)| Some((name, text(value)?))).collect(),
            Value::Array(items) => items.iter().map(pair).collect(),
            _ => None,
        };
        pairs.map(Self).ok_or_else(|| D::Error::custom("expected values by parameter name"))
    }
}

fn text(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn pair(item: &Value) -> Option<(String, String)> {
    let (name, value) = item.as_str()?.split_once('=')?;
    Some((name.to_owned(), value.to_owned()))
}

impl JsonSchema for Parameters {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Parameters".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "object", "additionalProperties": { "type": "string" } })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_map_and_its_canonical_list_are_the_same() {
        let map: Parameters =
            serde_json::from_value(json!({ "slow_query_log": 1, "init_connect": "SET a=b", "empty": "" })).unwrap();
        let list = json!(["empty=", "init_connect=SET a=b", "slow_query_log=1"]);
        assert_eq!(serde_json::to_value(&map).unwrap(), list);
        assert_eq!(serde_json::from_value::<Parameters>(list).unwrap(), map);
        assert!(serde_json::from_value::<Parameters>(json!("a=b")).is_err());
        assert!(serde_json::from_value::<Parameters>(json!({ "nested": {} })).is_err());
    }
}
