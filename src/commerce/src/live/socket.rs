//! The one socket a page has: it hears its room and, in a broadcast's room, speaks.
//!
//! Buffers are small on purpose: axum's defaults cost 130 KB a socket, and a room has thousands.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use serde_json::{Value as Json, json};
use tokio::sync::broadcast::error::RecvError;

use super::chat;
use crate::Shop;
use crate::error::{Error, Result};
use crate::id::Id;
use crate::people::Person;
use crate::web::guard::{Visitor, same_origin};

/// The largest message taken from a page, in bytes.
const LARGEST: usize = 2048;
/// Silence after which a page is asked whether it is still there.
const QUIET: Duration = Duration::from_secs(30);
/// How long a page may take to accept a message before it is given up.
const PATIENCE: Duration = Duration::from_secs(10);

/// Opens a page's socket.
pub(crate) async fn open(
    State(shop): State<Arc<Shop>>,
    Path(room): Path<String>,
    visitor: Visitor,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Result<Response> {
    let room: Id = room.parse().map_err(|_| Error::NotFound("room"))?;
    // Browsers send cookies with sockets from any page; only our own pages may use them.
    if !same_origin(&headers, &shop.config) {
        return Err(Error::Forbidden("the page is of another site"));
    }
    let person = visitor.session.map(|session| session.person);
    chat::may_enter(&shop, person.as_ref().map(|p| p.id), room).await?;
    if shop.hub.count(room) >= shop.config.room_capacity || shop.hub.sockets() >= shop.config.socket_capacity {
        return Err(Error::Unavailable("the room is full".into()));
    }
    let sized = upgrade.read_buffer_size(1024).write_buffer_size(1024).max_write_buffer_size(64 * 1024);
    let sized = sized.max_message_size(LARGEST).max_frame_size(LARGEST);
    Ok(sized.on_upgrade(move |socket| stay(shop, socket, room, person)).into_response())
}

async fn stay(shop: Arc<Shop>, mut socket: WebSocket, room: Id, person: Option<Arc<Person>>) {
    let mut heard = shop.hub.enter(room);
    let mut quiet = tokio::time::interval(QUIET);
    quiet.reset();
    let mut asked = false;
    let mut stopping = std::pin::pin!(shop.stopping());
    loop {
        tokio::select! {
            message = heard.recv() => {
                let message = match message {
                    Ok(text) => Message::Text(text),
                    // A page that fell behind asks for the history again.
                    Err(RecvError::Lagged(_)) => Message::Text(r#"{"kind":"behind"}"#.into()),
                    Err(RecvError::Closed) => return,
                };
                let banned = matches!((&message, &person), (Message::Text(text), Some(p)) if is_ban(text.as_str(), p.id));
                if !send(&mut socket, message).await || banned {
                    return;
                }
            }
            received = socket.recv() => {
                asked = false;
                let answer = match received {
                    Some(Ok(Message::Text(text))) => take(&shop, room, person.as_deref(), text.as_str()).await,
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => None,
                    Some(Ok(Message::Binary(_) | Message::Close(_)) | Err(_)) | None => return,
                };
                if let Some(answer) = answer && !send(&mut socket, Message::Text(answer.to_string().into())).await {
                    return;
                }
            }
            _ = quiet.tick() => {
                if asked || !send(&mut socket, Message::Ping(axum::body::Bytes::new())).await {
                    return;
                }
                asked = true;
            }
            () = &mut stopping => {
                let frame = CloseFrame { code: close_code::AWAY, reason: "the service restarts".into() };
                send(&mut socket, Message::Close(Some(frame))).await;
                return;
            }
        }
    }
}

async fn send(socket: &mut WebSocket, message: Message) -> bool {
    matches!(tokio::time::timeout(PATIENCE, socket.send(message)).await, Ok(Ok(())))
}

fn is_ban(text: &str, person: Id) -> bool {
    text.starts_with(r#"{"kind":"banned""#) && text.contains(&person.to_string())
}

async fn take(shop: &Shop, room: Id, person: Option<&Person>, text: &str) -> Option<Json> {
    let said = serde_json::from_str::<Json>(text).ok()?.get("say")?.as_str()?.to_owned();
    let result = match person {
        Some(person) => chat::say(shop, person, room, &said).await,
        None => Err(Error::Unauthenticated),
    };
    let refused = result.err()?;
    Some(json!({"kind": "refused", "code": refused.kind().1, "reason": refused.to_string()}))
}
