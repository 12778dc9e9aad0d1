//! Broadcasts: announced with a notice, on air, over, and then watched again with the same products for sale.

use crate::Shop;
use crate::catalog::search::{Card, cards};
use crate::catalog::{self, Product};
use crate::clock::{self, DAY};
use crate::error::{Check, Error, Result};
use crate::id::Id;
use crate::operations::audit;
use crate::people::Person;
use crate::store::{Connection, args, choice, read, record, transact};

choice! {
    /// How far a broadcast is.
    Air {
        /// Announced.
        Scheduled = "scheduled",
        /// On air.
        Live = "live",
        /// Over.
        Ended = "ended",
        /// Called off.
        Cancelled = "cancelled",
    }
}

record! {
    /// A broadcast.
    Broadcast from "broadcasts" {
        /// Identity.
        id: Id,
        /// Who broadcasts.
        seller_id: Id,
        /// Its name.
        title: String,
        /// Words that announce it.
        notice: String,
        /// How far it is.
        state: Air,
        /// When it is to begin.
        starts_at: i64,
        /// When it began.
        started_at: Option<i64>,
        /// When it ended.
        ended_at: Option<i64>,
        /// The name of the stream in viewers' URLs.
        stream: String,
        /// The media server's name for it.
        media_id: Option<String>,
        /// The playlist while on air.
        playback: Option<String>,
        /// The playlist of the replay.
        replay: Option<String>,
        /// A picture of it.
        picture: Option<String>,
        /// The product shown on top.
        pinned_id: Option<Id>,
        /// Seconds between two messages of one person.
        slow_seconds: i64,
        /// Viewers at the media server.
        viewers: i64,
        /// The most viewers there were.
        peak: i64,
        /// When it was announced.
        created_at: i64,
    }
}

/// What announcing takes.
#[derive(Clone, Debug, serde::Deserialize, utoipa::ToSchema)]
pub(crate) struct NewBroadcast {
    /// Its name.
    pub(crate) title: String,
    /// Words that announce it.
    #[serde(default)]
    pub(crate) notice: String,
    /// When it is to begin.
    pub(crate) starts_at: i64,
    /// What is sold in it.
    #[serde(default)]
    pub(crate) products: Vec<Id>,
}

/// Products in one broadcast.
const PRODUCTS: usize = 30;

/// The name of a seller's stream.
pub(crate) fn stream_of(seller: Id) -> String {
    format!("s-{seller}")
}

/// Announces a broadcast.
pub(crate) async fn announce(shop: &Shop, person: &Person, input: NewBroadcast) -> Result<Broadcast> {
    person.must_sell()?;
    let now = clock::now();
    let mut check = Check::default();
    check.text(&input.title, 2, 80, "title").text(&input.notice, 0, 3000, "notice");
    check.that((now - DAY..now + 366 * DAY).contains(&input.starts_at), "starts_at", "must be within a year");
    check.that(input.products.len() <= PRODUCTS, "products", "must be at most 30").done()?;
    let (seller, input) = (person.id, std::sync::Arc::new(input));
    let stored = transact!(shop.database, [input], |c| {
        let id = insert(c, seller, &input.title, &input.notice, input.starts_at).await?;
        let mut seen = std::collections::HashSet::new();
        for (position, product) in input.products.iter().filter(|p| seen.insert(**p)).enumerate() {
            if catalog::find(c, *product).await?.seller_id != seller {
                return Err(Error::Forbidden("a broadcast sells its seller's own products"));
            }
            let sql = "INSERT INTO broadcast_products (broadcast_id, product_id, position) VALUES (?, ?, ?)";
            c.execute(sql, args![id, *product, position as i64]).await?;
        }
        audit::append(c, Some(seller), "broadcast.announce", &id.to_string(), "").await?;
        find(c, id).await
    });
    stored.await
}

