//! Opening the shop: routes, background work, and stopping without losing anything.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::{get, post};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tower_http::compression::CompressionLayer;
use tracing_subscriber::EnvFilter;

use crate::Shop;
use crate::config::{Config, Log};
use crate::error::{Error, Result};
use crate::live::{callbacks, hub, socket};
use crate::operations::{events, health, jobs};
use crate::payments::{webhook, worker};
use crate::{api, demo, pages, web};

/// How long a stopping service waits for requests and background work.
const GRACE: Duration = Duration::from_secs(20);

/// All routes of the service.
fn routes(shop: &Arc<Shop>) -> Router {
    let hooks = Router::new()
        .route("/hooks/media/authorize", post(callbacks::authorize))
        .route("/hooks/media/recheck", post(callbacks::recheck))
        .route("/hooks/media/events", post(callbacks::events))
        .route("/hooks/media/origin", post(callbacks::origin))
        .route("/hooks/payments", post(web::payment_notice))
        .layer(axum::extract::DefaultBodyLimit::max(64 * 1024));
    Router::new()
        .merge(pages::with_failures(pages::routes(), shop))
        .merge(api::routes())
        .merge(hooks)
        .route("/socket/{room}", get(socket::open))
        .route("/pictures/{name}", get(web::picture))
        .route("/assets/{name}", get(web::assets::serve))
        .route("/livez", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/version", get(health::version))
        .route("/metrics", get(health::metrics))
        .fallback(web::not_found)
        .method_not_allowed_fallback(web::not_allowed)
        .layer(axum::middleware::from_fn_with_state(Arc::clone(shop), web::layers::forgery))
        .layer(axum::middleware::from_fn_with_state(Arc::clone(shop), web::layers::observe))
        .layer(CompressionLayer::new())
        .layer(axum::middleware::from_fn(web::rest::heard))
        .with_state(Arc::clone(shop))
}

/// Runs the service until it is told to stop.
pub(crate) async fn serve(config: Config) -> Result<()> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match config.log {
        Log::Text => lines.init(),
        Log::Json => lines.json().flatten_event(true).init(),
    }
    let shop = Shop::open(config).await?;
    let listener = TcpListener::bind(shop.config.listen)
        .await
        .map_err(|e| Error::Unavailable(format!("cannot listen on {}: {e}", shop.config.listen)))?;
    let address = listener.local_addr().map_err(|e| Error::Internal(e.to_string()))?;
    if shop.config.demo {
        demo::fill(&shop).await?;
    }
    let mut background = tokio::task::JoinSet::new();
    background.spawn(worker::run(Arc::clone(&shop)));
    background.spawn(jobs::run(Arc::clone(&shop)));
    background.spawn(hub::tick(Arc::clone(&shop)));
    if let Some(url) = shop.config.redis.clone() {
        background.spawn(hub::relay(Arc::clone(&shop), url));
    }
    if let Some(place) = shop.config.events.clone() {
        let shop = Arc::clone(&shop);
        background.spawn(async move {
            if let Err(e) = events::write(shop, place).await {
                tracing::error!(error = %e, "analytics events are not written");
            }
        });
    }
    let notices = tokio::spawn(webhook::listen(Arc::clone(&shop)));
    println!("listening on http://{address}");
    let stop = {
        let shop = Arc::clone(&shop);
        async move {
            told_to_stop().await;
            tracing::info!("stopping");
            shop.stop();
        }
    };
    let app = routes(&shop).into_make_service_with_connect_info::<std::net::SocketAddr>();
    let forced = {
        let shop = Arc::clone(&shop);
        async move {
            shop.stopping().await;
            tokio::time::sleep(GRACE).await;
        }
    };
    let serving = axum::serve(listener, app).with_graceful_shutdown(stop);
    tokio::select! {
        served = async { serving.await } => served.map_err(|e| Error::Internal(e.to_string()))?,
        () = forced => tracing::warn!("some requests were cut off"),
    }
    shop.stop();
    let drained = tokio::time::timeout(GRACE, async { while background.join_next().await.is_some() {} }).await;
    notices.abort();
    if drained.is_err() {
        tracing::warn!("some background work was cut off; it goes on at the next start");
    }
    tracing::info!("stopped");
    Ok(())
}

async fn told_to_stop() {
    let wait = |kind: SignalKind| async move {
        match signal(kind) {
            Ok(mut told) => {
                told.recv().await;
            }
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        () = wait(SignalKind::terminate()) => {}
        () = wait(SignalKind::interrupt()) => {}
    }
}
