//! What every part of the running service shares.

use std::sync::Arc;

use tokio::sync::{Notify, Semaphore, watch};

use crate::catalog::pictures::Pictures;
use crate::config::Config;
use crate::error::Result;
use crate::live::chat::Rooms;
use crate::live::hub::Hub;
use crate::operations::events::Events;
use crate::operations::limits::Limits;
use crate::operations::metrics::Metrics;
use crate::orders::till::Till;
use crate::payments::{self, Provider};
use crate::people::passwords;
use crate::people::sessions::Remembered;
use crate::store::Database;

/// The shop.
pub(crate) struct Shop {
    pub(crate) config: Config,
    pub(crate) database: Database,
    pub(crate) till: Till,
    pub(crate) pictures: Pictures,
    pub(crate) provider: Arc<dyn Provider>,
    pub(crate) hub: Hub,
    pub(crate) rooms: Rooms,
    pub(crate) sessions: Remembered,
    pub(crate) limits: Limits,
    pub(crate) metrics: Metrics,
    pub(crate) events: Events,
    /// Turns to hash a password.
    pub(crate) hashing: Semaphore,
    /// Turns to decode a picture, which takes memory.
    pub(crate) drawing: Semaphore,
    /// Rung when the outbox has something new.
    pub(crate) outbox: Notify,
    stop: watch::Sender<bool>,
}

impl Shop {
    /// Opens everything the shop needs.
    pub(crate) async fn open(config: Config) -> Result<Arc<Self>> {
        config.check()?;
        let database = Database::open(&config.place.database, config.replica.as_deref()).await?;
        database.migrate().await?;
        let folder = format!("{}/pictures", config.data);
        Ok(Arc::new(Shop {
            till: Till::open(&database, config.terms()),
            pictures: Pictures::open(config.pictures.as_deref().unwrap_or(&folder))?,
            provider: payments::provider(&config, &database)?,
            hub: Hub::new(config.redis.is_some()),
            rooms: Rooms::default(),
            sessions: Remembered::default(),
            limits: Limits::new(&config),
            metrics: Metrics::new(),
            events: Events::new(config.events.is_some()),
            hashing: Semaphore::new(passwords::AT_ONCE),
            drawing: Semaphore::new(2),
            outbox: Notify::new(),
            stop: watch::Sender::new(false),
            database,
            config,
        }))
    }

    /// Tells everything to stop.
    pub(crate) fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Whether the service stops.
    pub(crate) fn is_stopping(&self) -> bool {
        *self.stop.borrow()
    }

    /// Waits until the service stops.
    pub(crate) async fn stopping(&self) {
        // The sender lives as long as the shop.
        let _ = self.stop.subscribe().wait_for(|stop| *stop).await;
    }
}
