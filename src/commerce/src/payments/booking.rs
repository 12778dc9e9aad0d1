//! Taking a provider's answers into the books. Answers that come together and say what was expected are booked in a few
//! statements for all of them; anything else is booked by itself, step by step.

use std::sync::Arc;

use super::Outcome;
use super::worker::Message;
use crate::Shop;
use crate::clock::{self, SECOND};
use crate::error::{Error, Result};
use crate::id::Id;
use crate::orders::ledger::{self, Kind};
use crate::orders::settle::{self, Settled, settle};
use crate::orders::state::{self, Next, Step};
use crate::orders::{Method, Order, State};
use crate::store::{Connection, args, list, marks, transact};

/// The longest pause before a message is tried again.
const LONGEST_PAUSE: i64 = 5 * SECOND;

/// Books what the provider answered.
pub(super) async fn book(shop: &Shop, answered: Vec<(Message, Outcome)>) -> Result<()> {
    for (message, outcome) in &answered {
        if let Outcome::Unknown(reason) = outcome {
            shop.metrics.payment_retries.inc();
            tracing::debug!(order = %message.order, attempts = message.attempts, reason, "a payment call is repeated");
        }
    }
    let expected = |(message, outcome): &(Message, Outcome)| {
        message.kind == "charge" && matches!(outcome, Outcome::Done { amount, .. } if *amount == message.amount)
    };
    let (plain, odd): (Vec<_>, Vec<_>) = answered.into_iter().partition(expected);
    let plain = Arc::new(plain);
    if !plain.is_empty() {
        let booked = transact!(shop.database, [plain], |c| together(c, &plain).await);
        match booked.await {
            Ok(settled) => settled.iter().for_each(|settled| settle::announce(shop, settled)),
            Err(Error::Conflict("apart", _)) => one_by_one(shop, plain).await?,
            Err(e) => return Err(e),
        }
    }
    if odd.is_empty() { Ok(()) } else { one_by_one(shop, Arc::new(odd)).await }
}

async fn one_by_one(shop: &Shop, answered: Arc<Vec<(Message, Outcome)>>) -> Result<()> {
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

/// Books charges of orders that wait for nothing else. Any surprise undoes it all.
async fn together(c: &mut dyn Connection, answered: &[(Message, Outcome)]) -> Result<Vec<Settled>> {
    let apart = |why: &str| Error::Conflict("apart", why.to_owned());
    let wanted = answered.len() as u64;
    let ids = list(answered.iter().map(|(message, _)| message.order));
    let rest = format!("WHERE id IN ({}) ORDER BY id{}", marks(ids.len()), c.dialect().for_update());
    let orders: Vec<Order> = c.all(&rest, ids.clone()).await?;
    let waits = |order: &Order| {
        order.method == Method::Online
            && matches!(state::next(order.state, Step::Charged), Next::Change(change) if change.to == State::Paid)
    };
    if orders.len() != answered.len() || !orders.iter().all(waits) {
        return Err(apart("an order does not wait for its payment"));
    }
    let messages = list(answered.iter().map(|(message, _)| message.id));
    let sql = format!("UPDATE outbox SET state = 'done' WHERE state = 'waiting' AND id IN ({})", marks(messages.len()));
    if c.execute(&sql, messages).await? != wanted {
        return Err(apart("a message was answered before"));
    }
    let now = clock::now();
    let charges = answered.iter().flat_map(|(message, outcome)| match outcome {
        Outcome::Done { reference, amount } => args![message.order, reference, *amount, 0, now],
        Outcome::Declined(_) | Outcome::Unknown(_) => Vec::new(),
    });
    let head = format!("{} {CHARGES}", c.dialect().insert_or_skip());
    if c.insert(&head, 5, charges.collect()).await? != wanted {
        return Err(apart("a charge was known before"));
    }
    let sql = format!(
        "UPDATE orders SET state = 'paid', settled_at = ? WHERE state = 'pending' AND id IN ({})",
        marks(ids.len())
    );
    if c.execute(&sql, [args![now], ids].concat()).await? != wanted {
        return Err(apart("an order changed meanwhile"));
    }
    let owed = orders
        .iter()
        .flat_map(|order| [(order, Kind::Sale, order.total), (order, Kind::Commission, -order.commission)]);
    ledger::add_all(c, owed.map(|(order, kind, amount)| (order.seller_id, kind, order.id, amount))).await?;
    let paid = |order: Order| Order { state: State::Paid, settled_at: Some(now), ..order };
    let settled = |order| Settled { order: paid(order), changed: true, stocks: Vec::new() };
    Ok(orders.into_iter().map(settled).collect())
}

/// Where charges go.
const CHARGES: &str = "INTO charges (order_id, reference, amount, refunded, created_at)";

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
            let head = format!("{} {CHARGES}", c.dialect().insert_or_skip());
            c.insert(&head, 5, args![order, reference, *amount, 0, clock::now()]).await?;
            let step = if *amount == expected { Step::Charged } else { Step::Mischarged };
            settle(c, order, step, None).await.map(Some)
        }
    }
}
