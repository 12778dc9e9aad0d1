//! The `load-balancer` kind: an application load balancer.

use std::collections::BTreeSet;

use engine::{Changed, Flaw, Found, Impact, Kind, Labels, Query, Ref, Result, Risk, Timing, Usage};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{SecurityGroup, Subnet};
use crate::{Aws, tags};

mod attributes;
pub(super) mod live;

/// Spreads HTTP requests over servers.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LoadBalancer {
    /// Who can reach it: the internet, or the network it is in.
    pub scheme: Scheme,
    /// The subnets it is in: at least two, each in another zone.
    #[schemars(length(min = 2))]
    pub subnets: BTreeSet<Ref<Subnet>>,
    /// Who may reach it and whom it may reach.
    #[schemars(length(min = 1))]
    pub security_groups: BTreeSet<Ref<SecurityGroup>>,
    /// Whether AWS refuses to delete it; off unless set.
    #[serde(default)]
    pub deletion_protection: bool,
    /// Seconds a connection may be silent; 60 unless set.
    #[serde(default = "minute")]
    #[schemars(range(min = 1, max = 4000))]
    pub idle_timeout: u32,
    /// Seconds a client's connection is kept at most; 3600 unless set.
    #[serde(default = "hour")]
    #[schemars(range(min = 60, max = 604800))]
    pub client_keep_alive: u32,
    /// Whether clients may speak HTTP/2; on unless set.
    #[serde(default = "yes")]
    pub http2: bool,
    /// Whether headers with invalid names are dropped instead of passed on; on unless set.
    #[serde(default = "yes")]
    pub drop_invalid_headers: bool,
    /// How requests that servers could understand in two ways are treated; `defensive` unless set.
    #[serde(default)]
    pub desync: Desync,
    /// Whether servers see the `Host` header as the client sent it, port and all; off unless set.
    #[serde(default)]
    pub preserve_host: bool,
    /// What becomes of the `X-Forwarded-For` header; `append` unless set.
    #[serde(default)]
    pub forwarded_for: ForwardedFor,
    /// Whether `X-Forwarded-For` tells the client's port; off unless set.
    #[serde(default)]
    pub forwarded_port: bool,
    /// Whether servers are told the TLS version and cipher the client uses; off unless set.
    #[serde(default)]
    pub tls_headers: bool,
    /// Whether requests pass when the web application firewall does not answer; off unless set.
    #[serde(default)]
    pub waf_fail_open: bool,
    /// Whether traffic can be shifted away from a zone; off unless set.
    #[serde(default)]
    pub zonal_shift: bool,
    /// Where a line for each request goes; nowhere unless set.
    #[serde(default)]
    pub access_logs: Option<Logs>,
    /// Where a line for each connection goes; nowhere unless set.
    #[serde(default)]
    pub connection_logs: Option<Logs>,
}

/// Who can reach a load balancer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Scheme {
    /// The internet.
    InternetFacing,
    /// The network it is in.
    Internal,
}

/// How requests that servers could understand in two ways are treated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Desync {
    /// All are let through.
    Monitor,
    /// Known attacks are blocked.
    #[default]
    Defensive,
    /// Only ones to the letter of RFC 7230 are let through.
    Strictest,
}

/// What becomes of the `X-Forwarded-For` header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ForwardedFor {
    /// The client's address is added.
    #[default]
    Append,
    /// It is passed on as it came.
    Preserve,
    /// It is taken out.
    Remove,
}

/// A place for logs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Logs {
    /// The bucket's name.
    #[schemars(regex(pattern = r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$"))]
    pub bucket: String,
    /// What object names start with; nothing unless set.
    #[serde(default)]
    pub prefix: String,
}

fn yes() -> bool {
    true
}

fn minute() -> u32 {
    60
}

fn hour() -> u32 {
    3600
}

/// What other resources may read from a live load balancer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outputs {
    /// The load balancer's ARN.
    pub id: String,
    /// The name clients resolve.
    pub dns_name: String,
    /// The hosted zone of that name, for alias records.
    pub zone_id: String,
    /// What metrics call it: `app/<name>/<id>`.
    pub full_name: String,
}

impl Kind for LoadBalancer {
    type Cloud = Aws;
    type Outputs = Outputs;

