//! Where a resource comes from, so that complaints about it point at what the user wrote.

use crate::blueprint::node::{Data, Node};
use crate::blueprint::source::Span;

/// What the user wrote that a resource comes from.
#[derive(Clone, Copy)]
pub(super) struct Origin<'a> {
    /// The part of the blueprint.
    pub(super) node: &'a Node,
    /// Its key.
    pub(super) place: Span,
    /// Whether the part's keys are the resource's properties.
    pub(super) by_hand: bool,
}

impl<'a> Origin<'a> {
    /// Where a property was written, or the resource's name.
    pub(super) fn property(&self, path: &str) -> Span {
        if self.by_hand { self.node.place(path, self.place) } else { self.place }
    }

    /// Where one of some texts was written below the origin, or the origin.
    pub(super) fn text(&self, texts: &[&str]) -> Span {
        find(self.node, texts).unwrap_or(self.place)
    }
}

fn find(node: &Node, texts: &[&str]) -> Option<Span> {
    match &node.data {
        Data::Text(text) => texts.contains(&text.as_str()).then_some(node.span),
        Data::List(items) => items.iter().find_map(|item| find(item, texts)),
        Data::Map(map) => map.iter().find_map(|entry| find(&entry.value, texts)),
        Data::Null | Data::Bool(_) | Data::Number(_) => None,
    }
}
