//! The `db-instance` kind: a relational database of RDS.

use std::collections::BTreeSet;

use engine::{Changed, Flaw, Found, Impact, Kind, Labels, Query, Ref, Result, Risk, Timing, Usage};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{DbParameterGroup, DbSubnetGroup, SecurityGroup};
use crate::Aws;

mod live;
mod read;

/// A relational database. Its password is made, kept and changed by RDS in Secrets Manager.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DbInstance {
    /// The sort of database.
    pub engine: Engine,
    /// The major version: `8.4` of MySQL, `11.4` of MariaDB, `16` of PostgreSQL.
    #[schemars(regex(pattern = r"^[0-9]+(\.[0-9]+)?$"))]
    pub version: String,
    /// The version to the last number, such as `8.4.5`; not managed unless set (AWS starts with its preferred one).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^[0-9]+(\.[0-9]+)+$"))]
    pub exact_version: Option<String>,
    /// Size and sort of the machine, such as `db.m5.large`.
    #[schemars(regex(pattern = r"^db\.[a-z][a-z0-9-]*\.[a-z0-9]+$"))]
    pub class: String,
    /// The disks.
    pub storage: Storage,
    /// Whether a second machine in another zone takes over when the first fails; off unless set.
    #[serde(default)]
    pub multi_az: bool,
    /// Whether disks and backups are encrypted; on unless set.
    #[serde(default = "yes")]
    pub encrypted: bool,
    /// ARN of the key they are encrypted with; not managed unless set (AWS starts with the account's RDS key).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^arn:aws[a-z-]*:kms:"))]
    pub kms_key: Option<String>,
    /// The first user's name; `admin` unless set.
    #[serde(default = "admin")]
    #[schemars(regex(pattern = r"^[a-zA-Z][a-zA-Z0-9_]{0,62}$"))]
    pub username: String,
    /// ARN of the key the password is encrypted with; not managed unless set (AWS starts with the account's Secrets
    /// Manager key).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^arn:aws[a-z-]*:kms:"))]
    pub secret_kms_key: Option<String>,
    /// The first database's name; none unless set.
    #[serde(default)]
    #[schemars(regex(pattern = r"^[a-zA-Z][a-zA-Z0-9_]{0,62}$"))]
    pub database: Option<String>,
    /// The port; the engine's own unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1150, max = 65535))]
    pub port: Option<i32>,
    /// The subnets it may be in.
    pub subnet_group: Ref<DbSubnetGroup>,
    /// The engine's settings; not managed unless set (AWS starts with its own for the version).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameter_group: Option<Ref<DbParameterGroup>>,
    /// Who may reach it.
    #[schemars(length(min = 1))]
    pub security_groups: BTreeSet<Ref<SecurityGroup>>,
    /// Whether it has an address on the internet; off unless set.
    #[serde(default)]
    pub public: bool,
    /// Whether users may log in with credentials of the account; off unless set.
    #[serde(default)]
    pub iam_authentication: bool,
    /// Days that backups are kept, for any second of which it can be restored; 0 for none; 7 unless set.
    #[serde(default = "week")]
    #[schemars(range(min = 0, max = 35))]
    pub backup_retention: i32,
    /// When the daily backup is made, in UTC, such as `17:00-17:30`; not managed unless set (AWS picks a time).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9]$"))]
    pub backup_window: Option<String>,
    /// When AWS may maintain it, in UTC, such as `sun:18:00-sun:19:00`; not managed unless set (AWS picks a time).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(
        pattern = r"^(mon|tue|wed|thu|fri|sat|sun):([01][0-9]|2[0-3]):[0-5][0-9]-(mon|tue|wed|thu|fri|sat|sun):([01][0-9]|2[0-3]):[0-5][0-9]$"
    ))]
    pub maintenance_window: Option<String>,
    /// Whether minor versions are installed by themselves; on unless set.
    #[serde(default = "yes")]
    pub minor_upgrades: bool,
    /// Whether AWS refuses to delete it; on unless set.
    #[serde(default = "yes")]
    pub deletion_protection: bool,
    /// Whether a last snapshot is made when it is deleted; on unless set.
    #[serde(default = "yes")]
    pub final_snapshot: bool,
    /// Whether snapshots get its tags; on unless set.
    #[serde(default = "yes")]
    pub tag_snapshots: bool,
    /// Days that Performance Insights keeps what it saw: 7, a multiple of 31, or 731; 0, the default, turns it off.
    #[serde(default)]
    #[schemars(range(min = 0, max = 731))]
    pub performance_insights: i32,
    /// ARN of the key its data is encrypted with; not managed unless set (AWS starts with the account's RDS key).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^arn:aws[a-z-]*:kms:"))]
    pub performance_insights_kms_key: Option<String>,
    /// Logs that go to CloudWatch, such as `error`; none unless set.
    #[serde(default)]
    pub logs: BTreeSet<String>,
    /// The authority that signs its certificate, such as `rds-ca-rsa2048-g1`; not managed unless set (AWS starts with
    /// the account's).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^rds-ca-[a-z0-9-]+$"))]
    pub certificate_authority: Option<String>,
}

