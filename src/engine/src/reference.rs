//! References between resources: a name in a blueprint, an id when live.
//!
//! On the wire of the engine (JSON) a reference has one of four shapes:
//! `{"$ref": "subnet/public-a"}` names a resource; `{"$id": "subnet-0a1", "$kind": "subnet"}` is one the
//! cloud reported; `{"$id": …, "$kind": …, "outputs": {…}}` is a named one after resolution; and
//! `{"$ref": "launch-template/web", "output": "version"}` stands for an output's value until it is known.

use std::collections::BTreeSet;
use std::fmt;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Value, json};

use crate::{Address, Error, Kind, Result};

/// A property that names another resource of kind `K`.
///
/// A blueprint writes the name; the live side writes the id. The engine turns ids it recognises
/// back into names before it compares, so both sides of a diff read the same.
pub struct Ref<K: Kind> {
    target: Target,
    kind: PhantomData<fn() -> K>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Target {
    Address(Address),
    Live { id: String, outputs: Outputs },
}

/// Outputs carried along with a resolved reference; they take no part in comparisons.
#[derive(Clone, Debug)]
struct Outputs(Value);

impl PartialEq for Outputs {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Outputs {}

impl PartialOrd for Outputs {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Outputs {
    fn cmp(&self, _: &Self) -> std::cmp::Ordering {
        std::cmp::Ordering::Equal
    }
}

impl<K: Kind> Ref<K> {
    /// A reference to a resource of the primary site, by name.
    pub fn to(name: &str) -> Self {
        Self::from_target(Target::Address(Address::new(K::NAME, name)))
    }

    /// A reference the cloud reported, by id.
    pub fn live(id: &str) -> Self {
        Self::from_target(Target::Live { id: id.to_owned(), outputs: Outputs(Value::Null) })
    }

    fn from_target(target: Target) -> Self {
        Self { target, kind: PhantomData }
    }

    /// The referred resource's cloud id.
    ///
    /// # Errors
    /// [`Error::Unresolved`] while the reference still is a name.
    pub fn id(&self) -> Result<&str> {
        match &self.target {
            Target::Live { id, .. } => Ok(id),
            Target::Address(address) => Err(Error::Unresolved(address.clone())),
        }
    }

    /// The referred resource's outputs, which the engine fills in when it resolves the name.
    ///
    /// # Errors
    /// [`Error::Unresolved`] while the reference still is a name.
    pub fn outputs(&self) -> Result<K::Outputs> {
        match &self.target {
            Target::Live { outputs, .. } => {
                serde_json::from_value(outputs.0.clone()).map_err(|error| Error::Invalid(error.to_string()))
            }
            Target::Address(address) => Err(Error::Unresolved(address.clone())),
        }
    }

    /// A late-bound output of the referred resource, for another resource's property.
    pub fn output<T>(&self, output: &str) -> Late<T> {
        match &self.target {
            Target::Address(address) => Late::Output { address: address.clone(), output: output.to_owned() },
            Target::Live { .. } => panic!("only a named reference has late outputs"),
        }
    }
}

impl<K: Kind> Clone for Ref<K> {
    fn clone(&self) -> Self {
        Self::from_target(self.target.clone())
    }
}

impl<K: Kind> fmt::Debug for Ref<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.target.fmt(f)
    }
}

/// The name, or the id where there is no name.
impl<K: Kind> fmt::Display for Ref<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.target {
            Target::Address(address) => address.fmt(f),
            Target::Live { id, .. } => id.fmt(f),
        }
    }
}

impl<K: Kind> PartialEq for Ref<K> {
    fn eq(&self, other: &Self) -> bool {
        self.target == other.target
    }
}

impl<K: Kind> Eq for Ref<K> {}

impl<K: Kind> PartialOrd for Ref<K> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<K: Kind> Ord for Ref<K> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.target.cmp(&other.target)
    }
}

impl<K: Kind> Serialize for Ref<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        match &self.target {
            Target::Address(address) => json!({ "$ref": address }),
            Target::Live { id, .. } => json!({ "$id": id, "$kind": K::NAME }),
        }
        .serialize(serializer)
    }
}

