//! Makes, changes and deletes databases.

use aws_sdk_rds::operation::modify_db_instance::builders::ModifyDBInstanceFluentBuilder as Modify;
use aws_sdk_rds::types::{CloudwatchLogsExportConfiguration, DbInstance as Live};
use engine::{Changed, Error, Labels, Query, Ref, Result};

use super::{DbInstance, keep, live};
use crate::{Aws, Call, Deleted, Required, tags};

pub(super) async fn create(wanted: &DbInstance, aws: &Aws, name: &str, labels: &Labels) -> Result<()> {
    let mut marks = tags::rds::write(labels);
    marks.extend(keep::tags(&wanted.version, &wanted.storage, wanted.final_snapshot).map(|(key, value)| {
        tags::rds::pair(key, &value)
    }));
    let monitoring = wanted.monitoring.as_ref();
    let create = aws
        .rds
        .create_db_instance()
        .db_instance_identifier(name)
        .engine(wanted.engine.name())
        .engine_version(&wanted.version)
        .db_instance_class(&wanted.class)
        .storage_type(wanted.storage.sort.name())
        .allocated_storage(wanted.storage.size)
        .set_max_allocated_storage(wanted.storage.max)
        .set_iops(wanted.storage.iops)
        .set_storage_throughput(wanted.storage.throughput)
        .multi_az(wanted.multi_az)
        .storage_encrypted(wanted.encrypted)
        .set_kms_key_id(wanted.kms_key.clone())
        .master_username(&wanted.username)
        .manage_master_user_password(true)
        .set_db_name(wanted.schema.clone())
        .set_port(wanted.port.map(i32::from))
        .db_subnet_group_name(wanted.subnet_group.id()?)
        .set_db_parameter_group_name(wanted.parameter_group.as_ref().map(Ref::id).transpose()?.map(str::to_owned))
        .set_vpc_security_group_ids(Some(groups(wanted)?))
        .publicly_accessible(wanted.publicly_accessible)
        .enable_iam_database_authentication(wanted.iam_authentication)
        .backup_retention_period(wanted.backup.keep_days.into())
        .set_preferred_backup_window(wanted.backup.window.clone())
        .set_preferred_maintenance_window(wanted.maintenance.clone())
        .auto_minor_version_upgrade(wanted.auto_minor_upgrade)
        .enable_performance_insights(wanted.performance_insights.is_some())
        .set_performance_insights_retention_period(wanted.performance_insights.as_ref().map(|it| it.keep_days.into()))
        .set_monitoring_interval(monitoring.map(|monitoring| monitoring.interval.into()))
        .set_monitoring_role_arn(monitoring_role(wanted)?)
        .set_enable_cloudwatch_logs_exports(some(wanted.log_exports.iter().cloned().collect()))
        .copy_tags_to_snapshot(wanted.copy_tags_to_snapshots)
        .set_ca_certificate_identifier(wanted.ca_certificate.clone())
        .deletion_protection(wanted.deletion_protection)
        .set_tags(Some(marks));
    create.send().await.call("CreateDBInstance").map(drop)
}

/// Changes the database at once, not in the next maintenance window, and then what its tags keep.
pub(super) async fn update(wanted: &DbInstance, aws: &Aws, instance: &Live, changed: &Changed) -> Result<()> {
    if let Some(modify) = modification(wanted, aws, instance, changed)? {
        modify.send().await.call("ModifyDBInstance")?;
    }
    if changed.any(&["version", "storage", "final_snapshot"]) {
        let kept = live::read(instance)?;
        let pick = |name: &str, wanted: String, kept: String| if changed.has(name) { wanted } else { kept };
        let version = pick("version", wanted.version.clone(), kept.properties.version);
        let storage = if changed.has("storage") { &wanted.storage } else { &kept.properties.storage };
        let snapshot = if changed.has("final_snapshot") { wanted.final_snapshot } else { kept.properties.final_snapshot };
        let marks = keep::tags(&version, storage, snapshot).map(|(key, value)| tags::rds::pair(key, &value));
        let add = aws.rds.add_tags_to_resource().resource_name(live::arn(instance)?).set_tags(Some(marks.into()));
        add.send().await.call("AddTagsToResource")?;
    }
    Ok(())
}

