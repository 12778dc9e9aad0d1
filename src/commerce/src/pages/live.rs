//! Broadcasts, and the studio of those who make them.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;

use super::{Frame, go, page};
use crate::Shop;
use crate::catalog::search::{self, Card, Filter};
use crate::clock::{self, HOUR};
use crate::error::{Error, Result};
use crate::id::Id;
use crate::live::broadcasts::{self, Air, Broadcast, BroadcastChange, Listed, NewBroadcast, Shown, SignedComment};
use crate::live::chat::{self, Message};
use crate::people::stream_keys::{self, NewKey, StreamKey};
use crate::store::{args, read};
use crate::web::guard::{Form, IdPath, LoggedIn, Visitor};

#[derive(Template)]
#[template(path = "live_list.html")]
struct ListPage {
    f: Frame,
    live: Vec<Listed>,
    coming: Vec<Listed>,
    replays: Vec<Listed>,
}

pub(super) async fn list(State(shop): State<Arc<Shop>>, visitor: Visitor) -> Result<Response> {
    let (live, coming, replays) = tokio::try_join!(
        broadcasts::list(&shop, Air::Live, 24),
        broadcasts::list(&shop, Air::Scheduled, 24),
        broadcasts::list(&shop, Air::Ended, 24),
    )?;
    page(&ListPage { f: Frame::of(&visitor), live, coming, replays })
}

#[derive(Template)]
#[template(path = "live.html")]
struct LivePage {
    f: Frame,
    b: Broadcast,
    seller: String,
    products: Vec<Card>,
    messages: Vec<Message>,
    comments: Vec<SignedComment>,
    own: bool,
    viewers: usize,
}

impl LivePage {
    fn video(&self) -> Option<&str> {
        match self.b.state {
            Air::Live => self.b.playback.as_deref(),
            Air::Ended => self.b.replay.as_deref(),
            Air::Scheduled | Air::Cancelled => None,
        }
    }

    /// Something to look at while there is no video.
    fn picture(&self) -> Option<&str> {
        let first = || self.products.first()?.thumbnail.as_deref();
        self.b.picture.as_deref().or_else(first)
    }

    fn is_live(&self) -> bool {
        self.b.state == Air::Live
    }

    fn is_pinned(&self, id: &Id) -> bool {
        self.b.pinned_id == Some(*id)
    }

    fn by_seller(&self, message: &Message) -> bool {
        message.person_id == self.b.seller_id
    }
}

pub(super) async fn show(State(shop): State<Arc<Shop>>, visitor: Visitor, IdPath(id): IdPath) -> Result<Response> {
    let found = read!(shop.database, Committed, [], |c| {
        let shown = broadcasts::show(c, id).await?;
        Ok((shown, chat::history(c, id).await?, broadcasts::comments(c, id).await?))
    });
    let (Shown { broadcast, seller, mut products }, messages, comments) = found.await?;
    // What is shown now comes first.
    products.sort_by_key(|card| Some(card.product.id) != broadcast.pinned_id);
    let own = visitor.person().is_some_and(|person| person.must_own(broadcast.seller_id).is_ok());
    let viewers = shop.hub.count(id);
    page(&LivePage { f: Frame::of(&visitor), b: broadcast, seller, products, messages, comments, own, viewers })
}

/// The comment form's fields.
#[derive(Deserialize)]
pub(super) struct CommentForm {
    text: String,
}

pub(super) async fn comment(
    State(shop): State<Arc<Shop>>,
    who: LoggedIn,
    IdPath(id): IdPath,
    Form(given): Form<CommentForm>,
) -> Result<Response> {
    broadcasts::comment(&shop, &who.person, id, given.text).await?;
    Ok(go(format!("/live/{id}#comments")))
}

/// The fields of the seller's forms on the live page.
#[derive(Deserialize)]
pub(super) struct ChangeForm {
    #[serde(default)]
    pin: String,
    #[serde(default)]
    slow: String,
    #[serde(default)]
    cancel: String,
}

pub(super) async fn change(
    State(shop): State<Arc<Shop>>,
    who: LoggedIn,
    IdPath(id): IdPath,
    Form(given): Form<ChangeForm>,
) -> Result<Response> {
    let input = BroadcastChange {
        pinned_id: given.pin.parse().ok(),
        slow_seconds: given.slow.parse().ok(),
        cancel: !given.cancel.is_empty(),
    };
    broadcasts::change(&shop, &who.person, id, input).await?;
    Ok(go(format!("/live/{id}")))
}

#[derive(Template)]
#[template(path = "studio.html")]
struct StudioPage {
    f: Frame,
    key: Option<StreamKey>,
    fresh: Option<NewKey>,
    products: Vec<Card>,
    mine: Vec<Broadcast>,
    start: String,
}

async fn studio_page(shop: &Shop, visitor: &Visitor, who: &LoggedIn, fresh: Option<NewKey>) -> Result<Response> {
    who.person.must_sell()?;
    let id = who.person.id;
    let filter = Filter { seller: Some(id.to_string()), limit: Some(60), ..Filter::default() };
    let mine = read!(shop.database, Committed, [], |c| {
        c.all::<Broadcast>("WHERE seller_id = ? ORDER BY id DESC LIMIT 20", args![id]).await
    });
    page(&StudioPage {
        f: Frame::of(visitor),
        key: stream_keys::current(shop, &who.person).await?,
        fresh,
        products: search::list(shop, filter).await?.products,
        mine: mine.await?,
        start: clock::field(clock::now() + HOUR),
    })
}

pub(super) async fn studio(State(shop): State<Arc<Shop>>, visitor: Visitor, who: LoggedIn) -> Result<Response> {
    studio_page(&shop, &visitor, &who, None).await
}

/// The fields of the form that announces a broadcast. Several boxes of one name arrive as one list of pairs.
pub(super) type ScheduleForm = Vec<(String, String)>;

pub(super) async fn schedule(
    State(shop): State<Arc<Shop>>,
    who: LoggedIn,
    Form(given): Form<ScheduleForm>,
) -> Result<Response> {
    let text = |name: &str| given.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str()).unwrap_or("");
    let products: Vec<Id> = given.iter().filter(|(n, _)| n == "product").filter_map(|(_, v)| v.parse().ok()).collect();
    let input = NewBroadcast {
        title: text("title").to_owned(),
        notice: text("notice").to_owned(),
        starts_at: clock::from_field(text("start")).ok_or_else(|| Error::invalid("start", "must be a time"))?,
        products,
    };
    let broadcast = broadcasts::announce(&shop, &who.person, input).await?;
    Ok(go(format!("/live/{}", broadcast.id)))
}

/// The fields of the key's form.
#[derive(Deserialize)]
pub(super) struct KeyForm {
    #[serde(default)]
    revoke: String,
}

pub(super) async fn key(
    State(shop): State<Arc<Shop>>,
    visitor: Visitor,
    who: LoggedIn,
    Form(given): Form<KeyForm>,
) -> Result<Response> {
    if given.revoke.is_empty() {
        let fresh = stream_keys::rotate(&shop, &who.person).await?;
        // Shown in the answer itself: a page to go to could be asked for again.
        return studio_page(&shop, &visitor, &who, Some(fresh)).await;
    }
    who.person.must_sell()?;
    stream_keys::revoke(&shop, &who.person).await?;
    Ok(go("/studio"))
}
