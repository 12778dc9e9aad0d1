//! The calls that make, change and delete a group.

use std::collections::BTreeSet;

use aws_sdk_autoscaling::types::{self, InstanceMaintenancePolicy, Tag};
use engine::{Changed, Error, Found, Kind, Labels, Query, Ref, Result};
use serde::Serialize;

use super::{AutoscalingGroup, HealthCheck, TargetGroup, policy, read, refresh, schedule};
use crate::{Aws, Call, Deleted, tags};

/// Names of groups have 255 characters.
/// <https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_CreateAutoScalingGroup.html>
const NAME_LIMIT: usize = 255;

/// The tag that holds the sizes of the blueprint, `<min>-<max>`: scheduled actions change those of the group.
pub(super) const SIZE: &str = "terrace:size";

/// Properties that one call changes together. The template's version is not among them: see [`refresh`].
const ITSELF: &[&str] = &[
    "subnets",
    "min",
    "max",
    "desired",
    "health_check",
    "health_check_grace",
    "warmup",
    "cooldown",
    "max_instance_lifetime",
    "maintenance",
    "termination_policies",
    "scale_in_protection",
    "capacity_rebalance",
];

pub(super) async fn create(wanted: &AutoscalingGroup, aws: &Aws, labels: &Labels) -> Result<String> {
    let name = labels.name(NAME_LIMIT);
    let passed = wanted.instance_tags.iter().map(|one| tag(&name, &one.key, &one.value, true));
    let own = labels.all().into_iter().filter(|(key, _)| !wanted.passes(key));
    let own = own.map(|(key, value)| tag(&name, &key, &value, false));
    let size = tag(&name, SIZE, &wanted.size(), false);
    let create = aws
        .autoscaling
        .create_auto_scaling_group()
        .auto_scaling_group_name(&name)
        .launch_template(refresh::template(wanted)?)
        .vpc_zone_identifier(wanted.zones()?)
        .min_size(count(wanted.min))
        .max_size(count(wanted.max))
        .set_desired_capacity(wanted.desired.map(count))
        .set_target_group_arns(Some(ids(&wanted.target_groups)?))
        .health_check_type(wanted.health_checks())
        .health_check_grace_period(wanted.health_check_grace)
        .set_default_instance_warmup(wanted.warmup)
        .default_cooldown(wanted.cooldown)
        .max_instance_lifetime(wanted.max_instance_lifetime)
        .instance_maintenance_policy(wanted.maintenance())
        .set_termination_policies(Some(wanted.termination_names()))
        .new_instances_protected_from_scale_in(wanted.scale_in_protection)
        .capacity_rebalance(wanted.capacity_rebalance)
        .set_tags(Some(passed.chain(own).chain([size]).collect()));
    match create.send().await.call("CreateAutoScalingGroup") {
        Ok(_) => {}
        Err(Error::Service { code, .. }) if code == "AlreadyExists" || code == "AlreadyExistsFault" => {
            let live = read::groups(aws, std::slice::from_ref(&name)).await?.pop().ok_or(Error::NotFound)?;
            tags::adopt(&name, &read::tags(&live), labels)?;
        }
        // A new instance profile takes some seconds to be known to EC2.
        Err(Error::Service { message, .. }) if message.contains("Invalid IAM Instance Profile") => {
            return Err(Error::Busy(message));
        }
        Err(error) => return Err(error),
    }
    // A group not known everywhere yet is left to the update.
    parts(wanted, aws, &name, &Changed(PARTS.iter().map(|part| (*part).to_owned()).collect())).await.deleted()?;
    Ok(name)
}

/// Properties with calls of their own, beside tags and target groups, which the create call takes.
const PARTS: &[&str] = &["metrics", "suspended", "scaling_policies", "scheduled_actions"];

pub(super) async fn update(wanted: &AutoscalingGroup, aws: &Aws, name: &str, changed: &Changed) -> Result<()> {
    if changed.any(ITSELF) {
        // What has not changed is left out: scheduled actions may have set other sizes for now.
        let due = |property: &str| changed.has(property).then_some(());
        let update = aws
            .autoscaling
            .update_auto_scaling_group()
            .auto_scaling_group_name(name)
            .set_vpc_zone_identifier(due("subnets").map(|()| wanted.zones()).transpose()?)
            .set_min_size(due("min").map(|()| count(wanted.min)))
            .set_max_size(due("max").map(|()| count(wanted.max)))
            .set_desired_capacity(due("desired").and(wanted.desired).map(count))
            .set_health_check_type(due("health_check").map(|()| wanted.health_checks().to_owned()))
            .set_health_check_grace_period(due("health_check_grace").map(|()| wanted.health_check_grace))
            .set_default_instance_warmup(due("warmup").and(wanted.warmup))
            .set_default_cooldown(due("cooldown").map(|()| wanted.cooldown))
            .set_max_instance_lifetime(due("max_instance_lifetime").map(|()| wanted.max_instance_lifetime))
            .set_instance_maintenance_policy(due("maintenance").map(|()| wanted.maintenance()))
            .set_termination_policies(due("termination_policies").map(|()| wanted.termination_names()))
            .set_new_instances_protected_from_scale_in(due("scale_in_protection").map(|()| wanted.scale_in_protection))
            .set_capacity_rebalance(due("capacity_rebalance").map(|()| wanted.capacity_rebalance));
        // The tag goes first: read with the old sizes it changes nothing.
        if changed.any(&["min", "max"]) {
            put_tags(aws, vec![tag(name, SIZE, &wanted.size(), false)]).await?;
        }
        update.send().await.call("UpdateAutoScalingGroup")?;
    }
    if changed.has("target_groups") {
        set_target_groups(wanted, aws, name).await?;
    }
    if changed.has("instance_tags") {
        set_instance_tags(wanted, aws, name).await?;
    }
    parts(wanted, aws, name, changed).await?;
    // Last: instances that come now are as everything else is wanted.
    if changed.any(&["launch_template", "version"]) {
        refresh::start(wanted, aws, name).await?;
    }
    Ok(())
}

