//! The `target-group` kind.

use engine::{Changed, Flaw, Found, Impact, Kind, Labels, Query, Ref, Result, Risk, Timing};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Vpc;
use crate::{Aws, tags};

mod live;

/// Servers a load balancer sends requests to.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TargetGroup {
    /// The network the servers are in.
    pub vpc: Ref<Vpc>,
    /// The port servers listen on.
    #[schemars(range(min = 1))]
    pub port: u16,
    /// How servers are spoken to; `http` unless set.
    #[serde(default)]
    pub protocol: Protocol,
    /// The version of HTTP; `http1` unless set.
    #[serde(default)]
    pub protocol_version: Version,
    /// Whether servers are known by instance or by address; `instance` unless set.
    #[serde(default)]
    pub target_type: TargetType,
    /// How it is found out which servers work.
    #[serde(default)]
    pub health_check: HealthCheck,
    /// Seconds a server that leaves may still finish requests; 300 unless set.
    #[serde(default = "five_minutes")]
    #[schemars(range(max = 3600))]
    pub deregistration_delay: u32,
    /// Seconds a new server's share of requests grows over; 0, the default, gives it a full share at once.
    #[serde(default)]
    #[schemars(range(max = 900))]
    pub slow_start: u32,
    /// Which server gets the next request; `round-robin` unless set.
    #[serde(default)]
    pub algorithm: Algorithm,
    /// Whether a client comes back to the same server; off unless set.
    #[serde(default)]
    pub stickiness: Option<Stickiness>,
}

/// How servers are spoken to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// In the clear.
    #[default]
    Http,
    /// Encrypted; certificates of servers are not checked.
    Https,
}

/// Versions of HTTP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Version {
    /// HTTP/1.1.
    #[default]
    Http1,
    /// HTTP/2.
    Http2,
    /// gRPC over HTTP/2.
    Grpc,
}

/// What servers are known by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TargetType {
    /// The instance.
    #[default]
    Instance,
    /// The address: containers with an address of their own.
    Ip,
}

/// How it is found out which servers work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct HealthCheck {
    /// What is asked for.
    #[schemars(length(max = 1024), regex(pattern = r"^/"))]
    pub path: String,
    /// The port that is asked: a number, or `traffic-port`, the one requests go to.
    #[schemars(regex(pattern = r"^(traffic-port|[1-9][0-9]{0,4})$"))]
    pub port: String,
    /// How servers are asked.
    pub protocol: Protocol,
    /// Seconds between two checks of a server.
    #[schemars(range(min = 5, max = 300))]
    pub interval: i32,
    /// Seconds an answer may take.
    #[schemars(range(min = 2, max = 120))]
    pub timeout: i32,
    /// How many good answers in a row make a server healthy.
    #[schemars(range(min = 2, max = 10))]
    pub healthy: i32,
    /// How many bad answers in a row make it unhealthy.
    #[schemars(range(min = 2, max = 10))]
    pub unhealthy: i32,
    /// Status codes that are good, such as `200` or `200-299,301`.
    #[schemars(regex(pattern = r"^[0-9]{1,3}(-[0-9]{1,3})?(,[0-9]{1,3}(-[0-9]{1,3})?)*$"))]
    pub codes: String,
}

/// AWS's own choices for HTTP.
impl Default for HealthCheck {
    fn default() -> Self {
        Self {
            path: "/".to_owned(),
            port: "traffic-port".to_owned(),
            protocol: Protocol::Http,
            interval: 30,
            timeout: 5,
            healthy: 5,
            unhealthy: 2,
            codes: "200".to_owned(),
        }
    }
}

/// Which server gets the next request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Algorithm {
    /// The next one.
    #[default]
    RoundRobin,
    /// The one with the fewest requests open.
    LeastOutstandingRequests,
    /// Any one, with fewer for those that fail.
    WeightedRandom,
}

/// How a client comes back to the same server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Stickiness {
    /// The application's own cookie that says so; the load balancer sets one of its own unless this is set.
    #[serde(default)]
    #[schemars(regex(pattern = r"^[\w!#$%&'*+.^`|~-]+$"))]
    pub cookie: Option<String>,
    /// For how many seconds; a day unless set.
    #[serde(default = "day")]
    #[schemars(range(min = 1, max = 604800))]
    pub duration: u32,
}

fn five_minutes() -> u32 {
    300
}

fn day() -> u32 {
    86400
}

/// What other resources may read from a live group.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outputs {
    /// The group's ARN.
    pub id: String,
    /// What metrics call it: `targetgroup/<name>/<id>`.
    pub full_name: String,
}

impl Kind for TargetGroup {
    type Cloud = Aws;
    type Outputs = Outputs;

