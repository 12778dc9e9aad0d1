//! `database`: one RDS instance, its standby, its parameters, and who may connect.

use std::collections::BTreeMap;

use engine::Flaw;
use engine::blueprint::{Component, Expansion, Scope, did_you_mean};
use schemars::{JsonSchema, Schema, schema_for};
use serde::Deserialize;
use serde_json::{Value, json};

use super::network::{self, Network};
use super::parts::{Parts, group, keys, members, section};
use super::tiers;
use crate::kinds::{DbInstance, DbParameterGroup, DbSubnetGroup};
use crate::rule::Rule;

/// The name of the database and everything that belongs to it.
const NAME: &str = "db";
/// Days that Performance Insights keeps what it saw without charge.
const INSIGHT_DAYS: u32 = 7;

/// The `database` section.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Database {
    /// The database engine.
    engine: Engine,
    /// The engine's major version, such as `"8.4"` of MySQL or `"16"` of PostgreSQL; AWS picks its newest patch.
    #[schemars(regex(pattern = r"^[0-9]+(\.[0-9]+)?$"))]
    version: String,
    /// The instance class, such as `db.m5.large`.
    #[schemars(regex(pattern = r"^db\.[a-z0-9-]+\.[a-z0-9]+$"))]
    class: String,
    /// Storage in GiB.
    #[schemars(range(min = 20, max = 65536))]
    storage: u32,
    /// How far the storage may grow by itself, in GiB; not at all unless set.
    #[serde(default)]
    #[schemars(range(min = 20, max = 65536))]
    max_storage: Option<u32>,
    /// Whether a standby in another zone takes over when the first one fails.
    #[serde(default)]
    multi_az: bool,
    /// The group of subnets it stands in.
    #[serde(default = "subnets")]
    subnets: String,
    /// The tiers that may connect; those that no other tier stands behind unless set.
    #[serde(default)]
    from: Option<Vec<String>>,
    /// The name of the first schema; none is made unless set.
    #[serde(default)]
    #[schemars(regex(pattern = r"^[A-Za-z][A-Za-z0-9_]{0,62}$"))]
    schema: Option<String>,
    /// The administrator's name, `admin` or PostgreSQL's `postgres` unless set; the password is made and kept by Secrets Manager.
    #[serde(default)]
    #[schemars(regex(pattern = r"^[A-Za-z][A-Za-z0-9_]{0,31}$"))]
    username: Option<String>,
    /// The port; the engine's own unless set.
    #[serde(default)]
    #[schemars(range(min = 1150, max = 65535))]
    port: Option<u16>,
    /// Engine parameters, by name.
    #[serde(default)]
    parameters: BTreeMap<String, String>,
    /// Automated backups.
    #[serde(default)]
    backup: Backup,
    /// When AWS may patch, in UTC: `sun:18:30-sun:19:30`.
    #[serde(default)]
    #[schemars(extend("format" = "weekly-window"))]
    maintenance: Option<String>,
    /// Whether queries are sampled for Performance Insights.
    #[serde(default)]
    performance_insights: bool,
    /// Whether AWS refuses to delete it.
    #[serde(default = "yes")]
    deletion_protection: bool,
    /// Whether deleting it leaves a snapshot.
    #[serde(default = "yes")]
    final_snapshot: bool,
}

/// A database engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Engine {
    /// MySQL.
    Mysql,
    /// MariaDB.
    Mariadb,
    /// PostgreSQL.
    Postgres,
}

/// Automated backups.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct Backup {
    /// When they are made, in UTC: `17:00-18:00`; AWS picks a time unless set.
    #[schemars(extend("format" = "time-window"))]
    window: Option<String>,
    /// How many days they are kept; 0 makes none.
    #[schemars(range(min = 0, max = 35))]
    keep_days: u8,
}

impl Default for Backup {
    fn default() -> Self {
        Self { window: None, keep_days: 7 }
    }
}

fn subnets() -> String {
    "db".to_owned()
}

fn yes() -> bool {
    true
}

impl Engine {
    fn name(self) -> &'static str {
        match self {
            Self::Mysql => "mysql",
            Self::Mariadb => "mariadb",
            Self::Postgres => "postgres",
        }
    }

    /// The first user's name where the blueprint gives none.
    fn administrator(self) -> &'static str {
        match self {
            Self::Mysql | Self::Mariadb => "admin",
            Self::Postgres => "postgres",
        }
    }

    fn port(self) -> u16 {
        match self {
            Self::Mysql | Self::Mariadb => 3306,
            Self::Postgres => 5432,
        }
    }

    /// The parameter group family: MySQL's and MariaDB's have two parts of the version, PostgreSQL's has one.
    ///
    /// <https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBParameterGroup.html>
    fn family(self, version: &str) -> Option<String> {
        let mut parts = version.split('.');
        let major = parts.next()?;
        let family = match self {
            Self::Mysql | Self::Mariadb => format!("{}{major}.{}", self.name(), parts.next()?),
            Self::Postgres => format!("{}{major}", self.name()),
        };
        Some(family)
    }
}

/// The `database` section as a component.
pub(super) struct DatabaseSection;

impl Component for DatabaseSection {
    fn name(&self) -> &'static str {
        "database"
    }

    fn schema(&self) -> Schema {
        schema_for!(Database)
    }

    fn expand(&self, value: &Value, scope: &Scope<'_>) -> Expansion {
        let database: Database = match section(value) {
            Ok(database) => database,
            Err(expansion) => return expansion,
        };
        let mut parts = Parts::default();
        mistakes(&database, scope, &mut parts);
        resources(&database, scope, &mut parts);
        parts.done()
    }
}

