//! An order as rows: one place that says what is written for an order, whether it is written alone or among others.

use super::{Line, Order};
use crate::clock;
use crate::error::Result;
use crate::id::Id;
use crate::store::{Connection, Value, args};

/// Where orders go.
const ORDERS: &str =
    "INSERT INTO orders (id, buyer_id, seller_id, method, state, delivery, total, commission, recipient,
    phone, address, token, buyer_confirmed, seller_confirmed, wants_refund, released, created_at, expires_at)";
/// Where their lines go.
const LINES: &str = "INSERT INTO order_lines (order_id, product_id, title, quantity, price)";
/// Where messages to the provider go.
const OUTBOX: &str = "INTO outbox (id, order_id, kind, amount, state, attempts, due_at, created_at)";

/// Rows to be written together.
#[derive(Default)]
pub(crate) struct Rows {
    orders: Vec<Value>,
    lines: Vec<Value>,
    messages: Vec<Value>,
}

impl Rows {
    /// Adds an order, its lines and, if it can be paid at once, what the provider must be told.
    pub(crate) fn add(&mut self, o: &Order, lines: &[Line], token: Option<&str>) {
        self.orders.extend(args![o.id, o.buyer_id, o.seller_id, o.method, o.state, o.delivery, o.total, o.commission]);
        self.orders.extend(args![&o.recipient, &o.phone, &o.address, token]);
        self.orders.extend(args![o.buyer_confirmed, o.seller_confirmed, o.wants_refund, o.released]);
        self.orders.extend(args![o.created_at, o.expires_at]);
        for line in lines {
            self.lines.extend(args![o.id, line.product_id, &line.title, line.quantity, line.price]);
        }
        if token.is_some() {
            self.messages.extend(message(o.id, "charge", o.total));
        }
    }

    /// Writes them.
    pub(crate) async fn write(self, c: &mut dyn Connection) -> Result<()> {
        c.insert(ORDERS, 18, self.orders).await?;
        c.insert(LINES, 5, self.lines).await?;
        c.insert(&format!("INSERT {OUTBOX}"), 8, self.messages).await.map(drop)
    }
}

/// Writes one order.
pub(crate) async fn insert(c: &mut dyn Connection, order: &Order, lines: &[Line], token: Option<&str>) -> Result<()> {
    let mut rows = Rows::default();
    rows.add(order, lines, token);
    rows.write(c).await
}

fn message(order: Id, kind: &str, amount: i64) -> Vec<Value> {
    let now = clock::now();
    args![Id::new(), order, kind, amount, "waiting", 0, now, now]
}

/// Puts a message for the provider into the outbox, once for each order and kind.
pub(crate) async fn tell_provider(c: &mut dyn Connection, order: Id, kind: &str, amount: i64) -> Result<u64> {
    let head = format!("{} {OUTBOX}", c.dialect().insert_or_skip());
    c.insert(&head, 8, message(order, kind, amount)).await
}
