//! What the whole stack shares: its name, region, zones and tags.

use std::collections::BTreeSet;

use super::Context;
use crate::blueprint::diagnostic::Diagnostic;
use crate::blueprint::environment::Environment;
use crate::blueprint::node::Node;
use crate::blueprint::source::Span;
use crate::{Owner, Site, Tags, tag};

/// The primary site's region where neither blueprint nor environment names one.
pub const DEFAULT_REGION: &str = "ap-northeast-2";
/// The zones of a blueprint that names none: in `ap-northeast-2` b lacks some instance types.
const ZONES: [&str; 2] = ["a", "c"];
/// AWS allows 50 tags on a resource (<https://docs.aws.amazon.com/general/latest/gr/aws_tagging.html>); the engine and
/// the name take four.
const MAX_TAGS: usize = 46;

/// What the whole stack shares.
pub(super) struct Stack {
    pub(super) owner: Owner,
    /// Whether the name is usable.
    pub(super) named: bool,
    pub(super) region: String,
    /// Full names.
    pub(super) zones: Vec<String>,
    pub(super) tags: Tags,
}

pub(super) fn stack(context: &mut Context<'_>, environment: &Environment, broken: &BTreeSet<String>) -> Stack {
    let root = context.root;
    let text = |key: &str| root.get(key).filter(|_| !broken.contains(key)).and_then(Node::text);
    let name = text("name");
    let site = environment.sites.get(&Site::primary()).and_then(|site| site.region.as_deref());
    let region = site.or(text("region")).unwrap_or(DEFAULT_REGION).to_owned();
    let zones = if broken.contains("zones") { default_zones(&region) } else { zones(context, &region) };
    let tags = root.get("tags").filter(|_| !broken.contains("tags"));
    let tags = tags.map(|node| self::tags(node, &mut context.found)).unwrap_or_default();
    Stack { owner: Owner::new(name.unwrap_or("stack"), &environment.name), named: name.is_some(), region, zones, tags }
}

fn default_zones(region: &str) -> Vec<String> {
    ZONES.iter().map(|letter| format!("{region}{letter}")).collect()
}

fn zones(context: &mut Context<'_>, region: &str) -> Vec<String> {
    let Some(items) = context.root.get("zones").and_then(Node::list) else { return default_zones(region) };
    let mut zones: Vec<(String, Span)> = Vec::new();
    for item in items {
        let Some(text) = item.text() else { continue };
        let letter = |text: &str| text.len() == 1 && text.starts_with(|c: char| c.is_ascii_lowercase());
        let full = if letter(text) {
            format!("{region}{text}")
        } else if text.strip_prefix(region).is_some_and(letter) {
            text.to_owned()
        } else {
            let message = format!("`{text}` is not a zone of {region}");
            let hint = format!("write the zone's letter, such as `a` for `{region}a`");
            context.found.push(Diagnostic::error(item.span, message).hint(hint));
            continue;
        };
        if let Some((_, first)) = zones.iter().find(|(zone, _)| *zone == full) {
            // Two equal texts have been complained about already.
            if context.sources.quote(*first) != context.sources.quote(item.span) {
                let twice = Diagnostic::error(item.span, format!("the zone {full} is in the list twice"));
                context.found.push(twice.note(*first, "the first one is here"));
            }
            continue;
        }
        zones.push((full, item.span));
    }
    if zones.is_empty() { default_zones(region) } else { zones.into_iter().map(|(zone, _)| zone).collect() }
}

const TAG_HINT: &str = "a tag has up to 128 characters and its value up to 256: letters, digits, spaces and `_.:/=+-@`";

/// Whether AWS takes a text in a tag (<https://docs.aws.amazon.com/tag-editor/latest/userguide/tagging.html>).
fn tag_text(text: &str, least: usize, most: usize) -> bool {
    let length = text.chars().count();
    (least..=most).contains(&length) && text.chars().all(|c| c.is_alphanumeric() || " _.:/=+-@".contains(c))
}

/// Reads tags, and complains about those a user cannot set.
pub(super) fn tags(node: &Node, found: &mut Vec<Diagnostic>) -> Tags {
    let mut tags = Tags::new();
    let entries: Vec<_> = node.map().into_iter().flat_map(|map| map.iter()).collect();
    if let Some(entry) = entries.get(MAX_TAGS) {
        let message = format!("there are {} tags, more than the {MAX_TAGS} a stack may set", entries.len());
        found.push(Diagnostic::error(entry.span, message));
    }
    for entry in entries {
        let lower = entry.key.to_lowercase();
        let reserved = if lower.starts_with("aws:") {
            Some("AWS")
        } else if lower.starts_with(tag::PREFIX) {
            Some("Terrace")
        } else if entry.key == "Name" {
            Some("the resource's own name")
        } else {
            None
        };
        if let Some(whose) = reserved {
            let message = format!("the tag `{}` is kept for {whose}", entry.key);
            found.push(Diagnostic::error(entry.span, message).hint("choose another key"));
        } else if !tag_text(&entry.key, 1, 128) {
            let message = format!("`{}` is not a valid tag", entry.key);
            found.push(Diagnostic::error(entry.span, message).hint(TAG_HINT));
        } else if let Some(text) = entry.value.text() {
            if !tag_text(text, 0, 256) {
                let message = format!("the value of the tag `{}` is not a valid one", entry.key);
                found.push(Diagnostic::error(entry.value.span, message).hint(TAG_HINT));
            }
            tags.insert(entry.key.clone(), text.to_owned());
        }
    }
    tags
}
