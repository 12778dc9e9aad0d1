//! One file per section of a blueprint, each from the user's terms to typed kinds; one line per section here. Pure.

mod access;
mod database;
mod forms;
mod network;
mod parts;
mod tiers;

use engine::blueprint::Component;

/// Every section a blueprint may have.
pub static ALL: &[&dyn Component] =
    &[&network::NetworkSection, &access::AccessSection, &tiers::TiersSection, &database::DatabaseSection];
