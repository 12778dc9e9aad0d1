//! Auctions: the server's clock, a minimum step, every bid in a ledger. One conditional UPDATE decides a bid; nothing
//! is read first. A bid near the end moves the end, never beyond a fixed latest one.

use crate::Shop;
use crate::catalog::{Form, Product};
use crate::clock::{self, DAY, MINUTE, SECOND};
use crate::error::{Check, Error, Result};
use crate::id::Id;
use crate::live::hub;
use crate::operations::{audit, events};
use crate::orders::{Delivery, Line, Method, Order, State as OrderState, rows};
use crate::people::{self, Person};
use crate::store::{Connection, args, choice, read, record, transact};

/// A bid this close to the end moves the end this far from now.
pub(crate) const EXTENSION: i64 = 30 * SECOND;
/// The end moves at most this far beyond the announced one.
const LONGEST_OVERTIME: i64 = 10 * MINUTE;
/// How long the winner has to pay.
const WINNER_PAYS_WITHIN: i64 = DAY;
/// The highest bid, in won.
const HIGHEST: i64 = 1_000_000_000;

choice! {
    /// Whether bids are taken.
    Phase {
        /// Between its start and its end.
        Open = "open",
        /// Over: sold, or nobody bid.
        Closed = "closed",
    }
}

record! {
    /// An auction, one for each product of that form.
    Auction from "auctions" {
        /// The thing.
        product_id: Id,
        /// The least first bid.
        start_price: i64,
        /// How much more each bid must be.
        step: i64,
        /// The highest bid, or zero.
        top: i64,
        /// Whose it is.
        bidder_id: Option<Id>,
        /// How many bids were taken.
        bids: i64,
        /// From when bids are taken.
        starts_at: i64,
        /// Until when, as it stands.
        ends_at: i64,
        /// Until when at the very latest.
        latest_end: i64,
        /// Whether bids are taken.
        state: Phase,
        /// The winner's order.
        order_id: Option<Id>,
    }
}

record! {
    /// A bid that was taken.
    Bid from "bids" {
        /// Its place among the auction's bids, from 1 without gaps.
        number: i64,
        /// Who bid.
        bidder_id: Id,
        /// How much.
        amount: i64,
        /// When.
        created_at: i64,
    }
}

/// An auction's terms.
#[derive(Clone, Debug, serde::Deserialize, utoipa::ToSchema)]
pub(crate) struct Terms {
    /// How much more each bid must be.
    pub(crate) step: i64,
    /// From when bids are taken; now if absent.
    #[serde(default)]
    pub(crate) starts_at: Option<i64>,
    /// Until when.
    pub(crate) ends_at: i64,
}

impl Terms {
    /// Notes what is wrong with them.
    pub(crate) fn check(&self, check: &mut Check, now: i64) {
        let starts = self.starts_at.unwrap_or(now);
        check.that((1..=10_000_000).contains(&self.step), "step", "must be 1 to 10,000,000 won");
        check.that((now - MINUTE..=now + 30 * DAY).contains(&starts), "starts_at", "must be within 30 days");
        let length = self.ends_at.saturating_sub(starts);
        check.that(
            self.ends_at > now && (SECOND..=30 * DAY).contains(&length),
            "ends_at",
            "must be up to 30 days later",
        );
    }
}

/// Opens the auction of a product.
pub(crate) async fn open(c: &mut dyn Connection, product: &Product, terms: &Terms) -> Result<()> {
    let sql = "INSERT INTO auctions (product_id, start_price, step, top, bids, starts_at, ends_at, latest_end, state)
        VALUES (?, ?, ?, 0, 0, ?, ?, ?, 'open')";
    let starts = terms.starts_at.unwrap_or(product.created_at);
    let values = args![product.id, product.price, terms.step, starts, terms.ends_at, terms.ends_at + LONGEST_OVERTIME];
    c.execute(sql, values).await.map(drop)
}

/// The auction of a product.
pub(crate) async fn find(c: &mut dyn Connection, product: Id) -> Result<Auction> {
    c.one::<Auction>("WHERE product_id = ?", args![product]).await?.ok_or(Error::NotFound("auction"))
}

impl Auction {
    /// The least amount the next bid must have.
    pub(crate) fn least(&self) -> i64 {
        if self.bids == 0 { self.start_price } else { self.top + self.step }
    }
}

