//! The test page and the player library it uses, both embedded.

use bytes::Bytes;
use hyper::header::{CONTENT_SECURITY_POLICY, HeaderValue};

use super::answer::{Answer, NEVER, missing, ok};

/// hls.js 1.7.4, Apache-2.0, as published on npm.
const PLAYER: &[u8] = include_bytes!("../assets/hls.light.min.js");
const SCRIPT: &str = include_str!("../assets/watch.js");
const STYLE: &str = include_str!("../assets/watch.css");
const PAGE: &str = include_str!("../assets/watch.html");

/// Embedded files may change with the next release.
const HOUR: &str = "public, max-age=3600";

/// `/assets/<name>`.
pub(crate) fn asset(name: &str) -> Answer {
    match name {
        "hls.light.min.js" => ok("text/javascript", HOUR, Bytes::from_static(PLAYER)),
        "watch.js" => ok("text/javascript", HOUR, Bytes::from_static(SCRIPT.as_bytes())),
        "watch.css" => ok("text/css", HOUR, Bytes::from_static(STYLE.as_bytes())),
        _ => missing(),
    }
}

/// `/watch/<stream>`; the script reads the name from the address.
pub(crate) fn watch() -> Answer {
    let mut answer = ok("text/html; charset=utf-8", NEVER, Bytes::from_static(PAGE.as_bytes()));
    let policy =
        "default-src 'self'; media-src 'self' blob:; worker-src blob:; img-src 'self' data:; frame-ancestors 'none'";
    answer.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    answer
}
