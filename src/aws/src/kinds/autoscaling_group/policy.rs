//! Scaling policies: when a group grows and shrinks.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use aws_sdk_autoscaling::types::{
    self, MetricType, PredefinedMetricSpecification, TargetTrackingConfiguration,
};
use engine::{Error, Flaw, Ref, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{LoadBalancer, TargetGroup};
use crate::{Aws, Call, Required};

/// When a group grows and shrinks.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "kebab-case", deny_unknown_fields)]
pub enum ScalingPolicy {
    /// Keeps a metric at a value.
    TargetTracking {
        /// The policy's name.
        #[schemars(regex(pattern = r"^[a-zA-Z0-9][a-zA-Z0-9_-]{0,99}$"))]
        name: String,
        /// The metric.
        metric: Metric,
        /// The value it is kept at.
        target: Number,
        /// Whether it also shrinks the group; on unless set.
        #[serde(default = "yes")]
        scale_in: bool,
        /// Seconds until a new instance's metrics count; the group's unless set.
        #[serde(default)]
        #[schemars(range(min = 0, max = 3600))]
        warmup: Option<i32>,
    },
    /// Grows or shrinks by how far an alarm's metric is over its threshold.
    Step {
        /// The policy's name.
        #[schemars(regex(pattern = r"^[a-zA-Z0-9][a-zA-Z0-9_-]{0,99}$"))]
        name: String,
        /// What a step's change counts; instances to add unless set.
        #[serde(default)]
        adjustment: Adjustment,
        /// Which value of a period counts; the average unless set.
        #[serde(default)]
        aggregation: Aggregation,
        /// The fewest instances a change in per cent adds or takes; one unless set.
        #[serde(default)]
        #[schemars(range(min = 1))]
        min_change: Option<i32>,
        /// Seconds until a new instance's metrics count; the group's unless set.
        #[serde(default)]
        #[schemars(range(min = 0, max = 3600))]
        warmup: Option<i32>,
        /// Changes, each for a range over the threshold.
        #[schemars(length(min = 1, max = 20))]
        steps: Vec<StepAdjustment>,
    },
    /// A policy made outside that a blueprint cannot say.
    Foreign {
        /// The policy's name.
        name: String,
    },
}

/// A metric AWS keeps for a group.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Metric {
    /// Average use of processors, in per cent.
    Cpu,
    /// Average bytes received by an instance in a minute.
    NetworkIn,
    /// Average bytes sent by an instance in a minute.
    NetworkOut,
    /// Requests to a server in a minute.
    Requests {
        /// The load balancer that sends them.
        load_balancer: Ref<LoadBalancer>,
        /// The group of servers that gets them.
        target_group: Ref<TargetGroup>,
    },
}

/// What a step's change counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Adjustment {
    /// Instances to add; fewer than none to take.
    #[default]
    ChangeInCapacity,
    /// Instances there shall be.
    ExactCapacity,
    /// Per cent of the instances there are.
    PercentChangeInCapacity,
}

/// Which value of a period counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Aggregation {
    /// The average.
    #[default]
    Average,
    /// The least.
    Minimum,
    /// The most.
    Maximum,
}

/// A change for a range over an alarm's threshold.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StepAdjustment {
    /// Where the range starts, from the threshold; no bound unless set.
    #[serde(default)]
    pub from: Option<Number>,
    /// Where it ends, from the threshold; no bound unless set.
    #[serde(default)]
    pub to: Option<Number>,
    /// The change.
    pub change: i32,
}

/// A number with an order, so that what holds it can be in a set. NaN is after all others.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(transparent)]
pub struct Number(pub f64);

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Number {}

fn yes() -> bool {
    true
}

impl ScalingPolicy {
    /// The policy's name.
    pub fn name(&self) -> &str {
        match self {
            Self::TargetTracking { name, .. } | Self::Step { name, .. } | Self::Foreign { name } => name,
        }
    }

