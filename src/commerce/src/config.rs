//! The command line: every setting is a flag and an environment variable, and the defaults open a shop with nothing.

use std::net::SocketAddr;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::clock::SECOND;
use crate::error::{Error, Result};
use crate::orders::place::Terms;

/// A live-commerce shop in one binary.
#[derive(Parser)]
#[command(name = "commerce", version, about)]
pub(crate) struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The subcommands.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Open the shop.
    Serve(Box<Config>),
    /// Bring the database's schema up to date.
    Migrate {
        /// Which database.
        #[command(flatten)]
        place: Place,
        /// Change nothing: exit with 2 if something is missing.
        #[arg(long)]
        check: bool,
    },
    /// Write a consistent copy of the database into a new file.
    Backup {
        /// Which database.
        #[command(flatten)]
        place: Place,
        /// The new file.
        file: std::path::PathBuf,
    },
    /// Fill an empty database from a copy.
    Restore {
        /// Which database.
        #[command(flatten)]
        place: Place,
        /// The copy.
        file: std::path::PathBuf,
    },
    /// Check the books; exit with 1 if they are wrong.
    Verify {
        /// Which database.
        #[command(flatten)]
        place: Place,
        /// Print the whole report as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Make somebody an admin.
    Admin {
        /// Which database.
        #[command(flatten)]
        place: Place,
        /// The e-mail address of an account.
        email: String,
    },
    /// Print the API's OpenAPI document.
    Openapi,
}

/// Where the database is.
#[derive(Clone, Debug, Args)]
pub(crate) struct Place {
    /// `sqlite:PATH` or `mysql://user:password@host:port/name`.
    #[arg(long, env = "COMMERCE_DATABASE", default_value = "sqlite:commerce-data/shop.db", hide_env_values = true)]
    pub(crate) database: String,
}

/// The payment provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Payment {
    /// Built in: no money moves.
    Test,
    /// Toss Payments.
    Toss,
    /// Stripe.
    Stripe,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Log {
    /// For people.
    Text,
    /// For machines.
    Json,
}

/// Settings of the service.
#[derive(Clone, Debug, Args)]
pub(crate) struct Config {
    /// Which database.
    #[command(flatten)]
    pub(crate) place: Place,
    /// A read replica, as `mysql://…`; never asked about stock.
    #[arg(long, env = "COMMERCE_REPLICA", hide_env_values = true)]
    pub(crate) replica: Option<String>,
    /// Where to listen.
    #[arg(long, env = "COMMERCE_LISTEN", default_value = "127.0.0.1:8080")]
    pub(crate) listen: SocketAddr,
    /// Fill an empty shop with sellers, products, an auction, broadcasts and orders.
    #[arg(long)]
    pub(crate) demo: bool,
    /// The folder for what is kept on disk.
    #[arg(long, env = "COMMERCE_DATA", default_value = "commerce-data")]
    pub(crate) data: String,
    /// Where pictures are: a folder or `s3://bucket/prefix`; by default a folder under `--data`.
    #[arg(long, env = "COMMERCE_PICTURES")]
    pub(crate) pictures: Option<String>,
    /// Redis, to push to the pages of all nodes: `redis://host:port`.
    #[arg(long, env = "COMMERCE_REDIS", hide_env_values = true)]
    pub(crate) redis: Option<String>,
    /// Where analytics events go: `file:PATH`, `s3://bucket/prefix` or `firehose:REGION/STREAM`.
    #[arg(long, env = "COMMERCE_EVENTS")]
    pub(crate) events: Option<String>,
    /// The shop's address as visitors see it; makes cookies secure if it begins with `https:`.
    #[arg(long, env = "COMMERCE_PUBLIC_URL")]
    pub(crate) public_url: Option<String>,
    /// The media service's address as visitors see it, from which pages may play.
    #[arg(long, env = "COMMERCE_MEDIA_URL")]
    pub(crate) media_url: Option<String>,
    /// The secret shared with the media server, 32 characters or more.
    #[arg(long, env = "MEDIA_SECRET", hide_env_values = true)]
    pub(crate) media_secret: Option<String>,
    /// The secret before, while it is changed.
    #[arg(long, env = "MEDIA_SECRET_OLD", hide_env_values = true)]
    pub(crate) media_secret_old: Option<String>,
    /// The payment provider.
    #[arg(long, env = "COMMERCE_PAYMENT", value_enum, default_value = "test")]
    pub(crate) payment: Payment,
    /// The provider's secret key.
    #[arg(long, env = "COMMERCE_PAYMENT_KEY", hide_env_values = true)]
    pub(crate) payment_key: Option<String>,
    /// The key by which the provider's page knows the shop (Toss: `test_ck_…`); public. Without it only programs pay.
    #[arg(long, env = "COMMERCE_PAYMENT_CLIENT_KEY")]
    pub(crate) payment_client_key: Option<String>,
    /// The secret the provider signs webhooks with.
    #[arg(long, env = "COMMERCE_PAYMENT_WEBHOOK_SECRET", hide_env_values = true)]
    pub(crate) payment_webhook_secret: Option<String>,
    /// The provider's address, for tests.
    #[arg(long, env = "COMMERCE_PAYMENT_URL")]
    pub(crate) payment_url: Option<String>,
    /// The share of calls that the built-in provider fails, 0 to 1.
    #[arg(long, env = "COMMERCE_TEST_FAULTS", default_value = "0")]
    pub(crate) test_faults: f64,
    /// How long stock is held for a payment, in seconds.
    #[arg(long = "payment-window", env = "COMMERCE_PAYMENT_WINDOW", default_value = "900")]
    pub(crate) payment_seconds: i64,
    /// What the shop keeps of a sale, in hundredths of a percent.
    #[arg(long, env = "COMMERCE_COMMISSION", default_value = "500", value_parser = clap::value_parser!(i64).range(0..=10_000))]
    pub(crate) commission: i64,
    /// Pages in one room.
    #[arg(long, env = "COMMERCE_ROOM_CAPACITY", default_value = "20000")]
    pub(crate) room_capacity: usize,
    /// Open sockets of this node.
    #[arg(long, env = "COMMERCE_SOCKET_CAPACITY", default_value = "50000")]
    pub(crate) socket_capacity: usize,
    /// Multiplies the rate limits, for load tests.
    #[arg(long, env = "COMMERCE_LIMIT_FACTOR", default_value = "1", hide = true)]
    pub(crate) limit_factor: u32,
    /// Believe `X-Forwarded-For` of a balancer in front.
    #[arg(long, env = "COMMERCE_BEHIND_PROXY")]
    pub(crate) behind_proxy: bool,
    /// How log lines look.
    #[arg(long, env = "COMMERCE_LOG", value_enum, default_value = "text")]
    pub(crate) log: Log,
}