/// Sorts of databases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// MySQL.
    Mysql,
    /// MariaDB.
    Mariadb,
    /// PostgreSQL.
    Postgres,
}

impl Engine {
    /// AWS's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mysql => "mysql",
            Self::Mariadb => "mariadb",
            Self::Postgres => "postgres",
        }
    }

    /// The part of a version that says what is compatible: one number of PostgreSQL's, two of the others'.
    fn major(self, version: &str) -> String {
        let numbers = if self == Self::Postgres { 1 } else { 2 };
        version.split('.').take(numbers).collect::<Vec<_>>().join(".")
    }

    /// Logs that can go to CloudWatch.
    /// <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_LogAccess.Procedural.UploadtoCloudWatch.html>
    fn logs(self) -> &'static [&'static str] {
        match self {
            Self::Mysql => &["audit", "error", "general", "iam-db-auth-error", "slowquery"],
            Self::Mariadb => &["audit", "error", "general", "iam-db-auth-error", "slowquery"],
            Self::Postgres => &["iam-db-auth-error", "postgresql", "upgrade"],
        }
    }
}

/// A database's disks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Storage {
    /// Gibibytes. They can grow, never shrink.
    #[schemars(range(min = 20, max = 65536))]
    pub size: i32,
    /// The sort of disks; `gp3` unless set.
    #[serde(rename = "type", default)]
    pub sort: StorageType,
    /// Gibibytes it may grow to by itself; 0, the default, for not at all.
    #[serde(default)]
    #[schemars(range(min = 0, max = 65536))]
    pub max_size: i32,
    /// Reads and writes a second; not managed unless set (AWS starts with what the size gives).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1000, max = 256000))]
    pub iops: Option<i32>,
    /// Mebibytes a second, of `gp3` alone; not managed unless set (AWS starts with what the size gives).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 125, max = 4000))]
    pub throughput: Option<i32>,
}

/// Sorts of disks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum StorageType {
    /// General purpose.
    #[default]
    Gp3,
    /// General purpose, older: speed comes with size.
    Gp2,
    /// Provisioned speed.
    Io2,
    /// Provisioned speed, older.
    Io1,
}

impl StorageType {
    fn name(self) -> &'static str {
        match self {
            Self::Gp3 => "gp3",
            Self::Gp2 => "gp2",
            Self::Io2 => "io2",
            Self::Io1 => "io1",
        }
    }
}

fn yes() -> bool {
    true
}

fn admin() -> String {
    "admin".to_owned()
}

fn week() -> i32 {
    7
}

/// What other resources may read from a live database.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outputs {
    /// The database's identifier.
    pub id: String,
    /// The database's ARN.
    pub arn: String,
    /// The host name clients connect to.
    pub endpoint: Option<String>,
    /// The port.
    pub port: Option<i32>,
    /// ARN of the secret that holds the first user's password.
    pub secret_arn: Option<String>,
    /// The database's id for backups and IAM, which no other ever had.
    pub resource_id: Option<String>,
}

impl Kind for DbInstance {
    type Cloud = Aws;
    type Outputs = Outputs;

