//! The outbox worker: tells the provider what a transaction decided, and takes its answers into the books.
//!
//! A message is claimed by pushing its due time forward, so a worker that dies leaves it due again. It is done only in
//! the transaction that books the answer.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;

use super::{Charge, Outcome, Refund};
use crate::Shop;
use crate::clock::{self, SECOND};
use crate::error::Result;
use crate::id::Id;
use crate::orders::settle::{self, Settled, settle};
use crate::orders::state::Step;
use crate::store::{Connection, Value, args, read, transact};

/// How long a claimed message belongs to the worker that claimed it.
const LEASE: i64 = 10 * SECOND;
/// Messages claimed at once.
const BATCH: i64 = 256;
/// Calls to the provider at the same time.
const CALLS: usize = 64;
/// Answers booked in one transaction.
const BOOKED: usize = 64;
/// The longest pause before a message is tried again.
const LONGEST_PAUSE: i64 = 5 * SECOND;
/// A provider's answer is waited for this long.
const PATIENCE: Duration = Duration::from_secs(5);

/// A claimed message.
#[derive(Clone, Debug)]
struct Message {
    id: Id,
    order: Id,
    kind: String,
    amount: i64,
    attempts: i64,
    token: String,
    reference: String,
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
        book(shop, answered).await?;
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
        let mut ids: Vec<Value> = Vec::new();
        for mut row in c.query(&sql, args![now]).await? {
            ids.push(row.take::<Id>()?.into());
        }
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let marks = vec!["?"; ids.len()].join(", ");
        let sql = format!("UPDATE outbox SET due_at = ?, attempts = attempts + 1 WHERE id IN ({marks})");
        let values = std::iter::once(Value::from(now + LEASE)).chain(ids.iter().cloned()).collect();
        c.execute(&sql, values).await?;
        let sql = format!(
            "SELECT outbox.id, outbox.order_id, outbox.kind, outbox.amount, outbox.attempts, COALESCE(orders.token, ''),
                COALESCE(charges.reference, '') FROM outbox JOIN orders ON orders.id = outbox.order_id
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
    shop.provider.charge(Charge { order, amount, token: message.token.clone() }).await
}

async fn book(shop: &Shop, answered: Vec<(Message, Outcome)>) -> Result<()> {
    for (message, outcome) in &answered {
        if let Outcome::Unknown(reason) = outcome {
            shop.metrics.payment_retries.inc();
            tracing::debug!(order = %message.order, attempts = message.attempts, reason, "a payment call is repeated");
        }
    }
    let answered = Arc::new(answered);
    let booked = transact!(shop.database, [answered], |c| {
        let mut all = Vec::new();
        for (message, outcome) in answered.iter() {
            all.extend(book_one(c, message, outcome).await?);
        }
        Ok(all)
    });
    for settled in booked.await? {
        settle::announce(shop, &settled);
    }
    Ok(())
}

async fn book_one(c: &mut dyn Connection, message: &Message, outcome: &Outcome) -> Result<Option<Settled>> {
    let done = "UPDATE outbox SET state = 'done' WHERE id = ? AND state = 'waiting'";
    match (outcome, message.kind.as_str()) {
        (Outcome::Unknown(_), _) => {
            let pause = (100 << message.attempts.clamp(0, 10)).min(LONGEST_PAUSE);
            let sql = "UPDATE outbox SET due_at = ? WHERE id = ? AND state = 'waiting'";
            c.execute(sql, args![clock::now() + pause, message.id]).await?;
            Ok(None)
        }
        (Outcome::Done { .. }, "refund") => {
            if c.execute(done, args![message.id]).await? == 0 {
                return Ok(None);
            }
            let sql = "UPDATE charges SET refunded = ? WHERE order_id = ?";
            c.execute(sql, args![message.amount, message.order]).await?;
            settle(c, message.order, Step::Refunded, None).await.map(Some)
        }
        (Outcome::Declined(reason), "refund") => {
            // Money that cannot be sent back needs a person: the message stays, visibly, and is not repeated.
            let sql = "UPDATE outbox SET state = 'stuck' WHERE id = ? AND state = 'waiting'";
            c.execute(sql, args![message.id]).await?;
            tracing::error!(order = %message.order, reason, "the provider refuses a refund");
            Ok(None)
        }
        (outcome, _) => {
            if c.execute(done, args![message.id]).await? == 0 {
                return Ok(None);
            }
            charged(c, message.order, message.amount, outcome).await
        }
    }
}

/// Books what became of a charge, learned from its answer, a webhook or a question.
pub(crate) async fn charged(
    c: &mut dyn Connection,
    order: Id,
    expected: i64,
    outcome: &Outcome,
) -> Result<Option<Settled>> {
    match outcome {
        Outcome::Unknown(_) => Ok(None),
        Outcome::Declined(reason) => {
            let reason: String = reason.chars().take(190).collect();
            settle(c, order, Step::Declined, Some(&reason)).await.map(Some)
        }
        Outcome::Done { reference, amount } => {
            let sql = format!(
                "{} INTO charges (order_id, reference, amount, refunded, created_at) VALUES (?, ?, ?, 0, ?)",
                c.dialect().insert_or_skip()
            );
            c.execute(&sql, args![order, reference, *amount, clock::now()]).await?;
            let step = if *amount == expected { Step::Charged } else { Step::Mischarged };
            settle(c, order, step, None).await.map(Some)
        }
    }
}
