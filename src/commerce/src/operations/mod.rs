//! Running the shop: what it tells about itself, what it keeps from growing, and what it must answer for.

pub(crate) mod audit;
pub(crate) mod events;
pub(crate) mod firehose;
pub(crate) mod health;
pub(crate) mod jobs;
pub(crate) mod limits;
pub(crate) mod metrics;
pub(crate) mod verify;
