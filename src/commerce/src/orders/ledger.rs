//! The sellers' ledger: sales, commission, refunds and advertising, only ever added to, each once for its subject.

use crate::Shop;
use crate::clock::{self, DAY};
use crate::error::{Error, Result};
use crate::id::Id;
use crate::operations::audit;
use crate::people::Person;
use crate::store::{Connection, args, choice, read, record, transact};

choice! {
    /// Why money is owed.
    Kind {
        /// A buyer paid.
        Sale = "sale",
        /// The shop's part of a sale.
        Commission = "commission",
        /// A buyer got the money back.
        Refund = "refund",
        /// The shop's part of a sale that was undone.
        CommissionBack = "commission-back",
        /// An advertising slot.
        Advertising = "advertising",
    }
}

record! {
    /// An entry.
    Entry from "ledger" {
        /// Identity.
        id: Id,
        /// Whose money.
        seller_id: Id,
        /// Why.
        kind: Kind,
        /// The order or advertisement.
        subject_id: Id,
        /// Won; negative is owed to the shop.
        amount: i64,
        /// When.
        created_at: i64,
    }
}

/// Adds an entry.
pub(crate) async fn add(c: &mut dyn Connection, seller: Id, kind: Kind, subject: Id, amount: i64) -> Result<()> {
    add_all(c, [(seller, kind, subject, amount)]).await
}

/// Adds entries: whose, why, for what and how much.
pub(crate) async fn add_all(
    c: &mut dyn Connection,
    entries: impl IntoIterator<Item = (Id, Kind, Id, i64)>,
) -> Result<()> {
    let now = clock::now();
    let rows = entries
        .into_iter()
        .flat_map(|(seller, kind, subject, amount)| args![Id::new(), seller, kind, subject, amount, now]);
    let head = "INSERT INTO ledger (id, seller_id, kind, subject_id, amount, created_at)";
    c.insert(head, 6, rows.collect()).await.map(drop)
}

/// What a seller earned.
#[derive(Clone, Debug, serde::Serialize, utoipa::ToSchema)]
pub(crate) struct Statement {
    /// Paid by buyers.
    pub(crate) sales: i64,
    /// Kept by the shop.
    pub(crate) commission: i64,
    /// Given back to buyers.
    pub(crate) refunds: i64,
    /// For advertising.
    pub(crate) advertising: i64,
    /// What is the seller's.
    pub(crate) balance: i64,
    /// The newest entries.
    pub(crate) entries: Vec<Entry>,
}

/// A seller's statement.
pub(crate) async fn statement(shop: &Shop, person: &Person) -> Result<Statement> {
    let id = person.id;
    let found = read!(shop.database, Committed, [], |c| {
        let mut sums = [0; Kind::ALL.len()];
        let sql = "SELECT kind, SUM(amount) FROM ledger WHERE seller_id = ? GROUP BY kind";
        for mut row in c.query(sql, args![id]).await? {
            let kind: Kind = row.take()?;
            sums[kind as usize] = row.take()?;
        }
        let sum = |kind: Kind| sums[kind as usize];
        Ok(Statement {
            sales: sum(Kind::Sale),
            commission: sum(Kind::Commission) + sum(Kind::CommissionBack),
            refunds: sum(Kind::Refund),
            advertising: sum(Kind::Advertising),
            balance: sums.iter().sum(),
            entries: c.all::<Entry>("WHERE seller_id = ? ORDER BY id DESC LIMIT 50", args![id]).await?,
        })
    });
    found.await
}

choice! {
    /// Where an advertisement stands.
    Slot {
        /// The wide one at the top of the first page.
        Top = "top",
        /// Among the products.
        List = "list",
    }
}

impl Slot {
    /// Won for a day.
    pub(crate) fn price(self) -> i64 {
        match self {
            Slot::Top => 50_000,
            Slot::List => 20_000,
        }
    }

    /// Advertisements that take turns at the same time.
    fn places(self) -> i64 {
        match self {
            Slot::Top => 3,
            Slot::List => 6,
        }
    }
}

record! {
    /// A booked advertisement.
    Ad from "ads" {
        /// Identity.
        id: Id,
        /// Where.
        slot: Slot,
        /// Whose.
        seller_id: Id,
        /// For what.
        product_id: Id,
        /// From when.
        starts_at: i64,
        /// Until when.
        ends_at: i64,
        /// Won for all of it.
        price: i64,
        /// When it was booked.
        created_at: i64,
    }
}

/// What booking takes.
#[derive(Clone, Debug, serde::Deserialize, utoipa::ToSchema)]
pub(crate) struct NewAd {
    /// Where.
    pub(crate) slot: Slot,
    /// For what.
    pub(crate) product_id: Id,
    /// For how many days, from now.
    pub(crate) days: i64,
}

/// Books a slot, if one is free, and charges it to the ledger.
pub(crate) async fn book(shop: &Shop, person: &Person, input: NewAd) -> Result<Ad> {
    person.must_sell()?;
    if !(1..=30).contains(&input.days) {
        return Err(Error::invalid("days", "must be 1 to 30"));
    }
    let person = person.clone();
    let booked = transact!(shop.database, [person, input], |c| {
        // Bookings are rare: the audit chain's head, written first, lets them count free places one at a time.
        audit::append(c, Some(person.id), "ad.book", &input.product_id.to_string(), input.slot.word()).await?;
        let product = crate::catalog::find(c, input.product_id).await?;
        person.must_own(product.seller_id)?;
        let now = clock::now();
        let taken = "SELECT COUNT(*) FROM ads WHERE slot = ? AND ends_at > ?";
        if c.number(taken, args![input.slot, now]).await? >= input.slot.places() {
            return Err(Error::Conflict("slot-taken", "all places of this slot are taken".into()));
        }
        let ad = Ad {
            id: Id::new(),
            slot: input.slot,
            seller_id: product.seller_id,
            product_id: product.id,
            starts_at: now,
            ends_at: now + input.days * DAY,
            price: input.slot.price() * input.days,
            created_at: now,
        };
        let sql = "INSERT INTO ads (id, slot, seller_id, product_id, starts_at, ends_at, price, created_at)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
        let a = &ad;
        let values = args![a.id, a.slot, a.seller_id, a.product_id, a.starts_at, a.ends_at, a.price, a.created_at];
        c.execute(sql, values).await?;
        add(c, ad.seller_id, Kind::Advertising, ad.id, -ad.price).await?;
        Ok(ad)
    });
    booked.await
}

/// The advertisements that run now in a slot.
pub(crate) async fn running(c: &mut dyn Connection, slot: Slot) -> Result<Vec<Ad>> {
    c.all::<Ad>("WHERE slot = ? AND ends_at > ? ORDER BY id", args![slot, clock::now()]).await
}
