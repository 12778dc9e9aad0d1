//! Breaks decisions into steps and puts the steps in order.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;

use super::changes::{Decided, Decision};
use super::{Change, Desired, Operation, Plan, Step, Verb};
use crate::reference::{ids, key, references};
use crate::{Address, Graph, Inventory, KindInfo, Live, Phase, ReplaceOrder, Resource, Site, Spec, Timing};

/// The steps made so far and where to find them.
#[derive(Default)]
struct Steps {
    steps: Vec<Step>,
    /// The step that makes, changes or waits for what an address means.
    forward: BTreeMap<Address, usize>,
    /// The step that deletes a live resource, by [`key`].
    delete: BTreeMap<String, usize>,
}

pub(super) fn plan(graph: &Graph, decided: Decided, live: &Inventory, kinds: &BTreeMap<&str, &KindInfo>) -> Plan {
    let mut steps = Steps::default();
    for (change, decision) in decided.decisions.iter().enumerate() {
        let timing = kinds.get(decision.address.kind()).map_or(Timing::seconds(1, 1, 1), |kind| (kind.timing)());
        let renamed = decided.renames.iter().any(|rename| rename.to == decision.address);
        add(&mut steps, change, decision, graph.get(&decision.address), renamed, timing);
    }
    follow_references(&mut steps, graph);
    follow_kinds(&mut steps, kinds, live);
    let delete_first: BTreeSet<&Address> = decided
        .decisions
        .iter()
        .filter(|decision| decision.verb == Verb::Replace(ReplaceOrder::DeleteFirst))
        .map(|decision| &decision.address)
        .collect();
    free_before_delete(&mut steps, live, &delete_first);
    replace_in_order(&mut steps, &decided.decisions);
    free_natural_keys(&mut steps, graph, live, kinds);
    let changes = decided.decisions.into_iter().map(|decision| change(decision, graph)).collect();
    Plan { changes, steps: steps.steps, unchanged: decided.unchanged, renames: decided.renames }
}

fn change(decision: Decision, graph: &Graph) -> Change {
    Change {
        component: graph.get(&decision.address).map(|resource| resource.component.clone()),
        address: decision.address,
        verb: decision.verb,
        id: decision.live.map(|live| live.id),
        fields: decision.fields,
        impacts: decision.impacts,
        refused: decision.refused,
    }
}

fn add(
    steps: &mut Steps,
    change: usize,
    decision: &Decision,
    resource: Option<&Resource>,
    renamed: bool,
    timing: Timing,
) {
    let mut push = |operation: Operation, expected: Duration| {
        let address = decision.address.clone();
        let index = steps.steps.len();
        match &operation {
            Operation::Delete { id, .. } => steps.delete.insert(key(address.kind(), id), index).map(drop),
            _ => steps.forward.insert(address.clone(), index).map(drop),
        };
        steps.steps.push(Step { change, address, operation, after: BTreeSet::new(), expected });
    };
    let delete = |live: &Live| Operation::Delete { id: live.id.clone(), going: live.phase == Phase::Deleting };
    if let Some(resource) = resource {
        let desired = Desired {
            properties: resource.properties.clone(),
            spec: Spec::of(&resource.properties),
            tags: resource.tags.clone(),
        };
        match (decision.verb, &decision.live) {
            (Verb::Create | Verb::Replace(_), _) => push(Operation::Create { desired }, timing.create),
            (Verb::Update | Verb::Rename, Some(live)) => {
                push(Operation::Update { id: live.id.clone(), desired, renamed }, timing.update);
            }
            (Verb::Wait, Some(live)) => push(Operation::Wait { id: live.id.clone() }, timing.create),
            (Verb::Update | Verb::Rename | Verb::Wait | Verb::Delete | Verb::Reap, _) => {}
        }
    }
    if let (Verb::Replace(_) | Verb::Delete, Some(live)) = (decision.verb, &decision.live) {
        push(delete(live), timing.delete);
    }
    for leftover in &decision.leftovers {
        push(delete(leftover), timing.delete);
    }
}

/// Creates and updates follow what their properties refer to.
fn follow_references(steps: &mut Steps, graph: &Graph) {
    for (address, &step) in &steps.forward {
        let Some(resource) = graph.get(address) else { continue };
        let needed = references(&resource.properties);
        let needed = needed.iter().filter(|needed| *needed != address).filter_map(|needed| steps.forward.get(needed));
        steps.steps[step].after.extend(needed);
    }
}

/// Creates and updates follow the kinds theirs comes after; deletes run the other way round.
///
/// References and `AFTER` together have no cycle among kinds: a test over the registry keeps it so.
fn follow_kinds(steps: &mut Steps, kinds: &BTreeMap<&str, &KindInfo>, live: &Inventory) {
    let mut forward: BTreeMap<(&Site, &str), Vec<usize>> = BTreeMap::new();
    for (address, &step) in &steps.forward {
        forward.entry((address.site(), address.kind())).or_default().push(step);
    }
    let addresses: BTreeMap<String, &Address> = live.all().map(|live| (live.key(), &live.address)).collect();
    let mut delete: BTreeMap<(&Site, &str), Vec<usize>> = BTreeMap::new();
    for (id, &step) in &steps.delete {
        if let Some(address) = addresses.get(id) {
            delete.entry((address.site(), address.kind())).or_default().push(step);
        }
    }
    for (&(site, kind), then) in &forward {
        for first in kinds.get(kind).map(|kind| kind.after).unwrap_or_default() {
            for step in then {
                steps.steps[*step].after.extend(forward.get(&(site, *first)).into_iter().flatten());
            }
        }
    }
    for (&(site, kind), first) in &delete {
        for then in kinds.get(kind).map(|kind| kind.after).unwrap_or_default() {
            for step in delete.get(&(site, *then)).into_iter().flatten() {
                steps.steps[*step].after.extend(first);
            }
        }
    }
}

