//! Types and values in the words of somebody who writes YAML.

use serde_json::Value;

use crate::blueprint::node::{Data, Node};
use crate::blueprint::source::Sources;

/// The longest piece of a value that is repeated in a message, in characters.
const LONGEST: usize = 40;

/// The schema's types; empty when it names none.
pub(super) fn types(schema: &Value) -> Vec<&str> {
    match schema.get("type") {
        Some(Value::String(name)) => vec![name],
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
        _ if schema.get("properties").is_some() => vec!["object"],
        _ => Vec::new(),
    }
}

/// Whether the schema lets a value be of a type.
pub(super) fn allows(schema: &Value, name: &str) -> bool {
    types(schema).contains(&name)
}

/// Whether a value is of a JSON type.
pub(super) fn is_a(node: &Node, name: &str) -> bool {
    match &node.data {
        Data::Null => name == "null",
        Data::Bool(_) => name == "boolean",
        Data::Number(number) => name == "number" || name == "integer" && (number.is_i64() || number.is_u64()),
        Data::Text(_) => name == "string",
        Data::List(_) => name == "array",
        Data::Map(_) => name == "object",
    }
}

/// What a schema wants, such as `a whole number` or `the name of a subnet`.
pub(super) fn expected(schema: &Value) -> String {
    if let Some(kind) = schema.get("x-ref").and_then(Value::as_str) {
        return format!("the name of {} {kind}", article(kind));
    }
    let words: Vec<_> = types(schema).into_iter().filter(|name| *name != "null").map(word).collect();
    match words.as_slice() {
        [] => "nothing".to_owned(),
        words => words.join(" or "),
    }
}

fn word(name: &str) -> &'static str {
    match name {
        "boolean" => "`true` or `false`",
        "integer" => "a whole number",
        "number" => "a number",
        "string" => "text",
        "array" => "a list",
        "object" => "a map",
        _ => "nothing",
    }
}

fn article(noun: &str) -> &'static str {
    if noun.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" }
}

/// What was written, such as `the text "yes"`.
pub(super) fn found(node: &Node, sources: &Sources) -> String {
    match &node.data {
        Data::Null => "nothing".to_owned(),
        Data::Bool(value) => format!("`{value}`"),
        Data::Number(number) => match sources.quote(node.span) {
            written if written.is_empty() || written.len() > LONGEST => format!("the number {number}"),
            written => format!("the number {written}"),
        },
        Data::Text(text) => format!("the text \"{}\"", short(text)),
        Data::List(_) => "a list".to_owned(),
        Data::Map(_) => "a map".to_owned(),
    }
}

/// The text cut to what a message can hold.
pub(super) fn short(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    let cut: String = line.chars().take(LONGEST).collect();
    if cut.len() < text.trim_end().len() { format!("{cut}…") } else { cut }
}

/// How to mend a value of the wrong type, where the slip is a known one.
pub(super) fn hint(types: &[&str], node: &Node, sources: &Sources) -> Option<String> {
    let wants = |name: &str| types.contains(&name);
    match &node.data {
        Data::Text(text) if wants("boolean") => match text.to_lowercase().as_str() {
            "yes" | "on" | "y" => Some("YAML 1.2 knows only `true` and `false`: write `true`".into()),
            "no" | "off" | "n" => Some("YAML 1.2 knows only `true` and `false`: write `false`".into()),
            "true" | "false" => Some(format!("leave out the quotes: `{}`", text.to_lowercase())),
            _ => None,
        },
        Data::Text(text) if wants("integer") || wants("number") => number_hint(text, sources.quote(node.span)),
        Data::Number(_) if wants("integer") => Some("write it without a fraction".into()),
        Data::Number(_) | Data::Bool(_) if wants("string") => {
            Some(format!("put it in quotes: `\"{}\"`", sources.quote(node.span)))
        }
        Data::Map(_) if wants("array") => Some("start every item of the list with `- `".into()),
        Data::Text(text) if wants("object") => {
            let (key, value) = text.split_once(':')?;
            let word = !key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-');
            word.then(|| format!("put a space behind the colon: `{key}: {}`", short(value)))
        }
        _ if wants("array") && !wants("object") => {
            let written = sources.quote(node.span);
            (!written.is_empty() && written.len() <= LONGEST).then(|| format!("a list of one is written `[{written}]`"))
        }
        Data::List(_) if wants("object") => Some("write `key: value` lines without `- ` in front".into()),
        _ => None,
    }
}

fn number_hint(text: &str, written: &str) -> Option<String> {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if digits(text) && text.starts_with('0') {
        return Some(format!("a leading zero is ambiguous: write `{}`", text.trim_start_matches('0')));
    }
    if text.parse::<f64>().is_ok() && written != text {
        return Some(format!("leave out the quotes: `{text}`"));
    }
    let parts: Vec<_> = text.split(':').collect();
    if parts.len() > 1 && parts.iter().all(|part| digits(part)) {
        let value = parts.iter().try_fold(0u64, |sum, part| sum.checked_mul(60)?.checked_add(part.parse().ok()?))?;
        return Some(format!("YAML 1.2 has no base-60 numbers: write `{value}` if that is what you mean"));
    }
    let plain: String = text.chars().filter(|c| !matches!(c, '_' | ',' | ' ' | '\'')).collect();
    if digits(&plain) && plain != text {
        return Some(format!("write it without separators: `{plain}`"));
    }
    let number: String = text.chars().take_while(char::is_ascii_digit).collect();
    let unit = text[number.len()..].trim();
    let is_unit = !unit.is_empty() && unit.len() <= 8 && unit.chars().all(|c| c.is_alphabetic() || c == '%');
    (!number.is_empty() && is_unit).then(|| format!("leave out the unit: `{number}`"))
}

/// `known here: a, b, c`, if the names are few enough to be read.
pub(super) fn choice<'a>(words: &str, names: impl Iterator<Item = &'a str>) -> Option<String> {
    let names: Vec<_> = names.collect();
    (1..=24).contains(&names.len()).then(|| format!("{words}: {}", names.join(", ")))
}

/// `1 item`, `2 items`.
pub(super) fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

/// The first sentence of a description, as part of a hint: no full stop, lower case.
pub(super) fn sentence(text: &str) -> String {
    let paragraph = text.split("\n\n").next().unwrap_or_default().replace('\n', " ");
    let first = paragraph.split(". ").next().unwrap_or_default().trim_end_matches('.');
    // What follows a semicolon tells of defaults, which help nobody to mend anything.
    let first = first.split("; ").next().unwrap_or_default();
    let mut chars = first.chars();
    let Some(initial) = chars.next() else { return String::new() };
    let rest = chars.as_str();
    // An abbreviation keeps its capitals.
    if rest.starts_with(|c: char| c.is_lowercase() || c == ' ') {
        initial.to_lowercase().chain(rest.chars()).collect()
    } else {
        first.to_owned()
    }
}
