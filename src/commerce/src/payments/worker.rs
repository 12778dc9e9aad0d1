//! The outbox worker: tells the provider what a transaction decided, and takes its answers into the books.
//!
//! A message is claimed by pushing its due time forward, so a worker that dies leaves it due again. It is done only in
//! the transaction that books the answer.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;

use super::{Charge, Outcome, Refund, booking};
use crate::Shop;
use crate::clock::{self, MINUTE, SECOND};
use crate::error::Result;
use crate::id::Id;
use crate::store::{args, list, marks, read, transact};

/// How long a claimed message belongs to the worker that claimed it.
const LEASE: i64 = 10 * SECOND;
/// Messages claimed at once.
const BATCH: i64 = 256;
/// Calls to the provider at the same time.
const CALLS: usize = 64;
/// Answers booked in one transaction.
const BOOKED: usize = 64;
/// Unclear answers after which the provider is asked what it knows.
const ASKED_AFTER: i64 = 4;
/// The age of a message that an ended order's charge is given up at.
const FORGOTTEN: i64 = 10 * MINUTE;
/// A provider's answer is waited for this long.
const PATIENCE: Duration = Duration::from_secs(5);

/// A claimed message.
#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) id: Id,
    pub(super) order: Id,
    pub(super) kind: String,
    pub(super) amount: i64,
    pub(super) attempts: i64,
    token: String,
    reference: String,
    /// Whether the order no longer waits for money.
    ended: bool,
    created_at: i64,
}

/// Works until told to stop, then finishes what it claimed.
pub(crate) async fn run(shop: Arc<Shop>) {
    loop {
        let worked = match round(&shop).await {
            Ok(count) => count,
            Err(e) => {
                tracing::warn!(error = %e, "the outbox could not be worked on");
                0
            }
        };
        if worked == BATCH as usize {
            continue;
        }
        let pause = tokio::time::sleep(Duration::from_millis(100));
        tokio::select! {
            () = shop.outbox.notified() => {
                // A moment for company: messages that come together are booked together.
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            () = pause => {}
            () = shop.stopping() => {
                let _ = round(&shop).await;
                return;
            }
        }
    }
}

async fn round(shop: &Shop) -> Result<usize> {
    let messages = claim(shop).await?;
    let count = messages.len();
    let calls = messages.into_iter().map(|message| async {
        let outcome = match tokio::time::timeout(PATIENCE, call(shop, &message)).await {
            Ok(outcome) => outcome,
            Err(_) => Outcome::Unknown("no answer in time".into()),
        };
        (message, outcome)
    });
    let mut answers = futures::stream::iter(calls).buffer_unordered(CALLS).ready_chunks(BOOKED);
    while let Some(answered) = answers.next().await {
        booking::book(shop, answered).await?;
    }
    Ok(count)
}

async fn claim(shop: &Shop) -> Result<Vec<Message>> {
    let now = clock::now();
    let due = read!(shop.database, Committed, [], |c| {
        let sql = "SELECT COUNT(*) FROM (SELECT id FROM outbox WHERE state = 'waiting' AND due_at <= ? LIMIT 1) AS due";
        c.number(sql, args![now]).await
    });
    if due.await? == 0 {
        return Ok(Vec::new());
    }
    let claimed = transact!(shop.database, [], |c| {
        let sql = format!(
            "SELECT id FROM outbox WHERE state = 'waiting' AND due_at <= ? ORDER BY due_at LIMIT {BATCH}{}",
            c.dialect().for_update_skipping()
        );
        let mut ids: Vec<Id> = Vec::new();
        for mut row in c.query(&sql, args![now]).await? {
            ids.push(row.take()?);
        }
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let ids = list(ids);
        let marks = marks(ids.len());
        let sql = format!("UPDATE outbox SET due_at = ?, attempts = attempts + 1 WHERE id IN ({marks})");
        c.execute(&sql, [args![now + LEASE], ids.clone()].concat()).await?;
        let sql = format!(
            "SELECT outbox.id, outbox.order_id, outbox.kind, outbox.amount, outbox.attempts, COALESCE(orders.token, ''),
                COALESCE(charges.reference, ''), orders.state <> 'pending', outbox.created_at FROM outbox JOIN orders ON orders.id = outbox.order_id
                LEFT JOIN charges ON charges.order_id = outbox.order_id WHERE outbox.id IN ({marks})"
        );
        let mut messages = Vec::new();
        for mut row in c.query(&sql, ids).await? {
            messages.push(Message {
                id: row.take()?,
                order: row.take()?,
                kind: row.take()?,
                amount: row.take()?,
                attempts: row.take()?,
                token: row.take()?,
                reference: row.take()?,
                ended: row.take()?,
                created_at: row.take()?,
            });
        }
        Ok(messages)
    });
    claimed.await
}

async fn call(shop: &Shop, message: &Message) -> Outcome {
    let (order, amount) = (message.order, message.amount);
    if message.kind == "refund" {
        return shop.provider.refund(Refund { order, amount, reference: message.reference.clone() }).await;
    }
    // After some unclear answers the provider is asked what became of the charge before it is sent again; and an order
    // that ended long ago is charged no more if the provider never heard of it.
    if message.attempts > ASKED_AFTER {
        match shop.provider.look_up(order, &message.token).await {
            Ok(Some(outcome @ (Outcome::Done { .. } | Outcome::Declined(_)))) => return outcome,
            Ok(None | Some(Outcome::Unknown(_))) if message.ended && clock::now() - message.created_at > FORGOTTEN => {
                return Outcome::Declined("the order ended before any money moved".into());
            }
            Ok(None | Some(Outcome::Unknown(_))) => {}
            Err(e) => return Outcome::Unknown(e.to_string()),
        }
    }
    shop.provider.charge(Charge { order, amount, token: message.token.clone() }).await
}