impl<'de, K: Kind> Deserialize<'de> for Ref<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        if let Some(name) = value.as_str() {
            let address = Address::parse(name).unwrap_or_else(|| Address::new(K::NAME, name));
            if address.kind() != K::NAME {
                return Err(D::Error::custom(format!("expected a {}, found the {}", K::NAME, address.kind())));
            }
            return Ok(Self::from_target(Target::Address(address)));
        }
        let target = if let Some(address) = value.get("$ref").and_then(Value::as_str) {
            Target::Address(address.parse().map_err(D::Error::custom)?)
        } else if let Some(id) = value.get("$id").and_then(Value::as_str) {
            Target::Live { id: id.to_owned(), outputs: Outputs(value.get("outputs").cloned().unwrap_or_default()) }
        } else {
            return Err(D::Error::custom(format!("expected the name of a {}", K::NAME)));
        };
        Ok(Self::from_target(target))
    }
}

impl<K: Kind> JsonSchema for Ref<K> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("Ref_{}", K::NAME).into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "x-ref": K::NAME, "description": format!("The name of a `{}`.", K::NAME) })
    }
}

/// A value that is, or will be, an output of another resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Late<T> {
    /// Not known before the resource it comes from has been applied.
    Output {
        /// The resource the value comes from.
        address: Address,
        /// The output's name.
        output: String,
    },
    /// Known.
    Known(T),
}

impl<T> Late<T> {
    /// The value.
    ///
    /// # Errors
    /// [`Error::Unresolved`] while it still is somebody's output.
    pub fn get(&self) -> Result<&T> {
        match self {
            Self::Known(value) => Ok(value),
            Self::Output { address, .. } => Err(Error::Unresolved(address.clone())),
        }
    }
}

impl<T: Serialize> Serialize for Late<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        match self {
            Self::Output { address, output } => json!({ "$ref": address, "output": output }).serialize(serializer),
            Self::Known(value) => value.serialize(serializer),
        }
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Late<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        match output_of(&value) {
            Some((address, output)) => Ok(Self::Output { address, output: output.to_owned() }),
            None => serde_json::from_value(value).map(Self::Known).map_err(D::Error::custom),
        }
    }
}

impl<T: JsonSchema> JsonSchema for Late<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("Late_{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = T::json_schema(generator);
        // Written by hand, another resource's output is `${kind/name.output}`, whatever type the value has.
        schema.insert("x-late".into(), true.into());
        schema
    }
}

/// Reads `{"$ref": address, "output": name}`.
pub(crate) fn output_of(value: &Value) -> Option<(Address, &str)> {
    let map = value.as_object()?;
    let address = Address::parse(map.get("$ref")?.as_str()?)?;
    Some((address, map.get("output")?.as_str()?))
}

/// Reads the address of a `{"$ref": address}`, with or without an output.
pub(crate) fn address_of(value: &Value) -> Option<Address> {
    Address::parse(value.as_object()?.get("$ref")?.as_str()?)
}

/// The addresses a value refers to.
pub fn references(value: &Value) -> BTreeSet<Address> {
    let mut found = BTreeSet::new();
    visit(value, &mut |value| {
        found.extend(address_of(value));
    });
    found
}

/// The live resources a value refers to, by [`key`].
pub(crate) fn ids(value: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    visit(value, &mut |value| {
        found.extend(key_of(value));
    });
    found
}

/// A live resource's id with its kind: ids that are names, such as a role's, are unique within their kind only.
pub(crate) fn key(kind: &str, id: &str) -> String {
    format!("{kind}/{id}")
}

/// Reads `{"$id": id, "$kind": kind}`.
pub(crate) fn key_of(value: &Value) -> Option<String> {
    Some(key(value.get("$kind")?.as_str()?, value.get("$id")?.as_str()?))
}

fn visit<'a>(value: &'a Value, see: &mut impl FnMut(&'a Value)) {
    match value {
        Value::Object(map) => {
            see(value);
            map.values().for_each(|value| visit(value, see));
        }
        Value::Array(items) => items.iter().for_each(|item| visit(item, see)),
        _ => {}
    }
}
