//! `docs/kinds.md`: every kind and its properties, from what kinds say of themselves. Decides only how that reads.

use std::fmt::Write as _;

use engine::{KindInfo, ReplaceOrder};
use serde_json::{Map, Value};

/// What a page starts with.
const HEAD: &str = "\
# Kinds

Every kind of resource a blueprint may have under `resources:`, with its properties as they are written there. This page is made
from the kinds themselves (`UPDATE=1 scripts/check`).

*Needed* has no default. *Not managed* is left as AWS has it unless it is set. **Replaces** marks a property AWS fixes at creation:
changing it makes a new resource. `list[]` is an element of a list; `(word)` after a path is the value of `type` it belongs to.
";

/// The page for these kinds.
pub fn page(kinds: &[KindInfo]) -> String {
    let mut page = HEAD.to_owned();
    for kind in kinds {
        page.push_str(&section(kind));
    }
    page
}

fn section(kind: &KindInfo) -> String {
    let schema = (kind.schema)().to_value();
    let summary = schema.get("description").and_then(Value::as_str).unwrap_or_default();
    let mut rows = Vec::new();
    let reader = Reader { root: &schema, kind };
    reader.object(&mut rows, "", &schema, 0);
    let mut text = format!("\n## {}\n\n{}\n", kind.name, flowing(summary));
    for fact in facts(kind) {
        let _ = write!(text, "\n- {fact}");
    }
    text.push('\n');
    if !rows.is_empty() {
        text.push_str("\n| Property | Type | Default | What it is |\n|---|---|---|---|\n");
        rows.iter().for_each(|row| text.push_str(row));
    }
    if !kind.unmanaged.is_empty() {
        text.push_str("\nDeliberately not managed, by CloudFormation's names:\n\n");
        for (name, reason) in kind.unmanaged {
            let _ = writeln!(text, "- `{name}`: {reason}");
        }
    }
    text
}

/// What is true of the kind as a whole.
fn facts(kind: &KindInfo) -> Vec<String> {
    let mut facts = Vec::new();
    let simulated = (kind.simulate)(&(kind.example)(), "id", 1);
    let outputs: Vec<String> = simulated.as_object().into_iter().flat_map(Map::keys).map(|name| code(name)).collect();
    facts.push(format!("Outputs: {}.", outputs.join(", ")));
    if kind.stateful {
        facts.push("Holds data: deleting or replacing one loses it.".to_owned());
    }
    if !kind.fixed.is_empty() {
        facts.push(match kind.order {
            ReplaceOrder::CreateFirst => "When replaced, the new one is made before the old one goes.".to_owned(),
            ReplaceOrder::DeleteFirst => "When replaced, the old one goes before the new one is made.".to_owned(),
        });
    }
    let list = |names: &[&str]| names.iter().map(|name| code(name)).collect::<Vec<_>>().join(", ");
    if !kind.unique.is_empty() {
        facts.push(format!("No two may have the same {}.", list(kind.unique)));
    }
    if !kind.renewed.is_empty() {
        facts.push(format!("An update changes its {}.", list(kind.renewed)));
    }
    if !kind.after.is_empty() {
        facts.push(format!("Made after, and deleted before, every {}.", list(kind.after)));
    }
    if let Some(name) = kind.protection {
        facts.push(format!("AWS refuses to delete one with `{name}: true`."));
    }
    if let Some(quota) = kind.quota {
        facts.push(format!("AWS allows {quota} in an account and region unless asked for more."));
    }
    let timing = (kind.timing)();
    let [create, update, delete] = [timing.create, timing.update, timing.delete].map(|time| time.as_secs());
    facts.push(format!("Takes about {create} s to make, {update} s to change and {delete} s to delete."));
    facts
}

/// Deeper nesting than any kind has.
const DEPTH: usize = 6;

struct Reader<'a> {
    root: &'a Value,
    kind: &'a KindInfo,
}

