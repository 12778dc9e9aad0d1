//! What happens around a broadcast from its first picture to its replay.
//!
//! Decides the order of events that `commerce` hears. The work itself is done by the recorder, the ladder and the thumbnailer.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::Reason;
use super::broadcast::Broadcast;
use super::hub::Hub;

/// A publisher that connected but sent no picture for so long never was on air.
const FIRST_PICTURE: Duration = Duration::from_secs(60);

/// Accompanies a broadcast to its end.
pub(crate) async fn live(hub: Arc<Hub>, broadcast: Arc<Broadcast>) {
    let recorder = crate::record::start(&hub, &broadcast);
    let ladder = tokio::spawn(crate::ladder::run(hub.clone(), broadcast.clone()));
    let pictures = tokio::spawn(crate::pictures::run(hub.clone(), broadcast.clone()));
    let begun = first_picture(&broadcast).await;
    if begun {
        tell_started(&hub, &broadcast);
    } else if broadcast.ended().is_none() {
        broadcast.finish(Reason::Lost);
    }
    let reason = broadcast.wait_end().await;
    // The publisher notices the end and gives the feed back after its last part.
    drop(broadcast.feed.lock().await);
    broadcast.dismiss();
    for rendition in broadcast.renditions() {
        rendition.window.end();
    }
    ladder.abort();
    pictures.abort();
    let kept = recorder.await.unwrap_or_else(|error| Err(format!("recorder failed: {error}")));
    if begun {
        let duration = kept.as_ref().map_or(0.0, |replay| replay.duration);
        let length = if duration > 0.0 { duration } else { (crate::clock::now() - broadcast.began) as f64 / 1000.0 };
        tell_ended(&hub, &broadcast.grant.stream, &broadcast.id, reason, length);
        crate::record::tell(&hub, &broadcast.grant.stream, &broadcast.id, kept).await;
    }
    hub.forget(&broadcast).await;
}

async fn first_picture(broadcast: &Broadcast) -> bool {
    let mut progress = broadcast.source().window.watch();
    let begun = progress.wait_for(|progress| progress.number > 0 || progress.ended);
    tokio::select! {
        _ = begun => true,
        _ = broadcast.wait_end() => broadcast.source().window.begun(),
        () = tokio::time::sleep(FIRST_PICTURE) => false,
    }
}

fn tell_started(hub: &Hub, broadcast: &Broadcast) {
    let tracks = broadcast.source().tracks();
    let size = tracks.video.as_ref().map(|video| (video.width, video.height));
    let public = &hub.settings.public_url;
    let stream = &broadcast.grant.stream;
    let fields = fields(json!({
        "title": broadcast.grant.title,
        "playback": format!("{public}/live/{stream}/index.m3u8"),
        "plain": format!("{public}/live/{stream}/plain.m3u8"),
        "origin": hub.settings.origin_url,
        "codecs": tracks.names(),
        "width": size.map(|size| size.0),
        "height": size.map(|size| size.1),
    }));
    hub.outbox.put("started", stream, &broadcast.id, fields);
}

/// Tells `commerce` that a broadcast is over.
pub(crate) fn tell_ended(hub: &Hub, stream: &str, id: &str, reason: Reason, seconds: f64) {
    let seconds = (seconds * 1000.0).round() / 1000.0;
    hub.outbox.put("ended", stream, id, fields(json!({"reason": reason, "duration_seconds": seconds})));
}

/// The fields of an object.
pub(crate) fn fields(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}
