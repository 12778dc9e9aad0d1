//! The `db-instance` kind.

use std::collections::BTreeSet;

use engine::{Changed, Error, Flaw, Found, Impact, Kind, Labels, Query, Ref, ReplaceOrder, Result, Timing, Usage};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{DbParameterGroup, DbSubnetGroup, SecurityGroup};
use crate::{Aws, tags};

mod advice;
mod keep;
mod live;
mod parts;
mod write;

pub use parts::{Backup, Engine, Insights, Monitoring, Storage, StorageType};

/// A database.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DbInstance {
    /// The database engine.
    pub engine: Engine,
    /// The engine's version. `"8.0"` is any `8.0.x`: AWS picks the newest patch it recommends. A whole version such as
    /// `"8.0.43"` is that one, or a later patch of it while `auto_minor_upgrade` is on.
    #[schemars(regex(pattern = r"^[0-9]+(\.[0-9]+){0,2}(-[a-z0-9.]+)?$"))]
    pub version: String,
    /// The instance class, such as `db.m5.large`.
    #[schemars(regex(pattern = r"^db\.[a-z0-9-]+\.[a-z0-9-]+$"))]
    pub class: String,
    /// Its disk.
    pub storage: Storage,
    /// Whether a standby in another zone takes over when the first one fails; off unless set.
    #[serde(default)]
    pub multi_az: bool,
    /// Whether disk, backups and snapshots are encrypted; on unless set.
    #[serde(default = "yes")]
    pub encrypted: bool,
    /// The ARN of the key they are encrypted with; not managed unless set (AWS takes its own, `aws/rds`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^arn:"))]
    pub kms_key: Option<String>,
    /// The administrator's name; the password is made, kept and rotated by Secrets Manager.
    #[schemars(length(min = 1, max = 63), regex(pattern = r"^[A-Za-z][A-Za-z0-9_]{0,62}$"))]
    pub username: String,
    /// The name of the first database; none is made unless set.
    #[serde(default)]
    #[schemars(regex(pattern = r"^[A-Za-z][A-Za-z0-9_]{0,62}$"))]
    pub schema: Option<String>,
    /// The port; not managed unless set (AWS takes the engine's own).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1150, max = 65535))]
    pub port: Option<u16>,
    /// The subnets it stands in.
    pub subnet_group: Ref<DbSubnetGroup>,
    /// The engine's settings; not managed unless set (AWS takes the engine's own).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameter_group: Option<Ref<DbParameterGroup>>,
    /// Who may reach it.
    #[schemars(length(min = 1))]
    pub security_groups: BTreeSet<Ref<SecurityGroup>>,
    /// Whether it has an address on the internet; off unless set.
    #[serde(default)]
    pub publicly_accessible: bool,
    /// Whether people and programs may sign in with IAM instead of a password; off unless set.
    #[serde(default)]
    pub iam_authentication: bool,
    /// Its automated backups; seven days of them unless set.
    #[serde(default)]
    pub backup: Backup,
    /// When AWS may patch, in UTC: `sun:18:30-sun:19:30`; not managed unless set (AWS picks a time).
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "parts::lower")]
    #[schemars(extend("format" = "weekly-window"))]
    pub maintenance: Option<String>,
    /// Whether new patches of its version are installed in the maintenance window; on unless set.
    #[serde(default = "yes")]
    pub auto_minor_upgrade: bool,
    /// Whether queries are sampled for Performance Insights; they are not unless set.
    #[serde(default)]
    pub performance_insights: Option<Insights>,
    /// Metrics of its operating system, for Enhanced Monitoring; none unless set.
    #[serde(default)]
    pub monitoring: Option<Monitoring>,
    /// The logs that also go to CloudWatch, such as `error` and `slowquery`; none unless set.
    #[serde(default)]
    pub log_exports: BTreeSet<String>,
    /// Whether snapshots get its tags; on unless set.
    #[serde(default = "yes")]
    pub copy_tags_to_snapshots: bool,
    /// The authority that signs its certificate, such as `rds-ca-rsa2048-g1`; not managed unless set (AWS takes the
    /// account's default).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^rds-ca-[a-z0-9-]+$"))]
    pub ca_certificate: Option<String>,
    /// Whether AWS refuses to delete it; on unless set.
    #[serde(default = "yes")]
    pub deletion_protection: bool,
    /// Whether deleting it leaves a snapshot; on unless set.
    #[serde(default = "yes")]
    pub final_snapshot: bool,
}

