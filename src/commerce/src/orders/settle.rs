//! Carrying out a step of an order: the state, the stock, the ledger and the outbox change together or not at all.

use super::state::{self, Change, Next, Step};
use super::{Delivery, Full, Method, Order, State};
use crate::Shop;
use crate::clock;
use crate::error::{Error, Result};
use crate::id::Id;
use crate::live::hub;
use crate::operations::{audit, events};
use crate::orders::ledger::{self, Kind};
use crate::orders::rows::tell_provider;
use crate::people::Person;
use crate::store::{Connection, args, read, transact};

/// What a step did.
pub(crate) struct Settled {
    /// The order as it is now.
    pub(crate) order: Order,
    /// Whether anything changed.
    pub(crate) changed: bool,
    /// Products whose stock grew, and what it is now.
    pub(crate) stocks: Vec<(Id, i64)>,
}

/// Carries out a step inside a transaction.
pub(crate) async fn settle(c: &mut dyn Connection, id: Id, step: Step, reason: Option<&str>) -> Result<Settled> {
    let rest = format!("WHERE id = ?{}", c.dialect().for_update());
    let mut order = c.one::<Order>(&rest, args![id]).await?.ok_or(Error::NotFound("order"))?;
    let change = match state::next(order.state, step) {
        Next::Change(change) => change,
        Next::Nothing => return Ok(Settled { order, changed: false, stocks: Vec::new() }),
        Next::Refused => {
            let text = format!("an order that is {} cannot be {step}", order.state);
            return Err(Error::Conflict("wrong-state", text));
        }
    };
    let Change { to, release, refund } = change;
    let now = clock::now();
    let sql = "UPDATE orders SET state = ?, released = ?, reason = ?, settled_at = ? WHERE id = ? AND state = ?";
    let reason = reason.map(str::to_owned).or(order.reason.take());
    let released = order.released || release;
    let values = args![to, released, reason.clone(), now, id, order.state];
    if c.execute(sql, values).await? == 0 {
        return Err(Error::Unavailable("the order changed meanwhile: try again".into()));
    }
    let mut stocks = Vec::new();
    if release && !order.released {
        for line in super::lines(c, id).await? {
            let sql = "UPDATE products SET stock = stock + ? WHERE id = ?";
            c.execute(sql, args![line.quantity, line.product_id]).await?;
            let left = c.number("SELECT stock FROM products WHERE id = ?", args![line.product_id]).await?;
            stocks.push((line.product_id, left));
        }
        // A charge that was never sent need not be.
        let sql = "UPDATE outbox SET state = 'void' WHERE order_id = ? AND kind = 'charge' AND state = 'waiting' AND attempts = 0";
        c.execute(sql, args![id]).await?;
    }
    if to == State::Paid && order.method == Method::Online {
        ledger::add(c, order.seller_id, Kind::Sale, id, order.total).await?;
        ledger::add(c, order.seller_id, Kind::Commission, id, -order.commission).await?;
    }
    if refund {
        if order.state == State::Paid {
            ledger::add(c, order.seller_id, Kind::Refund, id, -order.total).await?;
            ledger::add(c, order.seller_id, Kind::CommissionBack, id, order.commission).await?;
        }
        let charged = c.number("SELECT amount FROM charges WHERE order_id = ?", args![id]).await?;
        tell_provider(c, id, "refund", charged).await?;
    }
    order.state = to;
    order.released = released;
    order.reason = reason;
    order.settled_at = Some(now);
    Ok(Settled { order, changed: true, stocks })
}

/// Tells everybody who watches what a step did. Called after the commit.
pub(crate) fn announce(shop: &Shop, settled: &Settled) {
    if !settled.changed {
        return;
    }
    for (product, stock) in &settled.stocks {
        hub::stock(shop, *product, *stock);
    }
    match settled.order.state {
        State::Paid => shop.metrics.paid.inc(),
        State::Refunding => {
            shop.outbox.notify_one();
            shop.metrics.refunds.inc()
        }
        State::Pending | State::Failed | State::Expired | State::Cancelled | State::Refunded => 0,
    };
    events::order(shop, &format!("order.{}", settled.order.state), &settled.order);
}