/// A delete follows every step that takes a reference to what it deletes away.
fn free_before_delete(steps: &mut Steps, live: &Inventory, delete_first: &BTreeSet<&Address>) {
    for holder in live.all() {
        for id in ids(&holder.properties) {
            let Some(&step) = steps.delete.get(&id) else { continue };
            if id == holder.key() {
                continue;
            }
            let free = match steps.delete.get(&holder.key()) {
                Some(&delete) => Some(delete),
                // What is deleted before its replacement exists cannot wait for followers to move to the replacement.
                None if delete_first.contains(&steps.steps[step].address) => None,
                None => steps.forward.get(&holder.address).copied(),
            };
            if let Some(free) = free.filter(|free| *free != step) {
                steps.steps[step].after.insert(free);
            }
        }
    }
}

/// The two steps of a replacement follow one another.
fn replace_in_order(steps: &mut Steps, decisions: &[Decision]) {
    for decision in decisions {
        let Some(&create) = steps.forward.get(&decision.address) else { continue };
        let replaced = match decision.verb {
            Verb::Replace(_) => decision.live.as_ref(),
            _ => None,
        };
        let going = replaced.into_iter().chain(&decision.leftovers);
        let deletes: Vec<usize> = going.filter_map(|live| steps.delete.get(&live.key()).copied()).collect();
        for delete in deletes {
            let delete_first = match decision.verb {
                Verb::Replace(order) => order == ReplaceOrder::DeleteFirst,
                // Nothing usable is live: a broken one has to make room.
                Verb::Create => true,
                Verb::Update | Verb::Rename | Verb::Delete | Verb::Reap | Verb::Wait => false,
            };
            let (first, then) = if delete_first { (delete, create) } else { (create, delete) };
            if !reaches(&steps.steps, first, then) {
                steps.steps[then].after.insert(first);
            }
        }
    }
}

/// A create follows the step that frees the natural key it takes.
fn free_natural_keys(steps: &mut Steps, graph: &Graph, live: &Inventory, kinds: &BTreeMap<&str, &KindInfo>) {
    let creates: Vec<(Address, usize)> = steps
        .forward
        .iter()
        .filter(|(_, step)| matches!(steps.steps[**step].operation, Operation::Create { .. }))
        .map(|(address, &step)| (address.clone(), step))
        .collect();
    let mut holders: BTreeMap<Key, Vec<&Live>> = BTreeMap::new();
    for holder in live.all() {
        let Some(kind) = kinds.get(holder.address.kind()).filter(|kind| !kind.unique.is_empty()) else { continue };
        let key = natural_key(kind, holder.address.site(), &live.named(&holder.properties));
        holders.entry(key).or_default().push(holder);
    }
    for (address, create) in creates {
        let (Some(kind), Some(resource)) = (kinds.get(address.kind()), graph.get(&address)) else { continue };
        if kind.unique.is_empty() {
            continue;
        }
        let wanted = natural_key(kind, address.site(), &live.known(&resource.properties));
        for holder in holders.get(&wanted).into_iter().flatten().filter(|holder| holder.address != address) {
            let free = steps.delete.get(&holder.key()).or_else(|| steps.forward.get(&holder.address)).copied();
            if let Some(free) = free.filter(|&free| !reaches(&steps.steps, free, create)) {
                steps.steps[create].after.insert(free);
            }
        }
    }
}

/// A site, a kind, and the text of the values no two of the kind may share.
type Key = (String, &'static str, String);

fn natural_key(kind: &KindInfo, site: &Site, properties: &Value) -> Key {
    let values = kind.unique.iter().map(|name| properties.get(*name).cloned()).collect::<Vec<_>>();
    (site.to_string(), kind.name, format!("{values:?}"))
}

/// Whether `from` follows `to`, directly or not: then `to` cannot follow `from`.
fn reaches(steps: &[Step], from: usize, to: usize) -> bool {
    let mut seen = BTreeSet::new();
    let mut frontier = vec![from];
    while let Some(step) = frontier.pop() {
        if step == to {
            return true;
        }
        if seen.insert(step) {
            frontier.extend(&steps[step].after);
        }
    }
    false
}

/// For each step, how long it and the longest chain after it take.
pub(super) fn remaining(steps: &[Step]) -> Vec<Duration> {
    let mut followers = vec![Vec::new(); steps.len()];
    for (index, step) in steps.iter().enumerate() {
        for &first in &step.after {
            followers[first].push(index);
        }
    }
    let mut known: Vec<Option<Duration>> = vec![None; steps.len()];
    for start in 0..steps.len() {
        let mut stack = vec![start];
        while let Some(&step) = stack.last() {
            let unknown: Vec<usize> = followers[step].iter().copied().filter(|&next| known[next].is_none()).collect();
            if unknown.is_empty() || known[step].is_some() {
                let longest = followers[step].iter().filter_map(|&next| known[next]).max().unwrap_or_default();
                known[step] = Some(steps[step].expected + longest);
                stack.pop();
            } else {
                stack.extend(unknown);
            }
        }
    }
    known.into_iter().map(Option::unwrap_or_default).collect()
}
