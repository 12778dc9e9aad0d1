//! Pushing to open pages: one room for each broadcast and product, and every page in one room.
//!
//! A message is written once and shared by all sockets. Stock is not pushed for each order but at most ten times a
//! second, read from the database then, so that what a page shows is never older than what it showed before. With
//! Redis configured, every node's messages reach every node's rooms.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::ws::Utf8Bytes;
use futures::StreamExt;
use serde_json::{Value as Json, json};
use tokio::sync::{broadcast, mpsc};

use crate::Shop;
use crate::auctions::Auction;
use crate::error::Result;
use crate::id::Id;
use crate::store::{Value, read};

/// Messages a slow socket may be behind before it misses some.
const BEHIND: usize = 256;
/// How often changed stock is pushed.
const TICK: Duration = Duration::from_millis(100);
/// The channel shared by the nodes.
const CHANNEL: &str = "commerce:rooms";

/// A room's message, and who is in it on other nodes.
struct Room {
    sender: broadcast::Sender<Utf8Bytes>,
    elsewhere: HashMap<String, usize>,
}

/// All rooms of this node.
pub(crate) struct Hub {
    rooms: Mutex<HashMap<Id, Room>>,
    changed: Mutex<HashSet<Id>>,
    /// To the other nodes.
    nodes: Option<mpsc::UnboundedSender<String>>,
    outgoing: Mutex<Option<mpsc::UnboundedReceiver<String>>>,
    node: String,
}

impl Hub {
    /// A hub, alone or one of several.
    pub(crate) fn new(several: bool) -> Self {
        let (nodes, outgoing) = mpsc::unbounded_channel();
        Hub {
            rooms: Mutex::default(),
            changed: Mutex::default(),
            nodes: several.then_some(nodes),
            outgoing: Mutex::new(Some(outgoing)),
            node: crate::secret::token(),
        }
    }

    /// Enters a room.
    pub(crate) fn enter(&self, room: Id) -> broadcast::Receiver<Utf8Bytes> {
        let mut rooms = self.rooms.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let fresh = || Room { sender: broadcast::Sender::new(BEHIND), elsewhere: HashMap::new() };
        rooms.entry(room).or_insert_with(fresh).sender.subscribe()
    }

    /// How many are in a room, on all nodes.
    pub(crate) fn count(&self, room: Id) -> usize {
        let rooms = self.rooms.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        rooms.get(&room).map_or(0, |r| r.sender.receiver_count() + r.elsewhere.values().sum::<usize>())
    }

    /// How many sockets this node has.
    pub(crate) fn sockets(&self) -> usize {
        let rooms = self.rooms.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        rooms.values().map(|r| r.sender.receiver_count()).sum()
    }

    /// Says something in a room, on all nodes.
    pub(crate) fn say(&self, room: Id, message: &Json) {
        let text = message.to_string();
        if let Some(nodes) = &self.nodes {
            let envelope = json!({"node": self.node, "room": room, "text": text});
            // The relay ends only when the service does.
            let _ = nodes.send(envelope.to_string());
        }
        self.say_here(room, text);
    }

    fn say_here(&self, room: Id, text: String) {
        let rooms = self.rooms.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(room) = rooms.get(&room) {
            // An empty room hears nothing.
            let _ = room.sender.send(Utf8Bytes::from(text));
        }
    }

    fn hear(&self, envelope: &str) {
        let Ok(envelope) = serde_json::from_str::<Json>(envelope) else { return };
        let part = |name: &str| envelope.get(name).and_then(Json::as_str);
        let (Some(node), Some(room)) = (part("node"), part("room").and_then(|r| r.parse().ok())) else { return };
        if node == self.node {
            return;
        }
        if let Some(text) = part("text") {
            self.say_here(room, text.to_owned());
        }
        if let Some(count) = envelope.get("count").and_then(Json::as_u64) {
            let mut rooms = self.rooms.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            if let Some(room) = rooms.get_mut(&room) {
                room.elsewhere.insert(node.to_owned(), usize::try_from(count).unwrap_or(0));
            }
        }
    }

    /// The rooms that somebody of this node is in; empty ones are dropped.
    fn occupied(&self) -> Vec<Id> {
        let mut rooms = self.rooms.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        rooms.retain(|_, room| room.sender.receiver_count() > 0);
        rooms.keys().copied().collect()
    }
}

/// Notes that a product's stock changed.
pub(crate) fn stock(shop: &Shop, product: Id, _: i64) {
    if let Ok(mut changed) = shop.hub.changed.lock() {
        changed.insert(product);
    }
}

