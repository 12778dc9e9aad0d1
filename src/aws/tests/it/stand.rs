//! What a kind's example needs to exist: the resources its references name, made of their kinds' own examples.

use std::collections::BTreeMap;

use aws::kinds;
use engine::{Address, KindInfo, Resource, Tags, references};
use ipnet::Ipv4Net;
use serde_json::{Value, json};

/// A kind's example with everything it and its variants refer to.
pub(crate) struct Stand {
    /// The kind under test.
    pub(crate) kind: &'static KindInfo,
    /// The example.
    pub(crate) subject: Resource,
    /// What has to be there first.
    pub(crate) needed: Vec<Resource>,
}

impl Stand {
    pub(crate) fn of(kind: &'static KindInfo) -> Self {
        let address = Address::new(kind.name, "subject");
        let subject = resource(&address, (kind.example)());
        let mut needed = BTreeMap::new();
        for value in (kind.variants)().iter().chain([&subject.properties]) {
            need(&mut needed, value);
        }
        after(&mut needed, kind);
        Self { kind, subject, needed: needed.into_values().collect() }
    }

    /// Everything, with the example.
    pub(crate) fn whole(&self) -> Vec<Resource> {
        self.with(self.subject.properties.clone())
    }

    /// Everything, with other properties than the example's.
    pub(crate) fn with(&self, properties: Value) -> Vec<Resource> {
        let subject = Resource { properties, ..self.subject.clone() };
        self.needed.iter().cloned().chain([subject]).collect()
    }

    /// The variants, each with the one property in which it differs from the example.
    pub(crate) fn variants(&self) -> Vec<(String, Value)> {
        let example = &self.subject.properties;
        let named = |variant: Value| {
            let keys = example.as_object().unwrap().keys().chain(variant.as_object().unwrap().keys());
            let changed = keys.filter(|key| example.get(*key) != variant.get(*key)).max().cloned();
            (changed.unwrap_or_else(|| panic!("a variant of {} is the example", self.kind.name)), variant)
        };
        (self.kind.variants)().into_iter().map(named).collect()
    }
}

fn resource(address: &Address, properties: Value) -> Resource {
    Resource { address: address.clone(), component: "resources".to_owned(), properties, tags: Tags::new() }
}

fn info(kind: &str) -> &'static KindInfo {
    kinds::INFOS.iter().find(|info| info.name == kind).unwrap_or_else(|| panic!("no kind `{kind}`"))
}

fn need(needed: &mut BTreeMap<Address, Resource>, value: &Value) {
    for address in references(value) {
        if needed.contains_key(&address) {
            continue;
        }
        let kind = info(address.kind());
        let properties = apart(needed, kind, &address);
        needed.insert(address.clone(), resource(&address, properties.clone()));
        need(needed, &properties);
        after(needed, kind);
    }
}

/// Kinds that come first without being referred to.
fn after(needed: &mut BTreeMap<Address, Resource>, kind: &KindInfo) {
    for first in kind.after {
        if !needed.keys().any(|address| address.kind() == *first) {
            need(needed, &json!({ "$ref": format!("{first}/main") }));
        }
    }
}

/// A kind's example for one of several: without references to its own kind, and with a natural key of its own. A zone
/// follows the resource's name: `web-c` is in zone c.
fn apart(needed: &BTreeMap<Address, Resource>, kind: &KindInfo, address: &Address) -> Value {
    let before = needed.keys().filter(|other| other.kind() == kind.name).count();
    let mut properties = (kind.example)();
    prune(&mut properties, kind.name);
    let map = properties.as_object_mut().unwrap();
    for name in kind.unique {
        match map.get_mut(*name) {
            Some(Value::Number(number)) => *number = (number.as_u64().unwrap() + before as u64).into(),
            Some(Value::String(text)) => {
                if let Ok(range) = text.parse::<Ipv4Net>() {
                    let mut octets = range.network().octets();
                    octets[2] += before as u8;
                    *text = Ipv4Net::new(octets.into(), range.prefix_len()).unwrap().to_string();
                }
            }
            _ => {}
        }
    }
    if let Some((Value::String(zone), (_, letter))) = map.get_mut("zone").zip(address.name().rsplit_once('-')) {
        zone.pop();
        zone.push_str(letter);
    }
    properties
}

/// Takes references to one kind out of lists.
fn prune(value: &mut Value, kind: &str) {
    let refers = |value: &Value| references(value).iter().any(|address| address.kind() == kind);
    match value {
        Value::Array(items) => items.retain(|item| !refers(item)),
        Value::Object(map) => map.values_mut().for_each(|value| prune(value, kind)),
        _ => {}
    }
}
