//! What is for sale: products of four sale forms, their pictures, their reviews, and finding them.

pub(crate) mod pictures;
pub(crate) mod reviews;
pub(crate) mod search;

use crate::Shop;
use crate::auctions;
use crate::clock;
use crate::error::{Check, Error, Result};
use crate::id::Id;
use crate::live::hub;
use crate::operations::audit;
use crate::people::Person;
use crate::store::{Connection, args, choice, record, transact};

choice! {
    /// How a thing is sold.
    Form {
        /// New goods, any number.
        Ordinary = "ordinary",
        /// One used thing, paid online and sent.
        Used = "used",
        /// One used thing, handed over in person.
        Direct = "direct",
        /// One thing to the highest bidder.
        Auction = "auction",
    }
}

choice! {
    /// Whether it can be found and bought.
    State {
        /// For sale.
        Active = "active",
        /// Taken off by its seller.
        Hidden = "hidden",
    }
}

choice! {
    /// How worn a used thing is.
    Wear {
        /// Never used.
        Unused = "unused",
        /// Hardly used.
        Good = "good",
        /// Shows use.
        Fair = "fair",
        /// For repair or parts.
        Poor = "poor",
    }
}

record! {
    /// Something for sale.
    Product from "products" {
        /// Identity.
        id: Id,
        /// Who sells it.
        seller_id: Id,
        /// Its category.
        category_id: i64,
        /// How it is sold.
        form: Form,
        /// Its name.
        title: String,
        /// Words about it.
        description: String,
        /// Price in won; for an auction the start price.
        price: i64,
        /// How many were ever put up.
        supplied: i64,
        /// How many can be ordered now.
        stock: i64,
        /// How worn it is, if it is used.
        wear: Option<Wear>,
        /// Where it can be handed over.
        place: Option<String>,
        /// Whether it can be found.
        state: State,
        /// The sum of all stars.
        stars: i64,
        /// The number of reviews.
        reviews: i64,
        /// When it was put up.
        created_at: i64,
    }
}

record! {
    /// A category.
    Category from "categories" {
        /// Number.
        id: i64,
        /// Word in URLs.
        slug: String,
        /// Korean name.
        korean: String,
        /// English name.
        english: String,
    }
}

/// What putting something up takes.
#[derive(Clone, Debug, serde::Deserialize, utoipa::ToSchema)]
pub(crate) struct NewProduct {
    /// How it is sold.
    pub(crate) form: Form,
    /// A category's slug.
    pub(crate) category: String,
    /// Its name.
    pub(crate) title: String,
    /// Words about it.
    #[serde(default)]
    pub(crate) description: String,
    /// Price in won; for an auction the start price.
    pub(crate) price: i64,
    /// How many there are; one for everything but ordinary goods.
    #[serde(default = "one")]
    pub(crate) stock: i64,
    /// How worn it is: needed for used and direct.
    #[serde(default)]
    pub(crate) wear: Option<Wear>,
    /// Where it can be handed over: needed for direct.
    #[serde(default)]
    pub(crate) place: Option<String>,
    /// The auction's terms: needed for an auction.
    #[serde(default)]
    pub(crate) auction: Option<auctions::Terms>,
}

fn one() -> i64 {
    1
}

/// The dearest price, in won.
const DEAREST: i64 = 1_000_000_000;
/// The most pieces of one product.
const MOST: i64 = 1_000_000;

impl NewProduct {
    fn check(&self, now: i64) -> Result<()> {
        let mut check = Check::default();
        check.text(&self.title, 2, 80, "title").text(&self.description, 0, 5000, "description");
        check.that((100..=DEAREST).contains(&self.price), "price", "must be 100 to 1,000,000,000 won");
        let range = if self.form == Form::Ordinary { 1..=MOST } else { 1..=1 };
        check.that(range.contains(&self.stock), "stock", "must be 1, or up to 1,000,000 for ordinary goods");
        if matches!(self.form, Form::Used | Form::Direct) {
            check.that(self.wear.is_some(), "wear", "must be told for a used thing");
        }
        if self.form == Form::Direct {
            check.text(self.place.as_deref().unwrap_or(""), 2, 80, "place");
        } else if let Some(place) = &self.place {
            check.text(place, 0, 80, "place");
        }
        match (self.form, &self.auction) {
            (Form::Auction, Some(terms)) => terms.check(&mut check, now),
            (Form::Auction, None) => {
                check.that(false, "auction", "must be told for an auction");
            }
            (Form::Ordinary | Form::Used | Form::Direct, _) => {}
        }
        check.done()
    }
}

