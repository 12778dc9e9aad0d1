//! What is live: discovered, and kept up while an apply goes on.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::plan::Verb;
use crate::reference::{address_of, ids, key, key_of, output_of};
use crate::{Address, Graph, KindInfo, Live, Phase, Plan, diff};

/// What is live, by address and by cloud id.
///
/// An address usually has one live resource. It has more while a replacement stands beside the old one, or after a
/// create whose answer was lost was repeated; then the first is *current*, the one references mean, and the rest are
/// *superseded* and wait to be deleted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Inventory {
    live: BTreeMap<Address, Vec<Live>>,
    /// Addresses of which nothing live may be used: all of theirs are superseded.
    retired: BTreeSet<Address>,
    /// Current resources by [`key`].
    names: BTreeMap<String, Address>,
}

impl Inventory {
    /// Indexes what was found. Gone resources are dropped.
    pub fn new(found: impl IntoIterator<Item = Live>) -> Self {
        let mut inventory = Self::default();
        for live in found {
            if live.phase != Phase::Gone {
                inventory.live.entry(live.address.clone()).or_default().push(live);
            }
        }
        for all in inventory.live.values_mut() {
            all.sort_by(|one, other| one.id.cmp(&other.id));
        }
        let current = inventory.live.iter().filter_map(|(address, all)| Some((all.first()?.key(), address.clone())));
        inventory.names = current.collect();
        inventory
    }

    /// The resource an address means.
    pub fn get(&self, address: &Address) -> Option<&Live> {
        if self.retired.contains(address) {
            return None;
        }
        self.live.get(address)?.first()
    }

    /// Live resources of an address that it no longer means.
    pub fn superseded(&self, address: &Address) -> &[Live] {
        let all = self.live.get(address).map(Vec::as_slice).unwrap_or_default();
        if self.retired.contains(address) { all } else { all.get(1..).unwrap_or_default() }
    }

    /// Every live resource, superseded ones included.
    pub fn all(&self) -> impl Iterator<Item = &Live> {
        self.live.values().flatten()
    }

    /// Every address with something live.
    pub fn addresses(&self) -> impl Iterator<Item = &Address> {
        self.live.keys()
    }

    /// Whether nothing is live.
    pub fn is_empty(&self) -> bool {
        self.live.is_empty()
    }

    /// How many resources are live, superseded ones included.
    pub fn len(&self) -> usize {
        self.live.values().map(Vec::len).sum()
    }

    /// Puts a resource that was just read in place: a known id is renewed, a new one becomes current.
    pub fn insert(&mut self, live: Live) {
        let all = self.live.entry(live.address.clone()).or_default();
        match all.iter_mut().find(|known| known.id == live.id) {
            Some(known) => *known = live,
            None => {
                self.retired.remove(&live.address);
                if let Some(old) = all.first() {
                    self.names.remove(&old.key());
                }
                self.names.insert(live.key(), live.address.clone());
                all.insert(0, live);
            }
        }
    }

    /// Takes out a resource that is gone.
    pub fn remove(&mut self, address: &Address, id: &str) {
        self.names.remove(&key(address.kind(), id));
        if let Some(all) = self.live.get_mut(address) {
            all.retain(|live| live.id != id);
            if all.is_empty() {
                self.live.remove(address);
                self.retired.remove(address);
            }
        }
    }

    /// Lets an address mean nothing until its replacement is live.
    pub(crate) fn retire(&mut self, address: &Address) {
        self.retired.insert(address.clone());
        if let Some(current) = self.live.get(address).and_then(|all| all.first()) {
            self.names.remove(&current.key());
        }
    }

    /// Forgets outputs that a change will give new values.
    pub(crate) fn renew(&mut self, address: &Address, outputs: &[&str]) {
        let first = self.live.get_mut(address).and_then(|all| all.first_mut());
        if let Some(known) = first.and_then(|live| live.outputs.as_object_mut()) {
            known.retain(|name, _| !outputs.contains(&name.as_str()));
        }
    }

    /// Moves the current resource of one address to another.
    pub(crate) fn rename(&mut self, from: &Address, to: &Address) {
        let Some(mut all) = self.live.remove(from) else { return };
        for live in &mut all {
            live.address = to.clone();
        }
        if let Some(current) = all.first() {
            self.names.insert(current.key(), to.clone());
        }
        self.live.entry(to.clone()).or_default().splice(0..0, all);
    }

