//! Values that may have one of several shapes: finds the shape that was meant, and reports what is wrong with that.

use serde_json::Value;

use super::{Checked, Checker, words};
use crate::blueprint::diagnostic::{Diagnostic, did_you_mean, nearest};
use crate::blueprint::node::{Data, Node};
use crate::blueprint::source::Span;

/// The shapes, if the schema has several.
pub(super) fn branches(schema: &Value) -> Option<&Vec<Value>> {
    schema.get("oneOf").or_else(|| schema.get("anyOf")).and_then(Value::as_array)
}

impl<'a> Checker<'a> {
    pub(super) fn union(&mut self, schema: &'a Value, branches: &'a [Value], node: &Node, place: Span) {
        let mut shapes = Vec::new();
        self.shapes(branches, &mut shapes);
        let (nulls, shapes): (Vec<_>, Vec<_>) = shapes.into_iter().partition(|shape| words::types(shape) == ["null"]);
        if node.data == Data::Null && !nulls.is_empty() {
            return;
        }
        if let [only] = shapes.as_slice() {
            return self.node(only, node, place);
        }
        if let Some(texts) = shapes.iter().map(|shape| constants(shape)).collect::<Option<Vec<_>>>() {
            return self.constant(&texts.concat(), node, place);
        }
        if let Some(shape) = self.tagged(schema, &shapes, node, place) {
            if let Some(shape) = shape {
                self.shape(schema, shape, node, place);
            }
            return;
        }
        let fitting: Vec<_> = shapes.iter().copied().filter(|shape| self.could_be(shape, node)).collect();
        match fitting.as_slice() {
            [] => {
                let words: Vec<String> = shapes.iter().filter_map(|shape| constants(shape)).flatten().collect();
                if node.text().is_some_and(|text| nearest(text, words.iter().map(String::as_str)).is_some()) {
                    return self.constant(&words, node, place);
                }
                let mut expected: Vec<String> = Vec::new();
                for name in shapes.iter().map(|shape| self.named(shape)) {
                    if !expected.contains(&name) {
                        expected.push(name);
                    }
                }
                let message = format!("expected {}, found {}", expected.join(" or "), words::found(node, self.sources));
                let place = if node.map().is_some() || node.list().is_some() || node.data == Data::Null {
                    place
                } else {
                    node.span
                };
                let types: Vec<_> = shapes.iter().flat_map(|shape| words::types(shape)).collect();
                let keys: Vec<_> = shapes.iter().filter_map(|shape| only_key(shape)).collect();
                let hint = words::hint(&types, node, self.sources)
                    .or_else(|| words::choice("a map here has one of the keys", keys.into_iter()));
                self.report(Diagnostic::error(place, message).maybe_hint(hint));
            }
            [only] => self.shape(schema, only, node, place),
            several => self.closest(schema, several, node, place),
        }
    }

    /// The shapes, those of unions among them in their place.
    fn shapes(&self, branches: &'a [Value], shapes: &mut Vec<&'a Value>) {
        for branch in branches {
            let shape = self.resolve(branch);
            match self::branches(shape).filter(|_| shape.get("properties").is_none()) {
                Some(inner) => self.shapes(inner, shapes),
                None => shapes.push(shape),
            }
        }
    }

    /// What a shape is called in a message.
    fn named(&self, shape: &Value) -> String {
        match constants(shape) {
            Some(texts) => texts.iter().map(|text| format!("`{text}`")).collect::<Vec<_>>().join(" or "),
            None => words::expected(shape),
        }
    }

    /// Checks one shape together with what the union says besides its shapes.
    fn shape(&mut self, schema: &'a Value, shape: &'a Value, node: &Node, place: Span) {
        let Some(map) = node.map().filter(|_| schema.get("properties").is_some()) else {
            return self.node(shape, node, place);
        };
        // A flattened enum: the keys of both halves are known, each half checks its own.
        let (own, theirs) = (self.properties(schema), self.properties(shape));
        let known = |name: &str| own.iter().chain(&theirs).any(|(known, _)| *known == name);
        for entry in map.iter() {
            if let Some((_, property)) = own.iter().chain(&theirs).find(|(name, _)| *name == entry.key) {
                self.below(&entry.key, property, &entry.value, entry.span);
            } else {
                let hint = did_you_mean(&entry.key, own.iter().chain(&theirs).map(|(name, _)| *name));
                self.report(Diagnostic::error(entry.span, format!("unknown key `{}`", entry.key)).maybe_hint(hint));
            }
        }
        let required = [schema, shape].into_iter().filter_map(|half| half.get("required")).filter_map(Value::as_array);
        for name in required.flatten().filter_map(Value::as_str) {
            if known(name) && map.get(name).is_none() {
                self.report(Diagnostic::error(place, format!("`{name}` is missing")));
            }
        }
    }