/// Puts something up. Whoever has an account may sell one used thing; new goods need a seller.
pub(crate) async fn put_up(shop: &Shop, person: &Person, input: NewProduct) -> Result<Product> {
    let now = clock::now();
    if input.form == Form::Ordinary {
        person.must_sell()?;
    }
    input.check(now)?;
    let (person_id, input) = (person.id, std::sync::Arc::new(input));
    let stored = transact!(shop.database, [input], |c| {
        let Some(category) = c.one::<Category>("WHERE slug = ?", args![&input.category]).await? else {
            return Err(Error::invalid("category", "is not one of the shop's"));
        };
        let product = Product {
            id: Id::new(),
            seller_id: person_id,
            category_id: category.id,
            form: input.form,
            title: input.title.trim().to_owned(),
            description: input.description.trim().to_owned(),
            price: input.price,
            supplied: input.stock,
            stock: input.stock,
            wear: input.wear,
            place: input.place.as_deref().map(str::trim).filter(|p| !p.is_empty()).map(str::to_owned),
            state: State::Active,
            stars: 0,
            reviews: 0,
            created_at: now,
        };
        insert(c, &product).await?;
        if let (Form::Auction, Some(terms)) = (input.form, &input.auction) {
            auctions::open(c, &product, terms).await?;
        }
        let (id, form) = (product.id.to_string(), product.form.word());
        audit::append(c, Some(person_id), "product.put-up", &id, form).await?;
        Ok(product)
    });
    let product = stored.await?;
    shop.metrics.products.inc();
    Ok(product)
}

async fn insert(c: &mut dyn Connection, product: &Product) -> Result<()> {
    let p = product.clone();
    let sql =
        "INSERT INTO products (id, seller_id, category_id, form, title, description, price, supplied, stock, wear,
        place, state, stars, reviews, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    let values = args![
        p.id,
        p.seller_id,
        p.category_id,
        p.form,
        p.title,
        p.description,
        p.price,
        p.supplied,
        p.stock,
        p.wear,
        p.place,
        p.state,
        p.stars,
        p.reviews,
        p.created_at
    ];
    c.execute(sql, values).await.map(drop)
}

/// A product by id, hidden or not.
pub(crate) async fn find(c: &mut dyn Connection, id: Id) -> Result<Product> {
    c.one::<Product>("WHERE id = ?", args![id]).await?.ok_or(Error::NotFound("product"))
}

/// What its seller may change later.
#[derive(Clone, Debug, serde::Deserialize, utoipa::ToSchema)]
pub(crate) struct ProductChange {
    /// Its name.
    #[serde(default)]
    pub(crate) title: Option<String>,
    /// Words about it.
    #[serde(default)]
    pub(crate) description: Option<String>,
    /// Price in won; an auction's cannot change.
    #[serde(default)]
    pub(crate) price: Option<i64>,
    /// How many to add (or take away, if negative).
    #[serde(default)]
    pub(crate) add_stock: Option<i64>,
    /// Whether it can be found and bought.
    #[serde(default)]
    pub(crate) state: Option<State>,
}

/// Changes a product. Stock changes by a difference, never to a number read before.
pub(crate) async fn change(shop: &Shop, person: &Person, id: Id, input: ProductChange) -> Result<Product> {
    let mut check = Check::default();
    if let Some(title) = &input.title {
        check.text(title, 2, 80, "title");
    }
    if let Some(description) = &input.description {
        check.text(description, 0, 5000, "description");
    }
    if let Some(price) = input.price {
        check.that((100..=DEAREST).contains(&price), "price", "must be 100 to 1,000,000,000 won");
    }
    if let Some(difference) = input.add_stock {
        check.that((-MOST..=MOST).contains(&difference), "add_stock", "must be within a million");
    }
    check.done()?;
    let (person, input) = (person.clone(), input.clone());
    let changed = transact!(shop.database, [person, input], |c| {
        let before = find(c, id).await?;
        person.must_own(before.seller_id)?;
        if before.form == Form::Auction && (input.price.is_some() || input.state == Some(State::Hidden)) {
            return Err(Error::Conflict("auction-fixed", "an auction's price and end are fixed".into()));
        }
        if let Some(difference) = input.add_stock.filter(|d| *d != 0) {
            if before.form != Form::Ordinary {
                return Err(Error::Conflict("single-piece", "there is only one of it".into()));
            }
            let sql = "UPDATE products SET stock = stock + ?, supplied = supplied + ?
                WHERE id = ? AND stock + ? >= 0 AND supplied + ? <= ?";
            let values = args![difference, difference, id, difference, difference, MOST];
            if c.execute(sql, values).await? == 0 {
                return Err(Error::Conflict("stock-range", "there is not as much left, or it is too much".into()));
            }
        }
        let title = input.title.unwrap_or(before.title);
        let description = input.description.unwrap_or(before.description);
        let (price, state) = (input.price.unwrap_or(before.price), input.state.unwrap_or(before.state));
        let sql = "UPDATE products SET title = ?, description = ?, price = ?, state = ? WHERE id = ?";
        c.execute(sql, args![title.trim(), description.trim(), price, state, id]).await?;
        audit::append(c, Some(person.id), "product.change", &id.to_string(), state.word()).await?;
        find(c, id).await
    });
    let product = changed.await?;
    hub::stock(shop, product.id, product.stock);
    Ok(product)
}
