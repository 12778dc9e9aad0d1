//! The service's clockwork: what happens without anybody asking.

use std::sync::Arc;
use std::time::Duration;

use crate::Shop;
use crate::auctions;
use crate::clock::{self, DAY};
use crate::error::Result;
use crate::id::Id;
use crate::orders::settle;
use crate::people::sessions;
use crate::store::{args, read, transact};

/// How often a canary row is written; a restored backup's newest one tells how old it is.
const CANARY: i64 = 10 * clock::SECOND;

/// Looks for what is due until the service stops.
pub(crate) async fn run(shop: Arc<Shop>) {
    let (mut swept, mut sung) = (0, 0);
    loop {
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(250)) => {}
            () = shop.stopping() => return,
        }
        let now = clock::now();
        report("reservations could not be ended", settle::expire(&shop).await);
        report("auctions could not be closed", auctions::close_due(&shop).await);
        if now - sung >= CANARY {
            sung = now;
            report("the canary could not be written", canary(&shop).await);
        }
        if now - swept >= sessions::SWEEP_EVERY {
            swept = now;
            report("old rows could not be swept", sessions::sweep(&shop).await);
            shop.limits.sweep();
        }
    }
}

fn report<T>(what: &str, result: Result<T>) {
    if let Err(e) = result {
        tracing::warn!(error = %e, "{what}");
    }
}

async fn canary(shop: &Shop) -> Result<()> {
    let waiting = read!(shop.database, Committed, [], |c| {
        c.number("SELECT COUNT(*) FROM outbox WHERE state = 'waiting'", vec![]).await
    });
    shop.metrics.outbox_waiting(waiting.await?);
    let written = transact!(shop.database, [], |c| {
        let now = clock::now();
        c.execute("DELETE FROM canary WHERE created_at < ?", args![now - DAY]).await?;
        c.execute("INSERT INTO canary (id, created_at) VALUES (?, ?)", args![Id::new(), now]).await
    });
    written.await.map(drop)
}
