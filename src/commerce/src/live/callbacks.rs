//! What the media server asks and tells, signed with a shared secret and taken once. The contract is
//! `src/media/CALLBACKS.md`; this side answers. The signature makes plain HTTP inside a private network as safe from
//! forgery as HTTPS, so neither way of reaching the service is refused.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{OriginalUri, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::broadcasts::{Air, Broadcast, insert, stream_of};
use crate::Shop;
use crate::clock::{self, SECOND};
use crate::error::{Error, Result};
use crate::id::Id;
use crate::people::{self, Person};
use crate::secret;
use crate::store::{Connection, args, read, transact};

/// How far the media server's clock may be off.
const AGE: i64 = 300 * SECOND;

/// Refuses a call that is not the media server's, or was heard before.
async fn authentic(shop: &Shop, path: &str, headers: &HeaderMap, body: &[u8]) -> Result<()> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("");
    let (at, nonce) = (header("terrace-timestamp"), header("terrace-nonce"));
    let age = at.parse::<i64>().map_or(i64::MAX, |at| (clock::now() - at.saturating_mul(SECOND)).saturating_abs());
    if age > AGE || nonce.len() != 32 || !nonce.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) {
        return Err(Error::Unauthenticated);
    }
    let given = header("terrace-signature").strip_prefix("v1=").unwrap_or("");
    if !shop.config.media_secrets().any(|key| secret::same(given, &signature(key, path, at, nonce, body))) {
        return Err(Error::Unauthenticated);
    }
    let nonce = format!("nonce-{nonce}");
    let taken = transact!(shop.database, [nonce], |c| take(c, &nonce).await);
    if taken.await? { Ok(()) } else { Err(Error::Unauthenticated) }
}

fn signature(key: &str, path: &str, at: &str, nonce: &str, body: &[u8]) -> String {
    let text = format!("v1\nPOST\n{path}\n{at}\n{nonce}\n{}", secret::hex(&Sha256::digest(body)));
    secret::sign(key.as_bytes(), text.as_bytes())
}

/// Notes a token; whether it is new.
async fn take(c: &mut dyn Connection, token: &str) -> Result<bool> {
    let sql = format!("{} INTO taken (token, created_at) VALUES (?, ?)", c.dialect().insert_or_skip());
    Ok(c.execute(&sql, args![token, clock::now()]).await? == 1)
}

fn parse<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T> {
    serde_json::from_slice(body).map_err(|e| Error::Malformed(format!("the body is not what the contract says: {e}")))
}

/// The whole of a call, checked.
async fn checked(shop: &Shop, uri: &OriginalUri, headers: &HeaderMap, body: &Bytes) -> Result<()> {
    shop.limits.callback()?;
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    authentic(shop, path, headers, body).await
}

#[derive(Deserialize)]
struct Authorize {
    key: String,
}

/// `authorize`: may this key publish?
pub(crate) async fn authorize(
    State(shop): State<Arc<Shop>>,
    uri: OriginalUri,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response> {
    checked(&shop, &uri, &headers, &body).await?;
    let hash = secret::digest(&parse::<Authorize>(&body)?.key);
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
struct Recheck {
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
    uri: OriginalUri,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response> {
    checked(&shop, &uri, &headers, &body).await?;
    let streams = parse::<Recheck>(&body)?.streams;
    let watched = streams.clone();
    let judged = read!(shop.database, Committed, [watched], |c| {
        let (mut cut, mut changed) = (Vec::new(), Vec::new());
        for stream in watched {
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
struct Event {
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
pub(crate) async fn events(
    State(shop): State<Arc<Shop>>,
    uri: OriginalUri,
    headers: HeaderMap,
    body: Bytes,
) -> Result<StatusCode> {
    checked(&shop, &uri, &headers, &body).await?;
    let event = parse::<Event>(&body)?;
    let token = format!("event-{}", event.id.chars().take(100).collect::<String>());
    let told = event.clone();
    let done = transact!(shop.database, [token, told], |c| {
        if !take(c, &token).await? {
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
struct Where {
    stream: String,
}

/// `origin`: where is this stream?
pub(crate) async fn origin(
    State(shop): State<Arc<Shop>>,
    uri: OriginalUri,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response> {
    checked(&shop, &uri, &headers, &body).await?;
    let stream = parse::<Where>(&body)?.stream;
    let found = read!(shop.database, Committed, [stream], |c| {
        let sql = "SELECT origin FROM broadcasts WHERE stream = ? AND state = 'live' AND origin IS NOT NULL LIMIT 1";
        c.cell::<String>(sql, args![stream]).await
    });
    let origin = found.await?.ok_or(Error::NotFound("live stream"))?;
    Ok(Json(json!({"origin": origin})).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_the_contract_s_test_vector() {
        let signed = signature(
            "0123456789abcdef0123456789abcdef",
            "/hooks/media/events",
            "1700000000",
            "000102030405060708090a0b0c0d0e0f",
            br#"{"hello":"media"}"#,
        );
        assert_eq!(signed, "b56b7c7a097a84e9943a5cd97a649ff4a015c760076a26b043bd05f2773835a9");
    }
}