/// The buyer or the seller calls an order off before it is paid.
pub(crate) async fn cancel(shop: &Shop, person: &Person, id: Id) -> Result<Full> {
    let person = person.clone();
    let done = transact!(shop.database, [person], |c| {
        let before = super::find(c, &person, id).await?;
        let settled = settle(c, id, Step::Cancel, None).await?;
        Ok((settled, before.lines))
    });
    let (settled, lines) = done.await?;
    announce(shop, &settled);
    Ok(Full { order: settled.order, lines })
}

/// The money goes back: at once for a buyer whose goods never left; after that the buyer asks and the seller grants.
pub(crate) async fn refund(shop: &Shop, person: &Person, id: Id) -> Result<Full> {
    let person = person.clone();
    let done = transact!(shop.database, [person], |c| {
        let before = super::find(c, &person, id).await?;
        let order = before.order;
        if order.method == Method::Meet {
            return Err(Error::Conflict("wrong-state", "what was paid by hand is given back by hand".into()));
        }
        let sent = order.delivery != Delivery::None;
        let grants = person.id == order.seller_id || person.is_admin();
        if sent && !grants {
            let sql = "UPDATE orders SET wants_refund = 1 WHERE id = ? AND state = 'paid'";
            if c.execute(sql, args![id]).await? == 0 {
                return Err(Error::Conflict("wrong-state", "this order cannot be refunded".into()));
            }
            return Ok((
                Settled { order: Order { wants_refund: true, ..order }, changed: false, stocks: vec![] },
                before.lines,
            ));
        }
        let step = if sent { Step::RefundSent } else { Step::RefundUnsent };
        let settled = settle(c, id, step, None).await?;
        audit::append(c, Some(person.id), "order.refund", &id.to_string(), step.word()).await?;
        Ok((settled, before.lines))
    });
    let (settled, lines) = done.await?;
    announce(shop, &settled);
    Ok(Full { order: settled.order, lines })
}

/// Moves the goods on: the seller ships, the buyer receives.
pub(crate) async fn deliver(shop: &Shop, person: &Person, id: Id) -> Result<Full> {
    let person = person.clone();
    let done = transact!(shop.database, [person], |c| {
        let order = super::find(c, &person, id).await?.order;
        let (from, to) = if person.id == order.seller_id {
            (Delivery::None, Delivery::Shipped)
        } else {
            (Delivery::Shipped, Delivery::Received)
        };
        if person.id != order.seller_id && person.id != order.buyer_id {
            return Err(Error::Forbidden("only the buyer and the seller may do this"));
        }
        let sql =
            "UPDATE orders SET delivery = ? WHERE id = ? AND delivery = ? AND state = 'paid' AND method = 'online'";
        if c.execute(sql, args![to, id, from]).await? == 0 {
            return Err(Error::Conflict("wrong-state", format!("this order cannot be {to} now")));
        }
        super::find(c, &person, id).await
    });
    done.await
}

/// Ends the reservations nobody paid for; how many.
pub(crate) async fn expire(shop: &Shop) -> Result<usize> {
    let now = clock::now();
    let due = read!(shop.database, Committed, [], |c| {
        let sql = "SELECT id FROM orders WHERE state = 'pending' AND expires_at <= ? ORDER BY expires_at LIMIT 200";
        c.query(sql, args![now]).await?.iter_mut().map(|row| row.take::<Id>()).collect::<Result<Vec<Id>>>()
    });
    let due = due.await?;
    let mut count = 0;
    for id in due {
        let done = transact!(shop.database, [], |c| settle(c, id, Step::Expire, None).await);
        let settled = done.await?;
        count += usize::from(settled.changed);
        announce(shop, &settled);
    }
    Ok(count)
}
