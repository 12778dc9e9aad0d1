//! Checks a tree of values against a JSON schema, and reports everything that does not fit, each at its place.
//!
//! Understands what schemars writes. An object that lists its properties is closed unless it says otherwise: a key that
//! nothing reads is a mistake. Messages speak YAML: text, number, list, map.

mod format;
mod scalar;
mod union;
mod words;

use std::collections::BTreeSet;

use serde_json::Value;

use super::diagnostic::{Diagnostic, did_you_mean};
use super::node::{Data, Map, Node};
use super::source::{Sources, Span};

pub(super) use format::matches;

/// What a check found.
#[derive(Debug, Default)]
pub(super) struct Checked {
    /// Everything that does not fit.
    pub(super) found: Vec<Diagnostic>,
    /// Dotted paths of everything that holds something that does not fit.
    pub(super) broken: BTreeSet<String>,
}

/// Reports everything in a tree that does not fit a schema.
pub(super) fn check(schema: &Value, root: &Node, sources: &Sources) -> Checked {
    let mut checker = Checker { whole: schema, sources, path: Vec::new(), checked: Checked::default() };
    let start = Span { end: root.span.start, ..root.span };
    checker.node(schema, root, start);
    checker.checked
}

struct Checker<'a> {
    /// The schema that `$ref`s point into.
    whole: &'a Value,
    sources: &'a Sources,
    /// Keys and indices from the root to where the check is.
    path: Vec<String>,
    checked: Checked,
}

impl<'a> Checker<'a> {
    fn report(&mut self, diagnostic: Diagnostic) {
        self.checked.found.push(diagnostic);
        self.checked.broken.extend((0..=self.path.len()).map(|length| self.path[..length].join(".")));
    }

    /// Checks what lies below a key or index.
    fn below(&mut self, key: &str, schema: &'a Value, node: &Node, place: Span) {
        self.path.push(key.to_owned());
        self.node(schema, node, place);
        self.path.pop();
    }

    /// Checks a value; `place` is where a complaint about the whole of it points, such as its key.
    fn node(&mut self, schema: &'a Value, node: &Node, place: Span) {
        let schema = self.resolve(schema);
        // A reference to an output is as good as the value it will have.
        if schema.get("x-late").is_some() && node.text().is_some_and(super::expand::is_late) {
            return;
        }
        if let Some(branches) = union::branches(schema) {
            self.union(schema, branches, node, place);
            return;
        }
        for part in schema.get("allOf").and_then(Value::as_array).into_iter().flatten() {
            // Properties of the parts are gathered by `object`.
            if part.get("properties").is_none() && part.get("$ref").is_none() {
                self.node(part, node, place);
            }
        }
        if !self.fits_type(schema, node, place) {
            return;
        }
        match &node.data {
            Data::Map(map) => self.object(schema, map, place),
            // An empty place stands for an empty map.
            Data::Null if words::allows(schema, "object") && !words::allows(schema, "null") => {
                self.object(schema, &Map::default(), place);
            }
            Data::List(items) => self.list(schema, items, place),
            Data::Null | Data::Bool(_) | Data::Number(_) | Data::Text(_) => self.scalar(schema, node),
        }
    }

