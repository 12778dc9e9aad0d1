//! Direct deals: the buyer reserves, they meet, and it is done when both say so.

use super::settle::{announce, settle};
use super::state::Step;
use super::{Full, Method, State};
use crate::Shop;
use crate::error::{Error, Result};
use crate::id::Id;
use crate::people::Person;
use crate::store::{args, transact};

/// One side says that thing and money changed hands.
pub(crate) async fn confirm(shop: &Shop, person: &Person, id: Id) -> Result<Full> {
    let person = person.clone();
    let done = transact!(shop.database, [person], |c| {
        let order = super::find(c, &person, id).await?.order;
        if order.method != Method::Meet || order.state != State::Pending {
            return Err(Error::Conflict("wrong-state", "this is not a deal that waits for a meeting".into()));
        }
        let sql = match person.id {
            side if side == order.buyer_id => {
                "UPDATE orders SET buyer_confirmed = 1 WHERE id = ? AND state = 'pending'"
            }
            side if side == order.seller_id => {
                "UPDATE orders SET seller_confirmed = 1 WHERE id = ? AND state = 'pending'"
            }
            _ => return Err(Error::Forbidden("only the buyer and the seller may do this")),
        };
        // The write locks the order, so that of two confirmations the later one sees the other.
        c.execute(sql, args![id]).await?;
        let both = "SELECT buyer_confirmed * seller_confirmed FROM orders WHERE id = ?";
        let settled = match c.number(both, args![id]).await? {
            0 => None,
            _ => Some(settle(c, id, Step::HandedOver, None).await?),
        };
        Ok((super::find(c, &person, id).await?, settled))
    });
    let (full, settled) = done.await?;
    if let Some(settled) = settled {
        announce(shop, &settled);
    }
    Ok(full)
}
