//! A stack's outputs.

use engine::{Graph, Inventory, references};
use serde_json::Value;

use crate::documents::Outputs;

/// Every output's value; `null` where it is not known yet.
pub(crate) fn values(graph: &Graph, inventory: &Inventory) -> Outputs {
    let value = |output: &engine::graph::Output| {
        let resolved = inventory.resolved(&output.value);
        let plain = resolved.get("$id").cloned().unwrap_or(resolved);
        if references(&plain).is_empty() { plain } else { Value::Null }
    };
    graph.outputs.iter().map(|output| (output.name.clone(), value(output))).collect()
}

/// Outputs as a table of two columns.
pub(crate) fn render(values: &Outputs) -> String {
    let column = values.keys().map(|name| name.chars().count()).max().unwrap_or_default();
    let line = |(name, value): (&String, &Value)| format!("{name:<column$}  {}\n", plain(value));
    values.iter().map(line).collect()
}

/// A value as a script wants it: text without quotes.
pub(crate) fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "(not known before apply)".to_owned(),
        other => other.to_string(),
    }
}
