//! The signature of a request (CALLBACKS.md, section 1).
//!
//! Decides what is signed, and refuses what is too old, forged or seen before.

use std::collections::VecDeque;
use std::sync::Mutex;

use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

/// How far clocks may be apart, in seconds.
const SKEW: u64 = 300;
/// How long a nonce is remembered, in seconds: from the earliest to the latest moment at which its request would be taken.
const REMEMBERED: u64 = 2 * SKEW;
/// Nonces remembered; when full, requests are refused rather than replays taken.
const MOST: usize = 100_000;

/// What is signed besides the secret.
#[derive(Debug, Clone, Copy)]
pub struct Signed<'a> {
    /// `POST` or `GET`.
    pub method: &'a str,
    /// Path and query as sent.
    pub path: &'a str,
    /// Unix seconds, decimal.
    pub timestamp: &'a str,
    /// 32 hex digits.
    pub nonce: &'a str,
    /// The body as sent.
    pub body: &'a [u8],
}

/// The value of `Terrace-Signature`.
pub fn signature(secret: &[u8], signed: Signed) -> String {
    let digest = hex(&Sha256::digest(signed.body));
    let text = ["v1", signed.method, signed.path, signed.timestamp, signed.nonce, &digest].join("\n");
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes keys of any length");
    mac.update(text.as_bytes());
    format!("v1={}", hex(&mac.finalize().into_bytes()))
}

/// Lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Random lower-case hexadecimal digits, two for each byte.
pub fn random(bytes: usize) -> String {
    let mut buffer = vec![0; bytes];
    getrandom::fill(&mut buffer).expect("the system gives random bytes");
    hex(&buffer)
}

/// Checks requests that came.
#[derive(Debug)]
pub struct Verifier {
    secrets: Vec<Vec<u8>>,
    seen: Mutex<VecDeque<(u64, String)>>,
}

impl Verifier {
    /// Takes any of these secrets.
    pub fn new(secrets: Vec<Vec<u8>>) -> Self {
        Verifier { secrets, seen: Mutex::default() }
    }

    /// Says why a request is refused at this time (Unix seconds).
    pub fn check(&self, signed: Signed, given: &str, now: u64) -> Result<(), &'static str> {
        let time: u64 = signed.timestamp.parse().map_err(|_| "timestamp is missing or not a number")?;
        if time.abs_diff(now) > SKEW {
            return Err("timestamp is more than 300 s away");
        }
        if signed.nonce.len() != 32 || !signed.nonce.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err("nonce is not 32 hex digits");
        }
        let matches = |secret: &Vec<u8>| crate::auth::same(signature(secret, signed).as_bytes(), given.as_bytes());
        if !self.secrets.iter().any(matches) {
            return Err("signature is wrong");
        }
        let mut seen = self.seen.lock().expect("no holder panics");
        while seen.front().is_some_and(|(time, _)| time + REMEMBERED < now) {
            seen.pop_front();
        }
        if seen.len() >= MOST || seen.iter().any(|(_, nonce)| nonce == signed.nonce) {
            return Err("nonce was used before");
        }
        seen.push_back((now, signed.nonce.to_owned()));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";
    const REQUEST: Signed = Signed {
        method: "POST",
        path: "/hooks/media/events",
        timestamp: "1700000000",
        nonce: "000102030405060708090a0b0c0d0e0f",
        body: b"{\"hello\":\"media\"}",
    };

    #[test]
    fn the_published_vector_holds() {
        let page = include_str!("../../CALLBACKS.md");
        assert!(page.contains(&signature(SECRET, REQUEST)));
    }

    #[test]
    fn old_forged_and_repeated_requests_are_refused() {
        let verifier = Verifier::new(vec![b"old".to_vec(), SECRET.to_vec()]);
        let good = signature(SECRET, REQUEST);
        assert_eq!(verifier.check(REQUEST, &good, 1_700_000_301), Err("timestamp is more than 300 s away"));
        assert_eq!(verifier.check(Signed { body: b"{}", ..REQUEST }, &good, 1_700_000_000), Err("signature is wrong"));
        assert_eq!(verifier.check(REQUEST, &good, 1_700_000_000), Ok(()));
        assert_eq!(verifier.check(REQUEST, &good, 1_700_000_001), Err("nonce was used before"));
    }
}
