//! Values between the service and a database: the few types that mean the same in SQLite and MySQL (64-bit integers
//! and text), and how rows become records.

use crate::error::{Error, Result};
use crate::id::Id;

/// One value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Null,
    Int(i64),
    Text(String),
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Value::Int(value)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Value::Int(i64::from(value))
    }
}

impl From<Id> for Value {
    fn from(value: Id) -> Self {
        Value::Int(value.0)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Value::Text(value.to_owned())
    }
}

impl From<&String> for Value {
    fn from(value: &String) -> Self {
        Value::Text(value.clone())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Value::Text(value)
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Value::Null, Into::into)
    }
}

/// A type a column can be read as.
pub(crate) trait Column: Sized {
    /// The typed value, or none if the database holds something else.
    fn read(value: Value) -> Option<Self>;
}

impl Column for i64 {
    fn read(value: Value) -> Option<Self> {
        match value {
            Value::Int(number) => Some(number),
            // MySQL answers a SUM of integers as a decimal, which arrives as text.
            Value::Text(text) => text.parse().ok(),
            Value::Null => None,
        }
    }
}

impl Column for bool {
    fn read(value: Value) -> Option<Self> {
        i64::read(value).map(|number| number != 0)
    }
}

impl Column for Id {
    fn read(value: Value) -> Option<Self> {
        i64::read(value).map(Id)
    }
}

impl Column for String {
    fn read(value: Value) -> Option<Self> {
        match value {
            Value::Text(text) => Some(text),
            Value::Int(_) | Value::Null => None,
        }
    }
}

impl<T: Column> Column for Option<T> {
    fn read(value: Value) -> Option<Self> {
        match value {
            Value::Null => Some(None),
            other => T::read(other).map(Some),
        }
    }
}

/// One row, read from left to right.
#[derive(Clone, Debug)]
pub(crate) struct Row(std::vec::IntoIter<Value>);

impl Row {
    /// A row of these values.
    pub(crate) fn new(values: Vec<Value>) -> Self {
        Row(values.into_iter())
    }

    /// The next column.
    pub(crate) fn take<T: Column>(&mut self) -> Result<T> {
        let value = self.0.next().ok_or_else(|| Error::Internal("a row is shorter than its record".into()))?;
        T::read(value.clone()).ok_or_else(|| Error::Internal(format!("a column holds the unexpected value {value:?}")))
    }
}

/// A struct that is read from a row of a table.
pub(crate) trait Record: Sized {
    /// The table.
    const TABLE: &'static str;
    /// Its columns, in the order of the fields.
    const COLUMNS: &'static str;
    /// The record of a row.
    fn read(row: &mut Row) -> Result<Self>;
}

/// Declares a struct whose fields are the columns of a table.
macro_rules! record {
    ($(#[$meta:meta])* $name:ident from $table:literal {
        $(#[$first_meta:meta])* $first:ident: $first_type:ty,
        $($(#[$field_meta:meta])* $field:ident: $type:ty,)*
    }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, serde::Serialize, utoipa::ToSchema)]
        pub(crate) struct $name {
            $(#[$first_meta])* pub(crate) $first: $first_type,
            $($(#[$field_meta])* pub(crate) $field: $type,)*
        }

        impl $crate::store::Record for $name {
            const TABLE: &'static str = $table;
            const COLUMNS: &'static str =
                concat!($table, ".", stringify!($first) $(, ", ", $table, ".", stringify!($field))*);
            fn read(row: &mut $crate::store::Row) -> $crate::error::Result<Self> {
                Ok($name { $first: row.take()?, $($field: row.take()?,)* })
            }
        }
    };
}
pub(crate) use record;

/// Declares an enum whose variants are words in the database and in JSON.
macro_rules! choice {
    ($(#[$meta:meta])* $name:ident { $($(#[$variant_meta:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
        pub(crate) enum $name {
            $($(#[$variant_meta])* #[serde(rename = $word)] $variant,)*
        }

        #[allow(dead_code)]
        impl $name {
            /// Every variant.
            pub(crate) const ALL: &'static [$name] = &[$($name::$variant,)*];
            /// The word for it.
            pub(crate) fn word(self) -> &'static str {
                match self { $($name::$variant => $word,)* }
            }
            /// The variant of a word.
            pub(crate) fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some($name::$variant),)* _ => None }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.word())
            }
        }

        impl $crate::store::Column for $name {
            fn read(value: $crate::store::Value) -> Option<Self> {
                match value {
                    $crate::store::Value::Text(word) => Self::from_word(&word),
                    $crate::store::Value::Int(_) | $crate::store::Value::Null => None,
                }
            }
        }

        impl From<$name> for $crate::store::Value {
            fn from(value: $name) -> Self {
                $crate::store::Value::Text(value.word().to_owned())
            }
        }
    };
}
pub(crate) use choice;

/// The arguments of a statement.
macro_rules! args {
    ($($value:expr),* $(,)?) => { vec![$($crate::store::Value::from($value)),*] };
}
pub(crate) use args;
