//! Orders as a buyer's history and as a seller's sales.

use super::{Full, Order};
use crate::Shop;
use crate::error::{Error, Result};
use crate::id::Id;
use crate::people::Person;
use crate::store::{args, read};

/// A page of orders.
#[derive(Clone, Debug, serde::Serialize, utoipa::ToSchema)]
pub(crate) struct Orders {
    /// The orders, newest first.
    pub(crate) orders: Vec<Full>,
    /// What continues the list, if there is more.
    pub(crate) next: Option<Id>,
}

/// Whose side of the orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// What somebody bought.
    Bought,
    /// What somebody sold.
    Sold,
}

/// Orders on a page.
const PAGE: usize = 20;

/// Somebody's orders on one side.
pub(crate) async fn list(shop: &Shop, person: &Person, side: Side, after: Option<&str>) -> Result<Orders> {
    let after = match after.filter(|text| !text.is_empty()) {
        Some(text) => text.parse().map_err(|_| Error::invalid("after", "is not an id"))?,
        None => Id(i64::MAX),
    };
    let id = person.id;
    let found = read!(shop.database, Committed, [], |c| {
        let column = match side {
            Side::Bought => "buyer_id",
            Side::Sold => "seller_id",
        };
        let rest = format!("WHERE {column} = ? AND id < ? ORDER BY id DESC LIMIT {}", PAGE + 1);
        let mut page = c.all::<Order>(&rest, args![id, after]).await?;
        let more = page.len() > PAGE;
        page.truncate(PAGE);
        let next = page.last().filter(|_| more).map(|order| order.id);
        let mut orders = Vec::with_capacity(page.len());
        for order in page {
            orders.push(Full { lines: super::lines(c, order.id).await?, order });
        }
        Ok(Orders { orders, next })
    });
    found.await
}
