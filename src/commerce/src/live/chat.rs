//! The chat of a broadcast: history, slow mode, mute, ban and caps. Rules are checked before a message is stored, and
//! it is pushed only after it is.

use std::collections::HashMap;
use std::sync::Mutex;

use super::broadcasts::{self, Air};
use crate::Shop;
use crate::clock::{self, DAY, SECOND};
use crate::error::{Check, Error, Result};
use crate::id::Id;
use crate::operations::audit;
use crate::people::Person;
use crate::store::{Connection, args, read, record, transact};

/// Messages of the history.
const HISTORY: usize = 50;
/// How long what is known of a room is believed.
const BELIEVED: i64 = 2 * SECOND;

record! {
    /// A message.
    Message from "chat_messages" {
        /// Identity; also its time.
        id: Id,
        /// In which broadcast's room.
        broadcast_id: Id,
        /// Who wrote it.
        person_id: Id,
        /// Their name.
        name: String,
        /// Words.
        text: String,
        /// Whether it was taken out.
        hidden: bool,
    }
}

/// What the chat must know of a room.
#[derive(Clone, Copy, Debug)]
struct Rules {
    seller: Id,
    slow_seconds: i64,
    open: bool,
}

/// What this node knows of rooms, and who spoke when.
#[derive(Default)]
pub(crate) struct Rooms {
    rules: Mutex<HashMap<Id, (i64, Rules)>>,
    spoke: Mutex<HashMap<(Id, Id), i64>>,
}

impl Rooms {
    /// Forgets a room whose rules changed.
    pub(crate) fn forget(&self, room: Id) {
        if let Ok(mut rules) = self.rules.lock() {
            rules.remove(&room);
        }
    }

    fn known(&self, room: Id) -> Option<Rules> {
        let rules = self.rules.lock().ok()?;
        rules.get(&room).filter(|(until, _)| *until > clock::now()).map(|(_, rules)| *rules)
    }

    fn learn(&self, room: Id, known: Rules) {
        if let Ok(mut rules) = self.rules.lock() {
            rules.insert(room, (clock::now() + BELIEVED, known));
        }
    }

    /// Whether somebody's pause is over; begins the next one.
    fn may_speak(&self, room: Id, person: Id, pause: i64) -> Result<()> {
        let now = clock::now();
        let mut spoke = self.spoke.lock().map_err(|_| Error::Internal("the chat is broken".into()))?;
        if spoke.len() > 20_000 {
            spoke.retain(|_, at| *at + 300 * SECOND > now);
        }
        let last = spoke.get(&(room, person)).copied().unwrap_or(0);
        if last + pause * SECOND > now {
            return Err(Error::TooMany(u64::try_from(((last + pause * SECOND - now) / SECOND).max(1)).unwrap_or(1)));
        }
        spoke.insert((room, person), now);
        Ok(())
    }
}

async fn rules(shop: &Shop, room: Id) -> Result<Rules> {
    if let Some(known) = shop.rooms.known(room) {
        return Ok(known);
    }
    let broadcast = read!(shop.database, Committed, [], |c| broadcasts::find(c, room).await).await?;
    let rules = Rules {
        seller: broadcast.seller_id,
        slow_seconds: broadcast.slow_seconds,
        open: matches!(broadcast.state, Air::Scheduled | Air::Live | Air::Ended),
    };
    shop.rooms.learn(room, rules);
    Ok(rules)
}

/// Says something in a broadcast's room.
pub(crate) async fn say(shop: &Shop, person: &Person, room: Id, text: &str) -> Result<Message> {
    let text = text.trim().to_owned();
    Check::default().text(&text, 1, 200, "text").done()?;
    let rules = rules(shop, room).await?;
    if !rules.open {
        return Err(Error::Conflict("chat-closed", "this chat is closed".into()));
    }
    shop.limits.chat(person.id)?;
    if person.id != rules.seller {
        shop.rooms.may_speak(room, person.id, rules.slow_seconds)?;
    }
    let name = person.shown_name().to_owned();
    let message = Message { id: Id::new(), broadcast_id: room, person_id: person.id, name, text, hidden: false };
    let row = message.clone();
    let stored = transact!(shop.database, [row], |c| {
        if silenced(c, rules.seller, row.person_id).await?.is_some() {
            return Err(Error::Forbidden("the seller muted you"));
        }
        let sql =
            "INSERT INTO chat_messages (id, broadcast_id, person_id, name, text, hidden) VALUES (?, ?, ?, ?, ?, 0)";
        c.execute(sql, args![row.id, row.broadcast_id, row.person_id, row.name, row.text]).await
    });
    stored.await?;
    shop.metrics.messages.inc();
    shop.hub.say(
        room,
        &serde_json::json!({
            "kind": "chat", "id": message.id, "person": person.id, "name": message.name, "text": message.text,
            "seller": person.id == rules.seller, "at": message.id.made_at(),
        }),
    );
    Ok(message)
}

