//! The JSON schema of a whole blueprint, put together from what components and kinds say of themselves.
//!
//! Editors get it as it is, and `check` walks it: there is one description of what may be written.

use serde_json::{Map, Value, json};

use super::Component;
use crate::KindInfo;

/// What names of stacks, environments and resources look like.
pub const NAME: &str = "^[a-z][a-z0-9]*(-[a-z0-9]+)*$";
/// The longest name of a stack or an environment: physical names start with both, and load balancers have 32 characters.
pub const MAX_STACK_NAME: usize = 20;
/// The longest name of a resource or tier.
pub const MAX_NAME: usize = 40;

/// Whether a stack, or an environment, may be called so.
pub fn stack_name(name: &str) -> bool {
    super::check::matches(NAME, name) && name.len() <= MAX_STACK_NAME
}

/// The schema of a blueprint for these components and kinds.
pub fn blueprint_schema(components: &[&dyn Component], kinds: &[KindInfo]) -> Value {
    let mut definitions = Map::new();
    let mut properties = own_properties();
    for component in components {
        let schema = hoist(component.name(), component.schema().to_value(), &mut definitions);
        properties.insert(component.name().to_owned(), schema);
    }
    let resources: Map<_, _> = kinds
        .iter()
        .map(|kind| {
            let schema = hoist(kind.name, (kind.schema)().to_value(), &mut definitions);
            let title = format!("Resources of kind `{}`, by name.", kind.name);
            (kind.name.to_owned(), named(&title, &with_tags(schema)))
        })
        .collect();
    properties.insert(
        "resources".into(),
        json!({
            "description": "Single resources of any kind: `kind: {name: {…}}`.",
            "type": "object", "properties": resources, "additionalProperties": false, "x-noun": "kind",
        }),
    );
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Terrace blueprint",
        "type": "object",
        "properties": properties,
        "required": ["name"],
        "additionalProperties": false,
        "$defs": definitions,
    })
}

fn own_properties() -> Map<String, Value> {
    let properties = json!({
        "name": {
            "description": "The stack's name: the first part of every physical name.",
            "type": "string", "pattern": NAME, "maxLength": MAX_STACK_NAME,
        },
        "region": {
            "description": "The AWS region; `ap-northeast-2` unless an environment's primary site says otherwise.",
            "type": "string", "format": "region",
        },
        "zones": {
            "description": "The availability zones, by letter (`a`) or by name (`ap-northeast-2a`); `[a, c]` by default.",
            "type": "array", "items": { "type": "string" }, "minItems": 1, "uniqueItems": true,
        },
        "tags": tags("Tags every resource gets."),
        "outputs": {
            "description": "What `terrace outputs` shows: `name: kind/name.output`.",
            "type": "object", "additionalProperties": { "type": "string" },
        },
    });
    let Value::Object(properties) = properties else { unreachable!("a map was written above") };
    properties
}

fn tags(description: &str) -> Value {
    json!({
        "description": description,
        "type": "object",
        "additionalProperties": { "type": "string" },
    })
}

/// A map of user-chosen names to values of one schema.
pub fn named(description: &str, schema: &Value) -> Value {
    json!({
        "description": description,
        "type": "object",
        "additionalProperties": schema,
        "propertyNames": { "pattern": NAME, "maxLength": MAX_NAME },
    })
}

/// A resource's schema with the `tags` that every resource takes.
fn with_tags(mut schema: Value) -> Value {
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        properties.entry("tags").or_insert_with(|| tags("Tags for this resource alone."));
    }
    schema
}

/// Moves a schema's definitions to the whole one's, under names of their own.
fn hoist(prefix: &str, mut schema: Value, definitions: &mut Map<String, Value>) -> Value {
    rename(prefix, &mut schema);
    if let Some(map) = schema.as_object_mut() {
        map.remove("$schema");
        if let Some(Value::Object(own)) = map.remove("$defs") {
            definitions.extend(own.into_iter().map(|(name, schema)| (format!("{prefix}.{name}"), schema)));
        }
    }
    schema
}

fn rename(prefix: &str, schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            for (key, value) in map.iter_mut() {
                match value {
                    Value::String(target) if key == "$ref" => {
                        if let Some(name) = target.strip_prefix("#/$defs/") {
                            *target = format!("#/$defs/{prefix}.{name}");
                        } else if target == "#" {
                            *target = format!("#/properties/{prefix}");
                        }
                    }
                    _ => rename(prefix, value),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| rename(prefix, item)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
