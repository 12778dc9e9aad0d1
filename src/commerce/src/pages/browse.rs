//! Looking around: the first page, lists, a product, a person.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use serde::Deserialize;

use super::{Frame, go, page};
use crate::Shop;
use crate::auctions::{self, Auction, Phase};
use crate::catalog::pictures::{self, Picture};
use crate::catalog::reviews::{self, NewReview, Signed};
use crate::catalog::search::{self, Card, Filter, Page, cards};
use crate::catalog::{self, Category, Form as SaleForm, Product, State as ProductState, Wear};
use crate::error::{Error, Result};
use crate::id::Id;
use crate::live::broadcasts::{self, Air, Listed};
use crate::live::hub::masked;
use crate::operations::events;
use crate::orders::ledger::{self, Slot};
use crate::people::{self, Person};
use crate::store::{Connection, read};
use crate::web::guard::{Form, IdPath, LoggedIn, Visitor};

#[derive(Template)]
#[template(path = "home.html")]
struct HomePage {
    f: Frame,
    categories: Vec<Category>,
    top: Vec<Card>,
    live: Vec<Listed>,
    coming: Vec<Listed>,
    replays: Vec<Listed>,
    auctions: Vec<Card>,
    fresh: Page,
}

async fn advertised(c: &mut dyn Connection, slot: Slot) -> Result<Vec<Card>> {
    let mut products = Vec::new();
    for ad in ledger::running(c, slot).await? {
        let product = catalog::find(c, ad.product_id).await?;
        if product.state == ProductState::Active {
            products.push(product);
        }
    }
    cards(c, products).await
}

pub(super) async fn home(State(shop): State<Arc<Shop>>, visitor: Visitor) -> Result<Response> {
    let filter =
        |form: Option<&str>, limit| Filter { form: form.map(str::to_owned), limit: Some(limit), ..Filter::default() };
    let (found, live, coming, replays, auctions, fresh) = tokio::try_join!(
        read!(shop.database, Relaxed, [], |c| {
            Ok((c.all::<Category>("ORDER BY id", vec![]).await?, advertised(c, Slot::Top).await?))
        }),
        broadcasts::list(&shop, Air::Live, 6),
        broadcasts::list(&shop, Air::Scheduled, 4),
        broadcasts::list(&shop, Air::Ended, 4),
        search::list(&shop, filter(Some("auction"), 4)),
        search::list(&shop, filter(None, 16)),
    )?;
    events::seen(&shop, "/", visitor.person().map(|p| p.id));
    let (categories, top) = found;
    page(&HomePage {
        f: Frame::of(&visitor),
        categories,
        top,
        live,
        coming,
        replays,
        auctions: auctions.products,
        fresh,
    })
}

#[derive(Template)]
#[template(path = "products.html")]
struct ListPage {
    f: Frame,
    categories: Vec<Category>,
    filter: Filter,
    ads: Vec<Card>,
    found: Page,
}

impl ListPage {
    fn words(&self) -> &str {
        self.filter.q.as_deref().unwrap_or("")
    }

    fn is_category(&self, slug: &str) -> bool {
        self.filter.category.as_deref().unwrap_or("") == slug
    }

    fn is_form(&self, form: &str) -> bool {
        self.filter.form.as_deref().unwrap_or("") == form
    }

    /// The address of the list with one choice changed.
    fn link(&self, name: &str, value: &str) -> String {
        let mut parts = Vec::new();
        for (known, given) in [("q", &self.filter.q), ("category", &self.filter.category), ("form", &self.filter.form)]
        {
            let text = if known == name { value } else { given.as_deref().unwrap_or("") };
            if !text.is_empty() {
                parts.push(format!("{known}={}", super::encoded(text)));
            }
        }
        if name == "after" {
            parts.push(format!("after={value}"));
        }
        format!("/products?{}", parts.join("&"))
    }

    fn next(&self) -> Option<String> {
        self.found.next.map(|id| self.link("after", &id.to_string()))
    }
}

pub(super) async fn list(
    State(shop): State<Arc<Shop>>,
    visitor: Visitor,
    Query(filter): Query<Filter>,
) -> Result<Response> {
    let found = search::list(&shop, filter.clone()).await?;
    let more = read!(shop.database, Relaxed, [], |c| {
        Ok((c.all::<Category>("ORDER BY id", vec![]).await?, advertised(c, Slot::List).await?))
    });
    let (categories, mut ads) = more.await?;
    if filter.after.is_some() {
        ads.clear();
    }
    page(&ListPage { f: Frame::of(&visitor), categories, filter, ads, found })
}

