//! A shop worth looking at: people, products of every sale form, an auction, broadcasts, orders and words. Filled only
//! into an empty shop, through the same functions that everybody uses.

mod drawing;
mod goods;

use std::sync::Arc;

use crate::Shop;
use crate::auctions::{self, Terms};
use crate::catalog::pictures;
use crate::catalog::reviews::{self, NewReview};
use crate::catalog::{self, Form, NewProduct, Product};
use crate::clock::{self, DAY, HOUR};
use crate::error::Result;
use crate::id::Id;
use crate::live::broadcasts::{self, NewBroadcast};
use crate::live::chat;
use crate::orders::ledger::{self, NewAd, Slot};
use crate::orders::place::{self, Item, NewOrder};
use crate::orders::settle;
use crate::orders::state::Step;
use crate::people::{self, Person, Role, Sort, passwords};
use crate::store::{args, read, transact};

/// The password of all demo people.
const PASSWORD: &str = "demo-password";

/// Fills an empty shop.
pub(crate) async fn fill(shop: &Arc<Shop>) -> Result<()> {
    let count = read!(shop.database, Committed, [], |c| c.number("SELECT COUNT(*) FROM people", vec![]).await);
    if count.await? > 0 {
        return Ok(());
    }
    tracing::info!("filling the demo shop");
    let hash = passwords::hash(shop, PASSWORD.into()).await?;
    let mut people = Vec::new();
    for (address, name, company, role, about) in goods::PEOPLE {
        let person = Person {
            id: Id::new(),
            email: format!("{address}@demo.shop"),
            name: (*name).into(),
            sort: if company.is_some() { Sort::Company } else { Sort::Personal },
            company: company.map(str::to_owned),
            registration: company.map(|_| "123-45-67890".to_owned()),
            role: *role,
            about: (*about).into(),
            suspended: false,
            created_at: clock::now(),
        };
        let row = person.clone();
        let password = hash.clone();
        transact!(shop.database, [row, password], |c| people::insert(c, &row, &password).await).await?;
        people.push(person);
    }
    let products = put_up(shop, &people).await?;
    trade(shop, &people, &products).await?;
    broadcast(shop, &people, &products).await?;
    println!("demo accounts: seller@demo.shop, buyer@demo.shop, admin@demo.shop; password {PASSWORD}");
    Ok(())
}

async fn put_up(shop: &Arc<Shop>, people: &[Person]) -> Result<Vec<Product>> {
    let mut products = Vec::new();
    for good in goods::GOODS {
        let auction = (good.form == Form::Auction).then(|| Terms {
            step: 5_000,
            starts_at: None,
            ends_at: clock::now() + if good.stock > 1 { good.stock * HOUR } else { DAY },
        });
        let input = NewProduct {
            form: good.form,
            category: good.category.into(),
            title: good.title.into(),
            description: good.description.into(),
            price: good.price,
            stock: if good.form == Form::Ordinary { good.stock } else { 1 },
            wear: good.wear,
            place: good.place.map(str::to_owned),
            auction,
        };
        let seller = &people[good.seller];
        let product = catalog::put_up(shop, seller, input).await?;
        for (turn, picture) in [good.picture, good.picture].iter().enumerate() {
            let (shape, hue) = (*picture, good.hue + 40.0 * turn as f32);
            let drawn = tokio::task::spawn_blocking(move || drawing::jpeg(shape, hue, turn == 1)).await;
            let bytes = drawn.map_err(|e| crate::error::Error::Internal(e.to_string()))??;
            pictures::add(shop, seller, product.id, bytes.into()).await?;
        }
        products.push(product);
    }
    Ok(products)
}

async fn buy(shop: &Shop, buyer: &Person, product: &Product, quantity: i64) -> Result<Id> {
    let input = NewOrder {
        items: vec![Item { product_id: product.id, quantity }],
        recipient: buyer.name.clone(),
        phone: "010-1234-5678".into(),
        address: "서울시 마포구 와우산로 1".into(),
        payment_token: Some("ok".into()),
    };
    Ok(place::place(shop, buyer, &crate::secret::token(), input).await?.full.order.id)
}

