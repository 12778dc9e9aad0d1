//! The cart: wishes, not reservations. Nothing is held until an order is placed.

use super::place::{self, Item, NewOrder, Placed};
use crate::Shop;
use crate::catalog::search::{Card, cards};
use crate::catalog::{self, Form, Product};
use crate::clock;
use crate::error::{Error, Result};
use crate::id::Id;
use crate::people::Person;
use crate::store::{args, read, transact};

/// Different products in a cart.
const MOST: i64 = 50;

/// A product in the cart.
#[derive(Clone, Debug, serde::Serialize, utoipa::ToSchema)]
pub(crate) struct CartLine {
    /// The product as it is now.
    #[serde(flatten)]
    pub(crate) card: Card,
    /// How many are wished for.
    pub(crate) quantity: i64,
}

/// What is in somebody's cart.
pub(crate) async fn of(shop: &Shop, person: &Person) -> Result<Vec<CartLine>> {
    let id = person.id;
    let found = read!(shop.database, Committed, [], |c| {
        let rest = "JOIN cart_lines ON cart_lines.product_id = products.id WHERE cart_lines.person_id = ?
            ORDER BY cart_lines.added_at, products.id";
        let products = c.all::<Product>(rest, args![id]).await?;
        let sql = "SELECT product_id, quantity FROM cart_lines WHERE person_id = ?";
        let mut quantities = std::collections::HashMap::new();
        for mut row in c.query(sql, args![id]).await? {
            quantities.insert(row.take::<Id>()?, row.take::<i64>()?);
        }
        let cards = cards(c, products).await?;
        Ok(cards
            .into_iter()
            .map(|card| CartLine { quantity: quantities.get(&card.product.id).copied().unwrap_or(1), card })
            .collect())
    });
    found.await
}

/// Sets how many of a product are wished for; zero takes it out.
pub(crate) async fn set(shop: &Shop, person: &Person, product: Id, quantity: i64) -> Result<()> {
    if !(0..=1000).contains(&quantity) {
        return Err(Error::invalid("quantity", "must be 0 to 1000"));
    }
    let id = person.id;
    let done = transact!(shop.database, [], |c| {
        let found = catalog::find(c, product).await?;
        if matches!(found.form, Form::Auction | Form::Direct) {
            return Err(Error::Conflict("not-for-cart", "this is not sold through the cart".into()));
        }
        c.execute("DELETE FROM cart_lines WHERE person_id = ? AND product_id = ?", args![id, product]).await?;
        if quantity == 0 {
            return Ok(());
        }
        if c.number("SELECT COUNT(*) FROM cart_lines WHERE person_id = ?", args![id]).await? >= MOST {
            return Err(Error::Conflict("cart-full", format!("a cart holds at most {MOST} products")));
        }
        let sql = "INSERT INTO cart_lines (person_id, product_id, quantity, added_at) VALUES (?, ?, ?, ?)";
        c.execute(sql, args![id, product, quantity, clock::now()]).await.map(drop)
    });
    done.await
}

/// Orders what is in the cart: one order for each seller, each with a key of its own made from the given one.
pub(crate) async fn check_out(shop: &Shop, person: &Person, key: &str, form: NewOrder) -> Result<Vec<Placed>> {
    place::check_key(key)?;
    let lines = of(shop, person).await?;
    let mut sellers: Vec<Id> = lines.iter().map(|line| line.card.product.seller_id).collect();
    sellers.sort();
    sellers.dedup();
    if sellers.is_empty() {
        return Err(Error::Conflict("cart-empty", "the cart is empty".into()));
    }
    let mut placed = Vec::new();
    for seller in sellers {
        let of_seller = lines.iter().filter(|line| line.card.product.seller_id == seller);
        let items: Vec<Item> =
            of_seller.map(|line| Item { product_id: line.card.product.id, quantity: line.quantity }).collect();
        let order = place::place(shop, person, &format!("{key}/{seller}"), NewOrder { items, ..form.clone() }).await?;
        for line in &order.full.lines {
            set(shop, person, line.product_id, 0).await?;
        }
        placed.push(order);
    }
    Ok(placed)
}
