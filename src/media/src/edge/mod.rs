//! `media edge`: serves viewers from an origin.
//!
//! Decides which paths are passed on and where an origin is found. What is fetched is fetched once, however many ask for it, by
//! `cache`. Holds no stream of its own.

mod cache;
mod origins;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use hyper::body::Body;
use hyper::http::request::Parts;
use hyper::{Request, StatusCode};
use tokio::net::TcpListener;
use tokio::sync::watch;

use self::cache::Cache;
use self::origins::Origins;
use crate::auth::is_name;
use crate::callbacks::client::{Commerce, http_client};
use crate::http::answer::{Answer, missing, ok, text};
use crate::http::tls::{self, Tls};
use crate::http::{Doors, Site, page, serve as accept, site};
use crate::metrics::METRICS;

/// Options of `media edge`.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct EdgeOptions {
    /// Origin of all streams that are not listed.
    #[arg(long, env = "MEDIA_ORIGIN")]
    origin: Option<String>,
    /// Origin of one stream: `name=URL`.
    #[arg(long, env = "MEDIA_STREAM_ORIGINS", value_delimiter = ',')]
    stream_origin: Vec<String>,
    /// Base URL of the callbacks of `commerce`, which is asked for origins.
    #[arg(long, env = "MEDIA_COMMERCE")]
    commerce: Option<String>,
    /// File with the secret shared with `commerce`; MEDIA_SECRET goes before it.
    #[arg(long, env = "MEDIA_SECRET_FILE")]
    secret_file: Option<PathBuf>,
    /// Additional certificate authority for origins and `commerce`, PEM.
    #[arg(long, env = "MEDIA_COMMERCE_CA")]
    commerce_ca: Option<PathBuf>,
    /// Address for viewers without TLS.
    #[arg(long, env = "MEDIA_HTTP", default_value = "127.0.0.1:8081")]
    http: SocketAddr,
    /// Address for viewers with TLS and HTTP/2.
    #[arg(long, env = "MEDIA_HTTPS", requires = "tls_cert", requires = "tls_key")]
    https: Option<SocketAddr>,
    /// Certificate chain, PEM.
    #[arg(long, env = "MEDIA_TLS_CERT")]
    tls_cert: Option<PathBuf>,
    /// Private key of the certificate, PEM.
    #[arg(long, env = "MEDIA_TLS_KEY")]
    tls_key: Option<PathBuf>,
    /// Megabytes of answers kept.
    #[arg(long, env = "MEDIA_CACHE_MB", default_value_t = 256)]
    cache_mb: usize,
    /// Open connections at most.
    #[arg(long, env = "MEDIA_MAX_CONNECTIONS", default_value_t = 20_000)]
    max_connections: usize,
}

/// Runs until told to stop.
pub(crate) async fn serve(options: EdgeOptions) -> Result<(), String> {
    let authority = match &options.commerce_ca {
        Some(path) => {
            Some(std::fs::read(path).map_err(|error| format!("`{}` cannot be read: {error}", path.display()))?)
        }
        None => None,
    };
    let commerce = match &options.commerce {
        Some(base) => {
            let secret = crate::config::secret("MEDIA_SECRET", options.secret_file)?.unwrap_or_default();
            Some(Commerce::new(base, secret.into_bytes(), "edge", authority.as_deref())?)
        }
        None => None,
    };
    let origins = Origins::new(options.origin, &options.stream_origin, commerce)?;
    let cache = Cache::new(http_client(authority.as_deref())?, options.cache_mb << 20);
    let site = Arc::new(Edge { origins, cache });
    let (stop, stopped) = watch::channel(false);
    let doors = Doors::new(options.max_connections, options.max_connections);
    let certificate = options.tls_cert.zip(options.tls_key);
    let mut secured = vec![];
    for address in [Some(options.http), options.https].into_iter().flatten() {
        let tls = match &certificate {
            Some(files) if Some(address) == options.https => Some(Tls::new(files, tls::HTTP)?),
            _ => None,
        };
        secured.extend(tls.clone());
        let listener = TcpListener::bind(address).await;
        let listener = listener.map_err(|error| format!("edge cannot listen on {address}: {error}"))?;
        let bound = listener.local_addr().map_err(|error| error.to_string())?;
        tracing::info!(address = %bound, "listening for viewers");
        tokio::spawn(accept(listener, tls, doors.clone(), site.clone(), stopped.clone()));
    }
    crate::serve::signals(&secured).await?;
    stop.send_replace(true);
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    Ok(())
}

struct Edge {
    origins: Origins,
    cache: Cache,
}

impl Edge {
    async fn get(&self, request: &Parts) -> Answer {
        let path = request.uri.path().trim_start_matches('/');
        let (first, rest) = path.split_once('/').unwrap_or((path, ""));
        match first {
            "live" => self.live(rest, request.uri.query().unwrap_or_default()).await,
            "watch" if !rest.is_empty() => page::watch(),
            "assets" => page::asset(rest),
            "livez" | "readyz" => text(StatusCode::OK, "ready\n"),
            "version" => crate::admin::version(),
            "metrics" => ok("text/plain; version=0.0.4; charset=utf-8", "no-store", bytes::Bytes::from(METRICS.text())),
            _ => missing(),
        }
    }

    async fn live(&self, rest: &str, query: &str) -> Answer {
        let Some((stream, file)) = rest.split_once('/') else { return missing() };
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'/' | b'_');
        if !is_name(stream) || file.len() > 200 || !file.bytes().all(plain) || file.contains("..") {
            return missing();
        }
        // Anything else in the query would make the same answer many.
        let mut directives: Vec<&str> = query.split('&').filter(|pair| pair.starts_with("_HLS_")).take(3).collect();
        directives.sort_unstable();
        let query = directives.join("&");
        if query.len() > 120 {
            return missing();
        }
        let Some(origin) = self.origins.of(stream).await else { return text(StatusCode::NOT_FOUND, "off air\n") };
        let mark = if query.is_empty() { "" } else { "?" };
        self.cache.get(format!("{origin}/live/{stream}/{file}{mark}{query}")).await
    }
}

impl Site for Edge {
    async fn answer<B: Body + Send>(&self, request: Request<B>, _: SocketAddr) -> Answer {
        let (request, _) = request.into_parts();
        site::visit(&request, self.get(&request)).await
    }
}
