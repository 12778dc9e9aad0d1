//! Lays an environment's overrides over a blueprint. Knows no schema: an unknown key is found later, at its own place.

use super::diagnostic::{Diagnostic, did_you_mean};
use super::node::{Data, Map, Node};

/// Lays `over` over `base`: maps merge key by key, `null` removes a key, everything else replaces.
///
/// Every value keeps the place it was written at, in whichever file.
pub fn merge(base: Node, over: Node, diagnostics: &mut Vec<Diagnostic>) -> Node {
    match (base.data, over.data) {
        (Data::Map(mut map), Data::Map(overrides)) => {
            for entry in overrides {
                if entry.value.data == Data::Null {
                    remove(&mut map, &entry.key, entry.span, diagnostics);
                } else if let Some(below) = map.entry_mut(&entry.key) {
                    let replaced = Node::new(below.value.span, Data::Null);
                    let below_value = std::mem::replace(&mut below.value, replaced);
                    below.value = merge(below_value, entry.value, diagnostics);
                    if below.value.map().is_none() {
                        below.span = entry.span;
                    }
                } else {
                    map.push(entry);
                }
            }
            Node::new(base.span, Data::Map(map))
        }
        (_, data) => Node::new(over.span, data),
    }
}

fn remove(map: &mut Map, key: &str, span: super::Span, diagnostics: &mut Vec<Diagnostic>) {
    if map.remove(key).is_none() {
        let hint = did_you_mean(key, map.iter().map(|entry| entry.key.as_str()));
        let message = format!("`{key}: null` removes a key the blueprint does not have");
        diagnostics.push(Diagnostic::error(span, message).maybe_hint(hint));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::blueprint::{Sources, parse};

    fn merged(base: &str, over: &str) -> (Value, Vec<String>) {
        let mut sources = Sources::default();
        let mut diagnostics = Vec::new();
        let mut read = |name: &str, text: &str| {
            let file = sources.add(name, text);
            parse(&sources, file, &mut diagnostics).root.unwrap()
        };
        let (base, over) = (read("base", base), read("over", over));
        let node = merge(base, over, &mut diagnostics);
        (node.value(), diagnostics.into_iter().map(|diagnostic| diagnostic.message).collect())
    }

    #[test]
    fn maps_merge_lists_replace_and_null_removes() {
        for (base, over, expected) in [
            ("{a: 1, b: 2}", "{b: 3, c: 4}", json!({"a": 1, "b": 3, "c": 4})),
            ("{a: {x: 1, y: 2}}", "{a: {y: 3}}", json!({"a": {"x": 1, "y": 3}})),
            ("{a: [1, 2, 3]}", "{a: [4]}", json!({"a": [4]})),
            ("{a: {x: 1}, b: 1}", "{a: ~}", json!({"b": 1})),
            ("{a: {x: 1}}", "{a: 5}", json!({"a": 5})),
            ("{a: }", "{a: {x: 1}}", json!({"a": {"x": 1}})),
        ] {
            assert_eq!(merged(base, over), (expected, vec![]), "{base} {over}");
        }
    }

    #[test]
    fn removing_nothing_is_a_mistake() {
        assert_eq!(merged("{a: 1}", "{b: ~}").1, ["`b: null` removes a key the blueprint does not have"]);
    }
}