impl Config {
    /// What the shop asks of every order.
    pub(crate) fn terms(&self) -> Terms {
        Terms { basis_points: self.commission, window: self.payment_seconds * SECOND }
    }

    /// The key of Toss's page, if buyers pay there.
    pub(crate) fn toss_page(&self) -> Option<&str> {
        self.payment_client_key.as_deref().filter(|_| self.payment == Payment::Toss)
    }

    /// The secrets the media server may sign with.
    pub(crate) fn media_secrets(&self) -> impl Iterator<Item = &str> {
        [self.media_secret.as_deref(), self.media_secret_old.as_deref()].into_iter().flatten()
    }

    /// Refuses settings that cannot mean what they say.
    pub(crate) fn check(&self) -> Result<()> {
        let wrong = |what: &str, hint: &str| Err(Error::Malformed(format!("{what}\n\nhint: {hint}")));
        if self.media_secrets().any(|secret| secret.len() < 32) {
            let hint = "make one with `openssl rand -hex 32` and give it to both by `MEDIA_SECRET`";
            return wrong("the media server's secret is shorter than 32 characters: it could be guessed", hint);
        }
        if self.replica.is_some() && !self.place.database.starts_with("mysql://") {
            return wrong(
                "a replica is of a MySQL database",
                "leave out `--replica`, or name the primary by `--database`",
            );
        }
        if !(0.0..=1.0).contains(&self.test_faults) {
            return wrong("the share of failing calls is from 0 to 1", "0.3 fails three of ten");
        }
        if self.payment_seconds < 1 {
            return wrong("an order must be payable for a second at least", "`--payment-window 900` is 15 minutes");
        }
        let remote = !self.listen.ip().is_loopback();
        if remote && self.payment == Payment::Test {
            tracing::warn!("the built-in test provider takes every order for paid: no money moves");
        }
        Ok(())
    }

    /// Whether visitors come by HTTPS.
    pub(crate) fn secure(&self) -> bool {
        self.public_url.as_deref().is_some_and(|url| url.starts_with("https:"))
    }
}
