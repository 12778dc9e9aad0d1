//! Reads live databases.

use aws_sdk_rds::types::{DbInstance as Live, Filter, PendingModifiedValues};
use engine::{Error, Found, Phase, Query, Ref, Result};

use super::parts::{Backup, Engine, Insights, Monitoring, Storage, StorageType};
use super::{DbInstance, Outputs, keep};
use crate::{Aws, Call, Required, tags};

/// Everything in the account, or some by identifier.
///
/// RDS has no filter for tags; its answer carries them. The filter for identifiers leaves out what does not exist.
pub(super) async fn list(aws: &Aws, which: Query<'_>) -> Result<Vec<Live>> {
    let mut describe = aws.rds.describe_db_instances();
    if let Query::Ids(ids) = which {
        describe = describe.filters(Filter::builder().name("db-instance-id").set_values(Some(ids.to_vec())).build());
    }
    match describe.into_paginator().items().send().try_collect().await.call("DescribeDBInstances") {
        Err(Error::NotFound) => Ok(Vec::new()),
        found => found,
    }
}

/// One that exists.
pub(super) async fn one(aws: &Aws, id: &str) -> Result<Live> {
    list(aws, Query::Ids(&[id.to_owned()])).await?.pop().ok_or(Error::NotFound)
}

/// Its ARN, which calls about tags ask for.
pub(super) fn arn(instance: &Live) -> Result<String> {
    instance.db_instance_arn().required("DBInstanceArn").map(str::to_owned)
}

/// The live values, with those that are being changed already as they will be.
pub(super) fn read(instance: &Live) -> Result<Found<DbInstance>> {
    let id = instance.db_instance_identifier().required("DBInstanceIdentifier")?;
    let tags = tags::rds::read(instance.tag_list());
    let endpoint = instance.endpoint();
    let properties = properties(instance, &tags)?;
    Ok(Found {
        id: id.to_owned(),
        outputs: Outputs {
            id: id.to_owned(),
            arn: arn(instance)?,
            address: endpoint.and_then(|endpoint| endpoint.address()).unwrap_or_default().to_owned(),
            port: properties.port.unwrap_or(properties.engine.port()),
            secret_arn: instance
                .master_user_secret()
                .and_then(|secret| secret.secret_arn())
                .unwrap_or_default()
                .to_owned(),
        },
        phase: phase(instance),
        note: note(instance),
        properties,
        tags,
    })
}

fn properties(instance: &Live, tags: &engine::Tags) -> Result<DbInstance> {
    let pending = instance.pending_modified_values();
    let engine = instance.engine().required("Engine")?;
    let engine = Engine::of(engine).ok_or_else(|| Error::Invalid(format!("`{engine}` is not a known engine")))?;
    let auto_minor_upgrade = instance.auto_minor_version_upgrade().unwrap_or_default();
    let version = pending.and_then(PendingModifiedValues::engine_version).or(instance.engine_version());
    let class = pending.and_then(PendingModifiedValues::db_instance_class).or(instance.db_instance_class());
    let ca = pending.and_then(PendingModifiedValues::ca_certificate_identifier);
    let keep_days = pending.and_then(PendingModifiedValues::backup_retention_period);
    let port = pending.and_then(PendingModifiedValues::port).or_else(|| port(instance));
    let group = instance.db_subnet_group().and_then(|group| group.db_subnet_group_name());
    let groups = instance.vpc_security_groups().iter().filter(|group| group.status() != Some("removing"));
    Ok(DbInstance {
        engine,
        version: keep::version(tags, version.required("EngineVersion")?, engine, auto_minor_upgrade),
        class: class.required("DBInstanceClass")?.to_owned(),
        storage: storage(instance, pending, tags)?,
        multi_az: pending.and_then(PendingModifiedValues::multi_az).or(instance.multi_az()).unwrap_or_default(),
        encrypted: instance.storage_encrypted().unwrap_or_default(),
        kms_key: instance.kms_key_id().map(str::to_owned),
        username: instance.master_username().unwrap_or_default().to_owned(),
        schema: instance.db_name().filter(|name| !name.is_empty()).map(str::to_owned),
        port: port.and_then(|port| u16::try_from(port).ok()),
        subnet_group: Ref::live(group.unwrap_or_default()),
        parameter_group: instance
            .db_parameter_groups()
            .first()
            .and_then(|group| group.db_parameter_group_name())
            .map(Ref::live),
        security_groups: groups.filter_map(|group| group.vpc_security_group_id()).map(Ref::live).collect(),
        publicly_accessible: instance.publicly_accessible().unwrap_or_default(),
        iam_authentication: pending
            .and_then(PendingModifiedValues::iam_database_authentication_enabled)
            .or(instance.iam_database_authentication_enabled())
            .unwrap_or_default(),
        backup: Backup {
            window: instance.preferred_backup_window().map(str::to_owned),
            keep_days: keep_days
                .or(instance.backup_retention_period())
                .and_then(|days| u8::try_from(days).ok())
                .unwrap_or_default(),
        },
        maintenance: instance.preferred_maintenance_window().map(str::to_lowercase),
        auto_minor_upgrade,
        performance_insights: instance.performance_insights_enabled().unwrap_or_default().then(|| insights(instance)),
        monitoring: monitoring(instance),
        log_exports: exports(instance, pending),
        copy_tags_to_snapshots: instance.copy_tags_to_snapshot().unwrap_or_default(),
        ca_certificate: ca.or(instance.ca_certificate_identifier()).map(str::to_owned),
        deletion_protection: instance.deletion_protection().unwrap_or_default(),
        final_snapshot: keep::final_snapshot(tags),
    })
}