fn yes() -> bool {
    true
}

/// What other resources may read from a live database.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outputs {
    /// The database's identifier.
    pub id: String,
    /// The database's ARN.
    pub arn: String,
    /// The host name to connect to; it stays when the standby takes over. Empty until the database is ready.
    pub address: String,
    /// The port to connect to.
    pub port: u16,
    /// The ARN of the secret that holds the administrator's name and password.
    pub secret_arn: String,
}

impl Kind for DbInstance {
    type Cloud = Aws;
    type Outputs = Outputs;

    const NAME: &'static str = "db-instance";
    const FIXED: &'static [&'static str] = &["engine", "encrypted", "kms_key", "username", "schema", "subnet_group"];
    const STATEFUL: bool = true;
    const ORDER: ReplaceOrder = ReplaceOrder::DeleteFirst;
    // A publicly accessible one needs the network's.
    const AFTER: &'static [&'static str] = &["internet-gateway"];
    const RENEWED: &'static [&'static str] = &[];
    const PROTECTION: Option<&'static str> = Some("deletion_protection");
    // https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_Limits.html
    const QUOTA: Option<u32> = Some(40);
    const UNMANAGED: &'static [(&'static str, &'static str)] = parts::UNMANAGED;

    fn example() -> Self {
        parts::example()
    }

    fn variants() -> Vec<Self> {
        parts::variants()
    }

    async fn find(aws: &Aws, which: Query<'_>) -> Result<Vec<Found<Self>>> {
        let instances = live::list(aws, which).await?;
        let found: Vec<_> = instances.iter().map(live::read).collect::<Result<_>>()?;
        Ok(tags::rds::of(which, found.into_iter()))
    }

    async fn create(&self, aws: &Aws, labels: &Labels) -> Result<String> {
        let name = tags::rds::name(labels, 63);
        match write::create(self, aws, &name, labels).await {
            Ok(()) => Ok(name),
            Err(Error::Service { code, .. }) if code == "DBInstanceAlreadyExists" => {
                let twin = live::one(aws, &name).await?;
                tags::adopt(&name, &tags::rds::read(twin.tag_list()), labels)
            }
            Err(error) => Err(error),
        }
    }

    async fn update(&self, aws: &Aws, id: &str, changed: &Changed) -> Result<()> {
        write::update(self, aws, &live::one(aws, id).await?, changed).await
    }

    async fn label(aws: &Aws, id: &str, labels: &Labels) -> Result<()> {
        tags::rds::label(aws, &live::arn(&live::one(aws, id).await?)?, labels).await
    }

    async fn delete(aws: &Aws, id: &str) -> Result<()> {
        match live::one(aws, id).await {
            Ok(instance) => write::delete(aws, &instance).await,
            Err(Error::NotFound) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn check(&self) -> Vec<Flaw> {
        advice::flaws(self)
    }

    fn impact(before: Option<&Self>, after: Option<&Self>) -> Vec<Impact> {
        advice::impacts(before, after)
    }

    fn usage(&self) -> Vec<Usage> {
        advice::usage(self)
    }

    fn timing() -> Timing {
        Timing::seconds(900, 600, 400)
    }

    fn simulate(&self, id: &str, _: u32) -> Outputs {
        Outputs {
            id: id.to_owned(),
            arn: format!("arn:aws:rds:::db:{id}"),
            address: format!("{id}.simulated.rds.amazonaws.com"),
            port: self.port.unwrap_or(self.engine.port()),
            secret_arn: format!("arn:aws:secretsmanager:::secret:rds!{id}"),
        }
    }
}