/// Bids.
pub(crate) async fn bid(shop: &Shop, person: &Person, product: Id, amount: i64) -> Result<Auction> {
    if !(1..=HIGHEST).contains(&amount) {
        return Err(Error::invalid("amount", "must be 1 to 1,000,000,000 won"));
    }
    let bidder = person.id;
    let done = transact!(shop.database, [], |c| {
        let now = clock::now();
        let sql = "UPDATE auctions SET top = ?, bidder_id = ?, bids = bids + 1,
                ends_at = CASE WHEN ends_at < ? THEN CASE WHEN latest_end < ? THEN latest_end ELSE ? END ELSE ends_at END
            WHERE product_id = ? AND state = 'open' AND starts_at <= ? AND ends_at > ?
                AND ? >= CASE WHEN bids = 0 THEN start_price ELSE top + step END
                AND (bidder_id IS NULL OR bidder_id <> ?)
                AND ? <> (SELECT seller_id FROM products WHERE id = ?)";
        let end = now + EXTENSION;
        let values = args![amount, bidder, end, end, end, product, now, now, amount, bidder, bidder, product];
        let taken = c.execute(sql, values).await?;
        let auction = find(c, product).await?;
        if taken == 0 {
            let seller = c.number("SELECT seller_id FROM products WHERE id = ?", args![product]).await?;
            return Err(refusal(&auction, bidder, Id(seller), amount, now));
        }
        let sql = "INSERT INTO bids (product_id, number, bidder_id, amount, created_at) VALUES (?, ?, ?, ?, ?)";
        c.execute(sql, args![product, auction.bids, bidder, amount, now]).await?;
        Ok(auction)
    });
    let auction = done.await.inspect_err(|_| {
        shop.metrics.bids_refused.inc();
    })?;
    shop.metrics.bids.inc();
    hub::bid(shop, &auction, person.shown_name());
    events::bid(shop, product, bidder, amount);
    Ok(auction)
}

fn refusal(auction: &Auction, bidder: Id, seller: Id, amount: i64, now: i64) -> Error {
    if seller == bidder {
        return Error::Conflict("own-product", "nobody bids for their own thing".into());
    }
    if now < auction.starts_at {
        return Error::Conflict("auction-early", "the auction has not begun".into());
    }
    if auction.state == Phase::Closed || now >= auction.ends_at {
        return Error::Conflict("auction-over", "the auction is over".into());
    }
    if amount < auction.least() {
        return Error::Conflict("bid-too-low", format!("the least bid is {} won", auction.least()));
    }
    if auction.bidder_id == Some(bidder) {
        return Error::Conflict("already-top", "the highest bid is yours".into());
    }
    Error::Unavailable("the auction changed meanwhile: try again".into())
}

/// The bids of an auction, highest first.
pub(crate) async fn bids(c: &mut dyn Connection, product: Id) -> Result<Vec<Bid>> {
    c.all::<Bid>("WHERE product_id = ? ORDER BY number DESC LIMIT 100", args![product]).await
}

/// Closes the auctions whose time is over and gives each winner an order; how many.
pub(crate) async fn close_due(shop: &Shop) -> Result<usize> {
    let now = clock::now();
    let due = read!(shop.database, Committed, [], |c| {
        let sql = "SELECT product_id FROM auctions WHERE state = 'open' AND ends_at <= ? LIMIT 100";
        c.query(sql, args![now]).await?.iter_mut().map(|row| row.take::<Id>()).collect::<Result<Vec<Id>>>()
    });
    let mut count = 0;
    let basis_points = shop.config.commission;
    for product in due.await? {
        let closed = transact!(shop.database, [], |c| close(c, product, basis_points).await);
        if let Some(auction) = closed.await? {
            count += 1;
            hub::auction_over(shop, &auction);
        }
    }
    Ok(count)
}

async fn close(c: &mut dyn Connection, product: Id, basis_points: i64) -> Result<Option<Auction>> {
    let now = clock::now();
    let sql = "UPDATE auctions SET state = 'closed' WHERE product_id = ? AND state = 'open' AND ends_at <= ?";
    if c.execute(sql, args![product, now]).await? == 0 {
        return Ok(None);
    }
    let mut auction = find(c, product).await?;
    let Some(winner) = auction.bidder_id else { return Ok(Some(auction)) };
    if c.execute("UPDATE products SET stock = stock - 1 WHERE id = ? AND stock >= 1", args![product]).await? == 0 {
        return Err(Error::Internal(format!("the auctioned product {product} has no stock")));
    }
    let sold = crate::catalog::find(c, product).await?;
    debug_assert_eq!(sold.form, Form::Auction);
    let buyer = people::find(c, winner).await?;
    let order = Order {
        id: Id::new(),
        buyer_id: winner,
        seller_id: sold.seller_id,
        method: Method::Online,
        state: OrderState::Pending,
        delivery: Delivery::None,
        total: auction.top,
        commission: auction.top * basis_points / 10_000,
        recipient: buyer.name,
        phone: String::new(),
        address: String::new(),
        buyer_confirmed: false,
        seller_confirmed: false,
        wants_refund: false,
        released: false,
        reason: None,
        created_at: now,
        expires_at: now + WINNER_PAYS_WITHIN,
        settled_at: None,
    };
    let line = Line { product_id: product, title: sold.title, quantity: 1, price: auction.top };
    rows::insert(c, &order, &[line], None).await?;
    c.execute("UPDATE auctions SET order_id = ? WHERE product_id = ?", args![order.id, product]).await?;
    auction.order_id = Some(order.id);
    audit::append(c, None, "auction.close", &product.to_string(), &format!("{} won to {winner}", auction.top)).await?;
    Ok(Some(auction))
}