    const NAME: &'static str = "db-instance";
    const FIXED: &'static [&'static str] = &[
        "engine",
        "encrypted",
        "kms_key",
        "username",
        "secret_kms_key",
        "database",
        "subnet_group",
        "performance_insights_kms_key",
    ];
    const STATEFUL: bool = true;
    const PROTECTION: Option<&'static str> = Some("deletion_protection");
    const UNMANAGED: &'static [(&'static str, &'static str)] = UNMANAGED;

    fn example() -> Self {
        let key = |name: &str| Some(format!("arn:aws:kms:ap-northeast-2:123456789012:key/{name}"));
        Self {
            engine: Engine::Mysql,
            version: "8.0".to_owned(),
            exact_version: None,
            class: "db.m5.large".to_owned(),
            storage: Storage { size: 400, sort: StorageType::Gp3, max_size: 1000, iops: Some(12000), throughput: Some(500) },
            multi_az: true,
            encrypted: true,
            kms_key: key("0a1b2c3d-0000-4000-8000-000000000001"),
            username: "shop".to_owned(),
            secret_kms_key: key("0a1b2c3d-0000-4000-8000-000000000002"),
            database: Some("shop".to_owned()),
            port: Some(3306),
            subnet_group: Ref::to("data"),
            parameter_group: Some(Ref::to("data")),
            security_groups: BTreeSet::from([Ref::to("database")]),
            public: false,
            iam_authentication: true,
            backup_retention: 7,
            backup_window: Some("17:00-17:30".to_owned()),
            maintenance_window: Some("sun:18:00-sun:19:00".to_owned()),
            minor_upgrades: true,
            deletion_protection: false,
            final_snapshot: true,
            tag_snapshots: true,
            performance_insights: 7,
            performance_insights_kms_key: key("0a1b2c3d-0000-4000-8000-000000000001"),
            logs: BTreeSet::from(["error".to_owned(), "slowquery".to_owned()]),
            certificate_authority: Some("rds-ca-rsa2048-g1".to_owned()),
        }
    }

    fn variants() -> Vec<Self> {
        let example = Self::example();
        let storage = |change: fn(&mut Storage)| {
            let mut storage = example.storage.clone();
            change(&mut storage);
            Self { storage, ..example.clone() }
        };
        vec![
            Self { version: "8.4".to_owned(), ..example.clone() },
            Self { exact_version: Some("8.0.42".to_owned()), ..example.clone() },
            Self { class: "db.m5.xlarge".to_owned(), ..example.clone() },
            storage(|storage| storage.size = 500),
            storage(|storage| storage.max_size = 2000),
            storage(|storage| storage.iops = Some(15000)),
            storage(|storage| storage.throughput = Some(600)),
            Self { multi_az: false, ..example.clone() },
            Self { port: Some(3307), ..example.clone() },
            Self { parameter_group: Some(Ref::to("tuned")), ..example.clone() },
            Self { security_groups: BTreeSet::from([Ref::to("database"), Ref::to("reports")]), ..example.clone() },
            Self { public: true, ..example.clone() },
            Self { iam_authentication: false, ..example.clone() },
            Self { backup_retention: 14, ..example.clone() },
            Self { backup_window: Some("16:00-16:45".to_owned()), ..example.clone() },
            Self { maintenance_window: Some("mon:18:00-mon:19:00".to_owned()), ..example.clone() },
            Self { minor_upgrades: false, ..example.clone() },
            Self { deletion_protection: true, ..example.clone() },
            Self { final_snapshot: false, ..example.clone() },
            Self { tag_snapshots: false, ..example.clone() },
            Self { performance_insights: 31, ..example.clone() },
            Self { logs: BTreeSet::from(["audit".to_owned(), "error".to_owned()]), ..example.clone() },
            Self { logs: BTreeSet::new(), ..example.clone() },
            Self { certificate_authority: Some("rds-ca-ecc384-g1".to_owned()), ..example },
        ]
    }

    async fn find(aws: &Aws, which: Query<'_>) -> Result<Vec<Found<Self>>> {
        read::find(aws, which).await
    }

    async fn create(&self, aws: &Aws, labels: &Labels) -> Result<String> {
        live::create(self, aws, labels).await
    }

    async fn update(&self, aws: &Aws, id: &str, changed: &Changed) -> Result<()> {
        live::update(self, aws, id, changed).await
    }

    async fn label(aws: &Aws, id: &str, labels: &Labels) -> Result<()> {
        live::label(aws, id, labels).await
    }

    async fn delete(aws: &Aws, id: &str) -> Result<()> {
        live::delete(aws, id).await
    }

    fn check(&self) -> Vec<Flaw> {
        let mut flaws = Vec::new();
        if self.engine.major(&self.version) != self.version {
            let hint = format!("write `{}`, and the rest as `exact_version`", self.engine.major(&self.version));
            flaws.push(Flaw::new("version", "is more than the major version").hint(hint));
        }
        if let Some(exact) = self.exact_version.as_ref().filter(|exact| self.engine.major(exact) != self.version) {
            flaws.push(Flaw::new("exact_version", format!("`{exact}` is not a version of {}", self.version)));
        }
        let storage = &self.storage;
        if storage.max_size > 0 && storage.max_size < storage.size {
            flaws.push(Flaw::new("storage.max_size", "is less than the size").hint("raise it, or use 0 for no growth"));
        }
        if storage.throughput.is_some() && storage.sort != StorageType::Gp3 {
            flaws.push(Flaw::new("storage.throughput", "is for `gp3` alone").hint("set `type: gp3`"));
        }
        match storage.sort {
            StorageType::Gp2 if storage.iops.is_some() => {
                flaws.push(Flaw::new("storage.iops", "the speed of `gp2` follows the size").hint("set `type: gp3`"));
            }
            // https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_Storage.html#gp3-storage
            StorageType::Gp3 if storage.size < 400 && (storage.iops.is_some() || storage.throughput.is_some()) => {
                let hint = "leave `iops` and `throughput` out, or use 400 GiB or more";
                flaws.push(Flaw::new("storage", "the speed of `gp3` can be chosen from 400 GiB on").hint(hint));
            }
            StorageType::Io1 | StorageType::Io2 if storage.iops.is_none() => {
                flaws.push(Flaw::new("storage.iops", "is needed for this type"));
            }
            _ => {}
        }
        if self.kms_key.is_some() && !self.encrypted {
            flaws.push(Flaw::new("kms_key", "is for an encrypted database").hint("set `encrypted: true`"));
        }
        let kept = self.performance_insights;
        if !(kept == 0 || kept == 7 || kept == 731 || kept % 31 == 0) {
            flaws.push(Flaw::new("performance_insights", format!("{kept} is not 0, 7, 731 or a multiple of 31")));
        }
        if self.performance_insights_kms_key.is_some() && kept == 0 {
            flaws.push(Flaw::new("performance_insights_kms_key", "is for Performance Insights, which is off"));
        }
        for log in self.logs.iter().filter(|log| !self.engine.logs().contains(&log.as_str())) {
            let hint = format!("it has {}", self.engine.logs().join(", "));
            flaws.push(Flaw::new("logs", format!("{} has no log `{log}`", self.engine.name())).hint(hint));
        }
        if self.engine == Engine::Postgres && self.username == "admin" {
            let hint = "choose another, such as `postgres`";
            flaws.push(Flaw::new("username", "`admin` is reserved in PostgreSQL").hint(hint));
        }
        flaws
    }

    fn impact(before: Option<&Self>, after: Option<&Self>) -> Vec<Impact> {
        let mut impacts = Vec::new();
        let downtime = |effect: &str| Impact::new(Risk::Downtime, effect);
        if after.is_some_and(|after| after.public) && !before.is_some_and(|before| before.public) {
            impacts.push(Impact::new(Risk::Exposure, "it gets an address on the internet"));
        }
        let (Some(before), Some(after)) = (before, after) else {
            impacts.extend(before.map(|_| downtime("the database goes")));
            return impacts;
        };
        if before.class != after.class {
            impacts.push(downtime(match before.multi_az {
                true => "about a minute without a database while the other machine takes over",
                false => "some minutes without a database while the machine changes",
            }));
        }
        if before.version != after.version {
            impacts.push(downtime("the database is down while its major version changes, which cannot be undone"));
        } else if after.exact_version.is_some() && before.exact_version != after.exact_version {
            impacts.push(downtime("the database restarts with another version"));
        }
        if before.multi_az && !after.multi_az {
            impacts.push(downtime("no second machine takes over any more"));
        } else if !before.multi_az && after.multi_az {
            impacts.push(downtime("writes are slower while the second machine is filled"));
        }
        if after.port.is_some() && before.port != after.port {
            impacts.push(downtime("it restarts on another port"));
        }
        if after.parameter_group.is_some() && before.parameter_group != after.parameter_group {
            impacts.push(downtime("the new settings take hold when it restarts"));
        }
        if before.backup_retention > 0 && after.backup_retention == 0 {
            impacts.push(Impact::new(Risk::DataLoss, "its backups are deleted and no more are made"));
        } else if after.backup_retention < before.backup_retention {
            let effect = format!("backups older than {} days are deleted", after.backup_retention);
            impacts.push(Impact::new(Risk::DataLoss, effect));
        }
        if before.backup_retention == 0 && after.backup_retention > 0 {
            impacts.push(downtime("it restarts when backups are turned on"));
        }
        if before.security_groups != after.security_groups {
            impacts.push(Impact::new(Risk::Exposure, "who may reach it changes"));
        }
        impacts
    }

    fn usage(&self) -> Vec<Usage> {
        let zones = if self.multi_az { "multi-az" } else { "single-az" };
        let meter = |meter: String, monthly: f64| Usage { meter, monthly };
        let disks = self.storage.sort.name();
        let mut usage = vec![
            meter(format!("rds/{}/{}/{zones}/hour", self.engine.name(), self.class), 730.0),
            meter(format!("rds/{disks}/{zones}/gb-month"), f64::from(self.storage.size)),
        ];
        if let (Some(iops), StorageType::Io1 | StorageType::Io2) = (self.storage.iops, self.storage.sort) {
            usage.push(meter(format!("rds/{disks}/{zones}/iops-month"), f64::from(iops)));
        }
        usage
    }

    fn timing() -> Timing {
        Timing::seconds(900, 600, 420)
    }

    fn simulate(&self, id: &str, _: u32) -> Outputs {
        let port = if self.engine == Engine::Postgres { 5432 } else { 3306 };
        Outputs {
            id: id.to_owned(),
            arn: format!("arn:aws:rds:simulated:000000000000:db:{id}"),
            endpoint: Some(format!("{id}.rds.simulated")),
            port: Some(self.port.unwrap_or(port)),
            secret_arn: Some(format!("arn:aws:secretsmanager:simulated:000000000000:secret:rds!{id}")),
            resource_id: Some(format!("db-{id}")),
        }
    }
}

