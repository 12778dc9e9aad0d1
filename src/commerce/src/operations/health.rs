//! Whether the service lives, whether it is ready for requests, and which build it is.

use std::path::Path;
use std::sync::{Arc, LazyLock};

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::Shop;
use crate::store::read;

/// Bytes that must be free where data is written.
const FREE: u64 = 64 * 1024 * 1024;

/// The digest of the running program's file, as a release is named by.
pub(crate) fn digest() -> &'static str {
    static DIGEST: LazyLock<String> = LazyLock::new(|| {
        let program = std::env::current_exe().and_then(std::fs::read);
        program.map_or_else(|_| "unknown".to_owned(), |bytes| crate::secret::hex(&Sha256::digest(bytes)))
    });
    &DIGEST
}

/// `GET /livez`: the process answers.
pub(crate) async fn live() -> &'static str {
    "ok\n"
}

/// `GET /version`.
pub(crate) async fn version() -> Response {
    let body = json!({
        "name": "commerce", "version": env!("CARGO_PKG_VERSION"), "digest": format!("sha256:{}", digest()),
        "schema": crate::store::LATEST,
    });
    Json(body).into_response()
}

/// `GET /metrics`.
pub(crate) async fn metrics(State(shop): State<Arc<Shop>>) -> Response {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], shop.metrics.text(shop.hub.sockets())).into_response()
}

/// `GET /readyz`: the database answers, its schema is the program's, and there is room to write. A service that stops
/// is not ready, so that a balancer sends it nothing more.
pub(crate) async fn ready(State(shop): State<Arc<Shop>>) -> Response {
    let database = read!(shop.database, Committed, [], |c| c.number("SELECT 1", vec![]).await);
    let database = match tokio::time::timeout(std::time::Duration::from_secs(2), database).await {
        Ok(Ok(_)) => Ok("ok".to_owned()),
        Ok(Err(e)) => Err(e.to_string()),
        Err(_) => Err("no answer within 2 s".to_owned()),
    };
    let migrations = match shop.database.pending().await {
        Ok(state) if state.pending.is_empty() && state.changed.is_empty() => Ok("ok".to_owned()),
        Ok(state) => Err(format!("{} pending, {} changed", state.pending.len(), state.changed.len())),
        Err(e) => Err(e.to_string()),
    };
    let disk = room(shop.database.file().and_then(Path::parent).unwrap_or(Path::new(&shop.config.data)));
    let stopping = if shop.is_stopping() { Err("the service stops".to_owned()) } else { Ok("ok".to_owned()) };
    let checks = [("database", database), ("migrations", migrations), ("disk", disk), ("stopping", stopping)];
    let good = checks.iter().all(|(_, result)| result.is_ok());
    let body: serde_json::Map<_, _> = checks
        .into_iter()
        .map(|(name, result)| (name.to_owned(), result.unwrap_or_else(|e| format!("failed: {e}")).into()))
        .collect();
    let status = if good { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(json!({"ready": good, "checks": body}))).into_response()
}

/// Whether the disk under a folder has room.
fn room(folder: &Path) -> Result<String, String> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    match fs_free(folder) {
        Some(free) if free < FREE => Err(format!("{} MiB are free in `{}`", free >> 20, folder.display())),
        Some(free) => Ok(format!("{} MiB free", free >> 20)),
        None => Err(format!("cannot look at `{}`", folder.display())),
    }
}

fn fs_free(folder: &Path) -> Option<u64> {
    rustix::fs::statvfs(folder).ok().map(|found| found.f_bavail * found.f_frsize)
}
