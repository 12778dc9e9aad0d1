//! The digest of what was last applied: tells a change in the blueprint from a change outside.
//!
//! A tag value holds 256 characters, so a spec is one five-character entry per top-level property: two characters of
//! the property name's hash and three of its value's, in URL-safe base64, sorted.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// A short digest per top-level property.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Spec(BTreeMap<String, String>);

const NAME: usize = 2;
const VALUE: usize = 3;

impl Spec {
    /// Digests properties as the blueprint states them, names unresolved.
    pub fn of(properties: &Value) -> Self {
        let entries = properties.as_object().into_iter().flatten();
        Self(entries.map(|(name, value)| (name_hash(name), value_hash(value))).collect())
    }

    /// Whether the property had this value when the spec was written; `None` where it was not stated then.
    pub fn holds(&self, property: &str, value: &Value) -> Option<bool> {
        self.0.get(&name_hash(property)).map(|hash| *hash == value_hash(value))
    }

    /// Whether nothing was ever recorded.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn base64_digest(parts: &[&str]) -> String {
    URL_SAFE_NO_PAD.encode(digest(parts))
}

fn name_hash(name: &str) -> String {
    base64_digest(&[name])[..NAME].to_owned()
}

fn value_hash(value: &Value) -> String {
    // serde_json keeps object keys sorted, so equal values have equal text.
    base64_digest(&[&value.to_string()])[..VALUE].to_owned()
}

fn digest(parts: &[&str]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize().into()
}

/// SHA-256 over length-prefixed parts, in lower-case hexadecimal.
pub(crate) fn hex_digest(parts: &[&str]) -> String {
    digest(parts).iter().map(|byte| format!("{byte:02x}")).collect()
}

impl fmt::Display for Spec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(name, value)| write!(f, "{name}{value}"))
    }
}

impl From<String> for Spec {
    fn from(text: String) -> Self {
        let entries = text.as_bytes().chunks_exact(NAME + VALUE);
        let read = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self(entries.map(|entry| (read(&entry[..NAME]), read(&entry[NAME..]))).collect())
    }
}

impl From<Spec> for String {
    fn from(spec: Spec) -> Self {
        spec.to_string()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_spec_survives_its_tag_and_tells_properties_apart() {
        let spec = Spec::of(&json!({ "cidr": "10.0.0.0/16", "dns": true }));
        let read = Spec::from(spec.to_string());
        assert_eq!(read, spec);
        assert_eq!(read.holds("cidr", &json!("10.0.0.0/16")), Some(true));
        assert_eq!(read.holds("cidr", &json!("10.1.0.0/16")), Some(false));
        assert_eq!(read.holds("name", &json!("x")), None);
    }

    #[test]
    fn a_broken_tag_is_an_empty_spec() {
        assert!(Spec::from("??".to_owned()).is_empty());
        assert!(Spec::from("é".to_owned()).is_empty());
    }
}
