//! What sections share: collecting resources, and looking at each other's keys.

use engine::blueprint::{Expansion, Scope, Wanted};
use engine::{Address, Flaw, Kind, Ref, graph};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::network::MAIN;
use crate::kinds::SecurityGroup;
use crate::rule::{Peer, Rule};

/// Reads a section; what its schema let through but its type does not take becomes a flaw of the whole.
pub(super) fn section<T: DeserializeOwned>(value: &Value) -> Result<T, Expansion> {
    T::deserialize(value)
        .map_err(|error| Expansion { flaws: vec![Flaw::new("", error.to_string())], ..Expansion::default() })
}

/// A section on its way to resources.
#[derive(Default)]
pub(super) struct Parts(Expansion);

impl Parts {
    /// Asks for a resource that comes from a place in the section.
    pub(super) fn want<K: Kind>(&mut self, path: &str, name: &str, properties: K) {
        let properties = serde_json::to_value(properties).expect("kinds serialise to plain JSON");
        let address = Address::new(K::NAME, name);
        self.0.resources.push(Wanted { address, path: path.to_owned(), properties, tags: engine::Tags::new() });
    }

    /// [`Parts::want`], written as a blueprint would write it: what is left out takes the kind's own default.
    pub(super) fn write<K: Kind>(&mut self, path: &str, name: &str, properties: Value) {
        match K::deserialize(properties) {
            Ok(properties) => self.want(path, name, properties),
            Err(error) => self.flaw(Flaw::new(path, format!("`{}/{name}`: {error}", K::NAME))),
        }
    }

    /// Complains.
    pub(super) fn flaw(&mut self, flaw: Flaw) {
        self.0.flaws.push(flaw);
    }

    /// Shows an output of a resource to people.
    pub(super) fn output<K: Kind>(&mut self, name: &str, of: &str, output: &str) {
        self.0.outputs.push(graph::Output { name: name.to_owned(), value: late::<K>(of, output) });
    }

    /// The resources, or only the flaws if there are any: half a section is of no use.
    pub(super) fn done(mut self) -> Expansion {
        if !self.0.flaws.is_empty() {
            self.0.resources.clear();
        }
        self.0
    }
}

/// A security group of the blueprint's network, open outwards.
pub(super) fn group(description: &str, ingress: impl IntoIterator<Item = Rule>) -> SecurityGroup {
    SecurityGroup {
        vpc: Ref::to(MAIN),
        description: description.to_owned(),
        ingress: ingress.into_iter().collect(),
        egress: [Rule::everything(Peer::everywhere())].into(),
    }
}

/// Everything in a security group, as the other side of a rule.
pub(super) fn members(name: &str) -> Peer {
    Peer::SecurityGroup(Ref::to(name))
}

/// An output of another resource, known once that is applied.
pub(super) fn late<K: Kind>(of: &str, output: &str) -> Value {
    json!({ "$ref": Address::new(K::NAME, of), "output": output })
}

/// The names under a key of another section; empty if it has none.
pub(super) fn keys<'a>(scope: &Scope<'a>, section: &str) -> Vec<&'a str> {
    let map = scope.document.get(section).and_then(Value::as_object);
    map.into_iter().flat_map(|map| map.keys()).map(String::as_str).collect()
}

/// A zone's letter: `c` of `ap-northeast-2c`.
pub(super) fn letter(zone: &str) -> &str {
    zone.char_indices().next_back().map_or(zone, |(at, _)| &zone[at..])
}