/// Pays an order as the worker would, so that the demo begins with a history.
async fn paid(shop: &Shop, order: Id) -> Result<()> {
    let done = transact!(shop.database, [], |c| {
        let total = c.number("SELECT total FROM orders WHERE id = ?", args![order]).await?;
        let sql =
            "INSERT INTO test_charges (token, amount, outcome, refunded, created_at) VALUES (?, ?, 'charged', 0, ?)";
        c.execute(sql, args![order.to_string(), total, clock::now()]).await?;
        c.execute("UPDATE outbox SET state = 'done' WHERE order_id = ? AND kind = 'charge'", args![order]).await?;
        let sql = "INSERT INTO charges (order_id, reference, amount, refunded, created_at) VALUES (?, ?, ?, 0, ?)";
        c.execute(sql, args![order, format!("test_{order}"), total, clock::now()]).await?;
        settle::settle(c, order, Step::Charged, None).await.map(drop)
    });
    done.await
}

async fn trade(shop: &Shop, people: &[Person], products: &[Product]) -> Result<()> {
    let buyers = &people[3..];
    for (number, (product, words, stars)) in goods::REVIEWS.iter().enumerate() {
        let buyer = &buyers[number % buyers.len()];
        let order = buy(shop, buyer, &products[*product], 1 + (number as i64 % 2)).await?;
        paid(shop, order).await?;
        if number % 2 == 0 {
            settle::deliver(shop, &people[goods::GOODS[*product].seller], order).await?;
        }
        reviews::write(shop, buyer, products[*product].id, NewReview { stars: *stars, text: (*words).into() }).await?;
    }
    for product in products.iter().filter(|product| product.form == Form::Auction) {
        for (turn, buyer) in buyers.iter().enumerate() {
            auctions::bid(shop, buyer, product.id, product.price + 15_000 * (turn as i64 + 1)).await?;
        }
    }
    for (slot, product) in [(Slot::Top, 0), (Slot::List, 2), (Slot::List, 4)] {
        let ad = NewAd { slot, product_id: products[product].id, days: 1 };
        ledger::book(shop, &people[goods::GOODS[product].seller], ad).await?;
    }
    Ok(())
}

async fn broadcast(shop: &Shop, people: &[Person], products: &[Product]) -> Result<()> {
    let now = clock::now();
    for (number, (seller, title, notice, hours)) in goods::BROADCASTS.iter().enumerate() {
        let own = products.iter().filter(|product| product.seller_id == people[*seller].id);
        let input = NewBroadcast {
            title: (*title).into(),
            notice: (*notice).into(),
            starts_at: now + hours * HOUR,
            products: own.skip(number % 2).take(4).map(|product| product.id).collect(),
        };
        let first = input.products.first().copied();
        let broadcast = broadcasts::announce(shop, &people[*seller], input).await?;
        for (turn, words) in goods::COMMENTS.iter().enumerate() {
            let buyer = &people[3 + (turn + number) % (people.len() - 3)];
            if *hours > 0 {
                broadcasts::comment(shop, buyer, broadcast.id, (*words).into()).await?;
            }
        }
        if *hours > 0 {
            continue;
        }
        let (id, air, ended) = if *hours == 0 {
            (broadcast.id, "live", None)
        } else {
            (broadcast.id, "ended", Some(now + (hours + 1) * HOUR))
        };
        let started = now + hours * HOUR;
        let changed = transact!(shop.database, [], |c| {
            let sql = "UPDATE broadcasts SET state = ?, started_at = ?, ended_at = ?, pinned_id = ?, slow_seconds = 0 WHERE id = ?";
            c.execute(sql, args![air, started, ended, first, id]).await
        });
        changed.await?;
        shop.rooms.forget(id);
        for (turn, words) in goods::CHAT.iter().enumerate() {
            let speaker = if turn % 3 == 2 { &people[*seller] } else { &people[3 + turn % (people.len() - 3)] };
            chat::say(shop, speaker, id, words).await?;
        }
    }
    debug_assert!(people.iter().any(|person| person.role == Role::Admin));
    Ok(())
}
