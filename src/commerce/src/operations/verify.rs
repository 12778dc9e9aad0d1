//! The books, checked: what must hold in every database of the shop at every moment, and so after every restore.

use std::collections::BTreeMap;

use crate::clock;
use crate::error::Result;
use crate::operations::audit;
use crate::store::{Connection, Database, read};

/// What was found.
#[derive(Clone, Debug, serde::Serialize)]
pub(crate) struct Report {
    /// Whether everything holds.
    pub(crate) ok: bool,
    /// What does not hold.
    pub(crate) problems: Vec<String>,
    /// Rows in each table.
    pub(crate) rows: BTreeMap<&'static str, i64>,
    /// Entries of the audit chain.
    pub(crate) audit_entries: i64,
    /// Age in milliseconds of the newest row the service wrote by itself: how old a restored backup is.
    pub(crate) newest_canary_age_ms: Option<i64>,
    /// Orders that are paid for and charges that say so.
    pub(crate) paid_orders: i64,
    /// Charges that were not given back.
    pub(crate) charges: i64,
    /// Messages that still wait for the provider.
    pub(crate) waiting: i64,
}

const TABLES: &[&str] = &[
    "people",
    "sessions",
    "stream_keys",
    "categories",
    "products",
    "images",
    "cart_lines",
    "orders",
    "order_lines",
    "idempotency",
    "outbox",
    "charges",
    "test_charges",
    "ledger",
    "ads",
    "reviews",
    "auctions",
    "bids",
    "broadcasts",
    "broadcast_products",
    "comments",
    "chat_messages",
    "silences",
    "taken",
    "audit",
    "canary",
];

/// Table, column and the table it points to.
const REFERENCES: &[(&str, &str, &str)] = &[
    ("sessions", "person_id", "people"),
    ("stream_keys", "person_id", "people"),
    ("products", "seller_id", "people"),
    ("products", "category_id", "categories"),
    ("images", "product_id", "products"),
    ("orders", "buyer_id", "people"),
    ("orders", "seller_id", "people"),
    ("order_lines", "order_id", "orders"),
    ("order_lines", "product_id", "products"),
    ("outbox", "order_id", "orders"),
    ("charges", "order_id", "orders"),
    ("idempotency", "order_id", "orders"),
    ("ledger", "seller_id", "people"),
    ("reviews", "product_id", "products"),
    ("auctions", "product_id", "products"),
    ("bids", "product_id", "products"),
    ("broadcasts", "seller_id", "people"),
    ("broadcast_products", "product_id", "products"),
    ("comments", "broadcast_id", "broadcasts"),
    ("chat_messages", "broadcast_id", "broadcasts"),
    ("cart_lines", "person_id", "people"),
    ("cart_lines", "product_id", "products"),
    ("idempotency", "person_id", "people"),
    ("ads", "seller_id", "people"),
    ("ads", "product_id", "products"),
    ("reviews", "buyer_id", "people"),
    ("auctions", "bidder_id", "people"),
    ("auctions", "order_id", "orders"),
    ("bids", "bidder_id", "people"),
    ("broadcasts", "pinned_id", "products"),
    ("broadcast_products", "broadcast_id", "broadcasts"),
    ("comments", "person_id", "people"),
    ("chat_messages", "person_id", "people"),
    ("silences", "seller_id", "people"),
    ("silences", "person_id", "people"),
];

