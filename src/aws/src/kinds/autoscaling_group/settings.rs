//! What a group may be told of instances: who judges them, which goes first, how many work at once.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Who says which instances work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum HealthCheck {
    /// EC2 alone.
    #[default]
    Ec2,
    /// The load balancer too.
    Elb,
    /// The disks too.
    Ebs,
}

/// How much of a group works while its instances are replaced, in per cent of its size.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Maintenance {
    /// The least.
    #[schemars(range(min = 0, max = 100))]
    pub min_healthy: i32,
    /// The most, old and new ones together.
    #[schemars(range(min = 100, max = 200))]
    pub max_healthy: i32,
}

/// New instances come before old ones go.
impl Default for Maintenance {
    fn default() -> Self {
        Self { min_healthy: 100, max_healthy: 110 }
    }
}

/// Which instance goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs, reason = "AWS's names say what they are")]
pub enum TerminationPolicy {
    Default,
    AllocationStrategy,
    ClosestToNextInstanceHour,
    NewestInstance,
    OldestInstance,
    OldestLaunchConfiguration,
    OldestLaunchTemplate,
}

/// Metrics of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs, reason = "AWS's names say what they are")]
pub enum GroupMetric {
    GroupDesiredCapacity,
    GroupInServiceCapacity,
    GroupInServiceInstances,
    GroupMaxSize,
    GroupMinSize,
    GroupPendingCapacity,
    GroupPendingInstances,
    GroupStandbyCapacity,
    GroupStandbyInstances,
    GroupTerminatingCapacity,
    GroupTerminatingInstances,
    GroupTotalCapacity,
    GroupTotalInstances,
    WarmPoolDesiredCapacity,
    WarmPoolMinSize,
    WarmPoolPendingCapacity,
    WarmPoolTerminatingCapacity,
    WarmPoolTotalCapacity,
    WarmPoolWarmedCapacity,
    GroupAndWarmPoolDesiredCapacity,
    GroupAndWarmPoolTotalCapacity,
}

/// What a group does by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs, reason = "AWS's names say what they are")]
pub enum Process {
    Launch,
    Terminate,
    AddToLoadBalancer,
    AlarmNotification,
    AZRebalance,
    HealthCheck,
    InstanceRefresh,
    ReplaceUnhealthy,
    ScheduledActions,
}