    /// Makes the policy, or makes the one of its name as wanted.
    pub(super) async fn put(&self, aws: &Aws, group: &str) -> Result<()> {
        let put = aws.autoscaling.put_scaling_policy().auto_scaling_group_name(group).policy_name(self.name());
        let put = match self {
            Self::TargetTracking { metric, target, scale_in, warmup, .. } => put
                .policy_type("TargetTrackingScaling")
                .set_estimated_instance_warmup(*warmup)
                .target_tracking_configuration(
                    TargetTrackingConfiguration::builder()
                        .predefined_metric_specification(metric.write()?)
                        .target_value(target.0)
                        .disable_scale_in(!scale_in)
                        .build(),
                ),
            Self::Step { adjustment, aggregation, min_change, warmup, steps, .. } => put
                .policy_type("StepScaling")
                .adjustment_type(match adjustment {
                    Adjustment::ChangeInCapacity => "ChangeInCapacity",
                    Adjustment::ExactCapacity => "ExactCapacity",
                    Adjustment::PercentChangeInCapacity => "PercentChangeInCapacity",
                })
                .metric_aggregation_type(match aggregation {
                    Aggregation::Average => "Average",
                    Aggregation::Minimum => "Minimum",
                    Aggregation::Maximum => "Maximum",
                })
                .set_min_adjustment_magnitude(*min_change)
                .set_estimated_instance_warmup(*warmup)
                .set_step_adjustments(Some(steps.iter().map(StepAdjustment::write).collect())),
            Self::Foreign { name } => return Err(Error::Invalid(format!("the policy `{name}` cannot be made"))),
        };
        match put.send().await.call("PutScalingPolicy") {
            // A policy that counts requests waits for the listener that sends them, which nothing here refers to.
            Err(Error::Service { message, .. }) if message.contains("does not route traffic") => Err(Error::Busy(message)),
            put => put.map(drop),
        }
    }
}

impl StepAdjustment {
    fn write(&self) -> types::StepAdjustment {
        types::StepAdjustment::builder()
            .set_metric_interval_lower_bound(self.from.map(|number| number.0))
            .set_metric_interval_upper_bound(self.to.map(|number| number.0))
            .scaling_adjustment(self.change)
            .build()
    }
}

impl Metric {
    fn write(&self) -> Result<PredefinedMetricSpecification> {
        let specification = PredefinedMetricSpecification::builder();
        Ok(match self {
            Self::Cpu => specification.predefined_metric_type(MetricType::AsgAverageCpuUtilization),
            Self::NetworkIn => specification.predefined_metric_type(MetricType::AsgAverageNetworkIn),
            Self::NetworkOut => specification.predefined_metric_type(MetricType::AsgAverageNetworkOut),
            Self::Requests { load_balancer, target_group } => {
                let name = |arn: &str, before: &str| {
                    arn.split_once(before).map(|(_, name)| name.to_owned()).required("a load balancer's ARN")
                };
                let balancer = name(load_balancer.id()?, ":loadbalancer/")?;
                let servers = name(target_group.id()?, ":targetgroup/")?;
                specification
                    .predefined_metric_type(MetricType::AlbRequestCountPerTarget)
                    .resource_label(format!("{balancer}/targetgroup/{servers}"))
            }
        }
        .build())
    }

    /// `arn` is that of anything in the same account and region: the label has names alone.
    fn read(specification: &PredefinedMetricSpecification, prefix: &str) -> Option<Self> {
        match specification.predefined_metric_type()?.as_str() {
            "ASGAverageCPUUtilization" => Some(Self::Cpu),
            "ASGAverageNetworkIn" => Some(Self::NetworkIn),
            "ASGAverageNetworkOut" => Some(Self::NetworkOut),
            "ALBRequestCountPerTarget" => {
                let (balancer, servers) = specification.resource_label()?.split_once("/targetgroup/")?;
                Some(Self::Requests {
                    load_balancer: Ref::live(&format!("{prefix}:loadbalancer/{balancer}")),
                    target_group: Ref::live(&format!("{prefix}:targetgroup/{servers}")),
                })
            }
            _ => None,
        }
    }
}

