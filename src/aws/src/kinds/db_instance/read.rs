//! Reads databases.

use aws_sdk_rds::types::{self, Filter};
use engine::{Error, Found, Phase, Query, Ref, Result};

use super::{DbInstance, Engine, Outputs, Storage, StorageType, live};
use crate::{Aws, Call, Required, tags};

/// States in which a database works and takes changes, as far as this tool makes any.
/// <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/accessing-monitoring.html#Overview.DBInstance.Status>
const READY: &[&str] = &["available", "backing-up", "storage-optimization", "storage-initialization"];

/// States that last until somebody does something.
const FAILED: &[&str] = &[
    "failed",
    "inaccessible-encryption-credentials",
    "inaccessible-encryption-credentials-recoverable",
    "incompatible-create",
    "incompatible-network",
    "incompatible-option-group",
    "incompatible-parameters",
    "incompatible-restore",
    "insufficient-capacity",
    "restore-error",
    "stopped",
    "storage-full",
];

pub(super) async fn find(aws: &Aws, which: Query<'_>) -> Result<Vec<Found<DbInstance>>> {
    let describe = match which {
        // There is no filter by tag, but the listing has tags.
        Query::Owned(_) => aws.rds.describe_db_instances(),
        Query::Ids(ids) => {
            let filter = Filter::builder().name("db-instance-id").set_values(Some(ids.to_vec())).build();
            aws.rds.describe_db_instances().filters(filter)
        }
    };
    let instances: Vec<types::DbInstance> = match describe.into_paginator().items().send().try_collect().await.call(DESCRIBE) {
        Err(Error::NotFound) => Vec::new(),
        instances => instances?,
    };
    let ours = instances.iter().filter(|instance| match which {
        Query::Owned(owner) => tags::owned(&tags::rds::read(instance.tag_list()), owner),
        Query::Ids(_) => true,
    });
    // Others than these three cannot have been made here.
    let known = ours.filter_map(|instance| Some((instance, engine(instance.engine()?)?)));
    known.map(|(instance, engine)| read(instance, engine)).collect()
}

const DESCRIBE: &str = "DescribeDBInstances";

/// One database; none if it is gone.
pub(super) async fn describe(aws: &Aws, id: &str) -> Result<Option<types::DbInstance>> {
    let describe = aws.rds.describe_db_instances().db_instance_identifier(id).send().await;
    match describe.call(DESCRIBE) {
        Ok(described) => Ok(described.db_instances.unwrap_or_default().into_iter().next()),
        Err(Error::NotFound) => Ok(None),
        Err(error) => Err(error),
    }
}

fn engine(name: &str) -> Option<Engine> {
    [Engine::Mysql, Engine::Mariadb, Engine::Postgres].into_iter().find(|engine| engine.name() == name)
}

fn read(instance: &types::DbInstance, engine: Engine) -> Result<Found<DbInstance>> {
    let id = instance.db_instance_identifier().required("DBInstanceIdentifier")?;
    let tags = tags::rds::read(instance.tag_list());
    let insights = instance.performance_insights_enabled().unwrap_or_default();
    let version = instance.engine_version().unwrap_or_default();
    let text = |value: Option<&str>| value.map(str::to_owned);
    let subnets = instance.db_subnet_group().and_then(|group| group.db_subnet_group_name()).unwrap_or("none");
    let parameters = instance.db_parameter_groups().first();
    let groups = instance.vpc_security_groups().iter().filter_map(|group| group.vpc_security_group_id());
    let secret = instance.master_user_secret();
    let endpoint = instance.endpoint();
    Ok(Found {
        id: id.to_owned(),
        properties: DbInstance {
            engine,
            version: engine.major(version),
            exact_version: Some(version.to_owned()),
            class: text(instance.db_instance_class()).unwrap_or_default(),
            storage: storage(instance),
            multi_az: instance.multi_az().unwrap_or_default(),
            encrypted: instance.storage_encrypted().unwrap_or_default(),
            kms_key: text(instance.kms_key_id()),
            username: text(instance.master_username()).unwrap_or_default(),
            secret_kms_key: text(secret.and_then(|secret| secret.kms_key_id())),
            database: text(instance.db_name()),
            port: endpoint.and_then(|endpoint| endpoint.port()).or(instance.db_instance_port()),
            subnet_group: Ref::live(subnets),
            parameter_group: parameters.and_then(|group| group.db_parameter_group_name()).map(Ref::live),
            security_groups: groups.map(Ref::live).collect(),
            public: instance.publicly_accessible().unwrap_or_default(),
            iam_authentication: instance.iam_database_authentication_enabled().unwrap_or_default(),
            backup_retention: instance.backup_retention_period().unwrap_or_default(),
            backup_window: text(instance.preferred_backup_window()),
            maintenance_window: text(instance.preferred_maintenance_window()),
            minor_upgrades: instance.auto_minor_version_upgrade().unwrap_or_default(),
            deletion_protection: instance.deletion_protection().unwrap_or_default(),
            final_snapshot: live::wants_snapshot(&tags),
            tag_snapshots: instance.copy_tags_to_snapshot().unwrap_or_default(),
            performance_insights: match insights {
                true => instance.performance_insights_retention_period().unwrap_or(7),
                false => 0,
            },
            performance_insights_kms_key: text(instance.performance_insights_kms_key_id()),
            logs: instance.enabled_cloudwatch_logs_exports().iter().cloned().collect(),
            certificate_authority: text(instance.ca_certificate_identifier()),
        },
        outputs: Outputs {
            id: id.to_owned(),
            arn: text(instance.db_instance_arn()).unwrap_or_default(),
            endpoint: text(endpoint.and_then(|endpoint| endpoint.address())),
            port: endpoint.and_then(|endpoint| endpoint.port()),
            secret_arn: text(secret.and_then(|secret| secret.secret_arn())),
            resource_id: text(instance.dbi_resource_id()),
        },
        tags,
        phase: phase(instance),
        note: note(instance),
    })
}

fn storage(instance: &types::DbInstance) -> Storage {
    let size = instance.allocated_storage().unwrap_or_default();
    Storage {
        size,
        sort: match instance.storage_type() {
            Some("gp3") => StorageType::Gp3,
            Some("io2") => StorageType::Io2,
            Some("io1") => StorageType::Io1,
            _ => StorageType::Gp2,
        },
        // Growth is turned off by setting the limit to the size.
        max_size: instance.max_allocated_storage().filter(|limit| *limit > size).unwrap_or_default(),
        iops: instance.iops(),
        throughput: instance.storage_throughput(),
    }
}

fn phase(instance: &types::DbInstance) -> Phase {
    let status = instance.db_instance_status().unwrap_or("unknown");
    // A change that was accepted is listed as pending before the state tells of it.
    let pending = instance.pending_modified_values().is_some_and(|values| *values != types::PendingModifiedValues::builder().build());
    match status {
        "deleting" | "delete-precheck" => Phase::Deleting,
        status if FAILED.contains(&status) => Phase::Failed(format!("the database is {status}")),
        status if READY.contains(&status) && !pending => Phase::Ready,
        _ => Phase::Pending,
    }
}

fn note(instance: &types::DbInstance) -> Option<String> {
    let group = instance.db_parameter_groups().first()?;
    let waits = group.parameter_apply_status() == Some("pending-reboot");
    waits.then(|| "settings wait for the database to restart".to_owned())
}
