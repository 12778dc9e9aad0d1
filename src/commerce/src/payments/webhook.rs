//! What providers say by themselves. A notice is only a hint: the provider is asked what is true, and the answer is
//! booked like any other.

use std::sync::Arc;

use super::{Outcome, booking};
use crate::Shop;
use crate::error::{Error, Result};
use crate::orders::Order;
use crate::orders::settle;
use crate::store::{args, read, transact};

/// Takes a webhook call.
pub(crate) async fn take(shop: &Shop, headers: &axum::http::HeaderMap, body: &[u8]) -> Result<()> {
    let notice = shop.provider.notice(headers, body)?;
    let order = notice.order;
    let known = read!(shop.database, Committed, [], |c| {
        let token: Option<Option<String>> = c.cell("SELECT token FROM orders WHERE id = ?", args![order]).await?;
        Ok((c.one::<Order>("WHERE id = ?", args![order]).await?, token.flatten()))
    });
    // A notice about an order of another shop is none of ours.
    let (Some(found), token) = known.await? else { return Ok(()) };
    let Some(outcome) = shop.provider.look_up(order, token.as_deref().unwrap_or("")).await? else { return Ok(()) };
    if matches!(outcome, Outcome::Unknown(_)) {
        return Ok(());
    }
    let total = found.total;
    let booked = transact!(shop.database, [outcome], |c| {
        // The message in the outbox is answered by this too.
        let sql = "UPDATE outbox SET state = 'done' WHERE order_id = ? AND kind = 'charge' AND state = 'waiting'";
        let answered = c.execute(sql, args![order]).await? == 1;
        // Money that moved after the message was given up is booked all the same: it has to go back.
        if !answered && !matches!(outcome, Outcome::Done { .. }) {
            return Ok(None);
        }
        booking::charged(c, order, total, &outcome).await
    });
    if let Some(settled) = booked.await? {
        settle::announce(shop, &settled);
    }
    tracing::debug!(notice = notice.id, order = %order, "a payment notice was taken");
    Ok(())
}

/// Hands the built-in provider's calls to the shop, as the network would.
pub(crate) async fn listen(shop: Arc<Shop>) {
    let Some(mut inbox) = shop.provider.built_in().and_then(|provider| provider.inbox()) else { return };
    while let Some((signature, body)) = inbox.recv().await {
        let mut headers = axum::http::HeaderMap::new();
        if let Ok(value) = signature.parse() {
            headers.insert("test-signature", value);
        }
        match take(&shop, &headers, body.as_bytes()).await {
            Ok(()) => {}
            Err(Error::Unavailable(e)) => tracing::debug!(e, "a payment notice was lost"),
            Err(e) => tracing::warn!(error = %e, "a payment notice was refused"),
        }
    }
}
