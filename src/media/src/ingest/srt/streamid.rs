//! The stream id of an SRT caller: a stream key, plain or in the form of the SRT Access Control Guidelines (Haivision, SRT 1.5).
//!
//! Decides which key is meant and whether the caller wants to publish. Refuses to know whether the key is good.

use crate::ingest::KEY_LENGTH;

/// Why a stream id is refused, as the guidelines number it (an HTTP status, told as 1000 more).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It is none, or it names no key.
    BadRequest = 400,
    /// It asks for something else than publishing.
    BadMode = 405,
}

/// The key in a stream id.
pub(super) fn key(id: &[u8]) -> Result<&str, Refusal> {
    let id = std::str::from_utf8(id).map_err(|_| Refusal::BadRequest)?;
    let key = match id.strip_prefix("#!:") {
        None => id,
        Some(fields) => {
            let fields = fields.strip_prefix(':').ok_or(Refusal::BadRequest)?;
            let field = |name: &str| {
                let mut pairs = fields.split(',').filter_map(|pair| pair.split_once('='));
                pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
            };
            // Without a mode the caller asks to read, say the guidelines.
            if field("m") != Some("publish") {
                return Err(Refusal::BadMode);
            }
            field("r").ok_or(Refusal::BadRequest)?
        }
    };
    if key.is_empty() || key.len() > KEY_LENGTH { Err(Refusal::BadRequest) } else { Ok(key) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_found_in_both_forms() {
        let table: [(&[u8], Result<&str, Refusal>); 10] = [
            (b"k-demo", Ok("k-demo")),
            (b"a=b,c", Ok("a=b,c")),
            (b"#!::r=k-demo,m=publish", Ok("k-demo")),
            (b"#!::u=seller,m=publish,h=terrace.test,r=a=b", Ok("a=b")),
            (b"#!::r=k-demo,m=request", Err(Refusal::BadMode)),
            (b"#!::r=k-demo", Err(Refusal::BadMode)),
            (b"#!::m=publish", Err(Refusal::BadRequest)),
            (b"#!:{r=k-demo,m=publish}", Err(Refusal::BadRequest)),
            (b"", Err(Refusal::BadRequest)),
            (b"\xff\xfe", Err(Refusal::BadRequest)),
        ];
        for (id, expected) in table {
            assert_eq!(key(id), expected, "{}", String::from_utf8_lossy(id));
        }
        assert_eq!(key(&[b'k'; 513]), Err(Refusal::BadRequest));
    }
}
