//! Reads groups, with their policies, actions and refreshes.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_autoscaling::types::{self, Filter, ScheduledUpdateGroupAction};
use engine::{Found, Late, Phase, Query, Ref, Result, Tags, tag};
use futures::future::try_join_all;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::kinds::launch_template::Tag;
use super::{AutoscalingGroup, HealthCheck, Maintenance, Outputs, live, policy, refresh, schedule};
use crate::{Aws, Call, Required};

pub(super) async fn find(aws: &Aws, which: Query<'_>) -> Result<Vec<Found<AutoscalingGroup>>> {
    let groups = match which {
        Query::Owned(owner) => {
            let filter = Filter::builder().name(format!("tag:{}", tag::STACK)).values(owner.to_string()).build();
            let describe = aws.autoscaling.describe_auto_scaling_groups().filters(filter);
            describe.into_paginator().items().send().try_collect().await.call("DescribeAutoScalingGroups")?
        }
        Query::Ids(names) => groups(aws, names).await?,
    };
    if groups.is_empty() {
        return Ok(Vec::new());
    }
    // One group's parts are asked for by its name, several groups' in one listing each.
    let name = match groups.as_slice() {
        [one] => one.auto_scaling_group_name(),
        _ => None,
    };
    let refreshes = groups.iter().map(|group| refresh::last(aws, group.auto_scaling_group_name().unwrap_or_default()));
    let (mut policies, mut actions, refreshes) =
        futures::try_join!(policies(aws, name), actions(aws, name), try_join_all(refreshes))?;
    let found = groups.iter().zip(refreshes).map(|(group, refresh)| {
        let name = group.auto_scaling_group_name().required("AutoScalingGroupName")?;
        let policies = policies.remove(name).unwrap_or_default();
        read(group, &policies, &actions.remove(name).unwrap_or_default(), refresh.as_ref())
    });
    found.collect()
}

pub(super) async fn groups(aws: &Aws, names: &[String]) -> Result<Vec<types::AutoScalingGroup>> {
    let describe = aws.autoscaling.describe_auto_scaling_groups().set_auto_scaling_group_names(Some(names.to_vec()));
    describe.into_paginator().items().send().try_collect().await.call("DescribeAutoScalingGroups")
}

pub(super) async fn policies(aws: &Aws, group: Option<&str>) -> Result<BTreeMap<String, Vec<types::ScalingPolicy>>> {
    let describe = aws.autoscaling.describe_policies().set_auto_scaling_group_name(group.map(str::to_owned));
    let all: Vec<types::ScalingPolicy> =
        describe.into_paginator().items().send().try_collect().await.call("DescribePolicies")?;
    let mut by_group: BTreeMap<String, Vec<types::ScalingPolicy>> = BTreeMap::new();
    for policy in all {
        by_group.entry(policy.auto_scaling_group_name.clone().unwrap_or_default()).or_default().push(policy);
    }
    Ok(by_group)
}

pub(super) async fn actions(aws: &Aws, group: Option<&str>) -> Result<BTreeMap<String, Vec<ScheduledUpdateGroupAction>>> {
    let describe = aws.autoscaling.describe_scheduled_actions().set_auto_scaling_group_name(group.map(str::to_owned));
    let all: Vec<ScheduledUpdateGroupAction> =
        describe.into_paginator().items().send().try_collect().await.call("DescribeScheduledActions")?;
    let mut by_group: BTreeMap<String, Vec<ScheduledUpdateGroupAction>> = BTreeMap::new();
    for action in all {
        by_group.entry(action.auto_scaling_group_name.clone().unwrap_or_default()).or_default().push(action);
    }
    Ok(by_group)
}

/// Live tags, by key.
pub(super) fn tags(group: &types::AutoScalingGroup) -> Tags {
    let pairs = group.tags().iter().filter_map(|tag| Some((tag.key()?.to_owned(), tag.value()?.to_owned())));
    pairs.filter(|(key, _)| key != live::SIZE).collect()
}

/// Tags that instances get; the engine's own stay with the group.
pub(super) fn instance_tags(group: &types::AutoScalingGroup) -> BTreeSet<Tag> {
    let passed = group.tags().iter().filter(|tag| tag.propagate_at_launch().unwrap_or_default());
    passed.filter_map(|tag| Some(Tag::new(tag.key()?, tag.value()?))).collect()
}

/// Reads one of AWS's names; one this version does not know is left out.
fn named<T: DeserializeOwned>(name: &str) -> Option<T> {
    serde_json::from_value(Value::from(name)).ok()
}

