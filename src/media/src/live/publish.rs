//! One publisher from its key to its last packet.
//!
//! Decides what the publisher is told. The protocol is behind `Ingest`; the same is done for all of them.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::Reason;
use super::hub::Hub;
use crate::ingest::{Error, Frame, Ingest, Packet};
use crate::metrics::METRICS;

/// How the publisher's sending ended.
enum Left {
    /// It said goodbye.
    Finished,
    /// The connection broke, or what it sent was not acceptable.
    Broken(String),
    /// Its seat was taken, or the broadcast ended.
    Unseated,
}

/// Serves one publisher.
pub(crate) async fn publish(hub: Arc<Hub>, mut ingest: impl Ingest) {
    let request = match ingest.request().await {
        Ok(request) => request,
        Err(Error::Refused(reason)) => {
            METRICS.refused.fetch_add(1, Ordering::Relaxed);
            return tracing::warn!(reason, "publisher refused");
        }
        Err(error) => return tracing::debug!(%error, "publisher left before it named a key"),
    };
    let grant = match hub.keys.authorize(&request).await {
        Ok(grant) => grant,
        Err(reason) => return refuse(&mut ingest, &format!("{request:?}"), &reason).await,
    };
    let stream = grant.stream.clone();
    let (broadcast, mut seat) = match hub.sit(grant) {
        Ok(seat) => seat,
        Err(reason) => return refuse(&mut ingest, &format!("{request:?}"), &reason).await,
    };
    // Whoever sat here before has been told to leave, and gives the feed back as soon as it notices.
    let mut feed = broadcast.feed.clone().lock_owned().await;
    let resumed = broadcast.source().window.begun();
    if resumed {
        broadcast.counters.resumed.fetch_add(1, Ordering::Relaxed);
    }
    tracing::info!(stream, broadcast = broadcast.id, publisher = ?request, resumed, "publisher connected");
    METRICS.publishers.fetch_add(1, Ordering::Relaxed);
    feed.attach();
    let mut rate = Rate::new(hub.settings.max_bitrate);
    let left = match ingest.answer(Ok(())).await {
        Err(error) => Left::Broken(error.to_string()),
        Ok(()) => loop {
            let packet = tokio::select! {
                biased;
                () = seat.lost() => break Left::Unseated,
                packet = ingest.packet() => packet,
            };
            let lost = ingest.dropped();
            broadcast.counters.dropped.fetch_add(lost, Ordering::Relaxed);
            METRICS.dropped.fetch_add(lost, Ordering::Relaxed);
            let taken = match packet {
                Ok(Some(packet)) => rate.take(&packet).and_then(|()| feed.packet(&broadcast, packet)),
                Ok(None) => break Left::Finished,
                Err(error @ Error::Io(_)) => break Left::Broken(error.to_string()),
                Err(error) => Err(error.to_string()),
            };
            if let Err(reason) = taken {
                let _ = ingest.answer(Err(&reason)).await;
                break Left::Broken(reason);
            }
        },
    };
    feed.detach(&broadcast);
    drop(feed);
    METRICS.publishers.fetch_sub(1, Ordering::Relaxed);
    match left {
        Left::Finished => {
            if broadcast.is_seated(seat.serial) {
                tracing::info!(stream, "publisher said goodbye");
                broadcast.finish(Reason::Finished);
            }
            ingest.part().await;
        }
        Left::Broken(reason) => {
            tracing::warn!(stream, reason, "publisher lost");
            hub.wait_for_return(&broadcast, seat.serial);
        }
        Left::Unseated => {
            let reason = broadcast.ended().map_or("another publisher took over", Reason::word);
            tracing::info!(stream, reason, "publisher cut");
            let _ = ingest.answer(Err(reason)).await;
        }
    }
}

async fn refuse(ingest: &mut impl Ingest, publisher: &str, reason: &str) {
    METRICS.refused.fetch_add(1, Ordering::Relaxed);
    tracing::warn!(publisher, reason, "publisher refused");
    let _ = ingest.answer(Err(reason)).await;
    // So that guessing keys costs time.
    tokio::time::sleep(Duration::from_millis(200)).await;
}

/// The bit rate over the last few seconds.
struct Rate {
    most: u64,
    since: Instant,
    bytes: u64,
}

/// Over how long the bit rate is measured; a keyframe may be large.
const SPAN: Duration = Duration::from_secs(5);

impl Rate {
    fn new(most: u64) -> Self {
        Rate { most, since: Instant::now(), bytes: 0 }
    }

    fn take(&mut self, packet: &Packet) -> Result<(), String> {
        if let Packet::Video(Frame { data, .. }) | Packet::Audio(Frame { data, .. }) = packet {
            self.bytes += data.len() as u64;
        }
        if self.bytes * 8 > self.most * SPAN.as_secs() {
            let most = self.most / 1_000_000;
            return Err(format!("bit rate is over the limit of {most} Mb/s"));
        }
        if self.since.elapsed() > SPAN {
            (self.since, self.bytes) = (Instant::now(), 0);
        }
        Ok(())
    }
}
