//! The terms a user describes a tier in.

use std::collections::BTreeMap;

use engine::Tags;
use ipnet::Ipv4Net;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::components::forms::{Arn, Range};

/// Amazon Linux 2023's newest image, as SSM's public parameter names it.
///
/// <https://docs.aws.amazon.com/linux/al2023/ug/ec2.html#launch-via-aws-cli>
const IMAGE: &str = "resolve:ssm:/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64";

/// Instances that serve one purpose, alike in every zone.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Tier {
    /// The EC2 instance type, such as `m5.large`.
    #[schemars(regex(pattern = r"^[a-z][a-z0-9-]*\.[a-z0-9-]+$"))]
    pub(super) instance_type: String,
    /// The fewest instances; at least one in every zone.
    #[schemars(range(min = 1, max = 1000))]
    pub(super) min: u32,
    /// The most instances.
    #[schemars(range(min = 1, max = 1000))]
    pub(super) max: u32,
    /// The machine image: `ami-…`, or `resolve:ssm:…`; Amazon Linux 2023 unless set.
    #[serde(default = "image")]
    #[schemars(regex(pattern = r"^(ami-[0-9a-f]{8,17}|resolve:ssm:[A-Za-z0-9_./:-]+)$"))]
    pub(super) image: String,
    /// The port the instances answer HTTP on.
    #[serde(default = "port")]
    #[schemars(range(min = 1, max = 65535))]
    pub(super) port: u16,
    /// The tier that calls this one; such a tier's load balancer is internal.
    #[serde(default)]
    pub(super) behind: Option<String>,
    /// The group of subnets the instances stand in; the one of the tier's name unless set.
    #[serde(default)]
    pub(super) subnets: Option<String>,
    /// How a healthy instance is told.
    #[serde(default)]
    pub(super) health_check: HealthCheck,
    /// What spreads calls over the instances: `public`, `internal`, `none`, or a map of its settings.
    #[serde(default)]
    pub(super) load_balancer: Option<Balancer>,
    /// When instances are added and removed.
    #[serde(default)]
    pub(super) scaling: Vec<Scaling>,
    /// Sizes for certain times, by name.
    #[serde(default)]
    pub(super) schedule: BTreeMap<String, Scheduled>,
    /// The root volume's size in GiB.
    #[serde(default = "volume_size")]
    #[schemars(range(min = 8, max = 16384))]
    pub(super) volume_size: u32,
    /// The script an instance runs when it first starts.
    #[serde(default)]
    #[schemars(length(max = 16384))]
    pub(super) user_data: Option<String>,
    /// ARNs of IAM policies the instances act under, besides Session Manager's.
    #[serde(default)]
    #[schemars(with = "Vec<Arn>")]
    pub(super) policies: Vec<String>,
    /// Tags of the tier's instances.
    #[serde(default)]
    pub(super) tags: Tags,
}

/// How a healthy instance is told.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct HealthCheck {
    /// The path that is called.
    #[schemars(regex(pattern = r"^/[!-~]*$"))]
    pub(super) path: String,
    /// The status codes of a healthy answer, such as `200` or `200-299`.
    #[schemars(regex(pattern = r"^[2-4][0-9]{2}([,-][2-4][0-9]{2})*$"))]
    pub(super) codes: String,
    /// Seconds between two calls.
    #[schemars(range(min = 5, max = 300))]
    pub(super) interval: u32,
    /// Seconds an answer may take.
    #[schemars(range(min = 2, max = 120))]
    pub(super) timeout: u32,
    /// Good answers in a row that make an instance healthy.
    #[schemars(range(min = 2, max = 10))]
    pub(super) healthy: u32,
    /// Bad answers in a row that make it unhealthy.
    #[schemars(range(min = 2, max = 10))]
    pub(super) unhealthy: u32,
    /// Seconds a new instance has until its health counts.
    #[schemars(range(min = 0, max = 7200))]
    pub(super) grace: u32,
}

impl Default for HealthCheck {
    fn default() -> Self {
        Self { path: "/".into(), codes: "200".into(), interval: 15, timeout: 5, healthy: 2, unhealthy: 3, grace: 180 }
    }
}

/// A load balancer, by a word or by its settings.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum Balancer {
    /// With the usual settings.
    Word(Scheme),
    /// With settings.
    Settings(Box<LoadBalancer>),
}

/// Who reaches a load balancer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Scheme {
    /// The internet.
    Public,
    /// The tier in front.
    Internal,
    /// There is no load balancer.
    None,
}

/// An application load balancer.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LoadBalancer {
    /// Who reaches it.
    pub(super) scheme: Scheme,
    /// The ARN of the certificate to answer HTTPS with; HTTP is then redirected.
    #[serde(default)]
    #[schemars(extend("format" = "arn"))]
    pub(super) certificate: Option<String>,
    /// The ranges that may call it; everybody unless set.
    #[serde(default)]
    #[schemars(with = "Option<Vec<Range>>", length(min = 1))]
    pub(super) allow: Option<Vec<Ipv4Net>>,
    /// Seconds a silent connection is kept.
    #[serde(default = "idle_timeout")]
    #[schemars(range(min = 1, max = 4000))]
    pub(super) idle_timeout: u32,
    /// Whether AWS refuses to delete it.
    #[serde(default)]
    pub(super) deletion_protection: bool,
}

impl LoadBalancer {
    fn plain(scheme: Scheme) -> Self {
        let idle_timeout = idle_timeout();
        Self { scheme, certificate: None, allow: None, idle_timeout, deletion_protection: false }
    }
}

/// A rule that adds and removes instances.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) enum Scaling {
    /// Keeps the average CPU use of the instances near this many percent.
    Cpu(#[schemars(range(min = 1, max = 100))] f64),
    /// Keeps the requests each instance answers in a minute near this many.
    Requests(#[schemars(range(min = 1))] f64),
}

/// A size for a certain time.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Scheduled {
    /// When, as five fields of cron: `0 18 * * *`.
    #[schemars(regex(pattern = r"^\S+ \S+ \S+ \S+ \S+$"))]
    pub(super) cron: String,
    /// The time zone the cron fields are in; UTC unless set.
    #[serde(default)]
    #[schemars(regex(pattern = r"^([A-Z][A-Za-z_]+(/[A-Za-z_+-]+)*[0-9]*|UTC)$"))]
    pub(super) time_zone: Option<String>,
    /// The fewest instances from then on.
    #[serde(default)]
    pub(super) min: Option<u32>,
    /// The most instances from then on.
    #[serde(default)]
    pub(super) max: Option<u32>,
    /// How many to start or stop at that time.
    #[serde(default)]
    pub(super) desired: Option<u32>,
}

impl Tier {
    /// The load balancer with its settings; `None` if there is none.
    pub(super) fn balancer(&self) -> Option<LoadBalancer> {
        let plain = if self.behind.is_some() { Scheme::Internal } else { Scheme::Public };
        let settings = match &self.load_balancer {
            None => LoadBalancer::plain(plain),
            Some(Balancer::Word(scheme)) => LoadBalancer::plain(*scheme),
            Some(Balancer::Settings(settings)) => (**settings).clone(),
        };
        (settings.scheme != Scheme::None).then_some(settings)
    }

    /// The group of subnets the instances stand in.
    pub(super) fn group<'a>(&'a self, name: &'a str) -> &'a str {
        self.subnets.as_deref().unwrap_or(name)
    }
}

fn image() -> String {
    IMAGE.to_owned()
}

fn port() -> u16 {
    80
}

fn volume_size() -> u32 {
    20
}

/// The load balancer's own default.
fn idle_timeout() -> u32 {
    60
}