#[derive(Template)]
#[template(path = "product.html")]
struct ProductPage {
    f: Frame,
    p: Product,
    category: String,
    pictures: Vec<Picture>,
    seller: Person,
    auction: Option<Auction>,
    bids: Vec<(String, i64, i64)>,
    reviews: Vec<Signed>,
    may_review: bool,
    own: bool,
    leads: bool,
    on_air: Option<Id>,
}

impl ProductPage {
    fn stars(&self) -> String {
        if self.p.reviews == 0 {
            return String::new();
        }
        format!("{:.1}", self.p.stars as f64 / self.p.reviews as f64)
    }

    fn wear(&self) -> &'static str {
        match self.p.wear {
            Some(Wear::Unused) => self.f.t.wear_unused,
            Some(Wear::Good) => self.f.t.wear_good,
            Some(Wear::Fair) => self.f.t.wear_fair,
            Some(Wear::Poor) => self.f.t.wear_poor,
            None => "",
        }
    }

    fn open(&self) -> bool {
        self.auction.as_ref().is_some_and(|a| a.state == Phase::Open && a.ends_at > crate::clock::now())
    }
}

pub(super) async fn product(State(shop): State<Arc<Shop>>, visitor: Visitor, IdPath(id): IdPath) -> Result<Response> {
    let viewer = visitor.person().cloned();
    let who = viewer.clone();
    let found = read!(shop.database, Committed, [who], |c| {
        let p = catalog::find(c, id).await?;
        let category = c.one::<Category>("WHERE id = ?", crate::store::args![p.category_id]).await?;
        let auction = match p.form {
            SaleForm::Auction => Some(auctions::find(c, id).await?),
            SaleForm::Ordinary | SaleForm::Used | SaleForm::Direct => None,
        };
        let mut bids = Vec::new();
        if auction.is_some() {
            for bid in auctions::bids(c, id).await?.into_iter().take(10) {
                bids.push((masked(people::find(c, bid.bidder_id).await?.shown_name()), bid.amount, bid.created_at));
            }
        }
        let may_review = match &who {
            Some(person) => reviews::may(c, person.id, id).await?,
            None => false,
        };
        let sql = "SELECT broadcasts.id FROM broadcasts JOIN broadcast_products
            ON broadcast_products.broadcast_id = broadcasts.id
            WHERE broadcast_products.product_id = ? AND broadcasts.state = 'live' LIMIT 1";
        let on_air: Option<Id> = c.cell(sql, crate::store::args![id]).await?;
        let seller = people::find(c, p.seller_id).await?;
        let pictures = pictures::of(c, id).await?;
        Ok((p, category, pictures, seller, auction, bids, reviews::of(c, id).await?, may_review, on_air))
    });
    let (p, category, pictures, seller, auction, bids, reviews, may_review, on_air) = found.await?;
    let own = viewer.as_ref().is_some_and(|person| person.must_own(p.seller_id).is_ok());
    if p.state == ProductState::Hidden && !own {
        return Err(Error::NotFound("page"));
    }
    events::seen(&shop, &visitor.path, viewer.as_ref().map(|p| p.id));
    let f = Frame::of(&visitor);
    let leads = auction.as_ref().is_some_and(|a| a.bidder_id.is_some() && a.bidder_id == viewer.as_ref().map(|p| p.id));
    let category = category.map(|category| f.category(&category)).unwrap_or_default();
    page(&ProductPage { f, p, category, pictures, seller, auction, bids, reviews, may_review, own, leads, on_air })
}

pub(super) async fn review(
    State(shop): State<Arc<Shop>>,
    IdPath(id): IdPath,
    who: LoggedIn,
    Form(input): Form<NewReview>,
) -> Result<Response> {
    reviews::write(&shop, &who.person, id, input).await?;
    Ok(go(format!("/products/{id}#reviews")))
}

/// The bid form's fields.
#[derive(Deserialize)]
pub(super) struct BidForm {
    amount: i64,
}

pub(super) async fn bid(
    State(shop): State<Arc<Shop>>,
    IdPath(id): IdPath,
    who: LoggedIn,
    Form(input): Form<BidForm>,
) -> Result<Response> {
    shop.limits.bid(who.person.id)?;
    auctions::bid(&shop, &who.person, id, input.amount).await?;
    Ok(go(format!("/products/{id}")))
}

#[derive(Template)]
#[template(path = "person.html")]
struct PersonPage {
    f: Frame,
    person: Person,
    found: Page,
}

pub(super) async fn person(State(shop): State<Arc<Shop>>, visitor: Visitor, IdPath(id): IdPath) -> Result<Response> {
    let person = read!(shop.database, Relaxed, [], |c| people::find(c, id).await).await?;
    let filter = Filter { seller: Some(id.to_string()), limit: Some(60), ..Filter::default() };
    let found = search::list(&shop, filter).await?;
    page(&PersonPage { f: Frame::of(&visitor), person, found })
}