async fn parts(wanted: &AutoscalingGroup, aws: &Aws, name: &str, changed: &Changed) -> Result<()> {
    let live: Option<Found<AutoscalingGroup>> = match changed.any(PARTS) {
        true => read::find(aws, Query::Ids(&[name.to_owned()])).await?.pop(),
        false => return Ok(()),
    };
    let live = live.ok_or(Error::NotFound)?.properties;
    if changed.has("metrics") {
        set_metrics(wanted, aws, name, &live).await?;
    }
    if changed.has("suspended") {
        set_suspended(wanted, aws, name, &live).await?;
    }
    if changed.has("scaling_policies") {
        set_policies(wanted, aws, name, &live.scaling_policies).await?;
    }
    if changed.has("scheduled_actions") {
        set_actions(wanted, aws, name, &live.scheduled_actions).await?;
    }
    Ok(())
}

async fn set_target_groups(wanted: &AutoscalingGroup, aws: &Aws, name: &str) -> Result<()> {
    let group = read::groups(aws, &[name.to_owned()]).await?.pop().ok_or(Error::NotFound)?;
    let live: BTreeSet<Ref<TargetGroup>> = group.target_group_arns().iter().map(|arn| Ref::live(arn)).collect();
    let new = ids(&(&wanted.target_groups - &live))?;
    if !new.is_empty() {
        let attach = aws.autoscaling.attach_load_balancer_target_groups().auto_scaling_group_name(name);
        attach.set_target_group_arns(Some(new)).send().await.call("AttachLoadBalancerTargetGroups")?;
    }
    let gone = ids(&(&live - &wanted.target_groups))?;
    if !gone.is_empty() {
        let detach = aws.autoscaling.detach_load_balancer_target_groups().auto_scaling_group_name(name);
        detach.set_target_group_arns(Some(gone)).send().await.call("DetachLoadBalancerTargetGroups")?;
    }
    Ok(())
}

async fn set_instance_tags(wanted: &AutoscalingGroup, aws: &Aws, name: &str) -> Result<()> {
    let group = read::groups(aws, &[name.to_owned()]).await?.pop().ok_or(Error::NotFound)?;
    let passed = wanted.instance_tags.iter().map(|one| tag(name, &one.key, &one.value, true));
    put_tags(aws, passed.collect()).await?;
    let gone = read::instance_tags(&group).into_iter().filter(|one| !wanted.passes(&one.key));
    let gone: Vec<Tag> = gone.map(|one| tag(name, &one.key, &one.value, true)).collect();
    if gone.is_empty() {
        return Ok(());
    }
    aws.autoscaling.delete_tags().set_tags(Some(gone)).send().await.call("DeleteTags").map(drop)
}

async fn set_metrics(wanted: &AutoscalingGroup, aws: &Aws, name: &str, live: &AutoscalingGroup) -> Result<()> {
    let new: Vec<String> = wanted.metrics.difference(&live.metrics).map(name_of).collect();
    if !new.is_empty() {
        let enable = aws.autoscaling.enable_metrics_collection().auto_scaling_group_name(name).granularity("1Minute");
        enable.set_metrics(Some(new)).send().await.call("EnableMetricsCollection")?;
    }
    let gone: Vec<String> = live.metrics.difference(&wanted.metrics).map(name_of).collect();
    if !gone.is_empty() {
        let disable = aws.autoscaling.disable_metrics_collection().auto_scaling_group_name(name);
        disable.set_metrics(Some(gone)).send().await.call("DisableMetricsCollection")?;
    }
    Ok(())
}

async fn set_suspended(wanted: &AutoscalingGroup, aws: &Aws, name: &str, live: &AutoscalingGroup) -> Result<()> {
    let new: Vec<String> = wanted.suspended.difference(&live.suspended).map(name_of).collect();
    if !new.is_empty() {
        let suspend = aws.autoscaling.suspend_processes().auto_scaling_group_name(name);
        suspend.set_scaling_processes(Some(new)).send().await.call("SuspendProcesses")?;
    }
    let gone: Vec<String> = live.suspended.difference(&wanted.suspended).map(name_of).collect();
    if !gone.is_empty() {
        let resume = aws.autoscaling.resume_processes().auto_scaling_group_name(name);
        resume.set_scaling_processes(Some(gone)).send().await.call("ResumeProcesses")?;
    }
    Ok(())
}

