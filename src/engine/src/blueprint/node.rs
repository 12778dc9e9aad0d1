//! A tree of YAML values, each of which knows where it was written.

use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};
use serde_json::{Number, Value};

use super::source::Span;

/// A value and where it was written.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Where it was written.
    pub span: Span,
    /// The value.
    pub data: Data,
}

/// A YAML value.
#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    /// Nothing: `null`, `~` or an empty place.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number or a fraction.
    Number(Number),
    /// Text, quoted or not.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// A map, in the order it was written.
    Map(Map),
}

/// Keys and values in the order they were written.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Map {
    entries: Vec<Entry>,
}

/// A key with its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Where the key was written.
    pub span: Span,
    /// The value.
    pub value: Node,
}

impl Map {
    /// The entry of a key.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }

    /// The entry of a key.
    pub fn entry_mut(&mut self, key: &str) -> Option<&mut Entry> {
        self.entries.iter_mut().find(|entry| entry.key == key)
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// Adds an entry at the end; its key must be new.
    pub fn push(&mut self, entry: Entry) {
        debug_assert!(self.entry(&entry.key).is_none());
        self.entries.push(entry);
    }

    /// Removes the entry of a key.
    pub fn remove(&mut self, key: &str) -> Option<Entry> {
        let at = self.entries.iter().position(|entry| entry.key == key)?;
        Some(self.entries.remove(at))
    }

    /// The entries in order.
    pub fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }
}

impl IntoIterator for Map {
    type Item = Entry;
    type IntoIter = std::vec::IntoIter<Entry>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries.into_iter()
    }
}

impl Node {
    /// A value at a place.
    pub fn new(span: Span, data: Data) -> Self {
        Self { span, data }
    }

    /// The map, if it is one.
    pub fn map(&self) -> Option<&Map> {
        match &self.data {
            Data::Map(map) => Some(map),
            Data::Null | Data::Bool(_) | Data::Number(_) | Data::Text(_) | Data::List(_) => None,
        }
    }

    /// The text, if it is one.
    pub fn text(&self) -> Option<&str> {
        match &self.data {
            Data::Text(text) => Some(text),
            Data::Null | Data::Bool(_) | Data::Number(_) | Data::List(_) | Data::Map(_) => None,
        }
    }

    /// The items, if it is a list.
    pub fn list(&self) -> Option<&[Node]> {
        match &self.data {
            Data::List(items) => Some(items),
            Data::Null | Data::Bool(_) | Data::Number(_) | Data::Text(_) | Data::Map(_) => None,
        }
    }

    /// The value of a key, if it is a map that has the key.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.map()?.get(key)
    }

    /// The place nearest to a dotted path below this node: keys and list indices joined by dots.
    ///
    /// A path into a key names the key; where the path leads nowhere, the last place that exists is taken. Keys may
    /// contain dots themselves.
    pub fn place(&self, path: &str, whole: Span) -> Span {
        if path.is_empty() {
            return whole;
        }
        match &self.data {
            Data::Map(map) => {
                let fits = |entry: &&Entry| {
                    path.strip_prefix(entry.key.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
                };
                let Some(entry) = map.iter().filter(fits).max_by_key(|entry| entry.key.len()) else { return whole };
                let rest = path[entry.key.len()..].trim_start_matches('.');
                let scalar = !matches!(entry.value.data, Data::Map(_) | Data::List(_) | Data::Null);
                entry.value.place(rest, if scalar { entry.value.span } else { entry.span })
            }
            Data::List(items) => {
                let (index, rest) = path.split_once('.').unwrap_or((path, ""));
                let item = index.parse::<usize>().ok().and_then(|index| items.get(index));
                item.map_or(whole, |item| item.place(rest, item.span))
            }
            Data::Null | Data::Bool(_) | Data::Number(_) | Data::Text(_) => self.span,
        }
    }

    /// The value without its places; keys that hold nothing are left out.
    pub fn value(&self) -> Value {
        match &self.data {
            Data::Null => Value::Null,
            Data::Bool(value) => Value::Bool(*value),
            Data::Number(number) => Value::Number(number.clone()),
            Data::Text(text) => Value::String(text.clone()),
            Data::List(items) => Value::Array(items.iter().map(Node::value).collect()),
            Data::Map(map) => Value::Object(
                map.iter()
                    .filter(|entry| entry.value.data != Data::Null)
                    .map(|entry| (entry.key.clone(), entry.value.value()))
                    .collect(),
            ),
        }
    }
}

/// Writes the value in the order it was written.
impl Serialize for Node {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.data {
            Data::Null => serializer.serialize_unit(),
            Data::Bool(value) => serializer.serialize_bool(*value),
            Data::Number(number) => number.serialize(serializer),
            Data::Text(text) => serializer.serialize_str(text),
            Data::List(items) => {
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                for item in items {
                    list.serialize_element(item)?;
                }
                list.end()
            }
            Data::Map(entries) => {
                let mut map = serializer.serialize_map(Some(entries.entries.len()))?;
                for Entry { key, value, .. } in entries.iter() {
                    map.serialize_entry(key, value)?;
                }
                map.end()
            }
        }
    }
}
