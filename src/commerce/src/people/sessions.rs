//! Sessions: a random token in a cookie (or a bearer header), its hash in the database, and a short-lived memory of
//! who it is, because every request asks.
//!
//! Another node learns of a log-out or a changed role when its memory of the session runs out, two seconds later.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use super::Person;
use crate::Shop;
use crate::clock::{self, DAY, HOUR, MINUTE, SECOND};
use crate::error::Result;
use crate::id::Id;
use crate::secret;
use crate::store::{args, read, transact};

/// A session dies when it was not used for this long.
const IDLE: i64 = 14 * DAY;
/// A session dies this long after the log-in.
pub(crate) const ABSOLUTE: i64 = 60 * DAY;
/// How long the memory of a session is believed.
const BELIEVED: i64 = 2 * SECOND;
/// Sessions remembered at most.
const REMEMBERED: usize = 50_000;

/// Somebody's open session.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    /// Whose it is.
    pub(crate) person: Arc<Person>,
    /// The token that forms must carry.
    pub(crate) csrf: String,
    /// The stored hash of the session's token.
    pub(crate) hash: String,
}

/// The memory of sessions.
#[derive(Default)]
pub(crate) struct Remembered(Mutex<HashMap<String, (i64, Session)>>);

impl Remembered {
    fn find(&self, hash: &str) -> Option<Session> {
        let memory = self.0.lock().ok()?;
        memory.get(hash).filter(|(until, _)| *until > clock::now()).map(|(_, session)| session.clone())
    }

    fn keep(&self, session: &Session) {
        if let Ok(mut memory) = self.0.lock() {
            let now = clock::now();
            if memory.len() >= REMEMBERED {
                memory.retain(|_, (until, _)| *until > now);
            }
            if memory.len() < REMEMBERED {
                memory.insert(session.hash.clone(), (now + BELIEVED, session.clone()));
            }
        }
    }

    /// Forgets a session that ended.
    pub(crate) fn forget(&self, hash: &str) {
        if let Ok(mut memory) = self.0.lock() {
            memory.remove(hash);
        }
    }

    /// Forgets what was known of a person.
    pub(crate) fn forget_person(&self, id: Id) {
        if let Ok(mut memory) = self.0.lock() {
            memory.retain(|_, (_, session)| session.person.id != id);
        }
    }
}

/// Opens a session; the token is told only here.
pub(crate) async fn open(shop: &Shop, person: Person) -> Result<(String, Session)> {
    let token = secret::token();
    let session = Session { person: Arc::new(person), csrf: secret::token(), hash: secret::digest(&token) };
    let row = session.clone();
    let stored = transact!(shop.database, [row], |c| {
        let sql = "INSERT INTO sessions (token, person_id, csrf, created_at, seen_at) VALUES (?, ?, ?, ?, ?)";
        c.execute(sql, args![row.hash, row.person.id, row.csrf, clock::now(), clock::now()]).await
    });
    stored.await?;
    Ok((token, session))
}

/// The session of a token.
pub(crate) async fn find(shop: &Shop, token: &str) -> Result<Option<Session>> {
    let hash = secret::digest(token);
    if let Some(session) = shop.sessions.find(&hash) {
        return Ok(Some(session));
    }
    let wanted = hash.clone();
    let found = read!(shop.database, Committed, [wanted], |c| {
        let sql = "SELECT person_id, csrf, created_at, seen_at FROM sessions WHERE token = ?";
        let Some(mut row) = c.query(sql, args![wanted]).await?.into_iter().next() else { return Ok(None) };
        let (person, csrf): (Id, String) = (row.take()?, row.take()?);
        let (created, seen): (i64, i64) = (row.take()?, row.take()?);
        Ok(Some((super::find(c, person).await?, csrf, created, seen)))
    });
    let Some((person, csrf, created, seen)) = found.await? else { return Ok(None) };
    let now = clock::now();
    if person.suspended || seen + IDLE < now || created + ABSOLUTE < now {
        return Ok(None);
    }
    if seen + HOUR < now {
        let wanted = hash.clone();
        let touched = transact!(shop.database, [wanted], |c| {
            c.execute("UPDATE sessions SET seen_at = ? WHERE token = ?", args![now, wanted]).await
        });
        touched.await?;
    }
    let session = Session { person: Arc::new(person), csrf, hash };
    shop.sessions.keep(&session);
    Ok(Some(session))
}

/// Ends a session.
pub(crate) async fn close(shop: &Shop, session: &Session) -> Result<()> {
    let hash = session.hash.clone();
    let ended =
        transact!(shop.database, [hash], |c| c.execute("DELETE FROM sessions WHERE token = ?", args![hash]).await);
    ended.await?;
    shop.sessions.forget(&session.hash);
    Ok(())
}

/// Removes sessions that died.
pub(crate) async fn sweep(shop: &Shop) -> Result<()> {
    let now = clock::now();
    let swept = transact!(shop.database, [], |c| {
        c.execute("DELETE FROM sessions WHERE seen_at < ? OR created_at < ?", args![now - IDLE, now - ABSOLUTE])
            .await?;
        c.execute("DELETE FROM taken WHERE created_at < ?", args![now - 8 * DAY]).await?;
        c.execute("DELETE FROM idempotency WHERE created_at < ?", args![now - DAY]).await
    });
    swept.await.map(drop)
}

/// How often dead sessions are looked for.
pub(crate) const SWEEP_EVERY: i64 = 10 * MINUTE;