/// Writes a new broadcast.
pub(crate) async fn insert(c: &mut dyn Connection, seller: Id, title: &str, notice: &str, starts: i64) -> Result<Id> {
    let id = Id::new();
    let sql =
        "INSERT INTO broadcasts (id, seller_id, title, notice, state, starts_at, stream, slow_seconds, viewers, peak,
        created_at) VALUES (?, ?, ?, ?, 'scheduled', ?, ?, 1, 0, 0, ?)";
    let values = args![id, seller, title.trim(), notice.trim(), starts, stream_of(seller), clock::now()];
    c.execute(sql, values).await?;
    Ok(id)
}

/// A broadcast by id.
pub(crate) async fn find(c: &mut dyn Connection, id: Id) -> Result<Broadcast> {
    c.one::<Broadcast>("WHERE id = ?", args![id]).await?.ok_or(Error::NotFound("broadcast"))
}

/// A broadcast with what its page shows.
#[derive(Clone, Debug, serde::Serialize, utoipa::ToSchema)]
pub(crate) struct Shown {
    /// The broadcast.
    #[serde(flatten)]
    pub(crate) broadcast: Broadcast,
    /// The seller's name.
    pub(crate) seller: String,
    /// What is sold in it.
    pub(crate) products: Vec<Card>,
}

/// A broadcast with its products.
pub(crate) async fn show(c: &mut dyn Connection, id: Id) -> Result<Shown> {
    let broadcast = find(c, id).await?;
    let rest = "JOIN broadcast_products ON broadcast_products.product_id = products.id
        WHERE broadcast_products.broadcast_id = ? AND products.state = 'active' ORDER BY broadcast_products.position";
    let products = c.all::<Product>(rest, args![id]).await?;
    let seller = seller_name(c, broadcast.seller_id).await?;
    Ok(Shown { seller, products: cards(c, products).await?, broadcast })
}

async fn seller_name(c: &mut dyn Connection, id: Id) -> Result<String> {
    let sql = "SELECT COALESCE(company, name) FROM people WHERE id = ?";
    Ok(c.cell::<String>(sql, args![id]).await?.unwrap_or_default())
}

/// A broadcast in a list.
#[derive(Clone, Debug, serde::Serialize, utoipa::ToSchema)]
pub(crate) struct Listed {
    /// The broadcast.
    #[serde(flatten)]
    pub(crate) broadcast: Broadcast,
    /// The seller's name.
    pub(crate) seller: String,
    /// A picture: of the broadcast, or of its first product.
    pub(crate) thumbnail: Option<String>,
}

/// Broadcasts in one state: on air and coming ones soonest first, past ones newest first.
pub(crate) async fn list(shop: &Shop, air: Air, limit: i64) -> Result<Vec<Listed>> {
    let found = read!(shop.database, Relaxed, [], |c| {
        let order = match air {
            Air::Live | Air::Scheduled => "starts_at",
            Air::Ended | Air::Cancelled => "starts_at DESC",
        };
        let rest = format!("WHERE state = ? ORDER BY {order}, id LIMIT {}", limit.clamp(1, 60));
        let mut listed = Vec::new();
        for broadcast in c.all::<Broadcast>(&rest, args![air]).await? {
            let sql = "SELECT images.name FROM images
                JOIN broadcast_products ON broadcast_products.product_id = images.product_id
                WHERE broadcast_products.broadcast_id = ? ORDER BY broadcast_products.position, images.position LIMIT 1";
            let name: Option<String> = c.cell(sql, args![broadcast.id]).await?;
            let product = name.map(|name| format!("/pictures/{name}-small.jpg"));
            let thumbnail = broadcast.picture.clone().or(product);
            listed.push(Listed { seller: seller_name(c, broadcast.seller_id).await?, thumbnail, broadcast });
        }
        Ok(listed)
    });
    found.await
}

