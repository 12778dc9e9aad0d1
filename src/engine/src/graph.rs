//! What a blueprint expands to: desired resources, joined by the references inside their properties.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Address, Tags, references};

/// A desired resource; its edges are the references inside its properties.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Resource {
    /// Its name in the blueprint.
    pub address: Address,
    /// The blueprint section it comes from, such as `network` or `tiers.web`.
    pub component: String,
    /// Canonical properties; references are `{"$ref": …}`.
    pub properties: Value,
    /// The user's tags.
    pub tags: Tags,
}

/// A value the stack shows to people and scripts once it is applied.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Output {
    /// The output's name, such as `site_url`.
    pub name: String,
    /// A value; references inside it are resolved when it is shown.
    pub value: Value,
}

/// Everything a blueprint wants.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Graph {
    resources: BTreeMap<Address, Resource>,
    /// What `terrace outputs` shows, in the blueprint's order.
    pub outputs: Vec<Output>,
}

impl Graph {
    /// A graph of these resources; of two with one address the last counts.
    pub fn new(resources: impl IntoIterator<Item = Resource>) -> Self {
        let resources = resources.into_iter().map(|resource| (resource.address.clone(), resource)).collect();
        Self { resources, outputs: Vec::new() }
    }

    /// The resource of an address.
    pub fn get(&self, address: &Address) -> Option<&Resource> {
        self.resources.get(address)
    }

    /// Whether a resource of the address is wanted.
    pub fn contains(&self, address: &Address) -> bool {
        self.resources.contains_key(address)
    }

    /// Every resource, by address.
    pub fn iter(&self) -> impl Iterator<Item = &Resource> {
        self.resources.values()
    }

    /// How many resources are wanted.
    pub fn len(&self) -> usize {
        self.resources.len()
    }

    /// Whether nothing is wanted.
    pub fn is_empty(&self) -> bool {
        self.resources.is_empty()
    }

    /// Resources in an order in which each follows everything it refers to.
    ///
    /// Members of a cycle come last, in address order: [`Graph::cycle`] tells of them.
    pub fn in_order(&self) -> Vec<&Resource> {
        let mut done = BTreeSet::new();
        let mut order = Vec::with_capacity(self.resources.len());
        for resource in self.resources.values() {
            self.visit(resource, &mut BTreeSet::new(), &mut done, &mut order);
        }
        order
    }

    fn visit<'a>(
        &'a self,
        resource: &'a Resource,
        path: &mut BTreeSet<&'a Address>,
        done: &mut BTreeSet<&'a Address>,
        order: &mut Vec<&'a Resource>,
    ) {
        if done.contains(&resource.address) || !path.insert(&resource.address) {
            return;
        }
        for needed in references(&resource.properties) {
            if let Some(needed) = self.resources.get(&needed) {
                self.visit(needed, path, done, order);
            }
        }
        if done.insert(&resource.address) {
            order.push(resource);
        }
    }

    /// The addresses of one cycle of references, each referring to the next and the last to the first.
    pub fn cycle(&self) -> Option<Vec<Address>> {
        let mut done = BTreeSet::new();
        self.resources.keys().find_map(|start| self.cycle_from(start, &mut Vec::new(), &mut done))
    }

    fn cycle_from(&self, at: &Address, path: &mut Vec<Address>, done: &mut BTreeSet<Address>) -> Option<Vec<Address>> {
        if let Some(start) = path.iter().position(|seen| seen == at) {
            return Some(path[start..].to_vec());
        }
        if done.contains(at) {
            return None;
        }
        path.push(at.clone());
        let needed = self.resources.get(at).map(|resource| references(&resource.properties)).unwrap_or_default();
        let found = needed.iter().find_map(|needed| self.cycle_from(needed, path, done));
        path.pop();
        done.insert(at.clone());
        found
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn graph(edges: &[(&str, &[&str])]) -> Graph {
        Graph::new(edges.iter().map(|(address, needs)| Resource {
            address: address.parse().unwrap(),
            component: "resources".into(),
            properties: json!({ "needs": needs.iter().map(|need| json!({ "$ref": need })).collect::<Vec<_>>() }),
            tags: Tags::new(),
        }))
    }

    fn names(resources: &[&Resource]) -> Vec<String> {
        resources.iter().map(|resource| resource.address.to_string()).collect()
    }

    #[test]
    fn resources_follow_what_they_refer_to() {
        let graph = graph(&[("a/1", &["b/1", "c/1"]), ("b/1", &["c/1"]), ("c/1", &[])]);
        assert_eq!(names(&graph.in_order()), ["c/1", "b/1", "a/1"]);
        assert_eq!(graph.cycle(), None);
    }

    #[test]
    fn a_cycle_is_found_whole() {
        let graph = graph(&[("a/1", &["b/1"]), ("b/1", &["c/1"]), ("c/1", &["b/1"])]);
        let cycle: Vec<String> = graph.cycle().unwrap().iter().map(Address::to_string).collect();
        assert_eq!(cycle, ["b/1", "c/1"]);
        assert_eq!(graph.in_order().len(), 3);
    }
}
