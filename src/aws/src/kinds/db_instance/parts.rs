//! What a database's properties are made of, and the values the documentation and the contract tests use.

use std::collections::BTreeSet;

use engine::Ref;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use super::DbInstance;
use crate::kinds::Role;

/// Properties AWS has that are left alone.
pub(super) const UNMANAGED: &[(&str, &str)] = &[
    ("AdditionalStorageVolumes", "are for Oracle and SQL Server"),
    ("AllowMajorVersionUpgrade", "is said with each call that needs it"),
    ("ApplyImmediately", "changes are made when they are applied"),
    ("AssociatedRoles", "are for data that engines load from S3"),
    ("AutomaticBackupReplicationKmsKeyId", "backups are copied by backup plans"),
    ("AutomaticBackupReplicationRegion", "backups are copied by backup plans"),
    ("AutomaticBackupReplicationRetentionPeriod", "backups are copied by backup plans"),
    ("AvailabilityZone", "AWS picks one; a failover changes it"),
    ("BackupTarget", "is for Outposts"),
    ("CertificateRotationRestart", "is said with the call that needs it"),
    ("CharacterSetName", "is for Oracle and SQL Server"),
    ("CustomIAMInstanceProfile", "is for RDS Custom"),
    ("DBClusterIdentifier", "is for clusters"),
    ("DBClusterSnapshotIdentifier", "is for clusters"),
    ("DBInstanceIdentifier", "is made of the stack, the environment and the name in the blueprint"),
    ("DBSecurityGroups", "are for networks before VPC"),
    ("DBSnapshotIdentifier", "a restore is a rehearsed step, not a property"),
    ("DBSystemId", "is for Oracle"),
    ("DatabaseInsightsMode", "its paid mode follows the account's choice"),
    ("DedicatedLogVolume", "needs provisioned IOPS and is set by hand where measured"),
    ("DeleteAutomatedBackups", "is said when it is deleted"),
    ("Domain", "is for Active Directory"),
    ("DomainAuthSecretArn", "is for Active Directory"),
    ("DomainDnsIps", "is for Active Directory"),
    ("DomainFqdn", "is for Active Directory"),
    ("DomainIAMRoleName", "is for Active Directory"),
    ("DomainOu", "is for Active Directory"),
    ("EngineLifecycleSupport", "a version out of support is upgraded"),
    ("LicenseModel", "the engines have one"),
    ("ManageMasterUserPassword", "is always on: no password is ever written"),
    ("MasterUserAuthenticationType", "the administrator signs in with the managed password"),
    ("MasterUserPassword", "is made and kept by Secrets Manager"),
    ("MasterUserSecret", "is encrypted with Secrets Manager's own key"),
    ("NcharCharacterSetName", "is for Oracle"),
    ("NetworkType", "networks are IPv4"),
    ("OptionGroupName", "plugins are rarely used"),
    ("PerformanceInsightsKMSKeyId", "AWS's own key"),
    ("ProcessorFeatures", "are for Oracle and SQL Server"),
    ("PromotionTier", "is for clusters"),
    ("ReplicaMode", "is for Oracle"),
    ("RestoreTime", "a restore is a rehearsed step, not a property"),
    ("SourceDBClusterIdentifier", "is for replicas"),
    ("SourceDBInstanceAutomatedBackupsArn", "a restore is a rehearsed step, not a property"),
    ("SourceDBInstanceIdentifier", "is for replicas"),
    ("SourceDbiResourceId", "a restore is a rehearsed step, not a property"),
    ("SourceRegion", "is for replicas"),
    ("TdeCredentialArn", "is for Oracle"),
    ("TdeCredentialPassword", "is for Oracle"),
    ("Timezone", "is for SQL Server"),
    ("UseDefaultProcessorFeatures", "is for Oracle and SQL Server"),
    ("UseLatestRestorableTime", "a restore is a rehearsed step, not a property"),
];