/// What its seller may change.
#[derive(Clone, Debug, Default, serde::Deserialize, utoipa::ToSchema)]
pub(crate) struct BroadcastChange {
    /// The product to show on top.
    #[serde(default)]
    pub(crate) pinned_id: Option<Id>,
    /// Seconds between two messages of one person.
    #[serde(default)]
    pub(crate) slow_seconds: Option<i64>,
    /// Call off a broadcast that is only announced.
    #[serde(default)]
    pub(crate) cancel: bool,
}

/// Changes a broadcast while it is announced or on air.
pub(crate) async fn change(shop: &Shop, person: &Person, id: Id, input: BroadcastChange) -> Result<Broadcast> {
    if input.slow_seconds.is_some_and(|s| !(0..=300).contains(&s)) {
        return Err(Error::invalid("slow_seconds", "must be 0 to 300"));
    }
    let (person, change) = (person.clone(), input.clone());
    let done = transact!(shop.database, [person, change], |c| {
        let before = find(c, id).await?;
        person.must_own(before.seller_id)?;
        if let Some(product) = change.pinned_id {
            let sql = "SELECT COUNT(*) FROM broadcast_products WHERE broadcast_id = ? AND product_id = ?";
            if c.number(sql, args![id, product]).await? == 0 {
                return Err(Error::invalid("pinned_id", "is not sold in this broadcast"));
            }
            c.execute("UPDATE broadcasts SET pinned_id = ? WHERE id = ?", args![product, id]).await?;
        }
        if let Some(seconds) = change.slow_seconds {
            c.execute("UPDATE broadcasts SET slow_seconds = ? WHERE id = ?", args![seconds, id]).await?;
        }
        if change.cancel {
            let sql = "UPDATE broadcasts SET state = 'cancelled' WHERE id = ? AND state = 'scheduled'";
            if c.execute(sql, args![id]).await? == 0 {
                return Err(Error::Conflict("wrong-state", "only an announced broadcast can be called off".into()));
            }
        }
        find(c, id).await
    });
    let broadcast = done.await?;
    if let Some(product) = input.pinned_id {
        shop.hub.say(id, &serde_json::json!({"kind": "pinned", "product": product}));
    }
    shop.rooms.forget(id);
    Ok(broadcast)
}

record! {
    /// A comment on a notice.
    Comment from "comments" {
        /// Identity.
        id: Id,
        /// On which broadcast's notice.
        broadcast_id: Id,
        /// Who wrote it.
        person_id: Id,
        /// Words.
        text: String,
        /// When.
        created_at: i64,
    }
}

/// A comment with its writer's name.
#[derive(Clone, Debug, serde::Serialize, utoipa::ToSchema)]
pub(crate) struct SignedComment {
    /// The comment.
    #[serde(flatten)]
    pub(crate) comment: Comment,
    /// Who wrote it.
    pub(crate) name: String,
}

/// Comments on a notice.
pub(crate) async fn comments(c: &mut dyn Connection, id: Id) -> Result<Vec<SignedComment>> {
    let comments = c.all::<Comment>("WHERE broadcast_id = ? ORDER BY id DESC LIMIT 100", args![id]).await?;
    let mut signed = Vec::with_capacity(comments.len());
    for comment in comments {
        signed.push(SignedComment { name: seller_name(c, comment.person_id).await?, comment });
    }
    Ok(signed)
}

/// Comments on a notice.
pub(crate) async fn comment(shop: &Shop, person: &Person, id: Id, text: String) -> Result<Comment> {
    Check::default().text(&text, 1, 500, "text").done()?;
    shop.limits.chat(person.id)?;
    let row = Comment {
        id: Id::new(),
        broadcast_id: id,
        person_id: person.id,
        text: text.trim().to_owned(),
        created_at: clock::now(),
    };
    let comment = row.clone();
    let stored = transact!(shop.database, [row], |c| {
        find(c, id).await?;
        let sql = "INSERT INTO comments (id, broadcast_id, person_id, text, created_at) VALUES (?, ?, ?, ?, ?)";
        c.execute(sql, args![row.id, row.broadcast_id, row.person_id, row.text, row.created_at]).await
    });
    stored.await?;
    Ok(comment)
}