/// Too long a list to stand among the constants.
const UNMANAGED: &[(&str, &str)] = &[
    ("DBInstanceIdentifier", "is made of the stack, the environment, the name in the blueprint and the fixed properties"),
    ("AdditionalStorageVolumes", "is for Oracle and SQL Server"),
    ("AllowMajorVersionUpgrade", "a changed major version allows it by itself"),
    ("ApplyImmediately", "changes are always made at once"),
    ("AssociatedRoles", "is for loading from S3, which these stacks do elsewhere"),
    ("AutomaticBackupReplicationKmsKeyId", "copies in another region are made by backup plans"),
    ("AutomaticBackupReplicationRegion", "copies in another region are made by backup plans"),
    ("AutomaticBackupReplicationRetentionPeriod", "copies in another region are made by backup plans"),
    ("AvailabilityZone", "AWS picks among the subnet group's zones, and a failover changes it"),
    ("BackupTarget", "is for Outposts"),
    ("CertificateRotationRestart", "engines that need no restart get none"),
    ("CharacterSetName", "is for Oracle"),
    ("CustomIAMInstanceProfile", "is for RDS Custom"),
    ("DBClusterIdentifier", "is for Aurora and clusters"),
    ("DBClusterSnapshotIdentifier", "restoring is a drill's task"),
    ("DBSecurityGroups", "is for networks before VPC"),
    ("DBSnapshotIdentifier", "restoring is a drill's task"),
    ("DBSystemId", "is for Oracle"),
    ("DatabaseInsightsMode", "AWS starts with `standard`"),
    ("DedicatedLogVolume", "is for very large databases"),
    ("DeleteAutomatedBackups", "the final snapshot is what stays"),
    ("Domain", "is for Active Directory"),
    ("DomainAuthSecretArn", "is for Active Directory"),
    ("DomainDnsIps", "is for Active Directory"),
    ("DomainFqdn", "is for Active Directory"),
    ("DomainIAMRoleName", "is for Active Directory"),
    ("DomainOu", "is for Active Directory"),
    ("EngineLifecycleSupport", "AWS's own choice gives extended support"),
    ("LicenseModel", "is for Oracle, SQL Server and Db2"),
    ("ManageMasterUserPassword", "is always on: no password is ever written down"),
    ("MasterUserAuthenticationType", "users log in by password"),
    ("MasterUserPassword", "RDS makes it, so that it is in no file"),
    ("MonitoringInterval", "Performance Insights and CloudWatch tell enough"),
    ("MonitoringRoleArn", "Performance Insights and CloudWatch tell enough"),
    ("NcharCharacterSetName", "is for Oracle"),
    ("NetworkType", "networks are IPv4"),
    ("OptionGroupName", "AWS's own options are used"),
    ("ProcessorFeatures", "is for Oracle and SQL Server"),
    ("PromotionTier", "is for Aurora"),
    ("ReplicaMode", "is for Oracle"),
    ("RestoreTime", "restoring is a drill's task"),
    ("SourceDBClusterIdentifier", "is for read replicas"),
    ("SourceDBInstanceAutomatedBackupsArn", "restoring is a drill's task"),
    ("SourceDBInstanceIdentifier", "is for read replicas"),
    ("SourceDbiResourceId", "restoring is a drill's task"),
    ("SourceRegion", "is for read replicas"),
    ("TdeCredentialArn", "is for Oracle and SQL Server"),
    ("TdeCredentialPassword", "is for Oracle and SQL Server"),
    ("Timezone", "is for SQL Server"),
    ("UseDefaultProcessorFeatures", "is for Oracle and SQL Server"),
    ("UseLatestRestorableTime", "restoring is a drill's task"),
];
