//! The `autoscaling-group` kind: the group, its policies and its scheduled actions.

use std::collections::{BTreeMap, BTreeSet};

use engine::{Changed, Flaw, Found, Impact, Kind, Labels, Late, Query, Ref, Result, Risk, Timing, Usage};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::launch_template::{Tag, twice};
use super::{LaunchTemplate, LoadBalancer, Subnet, TargetGroup};
use crate::Aws;

mod live;
mod policy;
mod read;
mod refresh;
mod schedule;
mod settings;

pub use policy::{Adjustment, Aggregation, Metric, Number, ScalingPolicy, StepAdjustment};
pub use schedule::ScheduledAction;
pub use settings::{GroupMetric, HealthCheck, Maintenance, Process, TerminationPolicy};

/// Instances that are started, watched and replaced by themselves.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AutoscalingGroup {
    /// What instances are started with.
    pub launch_template: Ref<LaunchTemplate>,
    /// The template's version, by number: another one replaces the instances, a few at a time.
    #[schemars(with = "Late<Version>")]
    pub version: Late<String>,
    /// The subnets instances are spread over.
    #[schemars(length(min = 1))]
    pub subnets: BTreeSet<Ref<Subnet>>,
    /// The fewest instances there may be.
    #[schemars(range(min = 0, max = 10000))]
    pub min: u32,
    /// The most instances there may be.
    #[schemars(range(min = 0, max = 10000))]
    pub max: u32,
    /// How many there are; not managed unless set (scaling decides, from the fewest on).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 10000))]
    pub desired: Option<u32>,
    /// The groups of servers that instances join; none unless set.
    #[serde(default)]
    pub target_groups: BTreeSet<Ref<TargetGroup>>,
    /// Who says which instances work: `ec2`, or also the load balancer; `ec2` unless set.
    #[serde(default)]
    pub health_check: HealthCheck,
    /// Seconds a new instance may be unhealthy; 300 unless set.
    #[serde(default = "five_minutes")]
    #[schemars(range(min = 0, max = 172800))]
    pub health_check_grace: i32,
    /// Seconds until a new instance's metrics count; not managed unless set (AWS counts them at once).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 3600))]
    pub warmup: Option<i32>,
    /// Seconds between two changes that simple policies make; 300 unless set.
    #[serde(default = "five_minutes")]
    #[schemars(range(min = 0, max = 86400))]
    pub cooldown: i32,
    /// Seconds after which an instance is replaced, a day at least; 0, the default, for never.
    #[serde(default)]
    #[schemars(range(min = 0, max = 31536000))]
    pub max_instance_lifetime: i32,
    /// How much of the group works while instances are replaced.
    #[serde(default)]
    pub maintenance: Maintenance,
    /// Which instance goes first, by the first rule that decides; AWS's own unless set.
    #[serde(default = "own")]
    #[schemars(length(min = 1))]
    pub termination_policies: Vec<TerminationPolicy>,
    /// Whether new instances are kept when the group shrinks; off unless set.
    #[serde(default)]
    pub scale_in_protection: bool,
    /// Whether spot instances are replaced before they are taken away; off unless set.
    #[serde(default)]
    pub capacity_rebalance: bool,
    /// Metrics of the group, once a minute; none unless set.
    #[serde(default)]
    pub metrics: BTreeSet<GroupMetric>,
    /// What the group does not do by itself for now; nothing unless set.
    #[serde(default)]
    pub suspended: BTreeSet<Process>,
    /// Tags of instances; none unless set.
    #[serde(default)]
    pub instance_tags: BTreeSet<Tag>,
    /// When it grows and shrinks; never unless set.
    #[serde(default)]
    pub scaling_policies: BTreeSet<ScalingPolicy>,
    /// Sizes by the clock; none unless set.
    #[serde(default)]
    pub scheduled_actions: BTreeSet<ScheduledAction>,
}

/// The number of a launch template's version.
#[derive(JsonSchema)]
#[schemars(transparent)]
#[allow(dead_code, reason = "describes a string's pattern")]
struct Version(#[schemars(regex(pattern = r"^[1-9][0-9]*$"))] String);

fn five_minutes() -> i32 {
    300
}

fn own() -> Vec<TerminationPolicy> {
    vec![TerminationPolicy::Default]
}

/// What other resources may read from a live group.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outputs {
    /// The group's name.
    pub id: String,
    /// The group's ARN.
    pub arn: String,
    /// ARNs of policies, for alarms to call: `policy-<name>`.
    #[serde(flatten)]
    pub policies: BTreeMap<String, String>,
}

impl Kind for AutoscalingGroup {
    type Cloud = Aws;
    type Outputs = Outputs;

