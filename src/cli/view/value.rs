//! Property values in a few words.

use serde_json::Value;

/// How many characters of a text are shown.
const LONG: usize = 48;

/// A value on one line: names instead of references, no quotes where none are needed.
pub(super) fn brief(value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::String(text) => quoted(text),
        Value::Array(items) => format!("[{}]", items.iter().map(brief).collect::<Vec<_>>().join(", ")),
        Value::Object(map) => match (map.get("$ref"), map.get("output"), map.get("$id")) {
            (Some(_), Some(_), _) => "(known after apply)".to_owned(),
            (Some(Value::String(address)), None, _) => name(address).to_owned(),
            (_, _, Some(Value::String(id))) => tail(id).to_owned(),
            _ => {
                let entries = map.iter().filter(|(_, value)| !value.is_null());
                let entries: Vec<String> = entries.map(|(key, value)| format!("{key}: {}", brief(value))).collect();
                format!("{{{}}}", entries.join(", "))
            }
        },
        Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

/// What of a list was taken away and what was added; `None` when either side is no list.
pub(super) fn list_change(before: &Value, after: &Value) -> Option<String> {
    let (before, after) = (before.as_array()?, after.as_array()?);
    let only = |these: &[Value], those: &[Value], sign: &str| -> Vec<String> {
        these.iter().filter(|item| !those.contains(item)).map(|item| format!("{sign}{}", brief(item))).collect()
    };
    let mut told = only(before, after, "-");
    told.extend(only(after, before, "+"));
    Some(if told.is_empty() { "another order".to_owned() } else { told.join(" ") })
}

fn quoted(text: &str) -> String {
    let lines = text.lines().count();
    if lines > 1 {
        return format!("({lines} lines)");
    }
    if text.chars().count() > LONG {
        let cut: String = text.chars().take(LONG).collect();
        return format!("{cut}…");
    }
    if text.is_empty() { "\"\"".to_owned() } else { text.to_owned() }
}

/// An address without its kind: the property's name says the kind.
fn name(address: &str) -> &str {
    address.rsplit_once('/').map_or(address, |(_, name)| name)
}

/// The telling end of an ARN.
fn tail(id: &str) -> &str {
    if id.starts_with("arn:") { id.rsplit_once(':').map_or(id, |(_, tail)| tail) } else { id }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_told_in_the_blueprints_words() {
        let told = [
            (json!({ "$ref": "subnet/public-a" }), "public-a"),
            (json!({ "$ref": "launch-template/web", "output": "version" }), "(known after apply)"),
            (json!({ "$id": "vpc-1" }), "vpc-1"),
            (json!(["a", 1, true]), "[a, 1, true]"),
            (json!({ "port": 80, "path": null }), "{port: 80}"),
            (json!("one\ntwo"), "(2 lines)"),
            (json!(""), "\"\""),
        ];
        for (value, text) in told {
            assert_eq!(brief(&value), text);
        }
        let change = list_change(&json!(["a", "b"]), &json!(["b", "c"]));
        assert_eq!(change.as_deref(), Some("-a +c"));
    }
}
