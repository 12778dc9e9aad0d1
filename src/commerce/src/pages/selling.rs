//! Posting and managing products, sales and the statement.

use std::sync::Arc;

use askama::Template;
use axum::body::Bytes;
use axum::extract::{Multipart, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::buying::{After, OrdersPage};
use super::{Frame, go, page};
use crate::Shop;
use crate::auctions::Terms;
use crate::catalog::pictures::{self, LARGEST};
use crate::catalog::search::{self, Card, Filter};
use crate::catalog::{
    self, Category, Form as SaleForm, NewProduct, Product, ProductChange, State as ProductState, Wear,
};
use crate::clock::{self, DAY};
use crate::error::{Error, Result};
use crate::orders::history::{self, Side};
use crate::orders::ledger::{self, Kind, NewAd, Slot, Statement};
use crate::store::read;
use crate::web::guard::{Form, IdPath, LoggedIn, Visitor, check_csrf};

#[derive(Template)]
#[template(path = "sell.html")]
struct SellPage {
    f: Frame,
    categories: Vec<Category>,
    sells: bool,
    end: String,
}

pub(super) async fn form(State(shop): State<Arc<Shop>>, visitor: Visitor, who: LoggedIn) -> Result<Response> {
    let categories = read!(shop.database, Relaxed, [], |c| c.all::<Category>("ORDER BY id", vec![]).await).await?;
    let end = clock::field(clock::now() + 3 * DAY);
    page(&SellPage { f: Frame::of(&visitor), categories, sells: who.person.sells(), end })
}

/// The fields and files of a multipart form.
async fn parts(mut form: Multipart) -> Result<(std::collections::HashMap<String, String>, Vec<Bytes>)> {
    let broken = |e: axum::extract::multipart::MultipartError| match e.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Error::TooLarge(super::FORM),
        _ => Error::Malformed(e.body_text()),
    };
    let (mut fields, mut files) = (std::collections::HashMap::new(), Vec::new());
    while let Some(mut field) = form.next_field().await.map_err(broken)? {
        let name = field.name().unwrap_or("").to_owned();
        let limit = if name == "pictures" { LARGEST } else { 64 * 1024 };
        let mut bytes = Vec::new();
        while let Some(chunk) = field.chunk().await.map_err(broken)? {
            if bytes.len() + chunk.len() > limit {
                return Err(Error::TooLarge(limit));
            }
            bytes.extend_from_slice(&chunk);
        }
        if name != "pictures" {
            let text = String::from_utf8(bytes).map_err(|_| Error::Malformed(format!("`{name}` is not text")))?;
            fields.insert(name, text);
        } else if !bytes.is_empty() {
            files.push(Bytes::from(bytes));
        }
        if files.len() > pictures::MOST as usize || fields.len() > 40 {
            return Err(Error::Malformed("the form has too many parts".into()));
        }
    }
    Ok((fields, files))
}

pub(super) async fn post(
    State(shop): State<Arc<Shop>>,
    visitor: Visitor,
    who: LoggedIn,
    form: Multipart,
) -> Result<Response> {
    let (fields, files) = parts(form).await?;
    let text = |name: &str| fields.get(name).map(|text| text.trim()).unwrap_or("");
    check_csrf(&visitor, text("csrf"))?;
    let number = |name: &'static str| text(name).parse::<i64>().map_err(|_| Error::invalid(name, "must be a number"));
    let form = SaleForm::from_word(text("form")).ok_or_else(|| Error::invalid("form", "must be chosen"))?;
    let auction = match form {
        SaleForm::Auction => Some(Terms {
            step: number("step")?,
            starts_at: None,
            ends_at: clock::from_field(text("end")).ok_or_else(|| Error::invalid("end", "must be a time"))?,
        }),
        SaleForm::Ordinary | SaleForm::Used | SaleForm::Direct => None,
    };
    let used = matches!(form, SaleForm::Used | SaleForm::Direct);
    let input = NewProduct {
        form,
        category: text("category").to_owned(),
        title: text("title").to_owned(),
        description: text("description").to_owned(),
        price: number("price")?,
        stock: if form == SaleForm::Ordinary { number("stock")? } else { 1 },
        wear: Wear::from_word(text("wear")).filter(|_| used),
        place: Some(text("place").to_owned()).filter(|place| used && !place.is_empty()),
        auction,
    };
    let product = catalog::put_up(&shop, &who.person, input).await?;
    for file in files {
        if let Err(e) = pictures::add(&shop, &who.person, product.id, file).await {
            // Without its pictures the product is not what the seller meant to show.
            let hide = ProductChange {
                title: None,
                description: None,
                price: None,
                add_stock: None,
                state: Some(ProductState::Hidden),
            };
            if product.form != SaleForm::Auction {
                catalog::change(&shop, &who.person, product.id, hide).await?;
            }
            return Err(e);
        }
    }
    Ok(go(format!("/products/{}", product.id)))
}

