//! Lists of products: by words, category, form and seller, in pages that a cursor continues.

use std::collections::HashMap;

use super::pictures::Picture;
use super::{Category, Form, Product};
use crate::Shop;
use crate::error::{Error, Result};
use crate::id::Id;
use crate::store::{Connection, Value, args, read};

/// Products on one page at most.
pub(crate) const PAGE: i64 = 60;

/// What a list is narrowed by.
#[derive(Clone, Debug, Default, serde::Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Filter {
    /// Words that must be in the title.
    #[serde(default)]
    pub(crate) q: Option<String>,
    /// A category's slug.
    #[serde(default)]
    pub(crate) category: Option<String>,
    /// A sale form.
    #[serde(default)]
    pub(crate) form: Option<String>,
    /// A seller.
    #[serde(default)]
    pub(crate) seller: Option<String>,
    /// The `next` of the page before.
    #[serde(default)]
    pub(crate) after: Option<String>,
    /// Products on a page, up to 60.
    #[serde(default)]
    pub(crate) limit: Option<i64>,
}

/// A product as a list shows it.
#[derive(Clone, Debug, serde::Serialize, utoipa::ToSchema)]
pub(crate) struct Card {
    /// The product.
    #[serde(flatten)]
    pub(crate) product: Product,
    /// The seller's name.
    pub(crate) seller: String,
    /// Its first picture's thumbnail.
    pub(crate) thumbnail: Option<String>,
    /// The highest bid so far, for an auction.
    pub(crate) top: Option<i64>,
}

/// A page of a list.
#[derive(Clone, Debug, serde::Serialize, utoipa::ToSchema)]
pub(crate) struct Page {
    /// The products, newest first.
    pub(crate) products: Vec<Card>,
    /// What continues the list, if there is more.
    pub(crate) next: Option<Id>,
}

fn escaped(word: &str) -> String {
    let word = word.to_lowercase();
    format!("%{}%", word.replace('!', "!!").replace('%', "!%").replace('_', "!_"))
}

/// Finds products. The list may come from a replica; whoever orders is checked against the primary.
pub(crate) async fn list(shop: &Shop, filter: Filter) -> Result<Page> {
    let limit = filter.limit.unwrap_or(24);
    if !(1..=PAGE).contains(&limit) {
        return Err(Error::invalid("limit", "must be 1 to 60"));
    }
    let mut conditions = vec!["state = 'active'".to_owned()];
    let mut values: Vec<Value> = Vec::new();
    if let Some(form) = filter.form.as_deref().filter(|f| !f.is_empty()) {
        let form = Form::from_word(form).ok_or_else(|| Error::invalid("form", "is not a sale form"))?;
        conditions.push("form = ?".into());
        values.push(form.into());
    }
    for (text, field, condition) in [(&filter.seller, "seller", "seller_id = ?"), (&filter.after, "after", "id < ?")] {
        if let Some(text) = text.as_deref().filter(|t| !t.is_empty()) {
            let id: Id = text.parse().map_err(|_| Error::invalid(field, "is not an id"))?;
            conditions.push(condition.into());
            values.push(id.into());
        }
    }
    let words = filter.q.unwrap_or_default();
    if words.chars().count() > 100 {
        return Err(Error::invalid("q", "must have at most 100 characters"));
    }
    for word in words.split_whitespace().take(6) {
        conditions.push("LOWER(title) LIKE ? ESCAPE '!'".into());
        values.push(escaped(word).into());
    }
    let category = filter.category.filter(|c| !c.is_empty());
    let found = read!(shop.database, Relaxed, [conditions, values, category], |c| {
        if let Some(slug) = category {
            let Some(found) = c.one::<Category>("WHERE slug = ?", args![slug]).await? else {
                return Err(Error::invalid("category", "is not one of the shop's"));
            };
            conditions.push("category_id = ?".into());
            values.push(found.id.into());
        }
        let rest = format!("WHERE {} ORDER BY id DESC LIMIT {}", conditions.join(" AND "), limit + 1);
        let mut products = c.all::<Product>(&rest, values).await?;
        let more = products.len() > limit as usize;
        products.truncate(limit as usize);
        let next = products.last().filter(|_| more).map(|last| last.id);
        Ok(Page { products: cards(c, products).await?, next })
    });
    found.await
}

/// Adds to products what their cards show.
pub(crate) async fn cards(c: &mut dyn Connection, products: Vec<Product>) -> Result<Vec<Card>> {
    if products.is_empty() {
        return Ok(Vec::new());
    }
    let marks = |count: usize| vec!["?"; count].join(", ");
    let ids: Vec<Value> = products.iter().map(|p| p.id.into()).collect();
    let sellers: Vec<Value> = products.iter().map(|p| p.seller_id.into()).collect();
    let rest = format!("WHERE product_id IN ({}) ORDER BY position DESC", marks(ids.len()));
    let pictures = c.all::<Picture>(&rest, ids.clone()).await?;
    // The first position comes last and stays.
    let thumbnails: HashMap<Id, String> = pictures.iter().map(|p| (p.product_id, p.thumbnail())).collect();
    let sql = format!("SELECT id, COALESCE(company, name) FROM people WHERE id IN ({})", marks(sellers.len()));
    let mut names: HashMap<Id, String> = HashMap::new();
    for mut row in c.query(&sql, sellers).await? {
        names.insert(row.take()?, row.take()?);
    }
    let sql = format!("SELECT product_id, top FROM auctions WHERE product_id IN ({})", marks(ids.len()));
    let mut tops: HashMap<Id, i64> = HashMap::new();
    if products.iter().any(|p| p.form == Form::Auction) {
        for mut row in c.query(&sql, ids).await? {
            tops.insert(row.take()?, row.take()?);
        }
    }
    Ok(products
        .into_iter()
        .map(|product| Card {
            seller: names.get(&product.seller_id).cloned().unwrap_or_default(),
            thumbnail: thumbnails.get(&product.id).cloned(),
            top: tops.get(&product.id).copied(),
            product,
        })
        .collect())
}