/// The endpoint's port; the field of the instance itself is 0 outside clusters.
fn port(instance: &Live) -> Option<i32> {
    let endpoint = instance.endpoint().and_then(|endpoint| endpoint.port());
    endpoint.or(instance.db_instance_port()).filter(|port| *port != 0)
}

fn storage(instance: &Live, pending: Option<&PendingModifiedValues>, tags: &engine::Tags) -> Result<Storage> {
    let size = pending.and_then(PendingModifiedValues::allocated_storage).or(instance.allocated_storage());
    let size = size.required("AllocatedStorage")?;
    let max = instance.max_allocated_storage();
    let asked = keep::size(tags, size, max.is_some_and(|max| max >= size));
    let sort = pending.and_then(PendingModifiedValues::storage_type).or(instance.storage_type());
    Ok(Storage {
        sort: StorageType::of(sort.unwrap_or_default()),
        size: asked,
        // A limit that is no more than the size is AWS's way to say that the disk does not grow.
        max: max.filter(|max| *max > asked),
        iops: pending.and_then(PendingModifiedValues::iops).or(instance.iops()),
        throughput: pending.and_then(PendingModifiedValues::storage_throughput).or(instance.storage_throughput()),
    })
}

fn insights(instance: &Live) -> Insights {
    let days = instance.performance_insights_retention_period().and_then(|days| u16::try_from(days).ok());
    Insights { keep_days: days.unwrap_or(7) }
}

fn monitoring(instance: &Live) -> Option<Monitoring> {
    let interval = instance.monitoring_interval().and_then(|interval| u8::try_from(interval).ok())?;
    // A role's ARN ends with its path and name.
    let role = instance.monitoring_role_arn().and_then(|arn| arn.rsplit('/').next()).unwrap_or_default();
    (interval != 0).then(|| Monitoring { interval, role: Ref::live(role) })
}

fn exports(instance: &Live, pending: Option<&PendingModifiedValues>) -> std::collections::BTreeSet<String> {
    let mut names: std::collections::BTreeSet<String> =
        instance.enabled_cloudwatch_logs_exports().iter().cloned().collect();
    if let Some(change) = pending.and_then(|pending| pending.pending_cloudwatch_logs_exports()) {
        names.extend(change.log_types_to_enable().iter().cloned());
        names.retain(|name| !change.log_types_to_disable().contains(name));
    }
    names
}

/// How far along it is.
///
/// `backing-up` and `storage-optimization` may last hours on a database that answers.
/// <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/accessing-monitoring.html>
fn phase(instance: &Live) -> Phase {
    let status = instance.db_instance_status().unwrap_or_default();
    match status {
        "available" | "backing-up" | "storage-optimization" | "storage-full" | "stopped" => {
            if changing(instance) { Phase::Pending } else { Phase::Ready }
        }
        "deleting" => Phase::Deleting,
        "failed" | "restore-error" | "inaccessible-encryption-credentials" => failed(status),
        status if status.starts_with("incompatible-") => failed(status),
        _ => Phase::Pending,
    }
}

fn failed(status: &str) -> Phase {
    Phase::Failed(format!("the database is {status}"))
}

/// Whether a change was accepted and is not carried out yet.
fn changing(instance: &Live) -> bool {
    let values = instance.pending_modified_values();
    let pending = values.is_some_and(|values| *values != PendingModifiedValues::builder().build());
    let groups = instance.vpc_security_groups().iter().any(|group| group.status() != Some("active"));
    let parameters = instance.db_parameter_groups().iter().any(|group| group.parameter_apply_status() == Some("applying"));
    pending || groups || parameters
}

fn note(instance: &Live) -> Option<String> {
    let status = instance.db_instance_status().unwrap_or_default();
    let waits = instance.db_parameter_groups().iter().find(|group| {
        group.parameter_apply_status() == Some("pending-reboot")
    });
    match status {
        "storage-full" => Some("its disk is full: make `storage` larger".to_owned()),
        "stopped" => Some("it is stopped".to_owned()),
        _ => waits.map(|_| "some parameters take effect at its next reboot".to_owned()),
    }
}
