//! Resources, from components and by hand, with their properties made canonical and checked by their kinds.

use std::collections::BTreeSet;

use serde_json::Value;

use super::origin::Origin;
use super::{Context, Section, late, stack};
use crate::blueprint::Expansion;
use crate::blueprint::diagnostic::{Diagnostic, did_you_mean};
use crate::blueprint::node::{Data, Entry, Node};
use crate::graph::Output;
use crate::{Address, KindInfo, Resource, Site, Tags};

/// Takes in what a component made of its section, and hands back its outputs.
pub(super) fn from_component<'a>(
    context: &mut Context<'a>,
    section: &Section<'a>,
    expansion: Expansion,
    tags: &Tags,
) -> Vec<Output> {
    for flaw in expansion.flaws {
        let place = section.node.place(&flaw.path, section.place);
        context.found.push(Diagnostic::error(place, flaw.message).maybe_hint(flaw.hint));
        context.partial = true;
    }
    for wanted in expansion.resources {
        let place = section.node.place(&wanted.path, section.place);
        let part = wanted.path.split('.').next().filter(|part| !part.is_empty());
        let component = match part {
            Some(part) if section.named => format!("{}.{part}", section.name),
            _ => section.name.to_owned(),
        };
        let node = part.and_then(|part| section.node.get(part)).unwrap_or(section.node);
        let origin = Origin { node, place, by_hand: false };
        let mut all = tags.clone();
        all.extend(wanted.tags);
        let resource = Resource { address: wanted.address, component, properties: wanted.properties, tags: all };
        add(context, resource, origin);
    }
    expansion.outputs
}

/// Takes in the `resources:` section.
pub(super) fn by_hand(context: &mut Context<'_>, broken: &BTreeSet<String>, tags: &Tags) {
    let root = context.root;
    let kinds = root.get("resources").and_then(Node::map).into_iter().flat_map(|map| map.iter());
    for kind in kinds {
        // An unknown kind has been complained about already.
        if context.kind(&kind.key).is_none() {
            continue;
        }
        for entry in kind.value.map().into_iter().flat_map(|map| map.iter()) {
            if !broken.contains(&format!("resources.{}.{}", kind.key, entry.key)) {
                one(context, &kind.key, entry, tags);
            }
        }
    }
}

fn one<'a>(context: &mut Context<'a>, kind: &str, entry: &'a Entry, tags: &Tags) {
    let mut properties = match entry.value.value() {
        Value::Null => Value::Object(serde_json::Map::new()),
        properties => properties,
    };
    // A kind that has `tags` among its own properties keeps them.
    let owns_tags = context.kind(kind).is_some_and(|kind| {
        (kind.schema)().as_value().get("properties").is_some_and(|properties| properties.get("tags").is_some())
    });
    let mut all = tags.clone();
    if !owns_tags && let Some(map) = properties.as_object_mut() {
        map.remove("tags");
        if let Some(node) = entry.value.get("tags") {
            all.extend(stack::tags(node, &mut context.found));
        }
    }
    late::resolve(&mut properties);
    let origin = Origin { node: &entry.value, place: entry.span, by_hand: true };
    let address = Address::new(kind, &entry.key);
    add(context, Resource { address, component: "resources".into(), properties, tags: all }, origin);
}

/// Checks a resource and adds it to the others.
fn add<'a>(context: &mut Context<'a>, mut resource: Resource, origin: Origin<'a>) {
    if let Some((first, other)) = context.resources.get(&resource.address) {
        let message = format!("`{}` is defined already, by `{}`", resource.address, first.component);
        let diagnostic = Diagnostic::error(origin.place, message).hint("give one of the two another name");
        let diagnostic = diagnostic.note(other.place, "the other one is here");
        context.found.push(diagnostic);
        return;
    }
    let site = resource.address.site();
    if *site != Site::primary() && !context.sites.contains(site) {
        let message = format!("`{}` lives in the site `{site}`, which the environment does not have", resource.address);
        let hint = format!("add `{site}` under `sites:` in the environment file");
        context.found.push(Diagnostic::error(origin.place, message).hint(hint));
    }
    let Some(&kind) = context.kind(resource.address.kind()) else {
        let message = format!("unknown kind `{}`", resource.address.kind());
        let hint = did_you_mean(resource.address.kind(), context.kinds.iter().map(|kind| kind.name));
        context.found.push(Diagnostic::error(origin.place, message).maybe_hint(hint));
        return;
    };
    let about =
        |message: &str| if origin.by_hand { message.to_owned() } else { format!("`{}`: {message}", resource.address) };
    match (kind.canonical)(resource.properties.clone()) {
        Ok(properties) => resource.properties = properties,
        Err(error) => {
            let (place, message) = culprit(&kind, &resource.properties, &error.to_string(), &origin);
            context.found.push(Diagnostic::error(place, about(&message)));
            context.partial = true;
            return;
        }
    }
    for flaw in (kind.check)(&resource.properties) {
        let place = origin.property(&flaw.path);
        context.found.push(Diagnostic::error(place, about(&flaw.message)).maybe_hint(flaw.hint));
    }
    context.resources.insert(resource.address.clone(), (resource, origin));
}

/// Finds the property that a kind's type does not take: the one that spoils the kind's example.
fn culprit(
    kind: &KindInfo,
    properties: &Value,
    message: &str,
    origin: &Origin<'_>,
) -> (crate::blueprint::Span, String) {
    let plain = |message: &str| message.strip_prefix(&format!("{}: ", kind.name)).unwrap_or(message).to_owned();
    for (key, value) in properties.as_object().into_iter().flatten() {
        let mut example = (kind.example)();
        if let Some(map) = example.as_object_mut() {
            map.insert(key.clone(), value.clone());
        }
        if let Err(error) = (kind.canonical)(example) {
            let place = match origin.node.get(key).filter(|_| origin.by_hand) {
                Some(node) if !matches!(node.data, Data::Map(_) | Data::List(_) | Data::Null) => node.span,
                _ => origin.property(key),
            };
            return (place, plain(&error.to_string()));
        }
    }
    (origin.place, plain(message))
}
