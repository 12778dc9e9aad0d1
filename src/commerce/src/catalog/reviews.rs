//! Reviews: by people who bought the thing, one each.

use crate::Shop;
use crate::clock;
use crate::error::{Check, Error, Result};
use crate::id::Id;
use crate::people::Person;
use crate::store::{Connection, args, record, transact};

record! {
    /// What a buyer thinks of a product.
    Review from "reviews" {
        /// Identity.
        id: Id,
        /// What it is about.
        product_id: Id,
        /// Who wrote it.
        buyer_id: Id,
        /// One to five.
        stars: i64,
        /// Words.
        text: String,
        /// When.
        created_at: i64,
    }
}

/// What a review takes.
#[derive(Clone, Debug, serde::Deserialize, utoipa::ToSchema)]
pub(crate) struct NewReview {
    /// One to five.
    pub(crate) stars: i64,
    /// Words.
    #[serde(default)]
    pub(crate) text: String,
}

/// Writes a review.
pub(crate) async fn write(shop: &Shop, person: &Person, product: Id, input: NewReview) -> Result<Review> {
    let mut check = Check::default();
    check.that((1..=5).contains(&input.stars), "stars", "must be 1 to 5").text(&input.text, 0, 2000, "text").done()?;
    let review = Review {
        id: Id::new(),
        product_id: product,
        buyer_id: person.id,
        stars: input.stars,
        text: input.text.trim().to_owned(),
        created_at: clock::now(),
    };
    let row = review.clone();
    let stored = transact!(shop.database, [row], |c| {
        super::find(c, product).await?;
        if !may(c, row.buyer_id, product).await? {
            return Err(Error::Forbidden("only who bought it may review it"));
        }
        // The product's row first: the review's foreign key would take a lock that two reviewers wait for crosswise.
        let sum = "UPDATE products SET stars = stars + ?, reviews = reviews + 1 WHERE id = ?";
        c.execute(sum, args![row.stars, product]).await?;
        let sql = "INSERT INTO reviews (id, product_id, buyer_id, stars, text, created_at) VALUES (?, ?, ?, ?, ?, ?)";
        let r = row;
        c.execute(sql, args![r.id, r.product_id, r.buyer_id, r.stars, r.text, r.created_at]).await
    });
    match stored.await {
        Ok(_) => Ok(review),
        Err(Error::Conflict("exists", _)) => {
            Err(Error::Conflict("already-reviewed", "one review for each buyer".into()))
        }
        Err(e) => Err(e),
    }
}

/// Whether somebody bought a product.
pub(crate) async fn may(c: &mut dyn Connection, person: Id, product: Id) -> Result<bool> {
    let sql = "SELECT COUNT(*) FROM order_lines JOIN orders ON orders.id = order_lines.order_id
        WHERE order_lines.product_id = ? AND orders.buyer_id = ? AND orders.state = 'paid'";
    Ok(c.number(sql, args![product, person]).await? > 0)
}

/// A review with its writer's name.
#[derive(Clone, Debug, serde::Serialize, utoipa::ToSchema)]
pub(crate) struct Signed {
    /// The review.
    #[serde(flatten)]
    pub(crate) review: Review,
    /// Who wrote it.
    pub(crate) name: String,
}

/// A product's reviews, newest first.
pub(crate) async fn of(c: &mut dyn Connection, product: Id) -> Result<Vec<Signed>> {
    let reviews = c.all::<Review>("WHERE product_id = ? ORDER BY id DESC LIMIT 50", args![product]).await?;
    let mut signed = Vec::with_capacity(reviews.len());
    for review in reviews {
        let name: Option<String> = c.cell("SELECT name FROM people WHERE id = ?", args![review.buyer_id]).await?;
        signed.push(Signed { review, name: name.unwrap_or_default() });
    }
    Ok(signed)
}
