//! Puts the parts of `media serve` together, and takes them apart again.
//!
//! Decides the order of starting and stopping: on SIGTERM nobody new may publish, broadcasts may go on for the drain time, then they
//! end, their replays are finished, and last the viewers' connections are closed. A second signal ends it at once.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::admin::Admin;
use crate::auth::{Keys, LocalKey, OnAir, RECHECK, Remote, digest};
use crate::callbacks::client::Commerce;
use crate::callbacks::outbox::Outbox;
use crate::callbacks::sign::random;
use crate::config::Settings;
use crate::http::site::Origin;
use crate::http::tls::{self, Tls};
use crate::http::{self, Doors};
use crate::live::Reason;
use crate::live::hub::Hub;
use crate::publishers;
use crate::record::Store;

/// Replays may take this long to be finished when the server goes down.
const FINISHING: Duration = Duration::from_secs(20);

/// Runs until told to stop.
pub(crate) async fn serve(mut settings: Settings) -> Result<(), String> {
    std::fs::create_dir_all(&settings.data)
        .map_err(|error| format!("data directory `{}` cannot be made: {error}", settings.data.display()))?;
    let authority = match &settings.commerce_authority {
        Some(path) => {
            Some(std::fs::read(path).map_err(|error| format!("`{}` cannot be read: {error}", path.display()))?)
        }
        None => None,
    };
    let secret = settings.secrets.first().cloned().unwrap_or_default();
    let commerce = match &settings.commerce {
        Some(base) => Some(Commerce::new(base, secret, &settings.server, authority.as_deref())?),
        None => None,
    };
    // Without any key configured one is made up, so that `media serve` alone can be tried.
    let trial = (commerce.is_none() && settings.keys.is_empty()).then(|| random(12));
    if let Some(key) = &trial {
        settings.keys = vec![LocalKey { stream: "demo".to_owned(), digest: digest(key) }];
    }
    let keys = match &commerce {
        Some(commerce) => Keys::Remote(Box::new(Remote::new(commerce.clone()))),
        None => Keys::Local(settings.keys.clone()),
    };
    let outbox = Outbox::open(&settings.data.join("outbox"), commerce, &settings.server)
        .map_err(|error| format!("outbox cannot be opened: {error}"))?;
    let store = settings.replay_store.as_deref().map(Store::open).transpose()?;
    let hub = Hub::new(settings, keys, outbox, store);
    crate::record::recover(&hub);
    let settings = &hub.settings;

    let (stop, stopped) = watch::channel(false);
    let mut secured = vec![];
    let mut certificate = |protocols| -> Result<Tls, String> {
        let files = settings.certificate.as_ref().ok_or("a certificate is missing")?;
        let tls = Tls::new(files, protocols)?;
        secured.push(tls.clone());
        Ok(tls)
    };
    let doors = Doors::new(settings.max_connections, settings.max_per_address);
    let origin = Origin::new(hub.clone());
    for (address, tls) in [(settings.http, None), (settings.https, Some(tls::HTTP))] {
        let Some(address) = address else { continue };
        let tls = tls.map(&mut certificate).transpose()?;
        let listener = listen(address, "viewers").await?;
        tokio::spawn(http::serve(listener, tls, doors.clone(), origin.clone(), stopped.clone()));
    }
    if let Some(address) = settings.admin {
        let listener = listen(address, "admin").await?;
        let site = Admin::new(hub.clone());
        tokio::spawn(http::serve(listener, None, Doors::new(1000, 1000), site, stopped.clone()));
    }
    let pushes = publishers::open(&hub, &mut certificate, &stopped, trial.as_deref()).await?;
    if trial.is_some() {
        eprintln!("no stream key is configured; for this run:");
        pushes.iter().for_each(|push| eprintln!("  push to  {push}"));
        eprintln!("  watch at {}/watch/demo", settings.public_url);
    }
    tokio::spawn(recheck(hub.clone()));
    tokio::spawn(crate::record::retire(hub.clone()));
    tracing::info!(version = env!("CARGO_PKG_VERSION"), "media is ready");

    signals(&secured).await?;
    hub.drain();
    tracing::info!(seconds = hub.settings.drain.as_secs(), "draining");
    let ended = async {
        let on_their_own = async {
            while !hub.on_air().is_empty() {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        let _ = tokio::time::timeout(hub.settings.drain, on_their_own).await;
        hub.on_air().iter().for_each(|broadcast| broadcast.finish(Reason::Drained));
        let _ = tokio::time::timeout(FINISHING, hub.empty()).await;
    };
    tokio::select! {
        () = ended => {}
        again = signals(&secured) => again?,
    }
    stop.send_replace(true);
    tokio::time::sleep(Duration::from_millis(200)).await;
    tracing::info!("media has stopped");
    Ok(())
}

pub(crate) async fn listen(address: SocketAddr, what: &str) -> Result<TcpListener, String> {
    let listener = TcpListener::bind(address).await.map_err(|error| busy(what, address, &error))?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    tracing::info!(%address, "listening for {what}");
    Ok(listener)
}

pub(crate) fn busy(what: &str, address: SocketAddr, error: &std::io::Error) -> String {
    format!("{what} cannot listen on {address}: {error}\n\nhint: another process may use the port; choose another one")
}

/// Asks `commerce` twice a second who must be cut.
async fn recheck(hub: Arc<Hub>) {
    let Keys::Remote(remote) = &hub.keys else { return };
    let mut clock = tokio::time::interval(RECHECK);
    clock.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        clock.tick().await;
        let on_air: Vec<_> = hub
            .on_air()
            .iter()
            .map(|broadcast| OnAir {
                stream: broadcast.grant.stream.clone(),
                broadcast: broadcast.id.clone(),
                key_id: broadcast.grant.key_id.clone(),
                viewers: broadcast.viewers.count(),
            })
            .collect();
        if on_air.is_empty() {
            continue;
        }
        match remote.recheck(&on_air).await {
            Ok(cut) => {
                for id in cut {
                    tracing::warn!(broadcast = id, "commerce cuts a broadcast");
                    hub.cut(&id, Reason::Revoked);
                }
            }
            Err(error) => tracing::warn!(%error, "running streams could not be checked; they go on"),
        }
    }
}

/// Waits for SIGTERM or SIGINT; SIGHUP reads certificates again.
pub(crate) async fn signals(secured: &[Tls]) -> Result<(), String> {
    let listen = |kind| signal(kind).map_err(|error| format!("signals cannot be received: {error}"));
    let (mut terminate, mut interrupt, mut hangup) =
        (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?, listen(SignalKind::hangup())?);
    loop {
        tokio::select! {
            _ = terminate.recv() => return Ok(()),
            _ = interrupt.recv() => return Ok(()),
            _ = hangup.recv() => {
                for tls in secured {
                    match tls.reload() {
                        Ok(()) => tracing::info!("certificate was read again"),
                        Err(error) => tracing::error!(error, "certificate stays as it was"),
                    }
                }
            }
        }
    }
}