/// Whether a seller silenced somebody: until when, and whether banned.
async fn silenced(c: &mut dyn Connection, seller: Id, person: Id) -> Result<Option<bool>> {
    let sql = "SELECT banned FROM silences WHERE seller_id = ? AND person_id = ? AND ends_at > ?";
    c.cell::<bool>(sql, args![seller, person, clock::now()]).await
}

/// Refuses somebody whom the seller banned from the room.
pub(crate) async fn may_enter(shop: &Shop, person: Option<Id>, room: Id) -> Result<()> {
    let Some(person) = person else { return Ok(()) };
    let Ok(rules) = rules(shop, room).await else { return Ok(()) };
    let banned = read!(shop.database, Committed, [], |c| silenced(c, rules.seller, person).await);
    match banned.await? {
        Some(true) => Err(Error::Forbidden("the seller banned you")),
        Some(false) | None => Ok(()),
    }
}

/// The newest messages, oldest first.
pub(crate) async fn history(c: &mut dyn Connection, room: Id) -> Result<Vec<Message>> {
    let rest = format!("WHERE broadcast_id = ? AND hidden = 0 ORDER BY id DESC LIMIT {HISTORY}");
    let mut messages = c.all::<Message>(&rest, args![room]).await?;
    messages.reverse();
    Ok(messages)
}

/// Takes a message out: its writer, the seller or an admin.
pub(crate) async fn hide(shop: &Shop, person: &Person, room: Id, message: Id) -> Result<()> {
    let seller = rules(shop, room).await?.seller;
    let person = person.clone();
    let done = transact!(shop.database, [person], |c| {
        let found = c.one::<Message>("WHERE id = ? AND broadcast_id = ?", args![message, room]).await?;
        let found = found.ok_or(Error::NotFound("message"))?;
        if person.id != found.person_id {
            person.must_own(seller)?;
        }
        c.execute("UPDATE chat_messages SET hidden = 1 WHERE id = ?", args![message]).await?;
        audit::append(c, Some(person.id), "chat.hide", &message.to_string(), "").await
    });
    done.await?;
    shop.hub.say(room, &serde_json::json!({"kind": "hidden", "id": message}));
    Ok(())
}

/// What silencing takes.
#[derive(Clone, Debug, serde::Deserialize, utoipa::ToSchema)]
pub(crate) struct Silence {
    /// Whom.
    pub(crate) person_id: Id,
    /// For how many seconds, up to a year; zero lets them speak again.
    pub(crate) seconds: i64,
    /// Whether they may not even enter.
    #[serde(default)]
    pub(crate) ban: bool,
}

/// Mutes or bans somebody in all rooms of a seller.
pub(crate) async fn silence(shop: &Shop, person: &Person, room: Id, input: Silence) -> Result<()> {
    if !(0..=366 * DAY / SECOND).contains(&input.seconds) {
        return Err(Error::invalid("seconds", "must be 0 to a year"));
    }
    let seller = rules(shop, room).await?.seller;
    person.must_own(seller)?;
    let (actor, whom) = (person.id, input.person_id);
    let done = transact!(shop.database, [input], |c| {
        crate::people::find(c, whom).await?;
        c.execute("DELETE FROM silences WHERE seller_id = ? AND person_id = ?", args![seller, whom]).await?;
        if input.seconds > 0 {
            let until = clock::now() + input.seconds * SECOND;
            let sql = "INSERT INTO silences (seller_id, person_id, banned, ends_at) VALUES (?, ?, ?, ?)";
            c.execute(sql, args![seller, whom, input.ban, until]).await?;
        }
        let action = if input.ban { "chat.ban" } else { "chat.mute" };
        audit::append(c, Some(actor), action, &whom.to_string(), &input.seconds.to_string()).await
    });
    done.await?;
    if input.ban && input.seconds > 0 {
        shop.hub.say(room, &serde_json::json!({"kind": "banned", "person": whom}));
    }
    Ok(())
}
