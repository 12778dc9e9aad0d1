//! What the media server asks and tells. The contract is `src/media/CALLBACKS.md`; this side answers. Who asks is
//! [`super::signed`]'s business.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;

use super::broadcasts::{Air, Broadcast, insert, stream_of};
use super::signed::{Signed, once};
use crate::Shop;
use crate::clock;
use crate::error::{Error, Result};
use crate::id::Id;
use crate::people::{self, Person};
use crate::secret;
use crate::store::{Connection, args, read, transact};

#[derive(Deserialize)]
pub(crate) struct Authorize {
    key: String,
}

/// `authorize`: may this key publish?
pub(crate) async fn authorize(State(shop): State<Arc<Shop>>, Signed(asked): Signed<Authorize>) -> Result<Response> {
    let hash = secret::digest(&asked.key);
    let found = read!(shop.database, Committed, [hash], |c| {
        let sql = "SELECT id, person_id, revoked_at FROM stream_keys WHERE hash = ?";
        let Some(mut row) = c.query(sql, args![hash]).await?.into_iter().next() else { return Ok(None) };
        let (key, person, revoked): (Id, Id, Option<i64>) = (row.take()?, row.take()?, row.take()?);
        let person = people::find(c, person).await?;
        let title: Option<String> = next(c, person.id).await?.map(|broadcast| broadcast.title);
        Ok(Some((key, person, revoked, title)))
    });
    let refused = |reason: &str| Json(json!({"allow": false, "reason": reason})).into_response();
    let Some((key, person, revoked, title)) = found.await? else { return Ok(refused("unknown")) };
    if revoked.is_some() {
        return Ok(refused("revoked"));
    }
    if !welcome(&person) {
        return Ok(refused("banned"));
    }
    let title = title.unwrap_or_else(|| person.shown_name().to_owned());
    let answer =
        json!({"allow": true, "stream": stream_of(person.id), "key_id": key, "title": title, "cache_seconds": 2});
    Ok(Json(answer).into_response())
}

fn welcome(person: &Person) -> bool {
    person.sells() && !person.suspended
}

/// The broadcast an encoder of this seller begins: the one on air, or the next announced one.
async fn next(c: &mut dyn Connection, seller: Id) -> Result<Option<Broadcast>> {
    let rest = "WHERE seller_id = ? AND state = 'scheduled' ORDER BY starts_at LIMIT 1";
    c.one::<Broadcast>(rest, args![seller]).await
}

#[derive(Deserialize)]
pub(crate) struct Recheck {
    streams: Vec<Running>,
}

#[derive(Clone, Deserialize)]
struct Running {
    broadcast: String,
    key_id: String,
    #[serde(default)]
    viewers: i64,
}

/// `recheck`: are these still welcome?
pub(crate) async fn recheck(
    State(shop): State<Arc<Shop>>,
    Signed(Recheck { streams }): Signed<Recheck>,
) -> Result<Response> {
    let judged = read!(shop.database, Committed, [streams], |c| {
        let (mut cut, mut changed) = (Vec::new(), Vec::new());
        for stream in streams {
            let key = stream.key_id.parse().unwrap_or(Id(0));
            let sql = "SELECT people.suspended FROM stream_keys JOIN people ON people.id = stream_keys.person_id
                WHERE stream_keys.id = ? AND stream_keys.revoked_at IS NULL";
            if c.cell::<bool>(sql, args![key]).await? != Some(false) {
                cut.push(stream.broadcast.clone());
            }
            let sql = "SELECT viewers FROM broadcasts WHERE media_id = ?";
            if c.cell::<i64>(sql, args![&stream.broadcast]).await?.is_some_and(|known| known != stream.viewers) {
                changed.push(stream);
            }
        }
        Ok((cut, changed))
    });
    let (cut, changed) = judged.await?;
    if !changed.is_empty() {
        let noted = transact!(shop.database, [changed], |c| {
            for stream in changed {
                let sql = "UPDATE broadcasts SET viewers = ?, peak = CASE WHEN peak < ? THEN ? ELSE peak END
                    WHERE media_id = ?";
                let count = stream.viewers.max(0);
                c.execute(sql, args![count, count, count, stream.broadcast]).await?;
            }
            Ok(())
        });
        noted.await?;
    }
    Ok(Json(json!({"cut": cut})).into_response())
}

#[derive(Clone, Deserialize)]
pub(crate) struct Event {
    id: String,
    kind: String,
    stream: String,
    broadcast: String,
    #[serde(flatten)]
    more: HashMap<String, serde_json::Value>,
}

impl Event {
    /// A URL of the event, if it is one that a page may open.
    fn url(&self, name: &str) -> Option<String> {
        let text = self.more.get(name)?.as_str()?;
        let known = text.starts_with("https://") || text.starts_with("http://");
        (known && text.len() <= 400).then(|| text.to_owned())
    }
}

