//! Decides per address what happens to it and why.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Field, Origin, Rename, Verb};
use crate::reference::references;
use crate::{
    Address, FieldChange, Graph, Impact, Inventory, KindInfo, Live, Phase, ReplaceOrder, Resource, Risk, Tags, diff,
};

/// What happens to one address, before it is broken into steps.
pub(super) struct Decision {
    pub(super) address: Address,
    pub(super) verb: Verb,
    /// The live resource that stays, changes or goes.
    pub(super) live: Option<Live>,
    /// Live resources of the address that go besides: superseded, broken or duplicate ones.
    pub(super) leftovers: Vec<Live>,
    pub(super) fields: Vec<Field>,
    pub(super) impacts: Vec<Impact>,
    pub(super) refused: Option<String>,
}

/// What all decisions were made on.
pub(super) struct Decided {
    pub(super) decisions: Vec<Decision>,
    pub(super) unchanged: usize,
    pub(super) renames: Vec<Rename>,
}

/// Decides every address. The inventory returned is the one given with live resources settled on their addresses,
/// renames carried out, and nothing retired that a replacement retires.
pub(super) fn decide(graph: &Graph, inventory: &Inventory, kinds: &BTreeMap<&str, &KindInfo>) -> (Decided, Inventory) {
    let mut live = inventory.clone();
    let renames = renames(graph, &mut live, kinds);
    let live = live.settled(graph, kinds);
    // What the plan will have made of the inventory so far: replaced resources have no id, changed outputs no value.
    let mut future = live.clone();
    let mut decided = Decided { decisions: Vec::new(), unchanged: 0, renames };
    let mut delete_first = BTreeSet::new();
    for resource in graph.in_order() {
        let Some(kind) = kinds.get(resource.address.kind()) else { continue };
        let decision = decide_wanted(resource, kind, &live, &mut future, &mut delete_first, &decided.renames);
        match decision {
            Some(decision) => decided.decisions.push(decision),
            None => decided.unchanged += 1,
        }
    }
    for address in live.addresses().filter(|address| !graph.contains(address)) {
        let mut all: Vec<Live> = live.get(address).into_iter().chain(live.superseded(address)).cloned().collect();
        let first = all.remove(0);
        let kind = kinds.get(address.kind());
        decided.decisions.push(Decision {
            address: address.clone(),
            verb: Verb::Delete,
            fields: Vec::new(),
            impacts: kind.map(|kind| delete_impacts(kind, &first, &live)).unwrap_or_default(),
            refused: kind.and_then(|kind| protection(kind, &first)),
            live: Some(first),
            leftovers: all,
        });
    }
    (decided, live)
}

fn decide_wanted(
    resource: &Resource,
    kind: &KindInfo,
    live: &Inventory,
    future: &mut Inventory,
    delete_first: &mut BTreeSet<Address>,
    renames: &[Rename],
) -> Option<Decision> {
    let address = &resource.address;
    let leftovers = live.superseded(address).to_vec();
    let decision = |verb, current: Option<&Live>, fields, impacts, refused| Decision {
        address: address.clone(),
        verb,
        live: current.cloned(),
        leftovers: leftovers.clone(),
        fields,
        impacts,
        refused,
    };
    let Some(current) = live.get(address) else {
        let impacts = (kind.impact)(None, Some(&resource.properties));
        return Some(decision(Verb::Create, None, Vec::new(), impacts, None));
    };
    let mut changes = differences(kind, &resource.properties, current, future);
    let fields = |changes: Vec<FieldChange>| -> Vec<Field> {
        changes.into_iter().map(|change| explain(change, resource, kind, current, live)).collect()
    };
    let before = read(kind, live, &current.properties);
    if changes.iter().any(|change| kind.fixed.contains(&change.property())) {
        let collides = !kind.unique.is_empty()
            && kind.unique.iter().all(|name| changes.iter().all(|change| change.property() != *name));
        let follows = references(&resource.properties).iter().any(|needed| delete_first.contains(needed));
        let order = if collides || follows { ReplaceOrder::DeleteFirst } else { kind.order };
        if order == ReplaceOrder::DeleteFirst {
            delete_first.insert(address.clone());
        }
        future.retire(address);
        changes.extend(tag_differences(&resource.tags, current));
        let mut impacts = (kind.impact)(before.as_ref(), Some(&resource.properties));
        if kind.stateful {
            impacts.push(Impact::new(Risk::DataLoss, format!("is replaced: the data of `{}` is lost", current.id)));
        }
        if order == ReplaceOrder::DeleteFirst {
            impacts.push(Impact::new(Risk::Downtime, "is deleted before its replacement exists"));
        }
        let permanent = kind.permanent.then(|| {
            "what stands in it cannot move to another one: make a second stack, move over, then destroy this one".into()
        });
        let protected = permanent.or_else(|| protection(kind, current));
        return Some(decision(Verb::Replace(order), Some(current), fields(changes), sorted(impacts), protected));
    }
    let impacts = match changes.is_empty() {
        true => Vec::new(),
        false => (kind.impact)(before.as_ref(), Some(&resource.properties)),
    };
    if !changes.is_empty() {
        future.renew(address, kind.renewed);
    }
    changes.extend(tag_differences(&resource.tags, current));
    let renamed = renames.iter().any(|rename| rename.to == *address);
    if !changes.is_empty() {
        return Some(decision(Verb::Update, Some(current), fields(changes), sorted(impacts), None));
    }
    if renamed {
        return Some(decision(Verb::Rename, Some(current), Vec::new(), Vec::new(), None));
    }
    if current.phase == Phase::Pending {
        return Some(decision(Verb::Wait, Some(current), Vec::new(), Vec::new(), None));
    }
    if let Phase::Failed(reason) = &current.phase {
        let effect = format!("is broken and kept, since it may hold data: {reason}");
        let impacts = vec![Impact::new(Risk::DataLoss, effect)];
        return Some(decision(Verb::Wait, Some(current), Vec::new(), impacts, None));
    }
    (!leftovers.is_empty()).then(|| decision(Verb::Reap, Some(current), Vec::new(), Vec::new(), None))
}

