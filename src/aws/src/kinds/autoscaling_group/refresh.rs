//! Instance refreshes: how a group gets to another version of its launch template.
//!
//! The group itself is never told of the version: the refresh does that when it has succeeded, and so a rollback goes
//! back to the version that worked. A run that comes later joins the refresh under way.
//! <https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_StartInstanceRefresh.html>

use aws_sdk_autoscaling::types::{
    self, DesiredConfiguration, InstanceRefresh, InstanceRefreshStatus, LaunchTemplateSpecification,
    RefreshPreferences,
};
use engine::{Error, Result};

use super::AutoscalingGroup;
use crate::{Already, Aws, Call};

/// The refresh that was started last.
pub(super) async fn last(aws: &Aws, group: &str) -> Result<Option<InstanceRefresh>> {
    let describe = aws.autoscaling.describe_instance_refreshes().auto_scaling_group_name(group).max_records(1);
    match describe.send().await.call("DescribeInstanceRefreshes") {
        Ok(described) => Ok(described.instance_refreshes.unwrap_or_default().into_iter().next()),
        // A group that goes while it is read.
        Err(Error::NotFound) => Ok(None),
        Err(Error::Service { code, .. }) if code == "ValidationError" => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether it is under way.
pub(super) fn active(refresh: &InstanceRefresh) -> bool {
    matches!(
        refresh.status(),
        Some(
            InstanceRefreshStatus::Pending
                | InstanceRefreshStatus::InProgress
                | InstanceRefreshStatus::Baking
                | InstanceRefreshStatus::Cancelling
                | InstanceRefreshStatus::RollbackInProgress
        )
    )
}

/// What a person should know of a refresh that did not end well.
pub(super) fn note(refresh: &InstanceRefresh) -> Option<String> {
    let what = match refresh.status()? {
        InstanceRefreshStatus::Failed => "the instance refresh failed",
        InstanceRefreshStatus::Cancelled => "the instance refresh was cancelled",
        InstanceRefreshStatus::RollbackInProgress => "the instance refresh is being rolled back",
        InstanceRefreshStatus::RollbackSuccessful => "the instance refresh was rolled back",
        InstanceRefreshStatus::RollbackFailed => "rolling the instance refresh back failed",
        _ => return None,
    };
    // The reason for a rollback is that of the refresh; the status has that of the rollback.
    let rollback = refresh.rollback_details().and_then(|details| details.rollback_reason());
    let reason = rollback.or(refresh.status_reason());
    Some(reason.map_or_else(|| what.to_owned(), |reason| format!("{what}: {reason}")))
}

/// Replaces the instances by ones of the wanted template and version, or joins the refresh that does.
pub(super) async fn start(wanted: &AutoscalingGroup, aws: &Aws, group: &str) -> Result<()> {
    if let Some(refresh) = last(aws, group).await?.filter(active) {
        return join(wanted, aws, group, &refresh).await;
    }
    let preferences = RefreshPreferences::builder()
        .auto_rollback(true)
        .skip_matching(true)
        .min_healthy_percentage(wanted.maintenance.min_healthy)
        .max_healthy_percentage(wanted.maintenance.max_healthy)
        .set_instance_warmup(wanted.warmup);
    let start = aws
        .autoscaling
        .start_instance_refresh()
        .auto_scaling_group_name(group)
        .desired_configuration(DesiredConfiguration::builder().launch_template(template(wanted)?).build())
        .preferences(preferences.build());
    match start.send().await.call("StartInstanceRefresh") {
        // Started by a try whose answer was lost, and not listed then: the next try joins it.
        Err(Error::Service { code, message, .. }) if code.starts_with("InstanceRefreshInProgress") => {
            Err(Error::Busy(message))
        }
        started => started.map(drop),
    }
}

/// The wanted template and version.
pub(super) fn template(wanted: &AutoscalingGroup) -> Result<LaunchTemplateSpecification> {
    let template = LaunchTemplateSpecification::builder().launch_template_id(wanted.launch_template.id()?);
    Ok(template.version(wanted.version.get()?).build())
}

/// A refresh to what is wanted is joined, one to something else is cancelled, and one that ends or that somebody
/// started for reasons of their own is waited for.
async fn join(wanted: &AutoscalingGroup, aws: &Aws, group: &str, refresh: &InstanceRefresh) -> Result<()> {
    let aim = refresh.desired_configuration().and_then(|configuration| configuration.launch_template());
    let wait = |why: &str| Err(Error::Busy(format!("an instance refresh of `{group}` {why}")));
    let id = refresh.instance_refresh_id().unwrap_or_default();
    match (refresh.status(), aim) {
        (Some(InstanceRefreshStatus::Cancelling | InstanceRefreshStatus::RollbackInProgress), _) => wait("is ending"),
        (_, Some(aim)) if same(wanted, aim)? => Ok(()),
        (_, None) => wait("that was started by hand is under way"),
        (_, Some(aim)) => {
            let cancel = aws.autoscaling.cancel_instance_refresh().auto_scaling_group_name(group);
            let cancelled = cancel.send().await.call("CancelInstanceRefresh");
            cancelled.already(&["ActiveInstanceRefreshNotFound", "ActiveInstanceRefreshNotFoundFault"])?;
            wait(&format!("to version {} (`{id}`) is being cancelled", aim.version().unwrap_or("?")))
        }
    }
}

fn same(wanted: &AutoscalingGroup, aim: &types::LaunchTemplateSpecification) -> Result<bool> {
    let template = aim.launch_template_id() == Some(wanted.launch_template.id()?);
    Ok(template && aim.version() == Some(wanted.version.get()?.as_str()))
}
