//! Styles, scripts and icons, embedded in the program. Each is served under a name that holds its digest, so a browser
//! may keep it forever; compressed once, when first asked for.

use std::collections::HashMap;
use std::io::Write;
use std::sync::{LazyLock, OnceLock};

use axum::body::Bytes;
use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};

struct Asset {
    name: &'static str,
    kind: &'static str,
    bytes: &'static [u8],
    digest: OnceLock<String>,
    compressed: OnceLock<Bytes>,
}

macro_rules! assets {
    ($($name:literal as $kind:literal,)*) => {
        static ALL: LazyLock<Vec<Asset>> = LazyLock::new(|| vec![$(Asset {
            name: $name,
            kind: $kind,
            bytes: include_bytes!(concat!("../../assets/", $name)),
            digest: OnceLock::new(),
            compressed: OnceLock::new(),
        },)*]);
    };
}

assets! {
    "shop.css" as "text/css; charset=utf-8",
    "shop.js" as "text/javascript; charset=utf-8",
    "live.js" as "text/javascript; charset=utf-8",
    "pay.js" as "text/javascript; charset=utf-8",
    "hls.light.min.js" as "text/javascript; charset=utf-8",
    "icon.svg" as "image/svg+xml",
}

impl Asset {
    fn digest(&self) -> &str {
        self.digest.get_or_init(|| crate::secret::hex(&Sha256::digest(self.bytes)[..6]))
    }

    fn compressed(&self) -> Bytes {
        let compress = || {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
            // Writing to memory cannot fail.
            let _ = encoder.write_all(self.bytes);
            Bytes::from(encoder.finish().unwrap_or_default())
        };
        self.compressed.get_or_init(compress).clone()
    }
}

/// The address of an asset.
pub(crate) fn url(name: &str) -> &'static str {
    static URLS: LazyLock<HashMap<&'static str, String>> = LazyLock::new(|| {
        ALL.iter().map(|asset| (asset.name, format!("/assets/{}-{}", asset.digest(), asset.name))).collect()
    });
    URLS.get(name).map_or("/assets/missing", String::as_str)
}

/// `GET /assets/DIGEST-NAME`.
pub(crate) async fn serve(Path(path): Path<String>, headers: HeaderMap) -> Response {
    let found = path
        .split_once('-')
        .and_then(|(digest, name)| ALL.iter().find(|asset| asset.name == name && asset.digest() == digest));
    let Some(asset) = found else { return (StatusCode::NOT_FOUND, "no such asset\n").into_response() };
    let forever = (header::CACHE_CONTROL, "public, max-age=31536000, immutable");
    let kind = (header::CONTENT_TYPE, asset.kind);
    let accepts = headers.get(header::ACCEPT_ENCODING).and_then(|v| v.to_str().ok()).unwrap_or("");
    if accepts.contains("gzip") {
        let encoding = (header::CONTENT_ENCODING, "gzip");
        return ([kind, forever, encoding, (header::VARY, "accept-encoding")], asset.compressed()).into_response();
    }
    ([kind, forever], asset.bytes).into_response()
}