    const NAME: &'static str = "target-group";
    const FIXED: &'static [&'static str] = &["vpc", "port", "protocol", "protocol_version", "target_type"];
    const UNMANAGED: &'static [(&'static str, &'static str)] = &[
        ("Name", "is made of the stack, the environment, the name in the blueprint and the fixed properties"),
        ("HealthCheckEnabled", "is always on for instances and addresses"),
        ("IpAddressType", "networks are IPv4"),
        ("TargetControlPort", "is for the target optimizer's agent"),
        ("Targets", "the group that starts the servers adds and removes them"),
    ];

    fn example() -> Self {
        Self {
            vpc: Ref::to("main"),
            port: 8080,
            protocol: Protocol::Http,
            protocol_version: Version::Http1,
            target_type: TargetType::Instance,
            health_check: HealthCheck { path: "/health".to_owned(), interval: 15, ..HealthCheck::default() },
            deregistration_delay: 60,
            slow_start: 0,
            algorithm: Algorithm::RoundRobin,
            stickiness: Some(Stickiness { cookie: None, duration: 3600 }),
        }
    }

    fn variants() -> Vec<Self> {
        let example = Self::example();
        let health = |change: fn(&mut HealthCheck)| {
            let mut health_check = example.health_check.clone();
            change(&mut health_check);
            Self { health_check, ..example.clone() }
        };
        let sticky = |cookie: Option<&str>| Stickiness { cookie: cookie.map(str::to_owned), duration: 7200 };
        vec![
            health(|check| check.path = "/up".to_owned()),
            health(|check| check.port = "9000".to_owned()),
            health(|check| check.protocol = Protocol::Https),
            health(|check| check.interval = 20),
            health(|check| check.timeout = 4),
            health(|check| check.healthy = 3),
            health(|check| check.unhealthy = 3),
            health(|check| check.codes = "200-299".to_owned()),
            Self { deregistration_delay: 0, ..example.clone() },
            Self { slow_start: 60, ..example.clone() },
            Self { algorithm: Algorithm::LeastOutstandingRequests, ..example.clone() },
            Self { algorithm: Algorithm::WeightedRandom, ..example.clone() },
            Self { stickiness: Some(sticky(None)), ..example.clone() },
            Self { stickiness: Some(sticky(Some("SESSION"))), ..example.clone() },
            Self { stickiness: None, ..example },
        ]
    }

    async fn find(aws: &Aws, which: Query<'_>) -> Result<Vec<Found<Self>>> {
        live::find(aws, which).await
    }

    async fn create(&self, aws: &Aws, labels: &Labels) -> Result<String> {
        live::create(self, aws, labels).await
    }

    async fn update(&self, aws: &Aws, id: &str, changed: &Changed) -> Result<()> {
        live::update(self, aws, id, changed).await
    }

    async fn label(aws: &Aws, id: &str, labels: &Labels) -> Result<()> {
        tags::elb::label(aws, id, labels).await
    }

    async fn delete(aws: &Aws, id: &str) -> Result<()> {
        live::delete(aws, id).await
    }

    fn check(&self) -> Vec<Flaw> {
        let mut flaws = Vec::new();
        let health = &self.health_check;
        if health.timeout >= health.interval {
            flaws.push(Flaw::new("health_check.timeout", "is not shorter than the interval"));
        }
        if (1..30).contains(&self.slow_start) {
            flaws.push(Flaw::new("slow_start", "is between 30 and 900 seconds, or 0 for none"));
        }
        if self.slow_start > 0 && self.algorithm != Algorithm::RoundRobin {
            flaws.push(Flaw::new("slow_start", "needs `algorithm: round-robin`"));
        }
        if health.port != "traffic-port" && health.port.parse::<u16>().is_err() {
            flaws.push(Flaw::new("health_check.port", format!("`{}` is not between 1 and 65535", health.port)));
        }
        let cookie = self.stickiness.as_ref().and_then(|stickiness| stickiness.cookie.as_deref());
        if let Some(cookie) = cookie.filter(|cookie| ["AWSALB", "AWSALBAPP", "AWSALBTG"].contains(cookie)) {
            flaws.push(Flaw::new("stickiness.cookie", format!("`{cookie}` is the load balancer's own cookie")));
        }
        flaws
    }

    fn impact(before: Option<&Self>, after: Option<&Self>) -> Vec<Impact> {
        let (Some(before), Some(after)) = (before, after) else { return Vec::new() };
        let asked = |health: &HealthCheck| (health.path.clone(), health.port.clone(), health.protocol, health.codes.clone());
        let moved = asked(&before.health_check) != asked(&after.health_check);
        let effect = "servers that do not answer the new health check get no requests";
        moved.then(|| Impact::new(Risk::Downtime, effect)).into_iter().collect()
    }

    fn timing() -> Timing {
        Timing::seconds(2, 2, 1)
    }

    fn simulate(&self, id: &str, _: u32) -> Outputs {
        Outputs { id: id.to_owned(), full_name: format!("targetgroup/{id}") }
    }
}
