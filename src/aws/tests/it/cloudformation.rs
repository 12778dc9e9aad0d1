//! Kinds against CloudFormation's published schemas: what replaces, what is managed, and which values are allowed.
//!
//! `cloudformation.json` is an extract of the schemas (`tests/aws/cloudformation.py` makes it); `cloudformation.txt` says
//! which property is which.

use std::collections::{BTreeMap, BTreeSet};

use engine::KindInfo;
use serde::Deserialize;
use serde_json::Value;

/// Kind, property and why it is meant to differ from CloudFormation.
const DIFFERENCES: &[(&str, &str, &str)] =
    &[("role", "permissions_boundary", "the limits of a policy's path and name keep its ARN shorter than that")];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Type {
    create_only: BTreeSet<String>,
    sometimes_create_only: BTreeSet<String>,
    properties: BTreeMap<String, Limits>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Limits {
    #[serde(rename = "enum")]
    values: Vec<Value>,
    minimum: Option<f64>,
    maximum: Option<f64>,
    max_length: Option<f64>,
    #[serde(rename = "minLength")]
    min_length: Option<f64>,
}

/// A kind, its type, and what each property of the kind is called there.
struct Row {
    kind: &'static KindInfo,
    of: Type,
    names: Vec<(&'static str, Vec<&'static str>)>,
}

fn rows() -> Vec<Row> {
    let mut types: BTreeMap<String, Type> = serde_json::from_str(include_str!("cloudformation.json")).unwrap();
    let mut rows: Vec<Row> = Vec::new();
    let mut known = false;
    for line in include_str!("cloudformation.txt").lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        if let Some((kind, of)) = line.strip_prefix('[').and_then(|line| line.trim_end_matches(']').split_once(' ')) {
            let info = aws::kinds::INFOS.iter().find(|info| info.name == kind);
            known = info.is_some();
            rows.extend(info.map(|kind| Row { kind, of: types.remove(of).unwrap(), names: Vec::new() }));
        } else if known {
            let mut words = line.split(' ');
            let name = words.next().unwrap();
            rows.last_mut().unwrap().names.push((name, words.collect()));
        }
    }
    rows
}

#[test]
fn every_kind_and_property_is_compared() {
    let rows = rows();
    let compared: BTreeSet<&str> = rows.iter().map(|row| row.kind.name).collect();
    let all: BTreeSet<&str> = aws::kinds::INFOS.iter().map(|kind| kind.name).collect();
    assert_eq!(compared, all);
    for row in rows {
        let schema = (row.kind.schema)();
        let properties = schema.get("properties").and_then(Value::as_object);
        let all: BTreeSet<&str> = properties.into_iter().flatten().map(|(name, _)| name.as_str()).collect();
        let compared: BTreeSet<&str> = row.names.iter().map(|(name, _)| *name).collect();
        assert_eq!(compared, all, "{}", row.kind.name);
    }
}

#[test]
fn what_is_not_managed_is_said_to_be() {
    for Row { kind, of, names } in rows() {
        let managed = names.iter().flat_map(|(_, names)| names.iter().copied());
        let said = kind.unmanaged.iter().map(|(name, _)| *name);
        // Every resource is tagged, by the engine.
        let known: BTreeSet<&str> = managed.chain(said).chain(["Tags", "TagSpecifications"]).collect();
        let left: Vec<&String> = of.properties.keys().filter(|name| !known.contains(name.as_str())).collect();
        assert!(left.is_empty(), "{} neither manages nor excuses {left:?}", kind.name);
        for (name, reason) in kind.unmanaged {
            assert!(!names.iter().any(|(_, names)| names.contains(name)), "{} manages {name}", kind.name);
            assert!(!reason.is_empty(), "{} {name}", kind.name);
        }
    }
}

#[test]
fn what_replaces_and_which_values_are_allowed_is_as_there_or_has_a_reason() {
    let differ: BTreeMap<(&str, &str), String> = rows().iter().flat_map(differences).collect();
    let excused: BTreeSet<(&str, &str)> = DIFFERENCES.iter().map(|(kind, property, _)| (*kind, *property)).collect();
    assert_eq!(differ.keys().copied().collect::<BTreeSet<_>>(), excused, "{differ:#?}");
}

fn differences(row: &Row) -> Vec<((&'static str, &'static str), String)> {
    let Row { kind, of, names } = row;
    let schema = (kind.schema)();
    let mut found = Vec::new();
    for (property, names) in names {
        let fixed = kind.fixed.contains(property);
        for name in names {
            if fixed != of.create_only.contains(*name) && !of.sometimes_create_only.contains(*name) {
                found.push(((kind.name, *property), format!("replaces: {fixed} here, {} there", !fixed)));
            }
        }
        // Only a property that is one value on both sides has limits to compare.
        let [name] = names.as_slice() else { continue };
        let Some(limits) = of.properties.get(*name) else { continue };
        let here = resolve(schema.as_value(), &schema.as_value()["properties"][*property]);
        found.extend(looser(&here, limits).into_iter().map(|what| ((kind.name, *property), what)));
    }
    found
}

/// The limits a schema leaves open.
fn looser(here: &Value, limits: &Limits) -> Vec<String> {
    let is = |sort: &str| here.get("type").is_some_and(|found| found.to_string().contains(sort));
    let mut found = Vec::new();
    let mut bound = |name: &str, lower: bool, limit: Option<f64>| {
        let Some(limit) = limit else { return };
        let own = here.get(name).and_then(Value::as_f64);
        if !own.is_some_and(|own| if lower { own >= limit } else { own <= limit }) {
            found.push(format!("{name}: {own:?} here, {limit} there"));
        }
    };
    if is("integer") {
        bound("minimum", true, limits.minimum);
        bound("maximum", false, limits.maximum);
    }
    // A reference or one of a list of values has no length to speak of.
    if is("string") && here.get("enum").is_none() && here.get("x-ref").is_none() {
        bound("minLength", true, limits.min_length.filter(|length| *length > 0.0));
        bound("maxLength", false, limits.max_length);
    }
    let there: BTreeSet<String> = limits.values.iter().filter_map(Value::as_str).map(plain).collect();
    let mut own = BTreeSet::new();
    constants(here, &mut own);
    if !there.is_empty() && (own.is_empty() || !own.is_subset(&there)) {
        found.push(format!("values: {own:?} here, {there:?} there"));
    }
    found
}

/// A schema with a reference to a definition replaced by it.
fn resolve(root: &Value, schema: &Value) -> Value {
    let reference = schema.get("$ref").or_else(|| schema.pointer("/anyOf/0/$ref"));
    match reference.and_then(Value::as_str).and_then(|path| root.pointer(path.trim_start_matches('#'))) {
        Some(found) => found.clone(),
        None => schema.clone(),
    }
}

/// Every string a schema names as a value.
fn constants(schema: &Value, found: &mut BTreeSet<String>) {
    match schema {
        Value::Object(map) => {
            found.extend(map.get("const").and_then(Value::as_str).map(plain));
            found.extend(
                map.get("enum").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).map(plain),
            );
            map.values().for_each(|value| constants(value, found));
        }
        Value::Array(items) => items.iter().for_each(|item| constants(item, found)),
        _ => {}
    }
}

/// A value's letters and digits, since `internet-facing` and `INTERNET_FACING` are one.
fn plain(value: &str) -> String {
    value.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase()
}