    const NAME: &'static str = "autoscaling-group";
    const FIXED: &'static [&'static str] = &[];
    const UNMANAGED: &'static [(&'static str, &'static str)] = &[
        ("AutoScalingGroupName", "is made of the stack, the environment and the name in the blueprint"),
        ("AvailabilityZoneDistribution", "AWS's own choice balances zones as well as it can"),
        ("AvailabilityZoneIds", "the subnets say which zones"),
        ("AvailabilityZoneImpairmentPolicy", "is for zonal shifts of groups"),
        ("AvailabilityZones", "the subnets say which zones"),
        ("CapacityReservationSpecification", "capacity is not reserved"),
        ("Context", "is reserved by AWS"),
        ("DeletionProtection", "instances hold no data"),
        ("DesiredCapacityType", "sizes are counted in instances"),
        ("InstanceId", "instances are described by a launch template"),
        ("InstanceLifecyclePolicy", "no lifecycle hooks are used"),
        ("LaunchConfigurationName", "launch templates replaced them"),
        ("LifecycleHookSpecificationList", "no lifecycle hooks are used"),
        ("LoadBalancerNames", "is for classic load balancers"),
        ("MixedInstancesPolicy", "one instance type is used"),
        ("NotificationConfiguration", "alarms and events tell what happens"),
        ("NotificationConfigurations", "alarms and events tell what happens"),
        ("PlacementGroup", "instances are spread over zones"),
        ("ServiceLinkedRoleARN", "AWS's own role is used"),
        ("SkipZonalShiftValidation", "is for zonal shifts of groups"),
        ("TrafficSources", "are the target groups"),
        ("PredictiveScalingConfiguration", "metrics and the clock decide"),
        ("ScalingAdjustment", "step policies replaced simple ones"),
        ("StartTime", "AWS moves it to the next run of a repeated action"),
        ("EndTime", "repeated actions go on for as long as they are in the blueprint"),
    ];

    fn example() -> Self {
        Self {
            launch_template: Ref::to("app"),
            version: Ref::<LaunchTemplate>::to("app").output("version"),
            subnets: BTreeSet::from([Ref::to("app-a"), Ref::to("app-c")]),
            min: 2,
            max: 6,
            desired: Some(2),
            target_groups: BTreeSet::from([Ref::to("app")]),
            health_check: HealthCheck::Elb,
            health_check_grace: 120,
            warmup: Some(90),
            cooldown: 300,
            max_instance_lifetime: 2_592_000,
            maintenance: Maintenance { min_healthy: 100, max_healthy: 150 },
            termination_policies: vec![TerminationPolicy::OldestLaunchTemplate, TerminationPolicy::Default],
            scale_in_protection: false,
            capacity_rebalance: false,
            metrics: BTreeSet::from([GroupMetric::GroupDesiredCapacity, GroupMetric::GroupInServiceInstances]),
            suspended: BTreeSet::from([Process::AZRebalance]),
            instance_tags: BTreeSet::from([Tag::new("Name", "app")]),
            scaling_policies: BTreeSet::from([
                ScalingPolicy::TargetTracking {
                    name: "cpu".to_owned(),
                    metric: Metric::Cpu,
                    target: Number(60.0),
                    scale_in: true,
                    warmup: Some(120),
                },
                ScalingPolicy::Step {
                    name: "queue".to_owned(),
                    adjustment: Adjustment::ChangeInCapacity,
                    aggregation: Aggregation::Average,
                    min_change: None,
                    warmup: Some(120),
                    steps: vec![
                        StepAdjustment { from: Some(Number(0.0)), to: Some(Number(50.0)), change: 1 },
                        StepAdjustment { from: Some(Number(50.0)), to: None, change: 2 },
                    ],
                },
            ]),
            scheduled_actions: BTreeSet::from([ScheduledAction {
                name: "morning".to_owned(),
                recurrence: "0 8 * * MON-FRI".to_owned(),
                time_zone: "Asia/Seoul".to_owned(),
                min: Some(4),
                max: Some(6),
                desired: None,
            }]),
        }
    }

    fn variants() -> Vec<Self> {
        let example = Self::example();
        let policies = |policies: &[ScalingPolicy]| Self {
            scaling_policies: policies.iter().cloned().collect(),
            ..example.clone()
        };
        let tracking = |name: &str, metric: Metric, target: f64| ScalingPolicy::TargetTracking {
            name: name.to_owned(),
            metric,
            target: Number(target),
            scale_in: false,
            warmup: None,
        };
        let evening = ScheduledAction {
            name: "evening".to_owned(),
            recurrence: "0 20 * * *".to_owned(),
            time_zone: "Etc/UTC".to_owned(),
            min: None,
            max: None,
            desired: Some(2),
        };
        let morning = ScheduledAction { name: "morning".to_owned(), ..evening.clone() };
        vec![
            Self { launch_template: Ref::to("web"), ..example.clone() },
            Self { subnets: BTreeSet::from([Ref::to("app-a")]), ..example.clone() },
            Self { min: 1, ..example.clone() },
            Self { max: 8, ..example.clone() },
            Self { desired: Some(3), ..example.clone() },
            Self { target_groups: BTreeSet::from([Ref::to("app"), Ref::to("web")]), ..example.clone() },
            Self { target_groups: BTreeSet::from([Ref::to("web")]), ..example.clone() },
            Self { health_check: HealthCheck::Ec2, ..example.clone() },
            Self { health_check_grace: 60, ..example.clone() },
            Self { warmup: Some(60), ..example.clone() },
            Self { cooldown: 60, ..example.clone() },
            Self { max_instance_lifetime: 0, ..example.clone() },
            Self { maintenance: Maintenance { min_healthy: 50, max_healthy: 150 }, ..example.clone() },
            Self { maintenance: Maintenance { min_healthy: 100, max_healthy: 120 }, ..example.clone() },
            Self { termination_policies: own(), ..example.clone() },
            Self { scale_in_protection: true, ..example.clone() },
            Self { capacity_rebalance: true, ..example.clone() },
            Self { metrics: BTreeSet::from([GroupMetric::GroupTotalInstances]), ..example.clone() },
            Self { metrics: BTreeSet::new(), ..example.clone() },
            Self { suspended: BTreeSet::new(), ..example.clone() },
            Self { instance_tags: BTreeSet::from([Tag::new("Name", "web"), Tag::new("team", "shop")]), ..example.clone() },
            Self { instance_tags: BTreeSet::new(), ..example.clone() },
            policies(&[tracking("cpu", Metric::Cpu, 45.5)]),
            policies(&[tracking("traffic", Metric::NetworkOut, 1e6)]),
            policies(&[]),
            Self { scheduled_actions: BTreeSet::from([morning, evening]), ..example.clone() },
            Self { scheduled_actions: BTreeSet::new(), ..example },
        ]
    }

    async fn find(aws: &Aws, which: Query<'_>) -> Result<Vec<Found<Self>>> {
        read::find(aws, which).await
    }

    async fn create(&self, aws: &Aws, labels: &Labels) -> Result<String> {
        live::create(self, aws, labels).await
    }

    async fn update(&self, aws: &Aws, id: &str, changed: &Changed) -> Result<()> {
        live::update(self, aws, id, changed).await
    }

    async fn label(aws: &Aws, id: &str, labels: &Labels) -> Result<()> {
        live::label(aws, id, labels).await
    }

    async fn delete(aws: &Aws, id: &str) -> Result<()> {
        live::delete(aws, id).await
    }

    fn check(&self) -> Vec<Flaw> {
        let mut flaws = Vec::new();
        if self.min > self.max {
            let message = format!("the fewest ({}) are more than the most ({})", self.min, self.max);
            flaws.push(Flaw::new("min", message).hint("lower `min` or raise `max`"));
        }
        if let Some(desired) = self.desired.filter(|desired| !(self.min..=self.max.max(self.min)).contains(desired)) {
            flaws.push(Flaw::new("desired", format!("{desired} is not between {} and {}", self.min, self.max)));
        }
        if (1..86400).contains(&self.max_instance_lifetime) {
            flaws.push(Flaw::new("max_instance_lifetime", "is a day (86400 seconds) at least, or 0 for never"));
        }
        if self.maintenance.max_healthy - self.maintenance.min_healthy > 100 {
            let hint = "raise `min_healthy` or lower `max_healthy`";
            flaws.push(Flaw::new("maintenance.max_healthy", "is more than 100 above `min_healthy`").hint(hint));
        }
        if self.health_check == HealthCheck::Elb && self.target_groups.is_empty() {
            let hint = "name the `target_groups`, or use `health_check: ec2`";
            flaws.push(Flaw::new("health_check", "no load balancer watches the group").hint(hint));
        }
        flaws.extend(twice("instance_tags", &self.instance_tags));
        flaws.extend(policy::flaws(&self.scaling_policies));
        flaws.extend(schedule::flaws(&self.scheduled_actions));
        flaws
    }

    fn impact(before: Option<&Self>, after: Option<&Self>) -> Vec<Impact> {
        let mut impacts = Vec::new();
        let downtime = |effect: String| Impact::new(Risk::Downtime, effect);
        match (before, after) {
            (Some(before), None) if before.min > 0 => impacts.push(downtime("all instances go".to_owned())),
            (Some(before), Some(after)) => {
                if before.max > 0 && after.max == 0 {
                    impacts.push(downtime("all instances go".to_owned()));
                } else if after.max < before.min {
                    impacts.push(downtime(format!("fewer instances: at most {}, so far at least {}", after.max, before.min)));
                }
                let left = before.target_groups.difference(&after.target_groups);
                impacts.extend(left.map(|group| downtime(format!("instances leave {group}"))));
            }
            _ => {}
        }
        impacts
    }

    fn usage(&self) -> Vec<Usage> {
        let instances = self.desired.unwrap_or(self.min).max(self.min);
        vec![Usage { meter: "ec2/instance/hour".to_owned(), monthly: 730.0 * f64::from(instances) }]
    }

    fn timing() -> Timing {
        // An update may be a refresh: two rounds of start, warm up and drain. A delete drains and stops.
        Timing::seconds(90, 600, 180)
    }

    fn simulate(&self, id: &str, _: u32) -> Outputs {
        let arn = format!("arn:aws:autoscaling:simulated:000000000000:autoScalingGroup:{id}");
        let policies = self.scaling_policies.iter().map(ScalingPolicy::name);
        let policies = policies.map(|name| (format!("policy-{name}"), format!("{arn}:policy/{name}"))).collect();
        Outputs { id: id.to_owned(), arn, policies }
    }
}

