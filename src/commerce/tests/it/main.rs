//! The service tested as a process, over SQLite and MariaDB. `COMMERCE_TEST_ORDERS`, `COMMERCE_TEST_PAYMENTS` and
//! `COMMERCE_TEST_BIDS` make the load tests as long as wanted; the normal run is short.

#![allow(missing_docs, clippy::unwrap_used)]

mod access;
mod auctions;
mod browser;
mod cloud;
mod harness;
mod input;
mod live;
mod mariadb;
mod operations;
mod oversell;
mod payments;
mod peers;
mod providers;
mod schema;
mod selling;