fn mistakes(database: &Database, scope: &Scope<'_>, parts: &mut Parts) {
    match Network::of(scope) {
        None => {
            let hint = "add a `network:` section";
            parts.flaw(Flaw::new("", "a database stands in a network, and the blueprint has none").hint(hint));
        }
        Some(network) if !network.subnets.contains(&database.subnets) => {
            let names = network.subnets.iter().map(String::as_str);
            let hint = did_you_mean(&database.subnets, names);
            let flaw = Flaw::new("subnets", format!("the network has no subnets `{}`", database.subnets));
            parts
                .flaw(flaw.hint(hint.unwrap_or_else(|| format!("append `{}` to `network.subnets`", database.subnets))));
        }
        Some(_) => {}
    }
    // https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_VPC.WorkingWithRDSInstanceinaVPC.html
    if scope.zones.len() < 2 {
        let hint = "add a zone to `zones`; RDS asks for two even without a standby";
        parts.flaw(Flaw::new("", "a database needs subnets in two zones, and the blueprint has one").hint(hint));
    }
    if let Some(max) = database.max_storage.filter(|max| *max <= database.storage) {
        let message = format!("max_storage {max} is not more than storage {}", database.storage);
        parts.flaw(Flaw::new("max_storage", message).hint("leave it out for storage that does not grow"));
    }
    let tiers = keys(scope, "tiers");
    for (index, tier) in database.from.iter().flatten().enumerate() {
        if !tiers.contains(&tier.as_str()) {
            let flaw = Flaw::new(format!("from.{index}"), format!("there is no tier `{tier}`"));
            let hint = match tiers.as_slice() {
                [] => Some("the blueprint has no tiers: leave `from` out".to_owned()),
                tiers => did_you_mean(tier, tiers.iter().copied()),
            };
            parts.flaw(Flaw { hint, ..flaw });
        }
    }
    let numbers = database.version.split('.').count();
    let wanted = if database.engine == Engine::Postgres { 1 } else { 2 };
    if numbers != wanted {
        let message = format!("`{}` is not a major version of {}", database.version, database.engine.name());
        let hint = if wanted == 1 { "it has one number: `\"16\"`" } else { "it has two numbers: `\"8.4\"`" };
        parts.flaw(Flaw::new("version", message).hint(hint));
    }
    // https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_Limits.html (reserved words of each engine)
    let reserved: &[&str] = match database.engine {
        Engine::Mysql | Engine::Mariadb => &["root", "rdsadmin", "rdsrepladmin"],
        Engine::Postgres => &["admin", "postgres_admin", "rdsadmin", "rdsrepladmin"],
    };
    if let Some(username) = database.username.as_ref().filter(|name| reserved.contains(&name.to_lowercase().as_str())) {
        let message = format!("`{username}` cannot be the administrator of {}", database.engine.name());
        parts.flaw(Flaw::new("username", message).hint("choose another name, such as `shop`"));
    }
    let windows = database.backup.window.as_deref().zip(database.maintenance.as_deref());
    if let Some((backup, maintenance)) = windows.filter(|(backup, maintenance)| overlap(backup, maintenance)) {
        let message = format!("maintenance {maintenance} overlaps the backup window {backup}");
        parts.flaw(Flaw::new("maintenance", message).hint("RDS refuses windows that overlap: move one of them"));
    }
}

/// Whether a daily window and a weekly one share a minute, whatever the day.
fn overlap(daily: &str, weekly: &str) -> bool {
    const DAY: u32 = 24 * 60;
    let minutes = |text: &str| {
        let mut parts = text.rsplit(':').map(|part| part.parse::<u32>().unwrap_or(0));
        let (minutes, hours) = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
        hours * 60 + minutes
    };
    let span = |text: &str| {
        let (from, to) = text.split_once('-').unwrap_or((text, text));
        let (from, to) = (minutes(from), minutes(to));
        (from, if to > from { to } else { to + DAY })
    };
    let ((a, b), (c, d)) = (span(daily), span(weekly));
    [0, DAY].iter().any(|shift| a + shift < d && c < b + shift) || c + DAY < b
}

fn resources(database: &Database, scope: &Scope<'_>, parts: &mut Parts) {
    let from = database.from.clone().unwrap_or_else(|| tiers::last(scope));
    let port = database.port.unwrap_or(database.engine.port());
    let rules = from.iter().map(|tier| Rule::tcp(port, members(tier)).described(&format!("tier {tier}")));
    parts.want("from", NAME, group("The database", rules));
    let subnets: Vec<_> = scope.zones.iter().map(|zone| network::subnet(&database.subnets, zone)).collect();
    parts.write::<DbSubnetGroup>("subnets", NAME, json!({ "subnets": subnets }));
    let family = database.engine.family(&database.version);
    let parameters = json!({ "family": family, "parameters": database.parameters });
    parts.write::<DbParameterGroup>("parameters", NAME, parameters);
    let properties = json!({
        "engine": database.engine.name(),
        "version": database.version,
        "class": database.class,
        "storage": { "size": database.storage, "max": database.max_storage },
        "multi_az": database.multi_az,
        "username": database.username.as_deref().unwrap_or(database.engine.administrator()),
        "schema": database.schema,
        "port": port,
        "subnet_group": NAME,
        "parameter_group": NAME,
        "security_groups": [NAME],
        "backup": { "window": database.backup.window, "keep_days": database.backup.keep_days },
        "maintenance": database.maintenance,
        "performance_insights": database.performance_insights.then(|| json!({ "keep_days": INSIGHT_DAYS })),
        "deletion_protection": database.deletion_protection,
        "final_snapshot": database.final_snapshot,
    });
    parts.write::<DbInstance>("", NAME, properties);
    parts.output::<DbInstance>("database_endpoint", NAME, "address");
    parts.output::<DbInstance>("database_secret", NAME, "secret_arn");
}
