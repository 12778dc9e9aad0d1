//! The ports that publishers come in by.
//!
//! Decides which are open, and that all of them share one bound on connections. What is said on them is `ingest`'s business, and what
//! becomes of a publisher `live`'s.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::http::tls::{self, Tls};
use crate::http::{self, Doors};
use crate::ingest::rtmp::Rtmp;
use crate::ingest::srt::{self, Port};
use crate::ingest::whip::signal::Signal;
use crate::ingest::whip::wire::Wire;
use crate::live::hub::Hub;
use crate::live::publish::publish;
use crate::serve::{busy, listen};

/// Opens the ports that are wanted; the answer is where to push to with the key of a trial.
pub(crate) async fn open(
    hub: &Arc<Hub>,
    certificate: &mut impl FnMut(&'static [&'static [u8]]) -> Result<Tls, String>,
    stopped: &watch::Receiver<bool>,
    trial: Option<&str>,
) -> Result<Vec<String>, String> {
    let settings = &hub.settings;
    let mut pushes = vec![];
    let doors = Doors::new(settings.max_publishers * 2, settings.max_per_address);
    for (address, protocol) in [(settings.rtmp, "rtmp"), (settings.rtmps, "rtmps")] {
        let Some(address) = address else { continue };
        let tls = if protocol == "rtmps" { Some(certificate(tls::RTMPS)?) } else { None };
        let listener = listen(address, protocol).await?;
        pushes.extend(trial.map(|key| format!("{protocol}://{address}/live/{key}")));
        tokio::spawn(accept(hub.clone(), listener, tls, doors.clone(), protocol));
    }
    let mut wire = None;
    for (address, protocol) in [(settings.whip, "whip"), (settings.whips, "whips")] {
        let Some(address) = address else { continue };
        let tls = if protocol == "whips" { Some(certificate(tls::HTTP)?) } else { None };
        let listener = listen(address, protocol).await?;
        let wire = match &mut wire {
            Some(wire) => Arc::clone(wire),
            none => {
                let local = listener.local_addr().map_err(|error| error.to_string())?;
                none.insert(Wire::open(local, settings.whip_address).await?).clone()
            }
        };
        let scheme = if protocol == "whips" { "https" } else { "http" };
        pushes.extend(trial.map(|key| format!("{scheme}://{address}/whip with bearer token {key}")));
        let site = Signal::new(hub.clone(), wire, doors.clone(), protocol);
        let connections = Doors::new(settings.max_publishers * 2, settings.max_per_address);
        tokio::spawn(http::serve(listener, tls, connections, site, stopped.clone()));
    }
    if let Some((address, options)) = &settings.srt {
        let port = Port::bind(*address, options).await.map_err(|error| busy("srt", *address, &error))?;
        let address = port.address();
        tracing::info!(%address, "listening for srt");
        pushes.extend(trial.map(|key| format!("srt://{address}?streamid={key}")));
        tokio::spawn(take(hub.clone(), port, options.clone(), doors.clone()));
    }
    Ok(pushes)
}

/// Takes callers of an SRT port.
async fn take(hub: Arc<Hub>, mut port: Port, options: srt::Options, doors: Arc<Doors>) {
    loop {
        while let Some(caller) = port.accept().await {
            let Some(pass) = doors.enter(caller.address()) else { continue };
            let hub = hub.clone();
            tokio::spawn(async move {
                publish(hub, caller).await;
                drop(pass);
            });
        }
        // The port's task ends by a panic only. Its publishers are lost then, and find an open port when they come back.
        let address = port.address();
        tracing::error!(%address, "srt has failed and begins anew");
        tokio::time::sleep(Duration::from_secs(1)).await;
        match Port::bind(address, &options).await {
            Ok(again) => port = again,
            Err(error) => tracing::error!(error = busy("srt", address, &error)),
        }
    }
}

async fn accept(hub: Arc<Hub>, listener: TcpListener, tls: Option<Tls>, doors: Arc<Doors>, protocol: &'static str) {
    loop {
        let Ok((socket, peer)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let Some(pass) = doors.enter(peer.ip()) else { continue };
        let (hub, tls) = (hub.clone(), tls.clone());
        tokio::spawn(async move {
            let _ = socket.set_nodelay(true);
            match tls {
                None => publish(hub, Rtmp::new(socket, peer.ip(), protocol)).await,
                Some(tls) => {
                    let greeting = tokio::time::timeout(Duration::from_secs(10), tls.accept(socket));
                    if let Ok(Ok(socket)) = greeting.await {
                        publish(hub, Rtmp::new(socket, peer.ip(), protocol)).await;
                    }
                }
            }
            drop(pass);
        });
    }
}