/// `events`: what happened.
pub(crate) async fn events(State(shop): State<Arc<Shop>>, Signed(event): Signed<Event>) -> Result<StatusCode> {
    let token = format!("event-{}", event.id.chars().take(100).collect::<String>());
    let told = event.clone();
    let done = transact!(shop.database, [token, told], |c| {
        if !once(c, &token).await? {
            return Ok(None);
        }
        happen(c, &told).await
    });
    if let Some(broadcast) = done.await? {
        shop.rooms.forget(broadcast.id);
        shop.hub.say(
            broadcast.id,
            &json!({"kind": "air", "state": broadcast.state, "playback": broadcast.playback, "replay": broadcast.replay}),
        );
        crate::operations::events::broadcast(&shop, &event.kind, broadcast.id);
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Books an event; the broadcast it changed.
async fn happen(c: &mut dyn Connection, event: &Event) -> Result<Option<Broadcast>> {
    let known = c.one::<Broadcast>("WHERE media_id = ?", args![&event.broadcast]).await?;
    let now = clock::now();
    let id = match (event.kind.as_str(), known) {
        ("started", None) => {
            let Some(id) = begin(c, event).await? else { return Ok(None) };
            id
        }
        // A repeated start of a broadcast that is over changes nothing.
        ("started", Some(known)) if known.state == Air::Ended => return Ok(None),
        (_, None) => return Ok(None),
        (_, Some(known)) => known.id,
    };
    let (sql, value) = match event.kind.as_str() {
        "started" => {
            let sql = "UPDATE broadcasts SET state = 'live', started_at = COALESCE(started_at, ?), ended_at = NULL,
                playback = ?, origin = ?, media_id = ? WHERE id = ?";
            let values = args![now, event.url("playback"), event.url("origin"), &event.broadcast, id];
            c.execute(sql, values).await?;
            return c.one::<Broadcast>("WHERE id = ?", args![id]).await;
        }
        "thumbnail" => ("UPDATE broadcasts SET picture = COALESCE(?, picture) WHERE id = ?", event.url("image").into()),
        "ended" => {
            ("UPDATE broadcasts SET state = 'ended', viewers = 0, ended_at = ? WHERE id = ?", args![now].remove(0))
        }
        "replay_ready" => {
            let sql = "UPDATE broadcasts SET picture = COALESCE(?, picture) WHERE id = ?";
            c.execute(sql, args![event.url("poster"), id]).await?;
            ("UPDATE broadcasts SET replay = ? WHERE id = ?", event.url("playback").into())
        }
        "replay_failed" | "replay_expired" => {
            ("UPDATE broadcasts SET replay = ? WHERE id = ?", crate::store::Value::Null)
        }
        _ => return Ok(None),
    };
    c.execute(sql, vec![value, id.into()]).await?;
    c.one::<Broadcast>("WHERE id = ?", args![id]).await
}

/// The broadcast that an encoder's start begins; one is made if none was announced.
async fn begin(c: &mut dyn Connection, event: &Event) -> Result<Option<Id>> {
    let Some(seller) = event.stream.strip_prefix("s-").and_then(|id| id.parse::<Id>().ok()) else { return Ok(None) };
    let Some(person) = c.one::<Person>("WHERE id = ?", args![seller]).await? else { return Ok(None) };
    // An older one that never heard of its end is over now.
    let sql = "UPDATE broadcasts SET state = 'ended', ended_at = ? WHERE seller_id = ? AND state = 'live'";
    c.execute(sql, args![clock::now(), seller]).await?;
    if let Some(announced) = next(c, seller).await? {
        return Ok(Some(announced.id));
    }
    let title = event.more.get("title").and_then(|t| t.as_str()).filter(|t| !t.is_empty());
    let title: String = title.unwrap_or(person.shown_name()).chars().take(80).collect();
    insert(c, seller, &title, "", clock::now()).await.map(Some)
}

#[derive(Deserialize)]
pub(crate) struct Where {
    stream: String,
}

/// `origin`: where is this stream?
pub(crate) async fn origin(State(shop): State<Arc<Shop>>, Signed(Where { stream }): Signed<Where>) -> Result<Response> {
    let found = read!(shop.database, Committed, [stream], |c| {
        let sql = "SELECT origin FROM broadcasts WHERE stream = ? AND state = 'live' AND origin IS NOT NULL LIMIT 1";
        c.cell::<String>(sql, args![stream]).await
    });
    let origin = found.await?.ok_or(Error::NotFound("live stream"))?;
    Ok(Json(json!({"origin": origin})).into_response())
}
