//! The `outputs:` section: `name: kind/name.output`.

use super::{Context, late, references};
use crate::Address;
use crate::blueprint::diagnostic::{Diagnostic, did_you_mean};
use crate::blueprint::node::Node;
use crate::graph::Output;

/// The components' outputs and the user's own; one of the user's with a component's name takes its place.
pub(super) fn outputs(context: &mut Context<'_>, mut outputs: Vec<Output>) -> Vec<Output> {
    let root = context.root;
    for entry in root.get("outputs").and_then(Node::map).into_iter().flat_map(|map| map.iter()) {
        let Some(text) = entry.value.text() else { continue };
        let bare = text.strip_prefix("${").and_then(|text| text.strip_suffix('}')).unwrap_or(text);
        let Some((address, output)) = late::output(bare) else {
            let message = format!("`{text}` does not name an output");
            let hint = "write `kind/name.output`, such as `load-balancer/web.dns_name`";
            context.found.push(Diagnostic::error(entry.value.span, message).hint(hint));
            continue;
        };
        if !context.resources.contains_key(&address) {
            if !context.partial {
                let names: Vec<String> = context.resources.keys().map(Address::to_string).collect();
                let hint = did_you_mean(&address.to_string(), names.iter().map(String::as_str));
                let message = format!("there is no `{address}`");
                context.found.push(Diagnostic::error(entry.value.span, message).maybe_hint(hint));
            }
            continue;
        }
        if let Some(hint) = references::unknown_output(context, &address, output) {
            let message = format!("`{address}` has no output `{output}`");
            context.found.push(Diagnostic::error(entry.value.span, message).maybe_hint(hint));
            continue;
        }
        let output = Output { name: entry.key.clone(), value: late::wire(&address, output) };
        match outputs.iter_mut().find(|known| known.name == output.name) {
            Some(known) => *known = output,
            None => outputs.push(output),
        }
    }
    outputs
}