/// The call that changes it; `None` where tags are all there is to change.
fn modification(wanted: &DbInstance, aws: &Aws, instance: &Live, changed: &Changed) -> Result<Option<Modify>> {
    let id = instance.db_instance_identifier().required("DBInstanceIdentifier")?;
    let mut modify = aws.rds.modify_db_instance().db_instance_identifier(id).apply_immediately(true);
    let mut needed = changed.0.iter().any(|name| !["version", "storage", "final_snapshot"].contains(&name.as_str()));
    if changed.has("version") {
        let have = instance.engine_version().required("EngineVersion")?;
        if !keep::answers(have, &wanted.version, wanted.engine, wanted.auto_minor_upgrade) {
            let major = !keep::same_major(have, &wanted.version, wanted.engine);
            modify = modify.engine_version(&wanted.version).allow_major_version_upgrade(major);
            needed = true;
        }
    }
    if changed.has("storage") {
        (modify, needed) = storage(wanted, modify, instance, needed)?;
    }
    if changed.has("class") {
        modify = modify.db_instance_class(&wanted.class);
    }
    if changed.has("multi_az") {
        modify = modify.multi_az(wanted.multi_az);
    }
    if changed.has("port") {
        modify = modify.set_db_port_number(wanted.port.map(i32::from));
    }
    if let Some(group) = wanted.parameter_group.as_ref().filter(|_| changed.has("parameter_group")) {
        modify = modify.db_parameter_group_name(group.id()?);
    }
    if changed.has("security_groups") {
        modify = modify.set_vpc_security_group_ids(Some(groups(wanted)?));
    }
    if changed.has("publicly_accessible") {
        modify = modify.publicly_accessible(wanted.publicly_accessible);
    }
    if changed.has("iam_authentication") {
        modify = modify.enable_iam_database_authentication(wanted.iam_authentication);
    }
    if changed.has("backup") {
        let days = wanted.backup.keep_days.into();
        modify = modify.backup_retention_period(days).set_preferred_backup_window(wanted.backup.window.clone());
    }
    if changed.has("maintenance") {
        modify = modify.set_preferred_maintenance_window(wanted.maintenance.clone());
    }
    if changed.has("auto_minor_upgrade") {
        modify = modify.auto_minor_version_upgrade(wanted.auto_minor_upgrade);
    }
    if changed.has("copy_tags_to_snapshots") {
        modify = modify.copy_tags_to_snapshot(wanted.copy_tags_to_snapshots);
    }
    if changed.has("ca_certificate") {
        modify = modify.set_ca_certificate_identifier(wanted.ca_certificate.clone());
    }
    if changed.has("deletion_protection") {
        modify = modify.deletion_protection(wanted.deletion_protection);
    }
    let modify = observation(wanted, modify, instance, changed)?;
    Ok(needed.then_some(modify))
}

/// Adds what of the disk has to change. A disk never shrinks.
fn storage(wanted: &DbInstance, mut modify: Modify, instance: &Live, needed: bool) -> Result<(Modify, bool)> {
    let storage = &wanted.storage;
    let have = instance.allocated_storage().required("AllocatedStorage")?;
    if storage.size < have && storage.max.is_none() {
        let message = format!("the disk has {have} GiB and cannot shrink to {}", storage.size);
        return Err(Error::Invalid(format!("{message}: set `storage.size` to {have}, or `storage.max` to let it be")));
    }
    let size = storage.size.max(have);
    let speed = [(storage.iops, instance.iops()), (storage.throughput, instance.storage_throughput())];
    let faster = speed.iter().any(|(wanted, have)| wanted.is_some() && wanted != have);
    let sort = instance.storage_type() != Some(storage.sort.name());
    if size != have || faster || sort {
        // A change of speed or type asks for the size as well.
        modify = modify
            .allocated_storage(size)
            .storage_type(storage.sort.name())
            .set_iops(storage.iops)
            .set_storage_throughput(storage.throughput);
    }
    // The size as the limit turns growth off.
    // https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_PIOPS.Autoscaling.html
    let max = storage.max.unwrap_or(size);
    let limit = instance.max_allocated_storage().filter(|max| *max > have) != storage.max;
    if limit {
        modify = modify.max_allocated_storage(max);
    }
    Ok((modify, needed || size != have || faster || sort || limit))
}

