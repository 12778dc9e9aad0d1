//! From a merged blueprint to a graph. Pure; reports every mistake it can reach in one run.
//!
//! The order is: the schema, what the whole stack shares, component sections, resources by hand, then what only shows
//! on the whole graph. A part that does not fit its schema is left out, and complaints that may only follow from
//! something left out are kept back.

mod late;
mod origin;
mod outputs;
mod ranges;
mod references;
mod resources;
mod stack;

use std::collections::BTreeMap;

use serde_json::Value;

use super::check::check;
use super::diagnostic::Diagnostic;
use super::environment::Environment;
use super::node::Node;
use super::schema::blueprint_schema;
use super::source::{Sources, Span};
use super::{Component, Scope};
use crate::{Address, Graph, KindInfo, Owner, Resource, Site};

pub(super) use late::is_late;
use origin::Origin;
pub use stack::DEFAULT_REGION;

/// A blueprint with an environment's overrides laid over it.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// The merged blueprint.
    pub root: Node,
    /// Whether parts of it could not be read.
    pub incomplete: bool,
    /// The environment.
    pub environment: Environment,
}

/// What a blueprint expands to.
#[derive(Clone, Debug, Default)]
pub struct Expanded {
    /// Whose resources these are; `None` if the blueprint has no usable name.
    pub owner: Option<Owner>,
    /// The primary site's region.
    pub region: String,
    /// What is wanted; not to be acted on while there are errors.
    pub graph: Graph,
    /// Every mistake.
    pub diagnostics: Vec<Diagnostic>,
}

/// What the parts of an expansion share.
struct Context<'a> {
    root: &'a Node,
    sources: &'a Sources,
    kinds: &'a [KindInfo],
    sites: Vec<Site>,
    resources: BTreeMap<Address, (Resource, Origin<'a>)>,
    /// Whether something was left out, so that what refers to it may look dangling.
    partial: bool,
    found: Vec<Diagnostic>,
}

impl Context<'_> {
    fn kind(&self, name: &str) -> Option<&KindInfo> {
        self.kinds.iter().find(|kind| kind.name == name)
    }
}

/// Expands a blueprint.
pub fn expand(document: &Document, sources: &Sources, components: &[&dyn Component], kinds: &[KindInfo]) -> Expanded {
    let root = &document.root;
    let schema = blueprint_schema(components, kinds);
    let mut checked = check(&schema, root, sources);
    if document.incomplete {
        // What is missing may stand in the part that could not be read.
        let start = root.span.start;
        checked.found.retain(|diagnostic| {
            !(diagnostic.message.ends_with("is missing") && diagnostic.place.is_some_and(|place| place.end <= start))
        });
    }
    let broken = |path: &str| checked.broken.contains(path);
    let mut context = Context {
        root,
        sources,
        kinds,
        sites: document.environment.sites.keys().cloned().collect(),
        resources: BTreeMap::new(),
        partial: document.incomplete
            || components.iter().any(|component| broken(component.name()))
            || broken("resources"),
        found: Vec::new(),
    };
    let stack = stack::stack(&mut context, &document.environment, &checked.broken);
    let plain = root.value();
    let mut outputs = Vec::new();
    for component in components.iter().filter(|component| !broken(component.name())) {
        let Some(entry) = root.map().and_then(|map| map.entry(component.name())) else { continue };
        let scope = Scope { owner: &stack.owner, document: &plain, region: &stack.region, zones: &stack.zones };
        let named = component.schema().get("additionalProperties").is_some_and(Value::is_object);
        let section = Section { name: component.name(), named, node: &entry.value, place: entry.span };
        let value = match entry.value.value() {
            Value::Null => Value::Object(serde_json::Map::new()),
            value => value,
        };
        outputs.extend(resources::from_component(
            &mut context,
            &section,
            component.expand(&value, &scope),
            &stack.tags,
        ));
    }
    resources::by_hand(&mut context, &checked.broken, &stack.tags);
    references::check(&mut context);
    ranges::check(&mut context);
    let mut graph = Graph::new(context.resources.values().map(|(resource, _)| resource.clone()));
    graph.outputs = outputs::outputs(&mut context, outputs);
    let mut diagnostics = checked.found;
    diagnostics.append(&mut context.found);
    Expanded { owner: stack.named.then_some(stack.owner), region: stack.region, graph, diagnostics }
}

/// A component's part of the blueprint.
struct Section<'a> {
    name: &'static str,
    /// Whether its keys are names of the user's, each a component of its own.
    named: bool,
    node: &'a Node,
    /// Its key.
    place: Span,
}
