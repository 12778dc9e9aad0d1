//! Policy documents, equal when they mean the same to AWS.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// An IAM policy document in one canonical spelling.
///
/// AWS hands a document back with lists where one value was written, values in another order, and account principals
/// spelled out; none of that changes what it allows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Value")]
pub struct Policy(Value);

impl Policy {
    /// Reads a document as AWS returns it.
    pub fn parse(text: &str) -> Option<Self> {
        serde_json::from_str::<Value>(text).ok().map(Self::from)
    }
}

impl From<Value> for Policy {
    fn from(mut document: Value) -> Self {
        if let Some(map) = document.as_object_mut() {
            map.entry("Version").or_insert_with(|| "2012-10-17".into());
            if let Some(statement) = map.get_mut("Statement") {
                // The order of statements is kept: it carries no meaning, but AWS keeps it too.
                let statements = match statement.take() {
                    Value::Array(statements) => statements,
                    one => vec![one],
                };
                *statement = statements.into_iter().map(self::statement).collect();
            }
        }
        Self(document)
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

fn statement(mut statement: Value) -> Value {
    let Some(map) = statement.as_object_mut() else { return statement };
    for (key, value) in map.iter_mut() {
        match key.as_str() {
            "Action" | "NotAction" | "Resource" | "NotResource" => set(value),
            "Principal" | "NotPrincipal" => principal(value),
            "Condition" => condition(value),
            _ => {}
        }
    }
    statement
}

/// `"*"` and `{"AWS": "*"}` are the same principal.
fn principal(value: &mut Value) {
    if value.get("AWS").is_some_and(|aws| *aws == "*" || *aws == Value::from(vec!["*"]))
        && value.as_object().is_some_and(|map| map.len() == 1)
    {
        *value = "*".into();
    }
    if let Some(map) = value.as_object_mut() {
        map.values_mut().for_each(set);
    }
}

/// Condition values are strings to AWS, and sets.
fn condition(value: &mut Value) {
    let operators = value.as_object_mut().into_iter().flat_map(|map| map.values_mut());
    for keys in operators {
        for values in keys.as_object_mut().into_iter().flat_map(|map| map.values_mut()) {
            match &mut *values {
                Value::Array(items) => items.iter_mut().for_each(text),
                one => text(one),
            }
            set(values);
        }
    }
}

fn text(value: &mut Value) {
    if matches!(value, Value::Bool(_) | Value::Number(_)) {
        *value = value.to_string().into();
    }
}

/// Writes a set as a sorted list, or as its only value.
fn set(value: &mut Value) {
    if let Value::Array(items) = value {
        items.sort_by_key(Value::to_string);
        items.dedup();
        if items.len() == 1 {
            *value = items.remove(0);
        }
    }
}

impl JsonSchema for Policy {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Policy".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "required": ["Statement"],
            "properties": {
                "Version": { "enum": ["2012-10-17", "2008-10-17"] },
                "Id": { "type": "string" },
                "Statement": { "type": ["array", "object"] },
            },
            "additionalProperties": false,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn spellings_of_one_policy_are_equal() {
        let short = json!({ "Statement": {
            "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": ["b", "a"],
            "Condition": { "Bool": { "aws:SecureTransport": true } },
        } });
        let long = json!({ "Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": { "AWS": ["*"] }, "Action": ["s3:GetObject"], "Resource": ["a", "b", "a"],
            "Condition": { "Bool": { "aws:SecureTransport": ["true"] } },
        }] });
        assert_eq!(Policy::from(short.clone()), Policy::from(long));
        let other = json!({ "Statement": { "Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*" } });
        assert_ne!(Policy::from(short), Policy::from(other));
    }
}