    fn constant(&mut self, allowed: &[String], node: &Node, place: Span) {
        let text = match &node.data {
            Data::Text(text) => text.clone(),
            Data::Bool(_) | Data::Number(_) => self.sources.quote(node.span).to_owned(),
            Data::Null | Data::List(_) | Data::Map(_) => {
                let message = format!("expected one word, found {}", words::found(node, self.sources));
                let hint = words::choice("one of", allowed.iter().map(String::as_str));
                self.report(Diagnostic::error(place, message).maybe_hint(hint));
                return;
            }
        };
        if node.text().is_some() && allowed.contains(&text) {
            return;
        }
        let hint = if allowed.contains(&text) {
            Some(format!("put it in quotes: `\"{text}\"`"))
        } else {
            did_you_mean(&text, allowed.iter().map(String::as_str))
                .or_else(|| words::choice("one of", allowed.iter().map(String::as_str)))
        };
        let message = format!("`{}` is not one of the values this key takes", words::short(&text));
        self.report(Diagnostic::error(node.span, message).maybe_hint(hint));
    }

    /// The shape a key picks: a constant that every shape has another value for, or the one key of each.
    ///
    /// `None` if the shapes are not told apart so; `Some(None)` if they are and the complaint has been made.
    fn tagged(
        &mut self,
        schema: &'a Value,
        shapes: &[&'a Value],
        node: &Node,
        place: Span,
    ) -> Option<Option<&'a Value>> {
        let map = node.map()?;
        let maps: Vec<_> = shapes.iter().copied().filter(|shape| words::allows(shape, "object")).collect();
        if maps.len() < 2 {
            return None;
        }
        let first = self.properties(maps[0]);
        let tag = first.iter().map(|(name, _)| *name).find(|name| {
            maps.iter().all(|shape| {
                shape.get("properties").and_then(|all| all.get(*name)).is_some_and(|tag| tag.get("const").is_some())
            })
        });
        if let Some(tag) = tag {
            let value_of = |shape: &Value| {
                shape.get("properties").and_then(|all| all.get(tag)).and_then(constants).unwrap_or_default().concat()
            };
            let values: Vec<_> = maps.iter().map(|shape| value_of(shape)).collect();
            let Some(entry) = map.entry(tag) else {
                let hint = words::choice("one of", values.iter().map(String::as_str));
                self.report(Diagnostic::error(place, format!("`{tag}` is missing")).maybe_hint(hint));
                return Some(None);
            };
            let picked = entry.value.text().and_then(|text| values.iter().position(|value| value == text));
            if picked.is_none() {
                self.constant(&values, &entry.value, entry.span);
            }
            return Some(picked.map(|index| maps[index]));
        }
        let keys: Vec<&str> = maps.iter().map(|shape| only_key(shape)).collect::<Option<_>>()?;
        let found: Vec<_> = keys.iter().enumerate().filter(|(_, key)| map.get(key).is_some()).collect();
        match found.as_slice() {
            [(index, _)] => Some(Some(maps[*index])),
            [] => {
                let own = self.properties(schema);
                let stray = map.iter().find(|entry| !own.iter().any(|(name, _)| *name == entry.key));
                let at = stray.map_or(place, |entry| entry.span);
                let hint = stray.and_then(|entry| did_you_mean(&entry.key, keys.iter().copied()));
                let message = format!("expected one of the keys {}", listed(&keys));
                self.report(Diagnostic::error(at, message).maybe_hint(hint));
                Some(None)
            }
            [_, (_, second), ..] => {
                let at = map.entry(second).map_or(place, |entry| entry.span);
                let message = format!("only one of the keys {} can be given", listed(&keys));
                self.report(Diagnostic::error(at, message));
                Some(None)
            }
        }
    }

    /// Whether a value has a type the shape allows.
    fn could_be(&self, shape: &Value, node: &Node) -> bool {
        if let Some(texts) = constants(shape) {
            return node.text().is_some_and(|text| texts.iter().any(|constant| constant == text));
        }
        let types = words::types(shape);
        types.is_empty() || types.iter().any(|name| words::is_a(node, name))
    }

    /// Reports the complaints of the shape that has fewest.
    fn closest(&mut self, schema: &'a Value, shapes: &[&'a Value], node: &Node, place: Span) {
        let trials = shapes.iter().map(|shape| {
            let (whole, sources, path) = (self.whole, self.sources, self.path.clone());
            let mut trial = Checker { whole, sources, path, checked: Checked::default() };
            trial.shape(schema, shape, node, place);
            trial.checked
        });
        if let Some(best) = trials.min_by_key(|checked| checked.found.len()) {
            self.checked.found.extend(best.found);
            self.checked.broken.extend(best.broken);
        }
    }
}

/// The one key a map of this shape has.
fn only_key(shape: &Value) -> Option<&str> {
    let required = shape.get("required").and_then(Value::as_array)?;
    let [key] = required.as_slice() else { return None };
    let closed = shape.get("additionalProperties") == Some(&Value::Bool(false));
    (closed && shape.get("properties").and_then(Value::as_object)?.len() == 1).then_some(key.as_str()?)
}

fn listed(keys: &[&str]) -> String {
    keys.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ")
}

/// The texts a schema allows, if it allows only some.
pub(super) fn constants(schema: &Value) -> Option<Vec<String>> {
    if let Some(text) = schema.get("const") {
        return Some(vec![text.as_str().map_or_else(|| text.to_string(), str::to_owned)]);
    }
    let texts = schema.get("enum").and_then(Value::as_array)?;
    Some(
        texts
            .iter()
            .filter(|text| !text.is_null())
            .map(|text| text.as_str().map_or_else(|| text.to_string(), str::to_owned))
            .collect(),
    )
}
