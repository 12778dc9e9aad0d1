//! Sends signed requests to `commerce`.

use std::time::Duration;

use serde::de::DeserializeOwned;

use super::sign::{Signed, random, signature};

/// An answer longer than this is not read.
const MOST: usize = 64 << 10;

/// How to reach `commerce`.
#[derive(Debug, Clone)]
pub(crate) struct Commerce {
    /// Without a slash at the end.
    base: String,
    secret: Vec<u8>,
    http: reqwest::Client,
    /// This server's name.
    pub(crate) server: String,
}

impl Commerce {
    /// `base` must be HTTPS, or HTTP to a loopback address.
    pub(crate) fn new(base: &str, secret: Vec<u8>, server: &str, authority: Option<&[u8]>) -> Result<Self, String> {
        let url = reqwest::Url::parse(base).map_err(|error| format!("`{base}` is not a URL: {error}"))?;
        let host = url.host_str().unwrap_or_default();
        let loopback = matches!(host, "localhost" | "127.0.0.1" | "[::1]");
        if url.scheme() != "https" && !(url.scheme() == "http" && loopback) {
            return Err(format!(
                "`{base}` would send stream keys in the clear\n\nhint: use https, or a loopback address"
            ));
        }
        if secret.len() < 32 {
            return Err("the secret shared with commerce is shorter than 32 bytes\n\nhint: set MEDIA_SECRET".to_owned());
        }
        let http = http_client(authority)?;
        Ok(Commerce { base: base.trim_end_matches('/').to_owned(), secret, http, server: server.to_owned() })
    }

    /// Sends one request; gives the status and the body.
    pub(crate) async fn post(&self, path: &str, body: Vec<u8>, patience: Duration) -> Result<(u16, Vec<u8>), String> {
        let url = reqwest::Url::parse(&format!("{}/{path}", self.base)).map_err(|error| error.to_string())?;
        let (timestamp, nonce) = ((crate::clock::now() / 1000).to_string(), random(16));
        let signed = Signed { method: "POST", path: url.path(), timestamp: &timestamp, nonce: &nonce, body: &body };
        let signature = signature(&self.secret, signed);
        let request = self
            .http
            .post(url)
            .timeout(patience)
            .header("content-type", "application/json")
            .header("terrace-timestamp", timestamp)
            .header("terrace-nonce", nonce)
            .header("terrace-signature", signature)
            .body(body);
        let failed = |error: reqwest::Error| format!("commerce does not answer `{path}`: {}", causes(&error));
        let mut response = request.send().await.map_err(failed)?;
        let status = response.status().as_u16();
        let mut answer = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(failed)? {
            answer.extend_from_slice(&piece);
            if answer.len() > MOST {
                return Err(format!("commerce answers `{path}` with more than 64 KiB"));
            }
        }
        Ok((status, answer))
    }

    /// Sends a question; anything but a 200 in the expected form is an error.
    pub(crate) async fn ask<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &serde_json::Value,
        patience: Duration,
    ) -> Result<T, String> {
        let (status, answer) = self.post(path, body.to_string().into_bytes(), patience).await?;
        if status != 200 {
            return Err(format!("commerce answers `{path}` with status {status}"));
        }
        serde_json::from_slice(&answer).map_err(|error| format!("commerce answers `{path}` in another form: {error}"))
    }
}

/// A client that follows no redirect, and trusts an additional authority if one is given.
pub(crate) fn http_client(authority: Option<&[u8]>) -> Result<reqwest::Client, String> {
    let mut builder = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .connect_timeout(Duration::from_secs(3))
        .pool_idle_timeout(Duration::from_secs(30))
        .tcp_nodelay(true);
    if let Some(pem) = authority {
        let certificates = reqwest::Certificate::from_pem_bundle(pem).map_err(|error| error.to_string())?;
        builder = certificates.into_iter().fold(builder, reqwest::ClientBuilder::add_root_certificate);
    }
    builder.build().map_err(|error| format!("HTTP client cannot be made: {}", causes(&error)))
}

/// An error with what lies behind it, without the URL.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
