//! The till: orders that come at the same moment are written together, a few statements for all of them, in one durable
//! transaction. It takes only what it can take whole (one product, stock for everybody, nothing odd) and hands the rest
//! back, to be placed one by one by [`super::place`]; so it decides nothing that is not decided there too.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::Full;
use super::place::{Asked, Placed, Sold, Terms};
use super::rows::Rows;
use crate::error::{Error, Result};
use crate::gather::{Gather, Size};
use crate::id::Id;
use crate::store::{Connection, Database, args, list, marks, transact};

/// Orders written together at most: bounds how long the first waits for the last, and how long a stock is locked.
const TOGETHER: usize = 64;
/// Transactions at the same time: while one waits for the disk, the next is written.
const AT_ONCE: usize = 2;
/// Where orders go in.
pub(crate) struct Till(Gather<Asked, Option<Placed>>);

impl Till {
    /// Opens it; it works as long as it is kept.
    pub(crate) fn open(database: &Database, terms: Terms) -> Self {
        let database = database.clone();
        Till(Gather::start(Size { together: TOGETHER, at_once: AT_ONCE }, move |asked| {
            let database = database.clone();
            Box::pin(async move {
                let placed = transact!(database, [asked], |c| place(c, &asked, terms).await);
                placed.await.unwrap_or_else(|e| {
                    tracing::debug!(error = %e, "orders that came together are placed one by one");
                    Vec::new()
                })
            })
        }))
    }

    /// Places an order together with others; none if it must be placed alone.
    pub(super) async fn take(&self, asked: Asked) -> Option<Placed> {
        self.0.ask(asked).await.flatten()
    }
}

/// Places what can be placed together; none for the others.
async fn place(c: &mut dyn Connection, asked: &[Asked], terms: Terms) -> Result<Vec<Option<Placed>>> {
    // The same key twice is one order, which only placing one after the other finds out.
    let mut keys = HashSet::new();
    let alone: Vec<bool> = asked.iter().map(|one| !keys.insert((one.buyer, one.key.as_str()))).collect();
    let candidates = || asked.iter().zip(&alone).filter(|(_, alone)| !**alone).map(|(one, _)| one);
    let mut wanted: BTreeMap<Id, i64> = BTreeMap::new();
    for one in candidates() {
        *wanted.entry(one.input.items[0].product_id).or_default() += one.input.items[0].quantity;
    }
    // Row locks in one order, whoever asks.
    let mut held = Vec::new();
    for (product, pieces) in &wanted {
        let sql = "UPDATE products SET stock = stock - ?
            WHERE id = ? AND stock >= ? AND state = 'active' AND form IN ('ordinary', 'used')";
        if c.execute(sql, args![*pieces, *product, *pieces]).await? == 1 {
            held.push(*product);
        }
    }
    let mut sold = sold(c, held).await?;
    let mut given_back: BTreeMap<Id, i64> = BTreeMap::new();
    let mut orders = Vec::with_capacity(asked.len());
    for (one, alone) in asked.iter().zip(alone) {
        let found = sold.get(&one.input.items[0].product_id).filter(|_| !alone);
        let order = found.and_then(|sold| one.order(std::slice::from_ref(sold), terms).ok());
        if found.is_some() && order.is_none() {
            *given_back.entry(one.input.items[0].product_id).or_default() += one.input.items[0].quantity;
        }
        orders.push(order);
    }
    for (product, pieces) in given_back {
        c.execute("UPDATE products SET stock = stock + ? WHERE id = ?", args![pieces, product]).await?;
        if let Some(sold) = sold.get_mut(&product) {
            sold.stock += pieces;
        }
    }
    insert(c, asked, &orders).await?;
    let placed = orders.into_iter().zip(asked).map(|(order, one)| {
        let stock = sold.get(&one.input.items[0].product_id).map_or(0, |sold| sold.stock);
        order.map(|full| Placed { full, fresh: true, stocks: vec![(one.input.items[0].product_id, stock)] })
    });
    Ok(placed.collect())
}

async fn sold(c: &mut dyn Connection, products: Vec<Id>) -> Result<HashMap<Id, Sold>> {
    let mut all = HashMap::new();
    if products.is_empty() {
        return Ok(all);
    }
    let ids = list(products);
    let sql = format!("SELECT id, {} FROM products WHERE id IN ({})", Sold::COLUMNS, marks(ids.len()));
    for mut row in c.query(&sql, ids).await? {
        all.insert(row.take()?, Sold::read(&mut row)?);
    }
    Ok(all)
}

/// Writes orders and the keys they were asked for under.
async fn insert(c: &mut dyn Connection, asked: &[Asked], orders: &[Option<Full>]) -> Result<()> {
    let (mut keys, mut rows, mut count) = (Vec::new(), Rows::default(), 0);
    for (one, full) in asked.iter().zip(orders) {
        let Some(Full { order, lines }) = full else { continue };
        keys.extend(args![one.buyer, one.key.as_str(), one.body.as_str(), order.id, order.created_at]);
        rows.add(order, lines, one.input.payment_token.as_deref());
        count += 1;
    }
    let head =
        format!("{} INTO idempotency (person_id, token, body, order_id, created_at)", c.dialect().insert_or_skip());
    if c.insert(&head, 5, keys).await? != count {
        return Err(Error::Conflict("exists", "one of the keys was used before".into()));
    }
    rows.write(c).await
}