    /// Sees live resources the way a plan does: what it replaces is no longer meant, what it keeps is.
    pub(crate) fn seen_by(mut self, plan: &Plan) -> Self {
        for rename in &plan.renames {
            self.rename(&rename.from, &rename.to);
        }
        for change in &plan.changes {
            match (change.verb, &change.id) {
                (Verb::Create | Verb::Replace(_) | Verb::Delete, _) | (_, None) => self.retire(&change.address),
                (Verb::Update | Verb::Rename | Verb::Reap | Verb::Wait, Some(id)) => self.promote(&change.address, id),
            }
        }
        self
    }

    fn promote(&mut self, address: &Address, id: &str) {
        let Some(all) = self.live.get_mut(address) else { return };
        if let Some(old) = all.first() {
            self.names.remove(&old.key());
        }
        all.sort_by_key(|live| live.id != id);
        self.names.insert(key(address.kind(), id), address.clone());
        self.retired.remove(address);
    }

    /// Decides which of the live resources each wanted address means.
    ///
    /// One that is going or broken never is; else the one whose fixed properties are as wanted, then the one others
    /// refer to, then the one with the lowest id. An address none of whose live resources fits is retired when its
    /// replacement has to be made first.
    pub(crate) fn settled(mut self, graph: &Graph, kinds: &BTreeMap<&str, &KindInfo>) -> Self {
        let used: BTreeSet<String> = self.all().flat_map(|live| ids(&live.properties)).collect();
        let order: Vec<Address> = graph.in_order().iter().map(|resource| resource.address.clone()).collect();
        for address in order {
            let Some(kind) = kinds.get(address.kind()) else { continue };
            let Some(mut all) = self.live.remove(&address) else { continue };
            let wanted = graph.get(&address).map(|resource| &resource.properties);
            let rank = |live: &Live| {
                let unfit = wanted.is_some_and(|wanted| self.replaces(kind, wanted, live));
                (!usable(kind, live), unfit, !used.contains(&live.key()))
            };
            all.sort_by_cached_key(|live| (rank(live), live.id.clone()));
            for live in &all {
                self.names.remove(&live.key());
            }
            if let Some(current) = all.first().filter(|first| usable(kind, first)) {
                self.names.insert(current.key(), address.clone());
            } else {
                self.retired.insert(address.clone());
            }
            self.live.insert(address, all);
        }
        self
    }

    /// Whether a fixed property of a live resource is not as wanted.
    pub(crate) fn replaces(&self, kind: &KindInfo, wanted: &Value, live: &Live) -> bool {
        let changes = diff(&self.known(wanted), &self.named(&live.properties));
        changes.iter().any(|change| kind.fixed.contains(&change.property()))
    }

    /// Rewrites ids of current resources into addresses: live properties in blueprint words.
    pub fn named(&self, value: &Value) -> Value {
        rewrite(value, &|value| {
            let address = self.names.get(&key_of(value)?);
            Some(address.map_or_else(|| value.clone(), |address| json!({ "$ref": address })))
        })
    }

    /// Rewrites addresses into ids and outputs: blueprint properties in the cloud's words.
    ///
    /// What is not live yet stays an address.
    pub fn resolved(&self, value: &Value) -> Value {
        rewrite(value, &|value| {
            if let Some((address, output)) = output_of(value) {
                return self.get(&address).and_then(|live| live.outputs.get(output)).cloned();
            }
            let live = self.get(&address_of(value)?)?;
            Some(json!({ "$id": live.id, "$kind": live.address.kind(), "outputs": live.outputs }))
        })
    }

    /// Rewrites outputs that are known into their values and leaves references to resources as they are.
    pub fn known(&self, value: &Value) -> Value {
        rewrite(value, &|value| {
            let (address, output) = output_of(value)?;
            self.get(&address)?.outputs.get(output).cloned()
        })
    }
}

/// Whether a live resource may serve as its address. A broken one that holds data may: deleting it is for a person to
/// decide.
fn usable(kind: &KindInfo, live: &Live) -> bool {
    match live.phase {
        Phase::Ready | Phase::Pending => true,
        Phase::Failed(_) => kind.stateful,
        Phase::Deleting | Phase::Gone => false,
    }
}

/// Copies a value, with every object the function knows replaced.
fn rewrite(value: &Value, replace: &impl Fn(&Value) -> Option<Value>) -> Value {
    match value {
        Value::Object(map) => match replace(value) {
            Some(replaced) => replaced,
            None => map.iter().map(|(key, value)| (key.clone(), rewrite(value, replace))).collect(),
        },
        Value::Array(items) => items.iter().map(|item| rewrite(item, replace)).collect(),
        _ => value.clone(),
    }
}
