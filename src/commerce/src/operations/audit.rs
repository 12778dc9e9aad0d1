//! The audit log: a chain in which each entry's hash covers the one before, so that an entry changed or taken out
//! later shows. Only deeds that need answering for are in it; sales have their own ledger.

use crate::clock;
use crate::error::{Error, Result};
use crate::id::Id;
use crate::secret::digest;
use crate::store::{Connection, args, record};

record! {
    /// One deed.
    Entry from "audit" {
        /// Place in the chain, from 1 without gaps.
        number: i64,
        /// When.
        created_at: i64,
        /// Who; none for the service itself.
        actor_id: Option<Id>,
        /// What was done.
        action: String,
        /// To what.
        subject: String,
        /// More about it.
        detail: String,
        /// The hash of the entry before.
        previous: String,
        /// The hash of this entry.
        hash: String,
    }
}

impl Entry {
    fn expected(&self) -> String {
        let actor = self.actor_id.map(|id| id.to_string()).unwrap_or_default();
        let parts = [&self.number.to_string(), &self.created_at.to_string(), &actor, &self.action, &self.subject];
        let fields: Vec<String> = parts.into_iter().chain([&self.detail, &self.previous]).cloned().collect();
        // JSON keeps fields apart whatever they contain.
        digest(&serde_json::to_string(&fields).unwrap_or_default())
    }
}

/// Appends a deed inside the transaction that does it.
pub(crate) async fn append(
    c: &mut dyn Connection,
    actor: Option<Id>,
    action: &str,
    subject: &str,
    detail: &str,
) -> Result<()> {
    // The head row is the chain's lock: taken by a write, so that two transactions cannot append to the same entry.
    c.execute("UPDATE audit_head SET number = number + 1 WHERE id = 1", vec![]).await?;
    let rows = c.query("SELECT number, hash FROM audit_head WHERE id = 1", vec![]).await?;
    let mut row = rows.into_iter().next().ok_or_else(|| Error::Internal("the audit chain has no head".into()))?;
    let mut entry = Entry {
        number: row.take()?,
        created_at: clock::now(),
        actor_id: actor,
        action: action.to_owned(),
        subject: subject.to_owned(),
        detail: detail.chars().take(500).collect(),
        previous: row.take()?,
        hash: String::new(),
    };
    entry.hash = entry.expected();
    c.execute("UPDATE audit_head SET hash = ? WHERE id = 1", args![&entry.hash]).await?;
    let sql = "INSERT INTO audit (number, created_at, actor_id, action, subject, detail, previous, hash)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
    let e = entry;
    let values = args![e.number, e.created_at, e.actor_id, e.action, e.subject, e.detail, e.previous, e.hash];
    c.execute(sql, values).await.map(drop)
}

/// Walks the chain; the number of entries, or what is wrong with it.
pub(crate) async fn verify(c: &mut dyn Connection) -> Result<Result<i64, String>> {
    let (mut number, mut previous) = (0, String::new());
    loop {
        let page = c.all::<Entry>("WHERE number > ? ORDER BY number LIMIT 1000", args![number]).await?;
        if page.is_empty() {
            break;
        }
        for entry in page {
            if entry.number != number + 1 {
                return Ok(Err(format!("entry {} is missing", number + 1)));
            }
            if entry.previous != previous || entry.hash != entry.expected() {
                return Ok(Err(format!("entry {} was changed", entry.number)));
            }
            (number, previous) = (entry.number, entry.hash);
        }
    }
    let head: Option<String> = c.cell("SELECT hash FROM audit_head WHERE id = 1", vec![]).await?;
    if head.as_deref() != Some(previous.as_str()) {
        return Ok(Err("the chain was cut at its end".into()));
    }
    Ok(Ok(number))
}