/// Adds what of logs, samples and metrics has to change.
fn observation(wanted: &DbInstance, mut modify: Modify, instance: &Live, changed: &Changed) -> Result<Modify> {
    if changed.has("performance_insights") {
        let days = wanted.performance_insights.as_ref().map(|insights| insights.keep_days.into());
        modify = modify.enable_performance_insights(days.is_some()).set_performance_insights_retention_period(days);
    }
    if changed.has("monitoring") {
        let interval = wanted.monitoring.as_ref().map_or(0, |monitoring| monitoring.interval.into());
        modify = modify.monitoring_interval(interval).set_monitoring_role_arn(monitoring_role(wanted)?);
    }
    if changed.has("log_exports") {
        let have = instance.enabled_cloudwatch_logs_exports();
        let new = wanted.log_exports.iter().filter(|name| !have.contains(name)).cloned().collect();
        let old = have.iter().filter(|name| !wanted.log_exports.contains(*name)).cloned().collect();
        let change = CloudwatchLogsExportConfiguration::builder()
            .set_enable_log_types(some(new))
            .set_disable_log_types(some(old));
        modify = modify.cloudwatch_logs_export_configuration(change.build());
    }
    Ok(modify)
}

/// Deletes a database, with the snapshot its tags ask for. The snapshot's name follows from the database itself, so that
/// a repeated delete asks for the same one.
pub(super) async fn delete(aws: &Aws, instance: &Live) -> Result<()> {
    let id = instance.db_instance_identifier().required("DBInstanceIdentifier")?;
    if instance.db_instance_status() == Some("deleting") {
        return Ok(());
    }
    let snapshot = match keep::final_snapshot(&tags::rds::read(instance.tag_list())) {
        true => Some(snapshot(id, instance.dbi_resource_id().required("DbiResourceId")?)),
        false => None,
    };
    let delete = aws
        .rds
        .delete_db_instance()
        .db_instance_identifier(id)
        .skip_final_snapshot(snapshot.is_none())
        .set_final_db_snapshot_identifier(snapshot)
        .delete_automated_backups(true);
    match delete.send().await.call("DeleteDBInstance").deleted() {
        // AWS refuses in the same words one that is busy and one that is being deleted.
        Err(Error::Busy(reason)) => match live::list(aws, Query::Ids(&[id.to_owned()])).await?.first() {
            Some(instance) if instance.db_instance_status() != Some("deleting") => Err(Error::Busy(reason)),
            _ => Ok(()),
        },
        done => done,
    }
}

/// The name of the last snapshot of a database.
fn snapshot(id: &str, resource: &str) -> String {
    let unique = resource.strip_prefix("db-").unwrap_or(resource).to_lowercase();
    format!("{id}-final-{unique}")
}

fn groups(wanted: &DbInstance) -> Result<Vec<String>> {
    wanted.security_groups.iter().map(|group| group.id().map(str::to_owned)).collect()
}

fn monitoring_role(wanted: &DbInstance) -> Result<Option<String>> {
    wanted.monitoring.as_ref().map(|monitoring| Ok(monitoring.role.outputs()?.arn)).transpose()
}

/// A list, or nothing at all: an empty one is not the same to AWS.
fn some(names: Vec<String>) -> Option<Vec<String>> {
    (!names.is_empty()).then_some(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_snapshot_is_named_after_the_database_itself() {
        assert_eq!(snapshot("shop-prod-main", "db-ABCDEF012"), "shop-prod-main-final-abcdef012");
    }
}