/// A database engine.
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
    /// What RDS calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mysql => "mysql",
            Self::Mariadb => "mariadb",
            Self::Postgres => "postgres",
        }
    }

    /// The port it listens on unless told otherwise.
    pub fn port(self) -> u16 {
        match self {
            Self::Mysql | Self::Mariadb => 3306,
            Self::Postgres => 5432,
        }
    }

    /// The engine RDS calls so.
    pub(super) fn of(name: &str) -> Option<Self> {
        [Self::Mysql, Self::Mariadb, Self::Postgres].into_iter().find(|engine| engine.name() == name)
    }

    /// How many parts of a version make a major version.
    ///
    /// <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_UpgradeDBInstance.Upgrading.html>
    pub(super) fn major(self) -> usize {
        match self {
            Self::Mysql | Self::Mariadb => 2,
            Self::Postgres => 1,
        }
    }
}

/// A database's disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Storage {
    /// The sort of disk; `gp3` unless set.
    #[serde(default, rename = "type")]
    pub sort: StorageType,
    /// GiB to start with. It never shrinks; with `max`, AWS makes it larger when it fills up.
    #[schemars(range(min = 20, max = 65536))]
    pub size: i32,
    /// How far it may grow by itself, in GiB; not at all unless set.
    #[serde(default)]
    #[schemars(range(min = 22, max = 65536))]
    pub max: Option<i32>,
    /// Operations a second; not managed unless set (AWS gives what the type and size come with).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1000, max = 256_000))]
    pub iops: Option<i32>,
    /// MiB a second; `gp3` alone, not managed unless set (AWS gives what the size comes with).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 125, max = 4000))]
    pub throughput: Option<i32>,
}

/// Sorts of disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum StorageType {
    /// General purpose, the newer one.
    #[default]
    Gp3,
    /// General purpose, the older one: speed grows with size.
    Gp2,
    /// Provisioned speed.
    Io1,
    /// Provisioned speed, more durable.
    Io2,
}

impl StorageType {
    /// What RDS calls it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Gp3 => "gp3",
            Self::Gp2 => "gp2",
            Self::Io1 => "io1",
            Self::Io2 => "io2",
        }
    }

    /// The sort RDS calls so. The magnetic one is not offered any more and counts as `gp2`.
    pub(super) fn of(name: &str) -> Self {
        let all = [Self::Gp3, Self::Io1, Self::Io2];
        all.into_iter().find(|sort| sort.name() == name).unwrap_or(Self::Gp2)
    }
}

/// Automated backups.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Backup {
    /// When they are made, in UTC: `17:00-18:00`; not managed unless set (AWS picks a time).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "time-window"))]
    pub window: Option<String>,
    /// How many days they are kept; 0 makes none.
    #[schemars(range(min = 0, max = 35))]
    pub keep_days: u8,
}

impl Default for Backup {
    fn default() -> Self {
        Self { window: None, keep_days: 7 }
    }
}

/// Samples of queries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Insights {
    /// How many days they are kept: 7 (free), a multiple of 31, or 731.
    #[schemars(range(min = 7, max = 731))]
    pub keep_days: u16,
}

impl Default for Insights {
    fn default() -> Self {
        Self { keep_days: 7 }
    }
}

/// Metrics of the operating system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Monitoring {
    /// Seconds between two: 1, 5, 10, 15, 30 or 60.
    #[schemars(range(min = 1, max = 60))]
    pub interval: u8,
    /// The role that may write them: one that `monitoring.rds.amazonaws.com` may take on.
    pub role: Ref<Role>,
}

/// RDS answers in lower case.
pub(super) fn lower<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.map(|text| text.to_lowercase()))
}

