//! The calls that make, change and delete a database.

use aws_sdk_rds::types::{CloudwatchLogsExportConfiguration, Tag};
use engine::{Changed, Error, Labels, Result, Tags};

use super::{DbInstance, read};
use crate::{Aws, Call, Deleted, Required, tags};

/// Identifiers of databases have 63 characters.
/// <https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html>
const NAME_LIMIT: usize = 63;

/// The tag that says whether a last snapshot is made: AWS asks only when the database is deleted, and then the
/// blueprint may be gone.
const FINAL_SNAPSHOT: &str = "terrace:final-snapshot";

/// Properties that ModifyDBInstance changes.
const MODIFIED: &[&str] = &[
    "version",
    "exact_version",
    "class",
    "storage",
    "multi_az",
    "port",
    "parameter_group",
    "security_groups",
    "public",
    "iam_authentication",
    "backup_retention",
    "backup_window",
    "maintenance_window",
    "minor_upgrades",
    "deletion_protection",
    "tag_snapshots",
    "performance_insights",
    "logs",
    "certificate_authority",
];

/// Without the tag there is one: a snapshot too many costs little.
pub(super) fn wants_snapshot(tags: &Tags) -> bool {
    tags.get(FINAL_SNAPSHOT).is_none_or(|value| value != "false")
}

fn snapshot_tag(wanted: &DbInstance) -> Tag {
    Tag::builder().key(FINAL_SNAPSHOT).value(wanted.final_snapshot.to_string()).build()
}

pub(super) async fn create(wanted: &DbInstance, aws: &Aws, labels: &Labels) -> Result<String> {
    let id = labels.name(NAME_LIMIT).to_ascii_lowercase();
    let storage = &wanted.storage;
    let insights = wanted.performance_insights > 0;
    let create = aws
        .rds
        .create_db_instance()
        .db_instance_identifier(&id)
        .engine(wanted.engine.name())
        .engine_version(wanted.exact_version.as_ref().unwrap_or(&wanted.version))
        .db_instance_class(&wanted.class)
        .allocated_storage(storage.size)
        .storage_type(storage.sort.name())
        .set_iops(storage.iops)
        .set_storage_throughput(storage.throughput)
        .set_max_allocated_storage((storage.max_size > 0).then_some(storage.max_size))
        .multi_az(wanted.multi_az)
        .storage_encrypted(wanted.encrypted)
        .set_kms_key_id(wanted.kms_key.clone())
        .master_username(&wanted.username)
        .manage_master_user_password(true)
        .set_master_user_secret_kms_key_id(wanted.secret_kms_key.clone())
        .set_db_name(wanted.database.clone())
        .set_port(wanted.port)
        .db_subnet_group_name(wanted.subnet_group.id()?)
        .set_db_parameter_group_name(wanted.parameter_group_name()?)
        .set_vpc_security_group_ids(Some(wanted.group_ids()?))
        .publicly_accessible(wanted.public)
        .enable_iam_database_authentication(wanted.iam_authentication)
        .backup_retention_period(wanted.backup_retention)
        .set_preferred_backup_window(wanted.backup_window.clone())
        .set_preferred_maintenance_window(wanted.maintenance_window.clone())
        .auto_minor_version_upgrade(wanted.minor_upgrades)
        .deletion_protection(wanted.deletion_protection)
        .copy_tags_to_snapshot(wanted.tag_snapshots)
        .enable_performance_insights(insights)
        .set_performance_insights_retention_period(insights.then_some(wanted.performance_insights))
        .set_performance_insights_kms_key_id(wanted.performance_insights_kms_key.clone())
        .set_enable_cloudwatch_logs_exports(Some(wanted.logs.iter().cloned().collect()))
        .set_ca_certificate_identifier(wanted.certificate_authority.clone())
        .set_tags(Some(tags::rds::write(labels).into_iter().chain([snapshot_tag(wanted)]).collect()));
    match create.send().await.call("CreateDBInstance") {
        Ok(_) => Ok(id),
        Err(Error::Service { code, .. }) if code.starts_with("DBInstanceAlreadyExists") => {
            let live = read::describe(aws, &id).await?.ok_or(Error::NotFound)?;
            tags::adopt(&id, &tags::rds::read(live.tag_list()), labels)
        }
        Err(error) => Err(error),
    }
}