#[derive(Template)]
#[template(path = "edit.html")]
struct EditPage {
    f: Frame,
    p: Product,
}

pub(super) async fn edit(
    State(shop): State<Arc<Shop>>,
    visitor: Visitor,
    who: LoggedIn,
    IdPath(id): IdPath,
) -> Result<Response> {
    let p = read!(shop.database, Committed, [], |c| catalog::find(c, id).await).await?;
    who.person.must_own(p.seller_id)?;
    page(&EditPage { f: Frame::of(&visitor), p })
}

/// The fields of the product's form.
#[derive(Deserialize)]
pub(super) struct EditForm {
    title: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    price: String,
    #[serde(default)]
    add_stock: String,
    #[serde(default)]
    state: String,
}

pub(super) async fn change(
    State(shop): State<Arc<Shop>>,
    who: LoggedIn,
    IdPath(id): IdPath,
    Form(given): Form<EditForm>,
) -> Result<Response> {
    let number = |text: &str, field| match text.trim() {
        "" => Ok(None),
        text => text.parse::<i64>().map(Some).map_err(|_| Error::invalid(field, "must be a number")),
    };
    let input = ProductChange {
        title: Some(given.title),
        description: Some(given.description),
        price: number(&given.price, "price")?,
        add_stock: number(&given.add_stock, "add_stock")?,
        state: ProductState::from_word(&given.state),
    };
    catalog::change(&shop, &who.person, id, input).await?;
    Ok(go(format!("/products/{id}")))
}

pub(super) async fn sales(
    State(shop): State<Arc<Shop>>,
    visitor: Visitor,
    who: LoggedIn,
    Query(after): Query<After>,
) -> Result<Response> {
    let found = history::list(&shop, &who.person, Side::Sold, after.after.as_deref()).await?;
    page(&OrdersPage { f: Frame::of(&visitor), sold: true, found })
}

#[derive(Template)]
#[template(path = "statement.html")]
struct StatementPage {
    f: Frame,
    s: Statement,
    products: Vec<Card>,
}

impl StatementPage {
    fn kind(&self, kind: &Kind) -> &'static str {
        match kind {
            Kind::Sale => self.f.t.entry_sale,
            Kind::Commission => self.f.t.entry_commission,
            Kind::Refund => self.f.t.entry_refund,
            Kind::CommissionBack => self.f.t.entry_commission_back,
            Kind::Advertising => self.f.t.entry_advertising,
        }
    }
}

pub(super) async fn statement(State(shop): State<Arc<Shop>>, visitor: Visitor, who: LoggedIn) -> Result<Response> {
    let s = ledger::statement(&shop, &who.person).await?;
    let filter = Filter { seller: Some(who.person.id.to_string()), limit: Some(60), ..Filter::default() };
    let products = search::list(&shop, filter).await?.products;
    page(&StatementPage { f: Frame::of(&visitor), s, products })
}

/// The fields of the booking form.
#[derive(Deserialize)]
pub(super) struct AdForm {
    slot: Slot,
    product: String,
    days: i64,
}

pub(super) async fn book_ad(
    State(shop): State<Arc<Shop>>,
    who: LoggedIn,
    Form(given): Form<AdForm>,
) -> Result<Response> {
    let product_id = given.product.parse().map_err(|_| Error::invalid("product", "must be chosen"))?;
    ledger::book(&shop, &who.person, NewAd { slot: given.slot, product_id, days: given.days }).await?;
    Ok(go("/statement"))
}
