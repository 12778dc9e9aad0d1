//! Identifiers: what they look like to a database, to a URL and to JSON. Knows nothing of what they identify.
//!
//! An id is 63 bits made by the service itself (milliseconds, node, sequence), so that no database has to hand out
//! numbers and ids sort by age. Outside it is thirteen letters, because JavaScript loses integers above 2^53.

use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicI64, Ordering};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::clock;

/// 2025-01-01T00:00:00Z, from which the milliseconds of an id are counted.
const EPOCH: i64 = 1_735_689_600_000;
/// Crockford's base 32 in lower case: no letter is taken for a digit.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// The last id's time and sequence, so that ids of one process only grow.
static LAST: AtomicI64 = AtomicI64::new(0);

/// A row's identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Id(pub(crate) i64);

impl Id {
    /// A new id, larger than any this process made before.
    pub(crate) fn new() -> Self {
        // 41 bits of time and 11 of sequence advance together; 10 bits of node follow.
        let fresh = (clock::now() - EPOCH) << 11;
        let mut seen = LAST.load(Ordering::Relaxed);
        loop {
            let next = fresh.max(seen + 1);
            match LAST.compare_exchange_weak(seen, next, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return Id((next << 10) | node()),
                Err(other) => seen = other,
            }
        }
    }

    /// When the id was made, in milliseconds since 1970.
    pub(crate) fn made_at(self) -> i64 {
        (self.0 >> 21) + EPOCH
    }
}

/// Ten random bits that tell this process from its siblings.
fn node() -> i64 {
    static NODE: std::sync::LazyLock<i64> = std::sync::LazyLock::new(|| {
        let bytes = crate::secret::random::<2>();
        i64::from(u16::from_le_bytes(bytes)) & 0x3ff
    });
    *NODE
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [b'0'; 13];
        for (place, letter) in text.iter_mut().rev().enumerate() {
            *letter = ALPHABET[((self.0 >> (5 * place)) & 31) as usize];
        }
        f.write_str(std::str::from_utf8(&text).expect("the alphabet is ASCII"))
    }
}

/// A text that is no id.
#[derive(Debug, thiserror::Error)]
#[error("an id is thirteen letters and digits")]
pub(crate) struct NotAnId;

impl FromStr for Id {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        if text.len() != 13 {
            return Err(NotAnId);
        }
        let mut value: i64 = 0;
        for letter in text.bytes() {
            let digit = ALPHABET.iter().position(|known| *known == letter).ok_or(NotAnId)?;
            value = value.checked_mul(32).and_then(|v| v.checked_add(digit as i64)).ok_or(NotAnId)?;
        }
        Ok(Id(value))
    }
}

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(from)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl utoipa::PartialSchema for Id {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .pattern(Some("^[0-7][0-9a-hjkmnp-tv-z]{12}$"))
            .build()
            .into()
    }
}

impl utoipa::ToSchema for Id {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_grow_and_survive_their_text() {
        let many: Vec<Id> = (0..10_000).map(|_| Id::new()).collect();
        assert!(many.windows(2).all(|pair| pair[0] < pair[1] && pair[0].to_string() < pair[1].to_string()));
        assert!(many.iter().all(|id| id.to_string().parse::<Id>().unwrap() == *id));
        assert!((many[0].made_at() - clock::now()).abs() < 10_000);
    }

    #[test]
    fn text_that_is_no_id_is_refused() {
        for text in ["", "0", "zzzzzzzzzzzzz", "0000000000ilo", "00000000000000", "0000000-00000"] {
            assert!(text.parse::<Id>().is_err(), "{text}");
        }
    }
}
