//! Stream keys: what a seller's encoder shows to the media server. Shown once, stored hashed, one alive per seller.

use crate::Shop;
use crate::clock;
use crate::error::{Error, Result};
use crate::id::Id;
use crate::operations::audit;
use crate::people::Person;
use crate::secret;
use crate::store::{Connection, args, read, record, transact};

record! {
    /// A key as its owner may see it later.
    StreamKey from "stream_keys" {
        /// Identity, not secret.
        id: Id,
        /// Whose it is.
        person_id: Id,
        /// Its last letters, to tell it from another.
        hint: String,
        /// When it was made.
        created_at: i64,
        /// When it stopped working.
        revoked_at: Option<i64>,
    }
}

/// A new key with its secret, told once.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
pub(crate) struct NewKey {
    /// The secret to put into the encoder.
    pub(crate) secret: String,
    /// The key.
    pub(crate) key: StreamKey,
}

/// Makes a key and ends the one before.
pub(crate) async fn rotate(shop: &Shop, person: &Person) -> Result<NewKey> {
    person.must_sell()?;
    let secret = format!("sk_live_{}", secret::token());
    let key = StreamKey {
        id: Id::new(),
        person_id: person.id,
        hint: secret[secret.len() - 4..].to_owned(),
        created_at: clock::now(),
        revoked_at: None,
    };
    let (hash, row) = (secret::digest(&secret), key.clone());
    let stored = transact!(shop.database, [hash, row], |c| {
        end(c, row.person_id).await?;
        let sql = "INSERT INTO stream_keys (id, person_id, hash, hint, created_at) VALUES (?, ?, ?, ?, ?)";
        c.execute(sql, args![row.id, row.person_id, hash, &row.hint, row.created_at]).await?;
        audit::append(c, Some(row.person_id), "stream-key.rotate", &row.id.to_string(), &row.hint).await
    });
    stored.await?;
    Ok(NewKey { secret, key })
}

async fn end(c: &mut dyn Connection, person: Id) -> Result<u64> {
    let sql = "UPDATE stream_keys SET revoked_at = ? WHERE person_id = ? AND revoked_at IS NULL";
    c.execute(sql, args![clock::now(), person]).await
}

/// Ends the key that works.
pub(crate) async fn revoke(shop: &Shop, person: &Person) -> Result<()> {
    let id = person.id;
    let ended = transact!(shop.database, [], |c| {
        if end(c, id).await? == 0 {
            return Err(Error::NotFound("stream key"));
        }
        audit::append(c, Some(id), "stream-key.revoke", &id.to_string(), "").await
    });
    ended.await
}

/// The key that works.
pub(crate) async fn current(shop: &Shop, person: &Person) -> Result<Option<StreamKey>> {
    let id = person.id;
    read!(shop.database, Committed, [], |c| {
        c.one::<StreamKey>("WHERE person_id = ? AND revoked_at IS NULL", args![id]).await
    })
    .await
}