pub(super) fn example() -> DbInstance {
    DbInstance {
        engine: Engine::Mysql,
        version: "8.0".to_owned(),
        class: "db.m5.large".to_owned(),
        storage: Storage {
            sort: StorageType::Gp3,
            size: 400,
            max: Some(1000),
            iops: Some(12_000),
            throughput: Some(500),
        },
        multi_az: true,
        encrypted: true,
        kms_key: Some("arn:aws:kms:ap-northeast-2:123456789012:key/2f8ed8bb-4ab4-4c2d-8f2f-2b0f9d3c5f10".to_owned()),
        username: "admin".to_owned(),
        schema: Some("shop".to_owned()),
        port: Some(3306),
        subnet_group: Ref::to("main"),
        parameter_group: Some(Ref::to("main")),
        security_groups: BTreeSet::from([Ref::to("db")]),
        publicly_accessible: false,
        iam_authentication: false,
        backup: Backup { window: Some("17:00-18:00".to_owned()), keep_days: 7 },
        maintenance: Some("sun:18:30-sun:19:30".to_owned()),
        auto_minor_upgrade: false,
        performance_insights: Some(Insights { keep_days: 7 }),
        monitoring: Some(monitoring(60)),
        log_exports: exports(&["error", "slowquery"]),
        copy_tags_to_snapshots: true,
        ca_certificate: Some("rds-ca-rsa2048-g1".to_owned()),
        deletion_protection: true,
        final_snapshot: true,
    }
}

fn monitoring(interval: u8) -> Monitoring {
    Monitoring { interval, role: Ref::to("monitoring") }
}

fn exports(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

pub(super) fn variants() -> Vec<DbInstance> {
    let example = example();
    let storage = &example.storage;
    vec![
        DbInstance { version: "8.0.44".to_owned(), ..example.clone() },
        DbInstance { class: "db.m5.xlarge".to_owned(), ..example.clone() },
        DbInstance { storage: Storage { max: Some(1200), ..storage.clone() }, ..example.clone() },
        DbInstance { storage: Storage { max: None, ..storage.clone() }, ..example.clone() },
        DbInstance { storage: Storage { iops: Some(14_000), ..storage.clone() }, ..example.clone() },
        DbInstance { storage: Storage { throughput: Some(600), ..storage.clone() }, ..example.clone() },
        DbInstance { multi_az: false, ..example.clone() },
        DbInstance { port: Some(3307), ..example.clone() },
        DbInstance { parameter_group: Some(Ref::to("other")), ..example.clone() },
        DbInstance { security_groups: BTreeSet::from([Ref::to("db"), Ref::to("other")]), ..example.clone() },
        DbInstance { publicly_accessible: true, ..example.clone() },
        DbInstance { iam_authentication: true, ..example.clone() },
        DbInstance { backup: Backup { keep_days: 14, ..example.backup.clone() }, ..example.clone() },
        DbInstance {
            backup: Backup { window: Some("15:00-16:00".to_owned()), ..example.backup.clone() },
            ..example.clone()
        },
        DbInstance { maintenance: Some("mon:18:30-mon:19:30".to_owned()), ..example.clone() },
        DbInstance { auto_minor_upgrade: true, ..example.clone() },
        DbInstance { performance_insights: Some(Insights { keep_days: 31 }), ..example.clone() },
        DbInstance { performance_insights: None, ..example.clone() },
        DbInstance { monitoring: Some(monitoring(30)), ..example.clone() },
        DbInstance { monitoring: None, ..example.clone() },
        DbInstance { log_exports: exports(&["error", "general"]), ..example.clone() },
        DbInstance { copy_tags_to_snapshots: false, ..example.clone() },
        DbInstance { ca_certificate: Some("rds-ca-ecc384-g1".to_owned()), ..example.clone() },
        DbInstance { deletion_protection: false, ..example.clone() },
        DbInstance { final_snapshot: false, ..example.clone() },
        // The last: the disk stays this large, and only one that may grow by itself may be larger than asked for.
        DbInstance { storage: Storage { size: 500, ..storage.clone() }, ..example },
    ]
}
