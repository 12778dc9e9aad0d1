//! Address ranges: a resource with a `cidr` that refers to another resource with a `cidr` is a part of it.
//!
//! Parts of one whole must lie inside it and apart from each other. That is what subnets and their network are, and
//! nothing here needs to know those words.

use std::collections::BTreeMap;

use ipnet::IpNet;
use serde_json::Value;

use super::Context;
use crate::Address;
use crate::blueprint::diagnostic::Diagnostic;
use crate::reference::{address_of, output_of};

pub(super) fn check(context: &mut Context<'_>) {
    let mut parts: BTreeMap<Address, Vec<(&Address, IpNet)>> = BTreeMap::new();
    let mut found = Vec::new();
    for (address, (resource, origin)) in &context.resources {
        let Some(range) = range(&resource.properties) else { continue };
        for whole in wholes(&resource.properties) {
            let Some((within, _)) = context.resources.get(&whole).filter(|_| whole.kind() != address.kind()) else {
                continue;
            };
            let ranges = ranges(&within.properties);
            if ranges.is_empty() {
                continue;
            }
            if !ranges.iter().any(|whole| whole.contains(&range)) {
                let all: Vec<_> = ranges.iter().map(IpNet::to_string).collect();
                let message = format!("{range} of `{address}` does not lie in {} of `{whole}`", all.join(" or "));
                found.push(Diagnostic::error(origin.property("cidr"), message).hint("choose a range inside it"));
            }
            parts.entry(whole).or_default().push((address, range));
        }
    }
    for (address, range, other, others) in parts.values().flat_map(|parts| overlaps(parts)) {
        let Some(((_, origin), (_, first))) = context.resources.get(address).zip(context.resources.get(other)) else {
            continue;
        };
        // What a component computed is not what has to be changed.
        let ((address, range, origin), (other, others, first)) = if first.by_hand && !origin.by_hand {
            ((other, others, first), (address, range, origin))
        } else {
            ((address, range, origin), (other, others, first))
        };
        let message = format!("{range} of `{address}` overlaps {others} of `{other}`");
        let diagnostic = Diagnostic::error(origin.property("cidr"), message).hint("give each its own range");
        let place = first.property("cidr");
        let apart = place != origin.property("cidr");
        found.push(if apart { diagnostic.note(place, "the other one is here") } else { diagnostic });
    }
    context.found.append(&mut found);
}

type Overlap<'a> = (&'a Address, IpNet, &'a Address, IpNet);

/// Each part with the first one it overlaps: sorted by their first address, a part overlaps one that is still open.
fn overlaps<'a>(parts: &[(&'a Address, IpNet)]) -> Vec<Overlap<'a>> {
    let mut sorted = parts.to_vec();
    sorted.sort_by_key(|(address, range)| (range.network(), range.prefix_len(), *address));
    let mut open: Option<(&Address, IpNet)> = None;
    let mut found = Vec::new();
    for (address, range) in sorted {
        match open {
            Some((other, others)) if others.contains(&range.network()) => {
                // The complaint goes to the later name, which is most often the one written last.
                found.push(if other < address {
                    (address, range, other, others)
                } else {
                    (other, others, address, range)
                });
            }
            _ => open = Some((address, range)),
        }
    }
    found
}

/// What a resource refers to by its own properties, not from somewhere inside them.
fn wholes(properties: &Value) -> Vec<Address> {
    let values = properties.as_object().into_iter().flat_map(|map| map.values());
    values.filter(|value| output_of(value).is_none()).filter_map(address_of).collect()
}

fn range(properties: &Value) -> Option<IpNet> {
    properties.get("cidr")?.as_str()?.parse().ok()
}

/// A whole may have further ranges.
fn ranges(properties: &Value) -> Vec<IpNet> {
    let more = properties.get("secondary_cidrs").and_then(Value::as_array).into_iter().flatten();
    let more = more.filter_map(|range| range.as_str()?.parse().ok());
    range(properties).into_iter().chain(more).collect()
}