    const NAME: &'static str = "load-balancer";
    const FIXED: &'static [&'static str] = &["scheme"];
    const PROTECTION: Option<&'static str> = Some("deletion_protection");
    // AWS refuses a public one in a network that has no way to the internet.
    const AFTER: &'static [&'static str] = &["internet-gateway"];
    // https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html
    const QUOTA: Option<u32> = Some(50);
    const UNMANAGED: &'static [(&'static str, &'static str)] = &[
        ("Name", "is made of the stack, the environment, the name in the blueprint and the scheme"),
        ("Type", "is `application`"),
        ("SubnetMappings", "fixed addresses are for network load balancers"),
        ("EnablePrefixForIpv6SourceNat", "is for network load balancers"),
        ("EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic", "is for network load balancers"),
        ("EnableCapacityReservationProvisionStabilize", "capacity is not reserved"),
        ("MinimumLoadBalancerCapacity", "capacity is not reserved"),
        ("IpAddressType", "networks are IPv4"),
        ("Ipv4IpamPoolId", "AWS picks the addresses"),
    ];

    fn example() -> Self {
        let logs = |prefix: &str| Some(Logs { bucket: "shop-prod-logs".to_owned(), prefix: prefix.to_owned() });
        Self {
            scheme: Scheme::InternetFacing,
            subnets: BTreeSet::from([Ref::to("public-a"), Ref::to("public-c")]),
            security_groups: BTreeSet::from([Ref::to("balancer")]),
            deletion_protection: false,
            idle_timeout: 120,
            client_keep_alive: 1800,
            http2: true,
            drop_invalid_headers: true,
            desync: Desync::Defensive,
            preserve_host: true,
            forwarded_for: ForwardedFor::Append,
            forwarded_port: true,
            tls_headers: true,
            waf_fail_open: false,
            zonal_shift: true,
            access_logs: logs("requests"),
            connection_logs: logs("connections"),
        }
    }

    fn variants() -> Vec<Self> {
        let example = Self::example();
        let logs = Some(Logs { bucket: "shop-prod-archive".to_owned(), prefix: String::new() });
        vec![
            Self { subnets: BTreeSet::from([Ref::to("public-a"), Ref::to("public-b")]), ..example.clone() },
            Self { security_groups: BTreeSet::from([Ref::to("balancer"), Ref::to("office")]), ..example.clone() },
            Self { deletion_protection: true, ..example.clone() },
            Self { idle_timeout: 60, ..example.clone() },
            Self { client_keep_alive: 3600, ..example.clone() },
            Self { http2: false, ..example.clone() },
            Self { drop_invalid_headers: false, ..example.clone() },
            Self { desync: Desync::Strictest, ..example.clone() },
            Self { preserve_host: false, ..example.clone() },
            Self { forwarded_for: ForwardedFor::Remove, ..example.clone() },
            Self { forwarded_port: false, ..example.clone() },
            Self { tls_headers: false, ..example.clone() },
            Self { waf_fail_open: true, ..example.clone() },
            Self { zonal_shift: false, ..example.clone() },
            Self { access_logs: logs.clone(), ..example.clone() },
            Self { access_logs: None, ..example.clone() },
            Self { connection_logs: logs, ..example.clone() },
            Self { connection_logs: None, ..example },
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
        let few = self.subnets.len() < 2;
        let hint = "name one in each of two zones";
        let flaw = few.then(|| Flaw::new("subnets", "a load balancer needs two subnets").hint(hint));
        flaw.into_iter().collect()
    }

    fn impact(before: Option<&Self>, after: Option<&Self>) -> Vec<Impact> {
        let public = |balancer: Option<&Self>| balancer.is_some_and(|one| one.scheme == Scheme::InternetFacing);
        let mut impacts = Vec::new();
        if public(after) && !public(before) {
            impacts.push(Impact::new(Risk::Exposure, "the internet can reach it"));
        }
        match (before, after) {
            (Some(_), None) => impacts.push(Impact::new(Risk::Downtime, "requests to its name fail")),
            (Some(before), Some(after)) => {
                if before.scheme != after.scheme {
                    impacts.push(Impact::new(Risk::Downtime, "its name changes, and requests to the old one fail"));
                }
                if before.security_groups != after.security_groups {
                    impacts.push(Impact::new(Risk::Exposure, "who may reach it changes"));
                }
                if !before.waf_fail_open && after.waf_fail_open {
                    let effect = "requests pass unchecked when the firewall does not answer";
                    impacts.push(Impact::new(Risk::Exposure, effect));
                }
            }
            (None, _) => {}
        }
        impacts
    }

    fn usage(&self) -> Vec<Usage> {
        let mut usage = vec![Usage { meter: "elb/application-load-balancer/hour".to_owned(), monthly: 730.0 }];
        if self.scheme == Scheme::InternetFacing {
            // One public address per zone.
            let zones = u32::try_from(self.subnets.len()).unwrap_or(u32::MAX);
            usage.push(Usage { meter: "ec2/public-ipv4/hour".to_owned(), monthly: 730.0 * f64::from(zones) });
        }
        usage
    }

    fn timing() -> Timing {
        Timing::seconds(150, 5, 20)
    }

    fn simulate(&self, id: &str, _: u32) -> Outputs {
        let internal = if self.scheme == Scheme::Internal { "internal-" } else { "" };
        Outputs {
            id: id.to_owned(),
            dns_name: format!("{internal}{id}.elb.simulated"),
            zone_id: "ZSIMULATED".to_owned(),
            full_name: format!("app/{id}"),
        }
    }
}
