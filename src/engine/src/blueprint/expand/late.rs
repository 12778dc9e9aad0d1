//! `${kind/name.output}`: another resource's output, written by hand.

use serde_json::{Value, json};

use crate::Address;

/// Whether a text stands for an output of a resource.
pub(in crate::blueprint) fn is_late(text: &str) -> bool {
    inside(text).and_then(output).is_some()
}

fn inside(text: &str) -> Option<&str> {
    text.strip_prefix("${")?.strip_suffix('}')
}

/// Reads `kind/name.output`.
pub(super) fn output(text: &str) -> Option<(Address, &str)> {
    let (address, output) = text.rsplit_once('.')?;
    let plain = |text: &str| !text.contains(['$', '{', '}', ' ']);
    let address = Address::parse(address).filter(|_| plain(text) && !output.is_empty())?;
    Some((address, output))
}

/// The shape of an output on the engine's wire; an `id` is a plain reference.
pub(super) fn wire(address: &Address, output: &str) -> Value {
    match output {
        "id" => json!({ "$ref": address }),
        output => json!({ "$ref": address, "output": output }),
    }
}

/// Puts the wire's shape in place of every `${…}` in a value.
pub(super) fn resolve(value: &mut Value) {
    match value {
        Value::String(text) => {
            if let Some((address, output)) = inside(text).and_then(output) {
                *value = wire(&address, output);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(resolve),
        Value::Object(map) => map.values_mut().for_each(resolve),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_are_told_from_shell_variables() {
        for (text, expected) in [
            ("${launch-template/web.version}", true),
            ("${recovery:vpc/main.id}", true),
            ("${HOME}", false),
            ("${HOME}/x.y", false),
            ("launch-template/web.version", false),
        ] {
            assert_eq!(is_late(text), expected, "{text}");
        }
    }
}
