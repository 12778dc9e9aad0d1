//! Orders: one buyer, one seller, some products, and how it ends. The rules are pure in [`state`]; placing reserves
//! stock, settling carries out a rule.

pub(crate) mod cart;
pub(crate) mod deals;
pub(crate) mod history;
pub(crate) mod ledger;
pub(crate) mod place;
pub(crate) mod rows;
pub(crate) mod settle;
pub(crate) mod state;
pub(crate) mod till;

#[cfg(test)]
mod model;

use crate::error::{Error, Result};
use crate::id::Id;
use crate::people::Person;
use crate::store::{Connection, args, choice, record};

pub(crate) use state::State;

choice! {
    /// How the money moves.
    Method {
        /// Through the payment provider.
        Online = "online",
        /// From hand to hand when the buyer and the seller meet.
        Meet = "meet",
    }
}

choice! {
    /// Where the goods are.
    Delivery {
        /// With the seller.
        None = "none",
        /// On the way.
        Shipped = "shipped",
        /// With the buyer.
        Received = "received",
    }
}

record! {
    /// An order.
    Order from "orders" {
        /// Identity.
        id: Id,
        /// Who buys.
        buyer_id: Id,
        /// Who sells.
        seller_id: Id,
        /// How the money moves.
        method: Method,
        /// How far it is.
        state: State,
        /// Where the goods are.
        delivery: Delivery,
        /// What the buyer pays, in won.
        total: i64,
        /// What the shop keeps of it.
        commission: i64,
        /// To whom it is sent.
        recipient: String,
        /// Their telephone.
        phone: String,
        /// Where it is sent.
        address: String,
        /// Whether the buyer says that the goods were handed over.
        buyer_confirmed: bool,
        /// Whether the seller says so.
        seller_confirmed: bool,
        /// Whether the buyer asked for the money back after shipping.
        wants_refund: bool,
        /// Whether its goods went back on sale.
        released: bool,
        /// Why it failed.
        reason: Option<String>,
        /// When it was placed.
        created_at: i64,
        /// When the reservation ends if it is not paid.
        expires_at: i64,
        /// When it was last settled.
        settled_at: Option<i64>,
    }
}

record! {
    /// A product in an order, as it was when ordered.
    Line from "order_lines" {
        /// Which product.
        product_id: Id,
        /// Its title then.
        title: String,
        /// How many.
        quantity: i64,
        /// The price of one then.
        price: i64,
    }
}

/// An order with its lines.
#[derive(Clone, Debug, serde::Serialize, utoipa::ToSchema)]
pub(crate) struct Full {
    /// The order.
    #[serde(flatten)]
    pub(crate) order: Order,
    /// Its products.
    pub(crate) lines: Vec<Line>,
}

/// An order by id, for those it concerns. To others it does not exist.
pub(crate) async fn find(c: &mut dyn Connection, person: &Person, id: Id) -> Result<Full> {
    let order = c.one::<Order>("WHERE id = ?", args![id]).await?.ok_or(Error::NotFound("order"))?;
    if person.id != order.buyer_id && person.id != order.seller_id && !person.is_admin() {
        return Err(Error::NotFound("order"));
    }
    let lines = lines(c, id).await?;
    Ok(Full { order, lines })
}

/// An order's products.
pub(crate) async fn lines(c: &mut dyn Connection, id: Id) -> Result<Vec<Line>> {
    c.all::<Line>("WHERE order_id = ? ORDER BY product_id", args![id]).await
}