pub(super) async fn update(wanted: &DbInstance, aws: &Aws, id: &str, changed: &Changed) -> Result<()> {
    let live = read::describe(aws, id).await?.ok_or(Error::NotFound)?;
    if changed.has("final_snapshot") {
        let arn = live.db_instance_arn().required("DBInstanceArn")?;
        let add = aws.rds.add_tags_to_resource().resource_name(arn).tags(snapshot_tag(wanted));
        add.send().await.call("AddTagsToResource")?;
    }
    if !changed.any(MODIFIED) {
        return Ok(());
    }
    let due = |property: &str| changed.has(property).then_some(());
    let storage = &wanted.storage;
    let versioned = changed.any(&["version", "exact_version"]).then(|| wanted.exact_version.as_ref().unwrap_or(&wanted.version));
    let insights = wanted.performance_insights;
    let modify = aws
        .rds
        .modify_db_instance()
        .db_instance_identifier(id)
        .apply_immediately(true)
        .set_engine_version(versioned.cloned())
        .set_allow_major_version_upgrade(due("version").map(|()| true))
        .set_db_instance_class(due("class").map(|()| wanted.class.clone()))
        .set_multi_az(due("multi_az").map(|()| wanted.multi_az))
        .set_db_port_number(due("port").and(wanted.port))
        .set_db_parameter_group_name(due("parameter_group").map(|()| wanted.parameter_group_name()).transpose()?.flatten())
        .set_vpc_security_group_ids(due("security_groups").map(|()| wanted.group_ids()).transpose()?)
        .set_publicly_accessible(due("public").map(|()| wanted.public))
        .set_enable_iam_database_authentication(due("iam_authentication").map(|()| wanted.iam_authentication))
        .set_backup_retention_period(due("backup_retention").map(|()| wanted.backup_retention))
        .set_preferred_backup_window(due("backup_window").and(wanted.backup_window.clone()))
        .set_preferred_maintenance_window(due("maintenance_window").and(wanted.maintenance_window.clone()))
        .set_auto_minor_version_upgrade(due("minor_upgrades").map(|()| wanted.minor_upgrades))
        .set_deletion_protection(due("deletion_protection").map(|()| wanted.deletion_protection))
        .set_copy_tags_to_snapshot(due("tag_snapshots").map(|()| wanted.tag_snapshots))
        .set_enable_performance_insights(due("performance_insights").map(|()| insights > 0))
        .set_performance_insights_retention_period(due("performance_insights").and((insights > 0).then_some(insights)))
        .set_ca_certificate_identifier(due("certificate_authority").and(wanted.certificate_authority.clone()))
        .set_cloudwatch_logs_export_configuration(due("logs").map(|()| wanted.exports(live.enabled_cloudwatch_logs_exports())));
    // Size, sort and speed of disks are one whole to AWS; a limit equal to the size means no growth.
    let modify = match due("storage") {
        None => modify,
        Some(()) => modify
            .allocated_storage(storage.size)
            .storage_type(storage.sort.name())
            .set_iops(storage.iops)
            .set_storage_throughput(storage.throughput)
            .max_allocated_storage(storage.max_size.max(storage.size)),
    };
    modify.send().await.call("ModifyDBInstance").map(drop)
}

pub(super) async fn label(aws: &Aws, id: &str, labels: &Labels) -> Result<()> {
    let live = read::describe(aws, id).await?.ok_or(Error::NotFound)?;
    tags::rds::label(aws, live.db_instance_arn().required("DBInstanceArn")?, labels).await
}

pub(super) async fn delete(aws: &Aws, id: &str) -> Result<()> {
    let Some(live) = read::describe(aws, id).await? else { return Ok(()) };
    if live.db_instance_status() == Some("deleting") {
        return Ok(());
    }
    let delete = aws.rds.delete_db_instance().db_instance_identifier(id);
    let delete = match wants_snapshot(&tags::rds::read(live.tag_list())) {
        false => delete.skip_final_snapshot(true),
        // The resource id is never used again, so that the name is free, and the same when the call is repeated.
        true => delete.skip_final_snapshot(false).final_db_snapshot_identifier(format!(
            "{}-final-{}",
            id.chars().take(200).collect::<String>(),
            live.dbi_resource_id().required("DbiResourceId")?.to_ascii_lowercase()
        )),
    };
    delete.send().await.call("DeleteDBInstance").deleted()
}

impl DbInstance {
    fn parameter_group_name(&self) -> Result<Option<String>> {
        self.parameter_group.as_ref().map(|group| group.id().map(str::to_owned)).transpose()
    }

    fn group_ids(&self) -> Result<Vec<String>> {
        self.security_groups.iter().map(|group| group.id().map(str::to_owned)).collect()
    }

    /// What to export besides the live logs and what no more.
    fn exports(&self, live: &[String]) -> CloudwatchLogsExportConfiguration {
        let on = self.logs.iter().filter(|log| !live.contains(log)).cloned().collect();
        let off = live.iter().filter(|log| !self.logs.contains(*log)).cloned().collect();
        CloudwatchLogsExportConfiguration::builder().set_enable_log_types(Some(on)).set_disable_log_types(Some(off)).build()
    }
}