/// Rules that a count of zero confirms.
const RULES: &[(&str, &str)] = &[
    (
        "products whose stock is not supplied − ordered + released",
        "SELECT COUNT(*) FROM products WHERE stock <> supplied - (SELECT COALESCE(SUM(order_lines.quantity), 0)
            FROM order_lines JOIN orders ON orders.id = order_lines.order_id
            WHERE order_lines.product_id = products.id AND orders.released = 0)",
    ),
    ("products oversold", "SELECT COUNT(*) FROM products WHERE stock < 0 OR stock > supplied"),
    (
        "orders whose total is not the sum of their lines",
        "SELECT COUNT(*) FROM orders WHERE total <> (SELECT COALESCE(SUM(price * quantity), -1) FROM order_lines
            WHERE order_lines.order_id = orders.id)",
    ),
    (
        "orders released in a state that holds goods, or held in one that does not",
        "SELECT COUNT(*) FROM orders WHERE (released = 1 AND state IN ('pending', 'paid'))
            OR (released = 0 AND state IN ('failed', 'expired', 'cancelled'))",
    ),
    (
        "paid orders without a charge of their total",
        "SELECT COUNT(*) FROM orders WHERE method = 'online' AND state = 'paid' AND NOT EXISTS (SELECT 1 FROM charges
            WHERE charges.order_id = orders.id AND charges.amount = orders.total AND charges.refunded = 0)",
    ),
    (
        "paid orders without a settled message to the provider",
        "SELECT COUNT(*) FROM orders WHERE method = 'online' AND state = 'paid' AND NOT EXISTS (SELECT 1 FROM outbox
            WHERE outbox.order_id = orders.id AND outbox.kind = 'charge' AND outbox.state = 'done')",
    ),
    (
        "charges whose order is neither paid nor refunded nor about to be",
        "SELECT COUNT(*) FROM charges JOIN orders ON orders.id = charges.order_id
            WHERE orders.state NOT IN ('paid', 'refunding', 'refunded')",
    ),
    (
        "refunded orders whose money is not back",
        "SELECT COUNT(*) FROM orders JOIN charges ON charges.order_id = orders.id
            WHERE orders.state = 'refunded' AND charges.refunded <> charges.amount",
    ),
    (
        "orders in refund without a message to the provider",
        "SELECT COUNT(*) FROM orders WHERE state IN ('refunding', 'refunded') AND NOT EXISTS (SELECT 1 FROM outbox
            WHERE outbox.order_id = orders.id AND outbox.kind = 'refund')",
    ),
    (
        "paid orders that the ledger does not know once",
        "SELECT COUNT(*) FROM orders
            LEFT JOIN ledger AS sale ON sale.kind = 'sale' AND sale.subject_id = orders.id
            LEFT JOIN ledger AS part ON part.kind = 'commission' AND part.subject_id = orders.id
            WHERE orders.method = 'online' AND orders.state = 'paid'
            AND (COALESCE(sale.amount, -1) <> orders.total OR COALESCE(part.amount, 1) <> -orders.commission)",
    ),
    (
        "auctions whose top is not their last bid",
        "SELECT COUNT(*) FROM auctions WHERE bids <> (SELECT COUNT(*) FROM bids WHERE bids.product_id = auctions.product_id)
            OR (bids > 0 AND top <> (SELECT amount FROM bids WHERE bids.product_id = auctions.product_id
                AND bids.number = auctions.bids))",
    ),
    (
        "bids that are not higher than the one before by the step",
        "SELECT COUNT(*) FROM bids AS later JOIN bids AS earlier ON earlier.product_id = later.product_id
            AND earlier.number = later.number - 1 JOIN auctions ON auctions.product_id = later.product_id
            WHERE later.amount < earlier.amount + auctions.step",
    ),
    (
        "closed auctions with bids and without a winner's order",
        "SELECT COUNT(*) FROM auctions WHERE state = 'closed' AND bids > 0 AND order_id IS NULL",
    ),
    (
        "products whose stars are not their reviews'",
        "SELECT COUNT(*) FROM products WHERE reviews <> (SELECT COUNT(*) FROM reviews WHERE reviews.product_id = products.id)
            OR stars <> (SELECT COALESCE(SUM(stars), 0) FROM reviews WHERE reviews.product_id = products.id)",
    ),
];

/// Checks everything in one snapshot.
pub(crate) async fn run(database: &Database) -> Result<Report> {
    read!(database, Committed, [], |c| check(c).await).await
}

async fn check(c: &mut dyn Connection) -> Result<Report> {
    // On MySQL a read is a snapshot only inside a transaction that says so.
    if c.dialect() == crate::store::Dialect::Mysql {
        c.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ", vec![]).await?;
        c.execute("START TRANSACTION", vec![]).await?;
    }
    let report = check_all(c).await;
    if c.dialect() == crate::store::Dialect::Mysql {
        c.execute("ROLLBACK", vec![]).await?;
    }
    report
}

async fn check_all(c: &mut dyn Connection) -> Result<Report> {
    let mut problems = Vec::new();
    let mut rows = BTreeMap::new();
    for table in TABLES {
        rows.insert(*table, c.number(&format!("SELECT COUNT(*) FROM {table}"), vec![]).await?);
    }
    for (table, column, target) in REFERENCES {
        let key = if *target == "auctions" { "product_id" } else { "id" };
        let sql = format!(
            "SELECT COUNT(*) FROM {table} LEFT JOIN {target} AS target ON target.{key} = {table}.{column}
                WHERE {table}.{column} IS NOT NULL AND target.{key} IS NULL"
        );
        match c.number(&sql, vec![]).await? {
            0 => {}
            count => problems.push(format!("{count} rows of {table} point by {column} to no row of {target}")),
        }
    }
    for (name, sql) in RULES {
        match c.number(sql, vec![]).await? {
            0 => {}
            count => problems.push(format!("{count} {name}")),
        }
    }
    let audit_entries = match audit::verify(c).await? {
        Ok(count) => count,
        Err(problem) => {
            problems.push(format!("the audit chain is broken: {problem}"));
            0
        }
    };
    let newest = c.number("SELECT MAX(created_at) FROM canary", vec![]).await?;
    let paid = "SELECT COUNT(*) FROM orders WHERE method = 'online' AND state = 'paid'";
    Ok(Report {
        ok: problems.is_empty(),
        problems,
        rows,
        audit_entries,
        newest_canary_age_ms: (newest > 0).then(|| clock::now() - newest),
        paid_orders: c.number(paid, vec![]).await?,
        charges: c.number("SELECT COUNT(*) FROM charges WHERE refunded = 0", vec![]).await?,
        waiting: c.number("SELECT COUNT(*) FROM outbox WHERE state = 'waiting'", vec![]).await?,
    })
}
