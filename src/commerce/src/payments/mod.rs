//! Payments: what the shop asks of a provider, whoever it is. A provider may answer late, twice, in another order or
//! not at all; the shop's books are right all the same, because every call carries the order as its key and every
//! answer is a step that is taken once.

pub(crate) mod booking;
pub(crate) mod clients;
pub(crate) mod test_provider;
pub(crate) mod webhook;
pub(crate) mod worker;

use std::sync::Arc;

use futures::future::BoxFuture;

use crate::config::{Config, Payment};
use crate::error::Result;
use crate::id::Id;
use crate::store::Database;

/// A request to take money.
#[derive(Clone, Debug)]
pub(crate) struct Charge {
    /// The order: also the idempotency key.
    pub(crate) order: Id,
    /// Won.
    pub(crate) amount: i64,
    /// What the provider's page in the buyer's browser gave.
    pub(crate) token: String,
}

/// A request to give money back.
#[derive(Clone, Debug)]
pub(crate) struct Refund {
    /// The order: with a suffix the idempotency key.
    pub(crate) order: Id,
    /// Won.
    pub(crate) amount: i64,
    /// The provider's name for the charge.
    pub(crate) reference: String,
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The money moved.
    Done {
        /// The provider's name for it.
        reference: String,
        /// Won.
        amount: i64,
    },
    /// The provider will not do it.
    Declined(String),
    /// Nobody knows: ask again with the same key.
    Unknown(String),
}

/// A message that a provider sends by itself.
#[derive(Clone, Debug)]
pub(crate) struct Notice {
    /// The provider's name of the message, to take it once.
    pub(crate) id: String,
    /// The order.
    pub(crate) order: Id,
}

/// A payment provider.
pub(crate) trait Provider: Send + Sync {
    /// Takes money, once for each order however often it is asked.
    fn charge(&self, charge: Charge) -> BoxFuture<'_, Outcome>;
    /// Gives money back, once for each order however often it is asked.
    fn refund(&self, refund: Refund) -> BoxFuture<'_, Outcome>;
    /// What became of an order's charge, asked of the provider itself; none if it knows of no charge.
    fn look_up<'a>(&'a self, order: Id, token: &'a str) -> BoxFuture<'a, Result<Option<Outcome>>>;
    /// The notice in a webhook call whose signature is right.
    fn notice(&self, headers: &axum::http::HeaderMap, body: &[u8]) -> Result<Notice>;
    /// Messages to deliver to the shop from inside, if the provider is a built-in one.
    fn built_in(&self) -> Option<&test_provider::TestProvider> {
        None
    }
}

/// The configured provider.
pub(crate) fn provider(config: &Config, database: &Database) -> Result<Arc<dyn Provider>> {
    Ok(match config.payment {
        Payment::Test => Arc::new(test_provider::TestProvider::new(database.clone(), config.test_faults)),
        Payment::Toss => Arc::new(clients::Toss::new(config)?),
        Payment::Stripe => Arc::new(clients::Stripe::new(config)?),
    })
}