impl Reader<'_> {
    /// A row for each property of an object, and for each of theirs.
    fn object(&self, rows: &mut Vec<String>, path: &str, schema: &Value, depth: usize) {
        let required = schema.get("required").and_then(Value::as_array);
        for (name, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            // The word a form is told by is part of the path.
            if property.get("const").is_some() {
                continue;
            }
            let needed = required.is_some_and(|names| names.iter().any(|other| other == name));
            let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            rows.push(self.row(&path, property, needed, depth == 0 && self.kind.fixed.contains(&name.as_str())));
            self.inside(rows, &path, property, depth + 1);
        }
    }

    fn inside(&self, rows: &mut Vec<String>, path: &str, schema: &Value, depth: usize) {
        if depth > DEPTH {
            return;
        }
        let schema = self.resolve(schema);
        self.object(rows, path, schema, depth);
        if let Some(items) = schema.get("items") {
            self.inside(rows, &format!("{path}[]"), items, depth);
        }
        for form in self.forms(schema) {
            let form = self.resolve(form);
            match form.pointer("/properties/type/const").and_then(Value::as_str) {
                // What AWS may show and nobody can ask for.
                Some("foreign") => {}
                Some(word) => self.object(rows, &format!("{path}({word})"), form, depth),
                None => self.inside(rows, path, form, depth + 1),
            }
        }
    }

    fn row(&self, path: &str, property: &Value, needed: bool, fixed: bool) -> String {
        let described = property.get("description").and_then(Value::as_str);
        let text = described.or_else(|| self.resolve(property).get("description").and_then(Value::as_str));
        let default = match property.get("default") {
            _ if needed => "needed".to_owned(),
            Some(Value::Null) => "none".to_owned(),
            Some(value) => code(&value.to_string()),
            None => "not managed".to_owned(),
        };
        let mark = if fixed { "**Replaces.** " } else { "" };
        let what = cell(&flowing(text.unwrap_or_default()));
        format!("| `{path}` | {} | {} | {mark}{what} |\n", cell(&self.sort(property)), cell(&default))
    }

    /// What a value may be, in a few words.
    fn sort(&self, schema: &Value) -> String {
        let schema = self.resolve(schema);
        if let Some(kind) = schema.get("x-ref").and_then(Value::as_str) {
            return format!("name of a [{kind}](#{kind})");
        }
        let words = self.words(schema);
        if !words.is_empty() {
            return words.iter().map(|word| code(word)).collect::<Vec<_>>().join(", ");
        }
        if let Some(items) = schema.get("items") {
            return format!("list of {}", self.sort(items));
        }
        let forms: Vec<&Value> = self.forms(schema).collect();
        if let [one] = forms.as_slice() {
            return self.sort(one);
        }
        if forms.iter().any(|form| self.resolve(form).get("properties").is_some()) {
            return "map".to_owned();
        }
        let sort = match schema.get("type") {
            Some(Value::String(sort)) => sort.as_str(),
            Some(Value::Array(sorts)) => {
                sorts.iter().filter_map(Value::as_str).find(|sort| *sort != "null").unwrap_or("")
            }
            _ => "",
        };
        match sort {
            "integer" | "number" => format!("number{}", range(schema)),
            "boolean" => "`true`, `false`".to_owned(),
            "object" => "map".to_owned(),
            _ => "text".to_owned(),
        }
    }

    /// The forms a value may have, nothing left out.
    fn forms<'b>(&'b self, schema: &'b Value) -> impl Iterator<Item = &'b Value> {
        let all =
            ["anyOf", "oneOf"].into_iter().filter_map(|key| schema.get(key)).filter_map(Value::as_array).flatten();
        all.filter(|form| form.get("type").is_none_or(|sort| sort != "null"))
    }

    /// The words a value may be, if it is one of a few.
    fn words(&self, schema: &Value) -> Vec<String> {
        let listed = schema.get("enum").and_then(Value::as_array).into_iter().flatten();
        let mut words: Vec<String> = listed.filter_map(Value::as_str).map(str::to_owned).collect();
        words.extend(schema.get("const").and_then(Value::as_str).map(str::to_owned));
        for form in self.forms(schema) {
            words.extend(self.words(self.resolve(form)));
        }
        words
    }

    fn resolve<'b>(&'b self, schema: &'b Value) -> &'b Value {
        let path = schema.get("$ref").and_then(Value::as_str).and_then(|path| path.strip_prefix('#'));
        path.and_then(|path| self.root.pointer(path)).unwrap_or(schema)
    }
}

fn range(schema: &Value) -> String {
    let bound = |name: &str| schema.get(name).and_then(Value::as_f64);
    match (bound("minimum"), bound("maximum")) {
        (Some(least), Some(most)) => format!(", {least} to {most}"),
        (Some(least), None) => format!(", {least} or more"),
        (None, Some(most)) => format!(", at most {most}"),
        (None, None) => String::new(),
    }
}

/// A paragraph on one line.
fn flowing(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn code(text: &str) -> String {
    format!("`{text}`")
}

/// Text that does not end its cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}