    /// Follows `$ref`s, also through an `allOf` of one.
    fn resolve(&self, schema: &'a Value) -> &'a Value {
        let mut schema = schema;
        for _ in 0..32 {
            let target = schema.get("$ref").and_then(Value::as_str);
            match target.and_then(|target| self.whole.pointer(target.strip_prefix('#')?)) {
                Some(found) => schema = found,
                None => break,
            }
        }
        schema
    }

    fn fits_type(&mut self, schema: &Value, node: &Node, place: Span) -> bool {
        let types = words::types(schema);
        if types.is_empty() || types.iter().any(|name| words::is_a(node, name)) {
            return true;
        }
        if node.data == Data::Null && types.contains(&"object") {
            return true;
        }
        let empty = node.data == Data::Null;
        let place = if empty || node.map().is_some() || node.list().is_some() { place } else { node.span };
        let expected = words::expected(schema);
        let message = if empty {
            format!("expected {expected}, found nothing")
        } else {
            format!("expected {expected}, found {}", words::found(node, self.sources))
        };
        let hint = words::hint(&types, node, self.sources);
        self.report(Diagnostic::error(place, message).maybe_hint(hint));
        false
    }

    fn object(&mut self, schema: &'a Value, map: &Map, place: Span) {
        let properties = self.properties(schema);
        let additional = schema.get("additionalProperties");
        let open = match additional {
            Some(Value::Bool(open)) => *open,
            Some(_) => true,
            None => properties.is_empty(),
        };
        let noun = schema.get("x-noun").and_then(Value::as_str).unwrap_or("key");
        for entry in map.iter() {
            let place = entry.span;
            if let Some((_, property)) = properties.iter().find(|(name, _)| *name == entry.key) {
                self.below(&entry.key, property, &entry.value, place);
            } else if !open {
                let names = properties.iter().map(|(name, _)| *name);
                let hint = did_you_mean(&entry.key, names.clone().filter(|name| map.get(name).is_none()))
                    .or_else(|| Some(format!("{} it is set already", did_you_mean(&entry.key, names.clone())?)))
                    .or_else(|| words::choice("known here", names));
                let message = format!("unknown {noun} `{}`", entry.key);
                self.report(Diagnostic::error(place, message).maybe_hint(hint));
            } else {
                if let Some(names) = schema.get("propertyNames") {
                    self.key(names, &entry.key, place, noun);
                }
                if let Some(additional @ Value::Object(_)) = additional {
                    self.below(&entry.key, additional, &entry.value, place);
                }
            }
        }
        for required in schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
        {
            if map.get(required).is_none() {
                let about = properties.iter().find(|(name, _)| *name == required);
                let about = about.and_then(|(_, schema)| schema.get("description")).and_then(Value::as_str);
                let hint = about.map(|about| format!("`{required}`: {}", words::sentence(about)));
                self.report(Diagnostic::error(place, format!("`{required}` is missing")).maybe_hint(hint));
            }
        }
    }

    /// The properties of an object, those of its `allOf` parts included.
    fn properties(&self, schema: &'a Value) -> Vec<(&'a str, &'a Value)> {
        let own = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
        let mut all: Vec<_> = own.map(|(name, schema)| (name.as_str(), schema)).collect();
        for part in schema.get("allOf").and_then(Value::as_array).into_iter().flatten() {
            all.extend(self.properties(self.resolve(part)));
        }
        all
    }

    fn key(&mut self, names: &Value, key: &str, place: Span, noun: &str) {
        let noun = if noun == "key" { "name" } else { noun };
        if let Some(limit) = names.get("maxLength").and_then(Value::as_u64)
            && key.chars().count() as u64 > limit
        {
            let message = format!("the {noun} has {} characters, more than {limit}", key.chars().count());
            self.report(Diagnostic::error(place, message));
        }
        if let Some(pattern) = names.get("pattern").and_then(Value::as_str)
            && !format::matches(pattern, key)
        {
            let hint = format::describe(pattern);
            self.report(Diagnostic::error(place, format!("`{key}` is not a valid {noun}")).maybe_hint(hint));
        }
    }

    fn list(&mut self, schema: &'a Value, items: &[Node], place: Span) {
        let bound = |name: &str| schema.get(name).and_then(Value::as_u64).map(|bound| bound as usize);
        if let Some(least) = bound("minItems").filter(|least| items.len() < *least) {
            let message = match items.len() {
                0 => format!("the list is empty, and needs at least {}", words::count(least, "item")),
                found => format!("the list has {}, and needs at least {least}", words::count(found, "item")),
            };
            self.report(Diagnostic::error(place, message));
        }
        if let Some(most) = bound("maxItems").filter(|most| items.len() > *most) {
            let message = format!("the list has {}, and may have at most {most}", words::count(items.len(), "item"));
            self.report(Diagnostic::error(place, message));
        }
        if schema.get("uniqueItems") == Some(&Value::Bool(true)) {
            let values: Vec<_> = items.iter().map(Node::value).collect();
            for (index, item) in items.iter().enumerate() {
                if let Some(first) = values[..index].iter().position(|value| *value == values[index]) {
                    let twice = Diagnostic::error(
                        item.span,
                        format!("{} is in the list twice", words::found(item, self.sources)),
                    );
                    self.report(twice.note(items[first].span, "the first one is here"));
                }
            }
        }
        let first = schema.get("prefixItems").and_then(Value::as_array);
        for (index, item) in items.iter().enumerate() {
            let schema = first.and_then(|first| first.get(index)).or_else(|| schema.get("items"));
            if let Some(schema) = schema {
                self.below(&index.to_string(), schema, item, item.span);
            }
        }
    }
}

#[cfg(test)]
mod tests;