pub(super) fn read(policy: &types::ScalingPolicy) -> Option<ScalingPolicy> {
    let name = policy.policy_name()?.to_owned();
    Some(match policy.policy_type() {
        Some("TargetTrackingScaling") => read_tracking(policy, &name).unwrap_or(ScalingPolicy::Foreign { name }),
        Some("StepScaling") => ScalingPolicy::Step {
            name,
            adjustment: match policy.adjustment_type() {
                Some("ExactCapacity") => Adjustment::ExactCapacity,
                Some("PercentChangeInCapacity") => Adjustment::PercentChangeInCapacity,
                _ => Adjustment::ChangeInCapacity,
            },
            aggregation: match policy.metric_aggregation_type() {
                Some("Minimum") => Aggregation::Minimum,
                Some("Maximum") => Aggregation::Maximum,
                _ => Aggregation::Average,
            },
            min_change: policy.min_adjustment_magnitude(),
            warmup: policy.estimated_instance_warmup(),
            steps: policy.step_adjustments().iter().map(read_step).collect(),
        },
        _ => ScalingPolicy::Foreign { name },
    })
}

fn read_step(step: &types::StepAdjustment) -> StepAdjustment {
    StepAdjustment {
        from: step.metric_interval_lower_bound().map(Number),
        to: step.metric_interval_upper_bound().map(Number),
        change: step.scaling_adjustment().unwrap_or_default(),
    }
}

/// `None` for one that follows a metric of its own.
fn read_tracking(policy: &types::ScalingPolicy, name: &str) -> Option<ScalingPolicy> {
    let tracking = policy.target_tracking_configuration()?;
    // `arn:aws:autoscaling:region:account:scalingPolicy:…` is of the same place as the load balancer.
    let place = policy.policy_arn()?.splitn(6, ':').take(5).collect::<Vec<_>>().join(":");
    let prefix = place.replacen(":autoscaling:", ":elasticloadbalancing:", 1);
    Some(ScalingPolicy::TargetTracking {
        name: name.to_owned(),
        metric: Metric::read(tracking.predefined_metric_specification()?, &prefix)?,
        target: Number(tracking.target_value()?),
        scale_in: !tracking.disable_scale_in().unwrap_or_default(),
        warmup: policy.estimated_instance_warmup(),
    })
}

pub(super) fn flaws(policies: &BTreeSet<ScalingPolicy>) -> Vec<Flaw> {
    let mut flaws = Vec::new();
    let mut names = BTreeSet::new();
    for (index, policy) in policies.iter().enumerate() {
        let path = format!("scaling_policies.{index}");
        if !names.insert(policy.name()) {
            flaws.push(Flaw::new(format!("{path}.name"), format!("two policies are named `{}`", policy.name())));
        }
        match policy {
            ScalingPolicy::TargetTracking { target, .. } if target.0 <= 0.0 => {
                flaws.push(Flaw::new(format!("{path}.target"), "is not above zero"));
            }
            ScalingPolicy::Step { steps, adjustment, min_change, .. } => {
                if steps.is_empty() {
                    flaws.push(Flaw::new(format!("{path}.steps"), "a step policy needs a step"));
                }
                if min_change.is_some() && *adjustment != Adjustment::PercentChangeInCapacity {
                    let hint = "use `adjustment: percent-change-in-capacity`";
                    flaws.push(Flaw::new(format!("{path}.min_change"), "is for changes in per cent").hint(hint));
                }
            }
            ScalingPolicy::Foreign { .. } => {
                let message = "`foreign` is what AWS may show, not what can be made";
                flaws.push(Flaw::new(format!("{path}.type"), message));
            }
            ScalingPolicy::TargetTracking { .. } => {}
        }
    }
    flaws
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_of_requests_reads_back_as_it_was_written() {
        let place = "arn:aws:elasticloadbalancing:ap-northeast-2:123456789012";
        let requests = Metric::Requests {
            load_balancer: Ref::live(&format!("{place}:loadbalancer/app/public/0a1b")),
            target_group: Ref::live(&format!("{place}:targetgroup/app/2c3d")),
        };
        let written = requests.write().expect("both are live");
        assert_eq!(written.resource_label(), Some("app/public/0a1b/targetgroup/app/2c3d"));
        assert_eq!(Metric::read(&written, place), Some(requests));
    }
}