/// The properties of a live resource that are not as wanted, in blueprint words.
///
/// What another step will only make known stays a reference, and so differs.
pub(crate) fn differences(kind: &KindInfo, wanted: &Value, current: &Live, inventory: &Inventory) -> Vec<FieldChange> {
    let desired = canonical(kind, inventory.known(wanted));
    diff(&desired, &canonical(kind, inventory.named(&current.properties)))
}

/// Tags the user wants and the live resource does not have.
pub(crate) fn tag_differences(wanted: &Tags, current: &Live) -> Vec<FieldChange> {
    let differs = wanted.iter().filter(|(key, value)| current.tags.get(*key) != Some(value));
    let change = |(key, value): (&String, &String)| FieldChange {
        path: format!("tags.{key}"),
        before: current.tags.get(key).map_or(Value::Null, |value| Value::from(value.as_str())),
        after: Value::from(value.as_str()),
    };
    differs.map(change).collect()
}

/// Properties through the kind's type, so that sets are sorted by names rather than ids.
fn canonical(kind: &KindInfo, properties: Value) -> Value {
    (kind.canonical)(properties.clone()).unwrap_or(properties)
}

fn read(kind: &KindInfo, inventory: &Inventory, properties: &Value) -> Option<Value> {
    (kind.canonical)(inventory.named(properties)).ok()
}

fn explain(change: FieldChange, resource: &Resource, kind: &KindInfo, current: &Live, live: &Inventory) -> Field {
    let property = change.property().to_owned();
    let stated = resource.properties.get(&property).unwrap_or(&Value::Null);
    let have = canonical(kind, live.named(&current.properties));
    let whole = have.get(&property).unwrap_or(&Value::Null);
    let have = project(stated, whole);
    let as_stated = current.spec.holds(&property, stated);
    let follows = as_stated == Some(true) && diff(&live.known(stated), &have).is_empty();
    // A blueprint that states less of a property than it did leaves out what was applied then.
    let as_applied = match current.spec.holds(&property, &have) {
        Some(false) => current.spec.holds(&property, whole),
        told => told,
    };
    let origin = match (as_stated, as_applied) {
        _ if follows => Origin::Follows,
        (Some(true), _) => Origin::Outside,
        (Some(false), Some(false)) if !has_outputs(stated) => Origin::Conflict,
        _ => Origin::Blueprint,
    };
    Field { replaces: kind.fixed.contains(&property.as_str()), change, origin }
}

fn has_outputs(value: &Value) -> bool {
    value.to_string().contains("\"output\"")
}

/// The part of a live value that the blueprint speaks of.
fn project(stated: &Value, have: &Value) -> Value {
    match (stated, have) {
        (Value::Object(want), Value::Object(map)) if !want.contains_key("$ref") => {
            want.iter().map(|(key, want)| (key.clone(), project(want, map.get(key).unwrap_or(&Value::Null)))).collect()
        }
        _ => have.clone(),
    }
}

fn delete_impacts(kind: &KindInfo, current: &Live, live: &Inventory) -> Vec<Impact> {
    let mut impacts = (kind.impact)(read(kind, live, &current.properties).as_ref(), None);
    if kind.stateful {
        impacts.push(Impact::new(Risk::DataLoss, format!("is deleted: the data of `{}` is lost", current.id)));
    }
    sorted(impacts)
}

fn sorted(mut impacts: Vec<Impact>) -> Vec<Impact> {
    impacts.sort_by_key(|impact| impact.risk);
    impacts
}

fn protection(kind: &KindInfo, current: &Live) -> Option<String> {
    let property = kind.protection?;
    (current.properties.get(property) == Some(&Value::Bool(true))).then(|| format!("`{property}` is on"))
}

/// Takes live resources over whose address left the blueprint while a new address wants the same natural key.
fn renames(graph: &Graph, live: &mut Inventory, kinds: &BTreeMap<&str, &KindInfo>) -> Vec<Rename> {
    let mut renames = Vec::new();
    let orphaned = |live: &&Live| !graph.contains(&live.address) && matches!(live.phase, Phase::Ready | Phase::Pending);
    let mut orphans: Vec<Live> = live.all().filter(orphaned).cloned().collect();
    for resource in graph.in_order() {
        let Some(kind) = kinds.get(resource.address.kind()) else { continue };
        if orphans.is_empty() || kind.unique.is_empty() || live.get(&resource.address).is_some() {
            continue;
        }
        let same = |candidate: &Live| {
            let have = canonical(kind, live.named(&candidate.properties));
            let want = live.known(&resource.properties);
            let equal = |name: &&str| want.get(name).is_some() && want.get(name) == have.get(name);
            candidate.address.site() == resource.address.site()
                && candidate.address.kind() == kind.name
                && kind.unique.iter().all(equal)
                && !live.replaces(kind, &resource.properties, candidate)
        };
        if let Some(found) = orphans.iter().position(same) {
            let from = orphans.remove(found).address;
            live.rename(&from, &resource.address);
            renames.push(Rename { from, to: resource.address.clone() });
        }
    }
    renames
}
