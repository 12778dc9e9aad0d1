//! AMF0, the value encoding of RTMP commands and FLV metadata.
//!
//! Decides what a value is and how deep and how many are believed. Refuses to know what a command means. Only the types that encoders
//! send are kept apart; dates, references and typed objects are read past.

use bytes::{BufMut, Bytes, BytesMut};

/// Values may nest this deep; deeper input is refused, so that a hostile one cannot exhaust the stack.
const MAX_DEPTH: usize = 16;
/// A message may hold this many values in all.
const MAX_VALUES: usize = 4096;

/// One AMF0 value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A double.
    Number(f64),
    /// A boolean.
    Boolean(bool),
    /// A short or long string.
    Text(String),
    /// An object or an associative array, in the order sent.
    Object(Vec<(String, Value)>),
    /// A strict array.
    Array(Vec<Value>),
    /// Null, undefined or unsupported.
    Null,
}

/// The input is not AMF0, or goes beyond what is believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The input ends inside a value.
    #[error("AMF0 value is cut short")]
    Short,
    /// A type marker that AMF0 does not define.
    #[error("AMF0 has no type {0:#04x}")]
    Marker(u8),
    /// Nested or long beyond the limits.
    #[error("AMF0 value is nested too deep or holds too many values")]
    Limit,
}

impl Value {
    /// The text, if this is one.
    pub fn text(&self) -> Option<&str> {
        if let Value::Text(text) = self { Some(text) } else { None }
    }

    /// The number, if this is one.
    pub fn number(&self) -> Option<f64> {
        if let Value::Number(number) = self { Some(*number) } else { None }
    }

    /// The field of an object.
    pub fn field(&self, name: &str) -> Option<&Value> {
        let Value::Object(fields) = self else { return None };
        fields.iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::Text(text.to_owned())
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Value::Number(number)
    }
}

/// Reads all values of a message.
pub fn decode(input: &[u8]) -> Result<Vec<Value>, Error> {
    let mut reader = Reader { input, left: MAX_VALUES };
    let mut values = Vec::new();
    while !reader.input.is_empty() {
        values.push(reader.value(0)?);
    }
    Ok(values)
}

/// Writes values one after the other.
pub fn encode(values: &[Value]) -> Bytes {
    let mut out = BytesMut::new();
    for value in values {
        write(&mut out, value);
    }
    out.freeze()
}

fn write(out: &mut BytesMut, value: &Value) {
    match value {
        Value::Number(number) => {
            out.put_u8(0);
            out.put_f64(*number);
        }
        Value::Boolean(truth) => out.put_slice(&[1, u8::from(*truth)]),
        Value::Text(text) if text.len() > usize::from(u16::MAX) => {
            out.put_u8(12);
            out.put_u32(text.len() as u32);
            out.put_slice(text.as_bytes());
        }
        Value::Text(text) => {
            out.put_u8(2);
            write_key(out, text);
        }
        Value::Object(fields) => {
            out.put_u8(3);
            for (key, value) in fields {
                write_key(out, key);
                write(out, value);
            }
            out.put_slice(&[0, 0, 9]);
        }
        Value::Array(values) => {
            out.put_u8(10);
            out.put_u32(values.len() as u32);
            values.iter().for_each(|value| write(out, value));
        }
        Value::Null => out.put_u8(5),
    }
}

fn write_key(out: &mut BytesMut, key: &str) {
    let bytes = &key.as_bytes()[..key.len().min(usize::from(u16::MAX))];
    out.put_u16(bytes.len() as u16);
    out.put_slice(bytes);
}

struct Reader<'a> {
    input: &'a [u8],
    left: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], Error> {
        let (head, tail) = self.input.split_at_checked(count).ok_or(Error::Short)?;
        self.input = tail;
        Ok(head)
    }

    fn u16(&mut self) -> Result<usize, Error> {
        let bytes = self.take(2)?;
        Ok(usize::from(bytes[0]) << 8 | usize::from(bytes[1]))
    }

    fn u32(&mut self) -> Result<usize, Error> {
        Ok(self.u16()? << 16 | self.u16()?)
    }

    fn string(&mut self, length: usize) -> Result<String, Error> {
        Ok(String::from_utf8_lossy(self.take(length)?).into_owned())
    }

    fn value(&mut self, depth: usize) -> Result<Value, Error> {
        self.left = self.left.checked_sub(1).ok_or(Error::Limit)?;
        if depth > MAX_DEPTH {
            return Err(Error::Limit);
        }
        Ok(match self.take(1)?[0] {
            0 => Value::Number(self.double()?),
            1 => Value::Boolean(self.take(1)?[0] != 0),
            2 => {
                let length = self.u16()?;
                Value::Text(self.string(length)?)
            }
            3 => Value::Object(self.fields(depth)?),
            5 | 6 | 13 => Value::Null,
            7 => {
                self.take(2)?;
                Value::Null
            }
            8 => {
                // The count is a hint that some encoders leave at zero; the end marker rules.
                self.take(4)?;
                Value::Object(self.fields(depth)?)
            }
            10 => {
                let count = self.u32()?;
                if count > self.left {
                    return Err(Error::Limit);
                }
                Value::Array((0..count).map(|_| self.value(depth + 1)).collect::<Result<_, _>>()?)
            }
            11 => {
                self.take(10)?;
                Value::Null
            }
            12 | 15 => {
                let length = self.u32()?;
                Value::Text(self.string(length)?)
            }
            16 => {
                let length = self.u16()?;
                self.take(length)?;
                Value::Object(self.fields(depth)?)
            }
            other => return Err(Error::Marker(other)),
        })
    }

    fn double(&mut self) -> Result<f64, Error> {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(self.take(8)?);
        Ok(f64::from_be_bytes(bytes))
    }

    fn fields(&mut self, depth: usize) -> Result<Vec<(String, Value)>, Error> {
        let mut fields = Vec::new();
        loop {
            // Some encoders end an array with the message instead of a marker.
            if self.input.is_empty() {
                return Ok(fields);
            }
            let length = self.u16()?;
            if length == 0 && self.input.first() == Some(&9) {
                self.take(1)?;
                return Ok(fields);
            }
            let key = self.string(length)?;
            fields.push((key, self.value(depth + 1)?));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<f64>().prop_filter("not a number has no equal", |n| !n.is_nan()).prop_map(Value::Number),
            any::<bool>().prop_map(Value::Boolean),
            ".{0,40}".prop_map(Value::Text),
            Just(Value::Null),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                prop::collection::vec(("[a-z]{1,8}", inner.clone()), 0..6).prop_map(Value::Object),
                prop::collection::vec(inner, 0..6).prop_map(Value::Array),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(list in prop::collection::vec(values(), 0..6)) {
            prop_assert_eq!(decode(&encode(&list)).unwrap(), list);
        }

        #[test]
        fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = decode(&bytes);
        }
    }

    #[test]
    fn depth_and_count_are_limited() {
        let deep = [10, 0, 0, 0, 1].repeat(100);
        assert_eq!(decode(&deep), Err(Error::Limit));
        assert_eq!(decode(&[10, 0xff, 0xff, 0xff, 0xff]), Err(Error::Limit));
        assert_eq!(decode(&vec![5; MAX_VALUES + 1]), Err(Error::Limit));
    }
}