fn read(
    group: &types::AutoScalingGroup,
    policies: &[types::ScalingPolicy],
    actions: &[ScheduledUpdateGroupAction],
    refresh: Option<&types::InstanceRefresh>,
) -> Result<Found<AutoscalingGroup>> {
    let id = group.auto_scaling_group_name().required("AutoScalingGroupName")?;
    let template = group.launch_template();
    let subnets = group.vpc_zone_identifier().unwrap_or_default().split(',').filter(|id| !id.is_empty());
    let (min, max) = sizes(group, actions);
    let maintenance = group.instance_maintenance_policy();
    let properties = AutoscalingGroup {
        launch_template: Ref::live(template.and_then(|template| template.launch_template_id()).unwrap_or("none")),
        version: Late::Known(template.and_then(|template| template.version()).unwrap_or("$Default").to_owned()),
        subnets: subnets.map(|id| Ref::live(id.trim())).collect(),
        min,
        max,
        desired: group.desired_capacity().and_then(|size| size.try_into().ok()),
        target_groups: group.target_group_arns().iter().map(|arn| Ref::live(arn)).collect(),
        health_check: match group.health_check_type().unwrap_or_default() {
            kinds if kinds.contains("ELB") => HealthCheck::Elb,
            kinds if kinds.contains("EBS") => HealthCheck::Ebs,
            _ => HealthCheck::Ec2,
        },
        health_check_grace: group.health_check_grace_period().unwrap_or_default(),
        warmup: group.default_instance_warmup(),
        cooldown: group.default_cooldown().unwrap_or_default(),
        max_instance_lifetime: group.max_instance_lifetime().unwrap_or_default(),
        // AWS writes -1 where there is no policy.
        maintenance: Maintenance {
            min_healthy: maintenance.and_then(|policy| policy.min_healthy_percentage()).unwrap_or(-1),
            max_healthy: maintenance.and_then(|policy| policy.max_healthy_percentage()).unwrap_or(-1),
        },
        termination_policies: group.termination_policies().iter().filter_map(|name| named(name)).collect(),
        scale_in_protection: group.new_instances_protected_from_scale_in().unwrap_or_default(),
        capacity_rebalance: group.capacity_rebalance().unwrap_or_default(),
        metrics: group.enabled_metrics().iter().filter_map(|metric| named(metric.metric()?)).collect(),
        suspended: group.suspended_processes().iter().filter_map(|process| named(process.process_name()?)).collect(),
        instance_tags: instance_tags(group),
        scaling_policies: policies.iter().filter_map(policy::read).collect(),
        scheduled_actions: actions.iter().filter_map(schedule::read).collect(),
    };
    let arns = policies.iter().filter_map(|one| Some((format!("policy-{}", one.policy_name()?), one.policy_arn()?.to_owned())));
    Ok(Found {
        id: id.to_owned(),
        tags: tags(group),
        properties,
        outputs: Outputs {
            id: id.to_owned(),
            arn: group.auto_scaling_group_arn().unwrap_or_default().to_owned(),
            policies: arns.collect(),
        },
        phase: match group.status() {
            // The status is there only while the group goes.
            Some(_) => Phase::Deleting,
            None if refresh.is_some_and(refresh::active) => Phase::Pending,
            None => Phase::Ready,
        },
        note: refresh.and_then(refresh::note),
    })
}

/// The sizes of the blueprint, where a scheduled action has set others for now.
fn sizes(group: &types::AutoScalingGroup, actions: &[ScheduledUpdateGroupAction]) -> (u32, u32) {
    let written = group.tags().iter().find(|tag| tag.key() == Some(live::SIZE)).and_then(|tag| tag.value());
    let written = written.and_then(|size| size.split_once('-'));
    let base = |part: Option<&str>| part.and_then(|size| size.parse::<i32>().ok());
    let one = |live: Option<i32>, set: Vec<Option<i32>>, base: Option<i32>| {
        let size = if live.is_some() && set.contains(&live) { base.or(live) } else { live };
        size.and_then(|size| size.try_into().ok()).unwrap_or_default()
    };
    let set = |size: fn(&ScheduledUpdateGroupAction) -> Option<i32>| actions.iter().map(size).collect();
    (
        one(group.min_size(), set(ScheduledUpdateGroupAction::min_size), base(written.map(|(min, _)| min))),
        one(group.max_size(), set(ScheduledUpdateGroupAction::max_size), base(written.map(|(_, max)| max))),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(min: i32, max: i32) -> types::AutoScalingGroup {
        let tag = types::TagDescription::builder().key(live::SIZE).value("2-6").build();
        types::AutoScalingGroup::builder().min_size(min).max_size(max).tags(tag).build()
    }

    #[test]
    fn sizes_a_scheduled_action_set_are_not_drift() {
        let morning = ScheduledUpdateGroupAction::builder().min_size(4).max_size(8).build();
        assert_eq!(sizes(&group(4, 8), std::slice::from_ref(&morning)), (2, 6));
        // Somebody's own: neither the blueprint's nor an action's.
        assert_eq!(sizes(&group(3, 8), std::slice::from_ref(&morning)), (3, 6));
        assert_eq!(sizes(&group(4, 8), &[]), (4, 8));
    }
}