/// Puts what is new or changed, then deletes what is not wanted.
async fn set_policies(
    wanted: &AutoscalingGroup,
    aws: &Aws,
    name: &str,
    live: &BTreeSet<policy::ScalingPolicy>,
) -> Result<()> {
    for policy in wanted.scaling_policies.difference(live) {
        policy.put(aws, name).await?;
    }
    let kept: BTreeSet<&str> = wanted.scaling_policies.iter().map(|policy| policy.name()).collect();
    for policy in live.iter().filter(|policy| !kept.contains(policy.name())) {
        let delete = aws.autoscaling.delete_policy().auto_scaling_group_name(name).policy_name(policy.name());
        delete.send().await.call("DeletePolicy").deleted()?;
    }
    Ok(())
}

async fn set_actions(
    wanted: &AutoscalingGroup,
    aws: &Aws,
    name: &str,
    live: &BTreeSet<schedule::ScheduledAction>,
) -> Result<()> {
    let delete = async |action: &str| {
        let delete = aws.autoscaling.delete_scheduled_action().auto_scaling_group_name(name);
        delete.scheduled_action_name(action).send().await.call("DeleteScheduledAction").deleted()
    };
    for action in wanted.scheduled_actions.difference(live) {
        if live.iter().any(|live| live.name == action.name && action.loses(live)) {
            delete(&action.name).await?;
        }
        action.put(aws, name).await?;
    }
    let kept: BTreeSet<&String> = wanted.scheduled_actions.iter().map(|action| &action.name).collect();
    for action in live.iter().filter(|action| !kept.contains(&action.name)) {
        delete(&action.name).await?;
    }
    Ok(())
}

pub(super) async fn label(aws: &Aws, name: &str, labels: &Labels) -> Result<()> {
    let group = read::groups(aws, &[name.to_owned()]).await?.pop().ok_or(Error::NotFound)?;
    // A key is there once: one that instances get keeps the value they get.
    let passed: BTreeSet<String> = read::instance_tags(&group).into_iter().map(|tag| tag.key).collect();
    let own = labels.all().into_iter().filter(|(key, _)| !passed.contains(key));
    put_tags(aws, own.map(|(key, value)| tag(name, &key, &value, false)).collect()).await
}

async fn put_tags(aws: &Aws, tags: Vec<Tag>) -> Result<()> {
    if tags.is_empty() {
        return Ok(());
    }
    aws.autoscaling.create_or_update_tags().set_tags(Some(tags)).send().await.call("CreateOrUpdateTags").map(drop)
}

/// Its instances go with it.
pub(super) async fn delete(aws: &Aws, name: &str) -> Result<()> {
    let Some(group) = read::groups(aws, &[name.to_owned()]).await?.pop() else { return Ok(()) };
    if group.status().is_some() {
        return Ok(());
    }
    let delete = aws.autoscaling.delete_auto_scaling_group().auto_scaling_group_name(name).force_delete(true);
    match delete.send().await.call("DeleteAutoScalingGroup") {
        // AWS has no code of its own for a group that is gone.
        Err(Error::Service { code, message, .. }) if code == "ValidationError" && message.contains("not found") => Ok(()),
        deleted => deleted.deleted(),
    }
}

fn tag(group: &str, key: &str, value: &str, passed: bool) -> Tag {
    let tag = Tag::builder().resource_id(group).resource_type("auto-scaling-group").key(key).value(value);
    tag.propagate_at_launch(passed).build()
}

fn count(size: u32) -> i32 {
    size.try_into().unwrap_or(i32::MAX)
}

fn ids<K: Kind>(references: &BTreeSet<Ref<K>>) -> Result<Vec<String>> {
    references.iter().map(|reference| reference.id().map(str::to_owned)).collect()
}

/// AWS's name of a value that serialises as that.
fn name_of(value: &impl Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

impl AutoscalingGroup {
    fn size(&self) -> String {
        format!("{}-{}", self.min, self.max)
    }

    fn zones(&self) -> Result<String> {
        ids(&self.subnets).map(|ids| ids.join(","))
    }

    fn health_checks(&self) -> &'static str {
        match self.health_check {
            HealthCheck::Ec2 => "EC2",
            HealthCheck::Elb => "ELB",
            HealthCheck::Ebs => "EBS",
        }
    }

    fn maintenance(&self) -> types::InstanceMaintenancePolicy {
        InstanceMaintenancePolicy::builder()
            .min_healthy_percentage(self.maintenance.min_healthy)
            .max_healthy_percentage(self.maintenance.max_healthy)
            .build()
    }

    fn termination_names(&self) -> Vec<String> {
        self.termination_policies.iter().map(name_of).collect()
    }

    /// Whether instances get the tag.
    fn passes(&self, key: &str) -> bool {
        self.instance_tags.iter().any(|tag| tag.key == key)
    }
}