/// Pushes an accepted bid.
pub(crate) fn bid(shop: &Shop, auction: &Auction, name: &str) {
    let message = json!({
        "kind": "bid", "product": auction.product_id, "top": auction.top, "least": auction.least(),
        "bids": auction.bids, "ends_at": auction.ends_at, "name": masked(name),
    });
    shop.hub.say(auction.product_id, &message);
}

/// A bidder's name as others see it.
pub(crate) fn masked(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map(|first| format!("{first}***")).unwrap_or_default()
}

/// Pushes the end of an auction.
pub(crate) fn auction_over(shop: &Shop, auction: &Auction) {
    let message = json!({"kind": "auction-over", "product": auction.product_id, "top": auction.top});
    shop.hub.say(auction.product_id, &message);
}

/// Pushes changed stock and viewer counts until the service stops.
pub(crate) async fn tick(shop: Arc<Shop>) {
    let mut round = 0_u64;
    loop {
        tokio::select! {
            () = tokio::time::sleep(TICK) => {}
            () = shop.stopping() => return,
        }
        round += 1;
        if round.is_multiple_of(20) {
            viewers(&shop).await;
        }
        let changed: Vec<Id> = match shop.hub.changed.lock() {
            Ok(mut changed) => changed.drain().collect(),
            Err(_) => return,
        };
        if !changed.is_empty()
            && let Err(e) = push_stock(&shop, changed).await
        {
            tracing::debug!(error = %e, "stock could not be pushed");
        }
    }
}

async fn push_stock(shop: &Shop, changed: Vec<Id>) -> Result<()> {
    let ids: Vec<Value> = changed.into_iter().map(Value::from).collect();
    let found = read!(shop.database, Committed, [ids], |c| {
        let marks = vec!["?"; ids.len()].join(", ");
        let sql = format!(
            "SELECT products.id, products.stock, products.price, broadcast_products.broadcast_id FROM products
                LEFT JOIN broadcast_products ON broadcast_products.product_id = products.id
                WHERE products.id IN ({marks})"
        );
        let mut rows = Vec::new();
        for mut row in c.query(&sql, ids).await? {
            rows.push((row.take::<Id>()?, row.take::<i64>()?, row.take::<i64>()?, row.take::<Option<Id>>()?));
        }
        Ok(rows)
    });
    let mut told = HashSet::new();
    for (product, stock, price, broadcast) in found.await? {
        let message = json!({"kind": "stock", "product": product, "stock": stock, "price": price});
        for room in std::iter::once(product).chain(broadcast) {
            if told.insert((product, room)) {
                shop.hub.say(room, &message);
            }
        }
    }
    Ok(())
}

async fn viewers(shop: &Shop) {
    for room in shop.hub.occupied() {
        let count = shop.hub.count(room);
        shop.hub.say_here(room, json!({"kind": "viewers", "count": count}).to_string());
        if let Some(nodes) = &shop.hub.nodes {
            let rooms = shop.hub.rooms.lock().map(|rooms| rooms.get(&room).map_or(0, |r| r.sender.receiver_count()));
            let envelope = json!({"node": shop.hub.node, "room": room, "count": rooms.unwrap_or(0)});
            let _ = nodes.send(envelope.to_string());
        }
    }
}

/// Carries messages between nodes until the service stops; reconnects by itself.
pub(crate) async fn relay(shop: Arc<Shop>, url: String) {
    let taken = shop.hub.outgoing.lock().ok().and_then(|mut outgoing| outgoing.take());
    let Some(mut outgoing) = taken else { return };
    loop {
        tokio::select! {
            ended = relay_once(&shop, &url, &mut outgoing) => {
                if let Err(e) = ended {
                    tracing::warn!(error = %e, "the relay between nodes broke: trying again");
                }
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            () = shop.stopping() => return,
        }
    }
}

async fn relay_once(
    shop: &Shop,
    url: &str,
    outgoing: &mut mpsc::UnboundedReceiver<String>,
) -> Result<(), redis::RedisError> {
    let client = redis::Client::open(url)?;
    let mut publisher = client.get_multiplexed_async_connection().await?;
    let (mut sink, mut stream) = client.get_async_pubsub().await?.split();
    sink.subscribe(CHANNEL).await?;
    loop {
        tokio::select! {
            message = outgoing.recv() => {
                let Some(message) = message else { return Ok(()) };
                let _: () = redis::cmd("PUBLISH").arg(CHANNEL).arg(message).query_async(&mut publisher).await?;
            }
            message = stream.next() => {
                let Some(message) = message else { return Ok(()) };
                shop.hub.hear(&message.get_payload::<String>()?);
            }
        }
    }
}
