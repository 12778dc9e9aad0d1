//! References that lead nowhere or in a circle, and resources that claim the same thing.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Context;
use crate::blueprint::diagnostic::{Diagnostic, did_you_mean};
use crate::reference::output_of;
use crate::{Address, Graph, Site, references};

pub(super) fn check(context: &mut Context<'_>) {
    dangling(context);
    circles(context);
    claims(context);
}

fn dangling(context: &mut Context<'_>) {
    let mut found = Vec::new();
    for (resource, origin) in context.resources.values() {
        for needed in references(&resource.properties) {
            let written = needed.to_string();
            let late = |text: &str| format!("${{{written}.{text}}}");
            if context.resources.contains_key(&needed) {
                for output in outputs_of(&resource.properties, &needed) {
                    if let Some(hint) = unknown_output(context, &needed, &output) {
                        let place = origin.text(&[&late(&output)]);
                        let message = format!("`{needed}` has no output `{output}`");
                        found.push(Diagnostic::error(place, message).maybe_hint(hint));
                    }
                }
                continue;
            }
            if context.partial {
                continue;
            }
            let lates: Vec<_> = outputs_of(&resource.properties, &needed).iter().map(|output| late(output)).collect();
            let mut texts = vec![needed.name(), written.as_str()];
            texts.extend(lates.iter().map(String::as_str));
            let names = context.resources.keys().filter(|address| address.kind() == needed.kind()).map(Address::name);
            let names: Vec<_> = names.collect();
            let hint = did_you_mean(needed.name(), names.iter().copied()).or_else(|| match names.as_slice() {
                [] => Some(format!("nothing of kind `{}` is defined", needed.kind())),
                names if names.len() <= 12 => Some(format!("there are: {}", names.join(", "))),
                _ => None,
            });
            let site = needed.site();
            let message = if *site != Site::primary() && !context.sites.contains(site) {
                format!("the environment has no site `{site}`")
            } else if origin.by_hand {
                format!("there is no {} `{}`", needed.kind(), needed.name())
            } else {
                format!("`{}` needs the {} `{}`, which is not defined", resource.address, needed.kind(), needed.name())
            };
            found.push(Diagnostic::error(origin.text(&texts), message).maybe_hint(hint));
        }
    }
    context.found.append(&mut found);
}

/// The outputs of one resource that a value reads.
fn outputs_of(value: &Value, address: &Address) -> Vec<String> {
    match value {
        Value::Object(map) => match output_of(value) {
            Some((found, output)) if found == *address => vec![output.to_owned()],
            _ => map.values().flat_map(|value| outputs_of(value, address)).collect(),
        },
        Value::Array(items) => items.iter().flat_map(|value| outputs_of(value, address)).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}

/// `Some` with a hint if a resource has no such output; what it has is known from its simulation.
pub(super) fn unknown_output(context: &Context<'_>, address: &Address, output: &str) -> Option<Option<String>> {
    let (resource, _) = context.resources.get(address)?;
    let outputs = (context.kind(address.kind())?.simulate)(&resource.properties, "id", 1);
    let names: Vec<&str> = outputs.as_object().into_iter().flat_map(|map| map.keys()).map(String::as_str).collect();
    if output == "id" || names.contains(&output) {
        return None;
    }
    let id = Some("id").filter(|id| !names.contains(id));
    let all = names.iter().copied().chain(id);
    Some(did_you_mean(output, all.clone()).or_else(|| Some(format!("it has: {}", all.collect::<Vec<_>>().join(", ")))))
}

/// Reports every circle once: a resource that is in one is taken out before the next is looked for.
fn circles(context: &mut Context<'_>) {
    let mut left: BTreeMap<_, _> =
        context.resources.iter().map(|(address, (resource, _))| (address.clone(), resource.clone())).collect();
    while let Some(circle) = Graph::new(left.values().cloned()).cycle() {
        let Some((last, first)) = circle.last().zip(circle.first()) else { return };
        let mut path: Vec<String> = circle.iter().map(Address::to_string).collect();
        path.push(first.to_string());
        if let Some((_, origin)) = context.resources.get(last) {
            let place = origin.text(&[first.name(), &first.to_string()]);
            let message = match circle.as_slice() {
                [only] => format!("`{only}` refers to itself"),
                _ => "these resources wait for each other".to_owned(),
            };
            let hint = "take one of the references out";
            let diagnostic = Diagnostic::error(place, message).hint(hint);
            let whole = (circle.len() > 1).then(|| path.join(" → "));
            context.found.push(whole.into_iter().fold(diagnostic, |diagnostic, path| diagnostic.note(None, path)));
        }
        for address in &circle {
            left.remove(address);
        }
    }
}

/// Two resources of one kind with the same natural key cannot both exist.
fn claims(context: &mut Context<'_>) {
    let mut owners: BTreeMap<(String, String), &Address> = BTreeMap::new();
    let mut found = Vec::new();
    for (address, (resource, origin)) in &context.resources {
        let unique = context.kind(address.kind()).map(|kind| kind.unique).unwrap_or_default();
        let values: Vec<_> = unique.iter().map(|name| resource.properties.get(name)).collect();
        // Two equal ranges overlap, which has been complained about.
        if unique.is_empty() || unique.contains(&"cidr") || values.contains(&None) {
            continue;
        }
        let key = (format!("{}:{}", address.site(), address.kind()), format!("{values:?}"));
        if let Some(first) = owners.get(&key) {
            let message = format!("`{address}` has the same {} as `{first}`", unique.join(" and "));
            let hint = "only one such resource can exist";
            let other = context.resources.get(first).map(|(_, origin)| origin.place);
            let diagnostic = Diagnostic::error(origin.property(unique.last().unwrap_or(&"")), message).hint(hint);
            found.push(diagnostic.note(other, "the other one is here"));
        } else {
            owners.insert(key, address);
        }
    }
    context.found.append(&mut found);
}
