//! The `listener` kind: a port of a load balancer, with its rules.

use std::collections::BTreeSet;

use engine::{Changed, Flaw, Found, Impact, Kind, Labels, Late, Query, Ref, ReplaceOrder, Result, Risk, Timing};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{LoadBalancer, TargetGroup};
use crate::{Aws, tags};

mod action;
mod live;
mod rule;

pub use action::{Action, Redirect, Weighted};
pub use rule::{Condition, ListenerRule, Parameter};

/// A port of a load balancer and what becomes of requests to it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Listener {
    /// The load balancer it is part of.
    pub load_balancer: Ref<LoadBalancer>,
    /// The port.
    #[schemars(range(min = 1))]
    pub port: u16,
    /// Whether clients speak in the clear or encrypted.
    pub protocol: Protocol,
    /// ARN of the certificate clients are shown; `https` needs one.
    #[serde(default)]
    pub certificate: Option<Late<String>>,
    /// ARNs of certificates for clients that ask for other names; none unless set.
    #[serde(default)]
    #[schemars(inner(regex(pattern = r"^arn:")))]
    pub more_certificates: BTreeSet<String>,
    /// The TLS versions and ciphers clients may use; not managed unless set (a new listener starts with
    /// `ELBSecurityPolicy-TLS13-1-2-2021-06`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^ELBSecurityPolicy-[A-Za-z0-9-]+$"))]
    pub tls_policy: Option<String>,
    /// What becomes of requests that no rule is about.
    pub default_action: Action,
    /// What becomes of other requests, by priority; none unless set.
    #[serde(default)]
    #[schemars(length(max = 100))]
    pub rules: BTreeSet<ListenerRule>,
}

/// Whether clients speak in the clear or encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// In the clear.
    Http,
    /// Encrypted.
    Https,
}

/// What other resources may read from a live listener.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outputs {
    /// The listener's ARN.
    pub id: String,
}

impl Kind for Listener {
    type Cloud = Aws;
    type Outputs = Outputs;

    const NAME: &'static str = "listener";
    const FIXED: &'static [&'static str] = &["load_balancer"];
    // A target group serves one load balancer: the old listener lets go of it before the new one takes it.
    const ORDER: ReplaceOrder = ReplaceOrder::DeleteFirst;
    const UNIQUE: &'static [&'static str] = &["load_balancer", "port"];
    const UNMANAGED: &'static [(&'static str, &'static str)] = &[
        ("AlpnPolicy", "is for network load balancers"),
        ("ListenerAttributes", "headers are the servers' to write"),
        ("MutualAuthentication", "clients have no certificates"),
        ("Transforms", "requests reach servers as clients wrote them"),
    ];

    fn example() -> Self {
        let split = Action::Forward {
            target_groups: BTreeSet::from([
                Weighted { target_group: Ref::to("web"), weight: 10 },
                Weighted { target_group: Ref::to("web-next"), weight: 90 },
            ]),
            stickiness: Some(600),
        };
        Self {
            load_balancer: Ref::to("public"),
            port: 80,
            protocol: Protocol::Http,
            certificate: None,
            more_certificates: BTreeSet::new(),
            tls_policy: None,
            default_action: Action::to(Ref::to("web")),
            rules: BTreeSet::from([
                ListenerRule {
                    priority: 10,
                    conditions: BTreeSet::from([Condition::path(&["/api/*"])]),
                    action: split,
                },
                ListenerRule {
                    priority: 20,
                    conditions: BTreeSet::from([
                        Condition::host(&["old.example.com"]),
                        Condition::Header { name: "X-Moved".to_owned(), values: text(&["yes"]) },
                    ]),
                    action: Action::Redirect(Redirect {
                        host: Some("www.example.com".to_owned()),
                        ..Redirect::https()
                    }),
                },
            ]),
        }
    }

    fn variants() -> Vec<Self> {
        let example = Self::example();
        let rule = |priority: u16, condition: Condition, action: Action| ListenerRule {
            priority,
            conditions: BTreeSet::from([condition]),
            action,
        };
        let rules = |rules: &[ListenerRule]| Self { rules: rules.iter().cloned().collect(), ..example.clone() };
        let gone = Action::FixedResponse { status: 410, content_type: "text/html".to_owned(), body: "gone".to_owned() };
        let elsewhere = Action::Redirect(Redirect { path: Some("/new/#{path}".to_owned()), ..Redirect::default() });
        let office = BTreeSet::from(["203.0.113.0/24".parse().expect("a range")]);
        let parameters = [(Some("v"), "1"), (None, "beta")];
        let parameters = parameters.map(|(key, value)| Parameter { key: key.map(str::to_owned), value: value.into() });
        vec![
            Self { port: 8080, ..example.clone() },
            Self { default_action: Action::to(Ref::to("web-next")), ..example.clone() },
            Self { default_action: Action::Redirect(Redirect::https()), ..example.clone() },
            Self { default_action: gone.clone(), ..example.clone() },
            rules(&[
                rule(10, Condition::path(&["/api/*", "/v2/*"]), Action::to(Ref::to("web"))),
                rule(30, Condition::Method { values: text(&["DELETE", "PUT"]) }, gone.clone()),
                rule(31, Condition::SourceIp { values: office }, elsewhere),
                rule(32, Condition::Query { values: parameters.into() }, gone),
            ]),
            rules(&[]),
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
        match self.protocol {
            Protocol::Https if self.certificate.is_none() => {
                let hint = "name its ARN, or use `protocol: http`";
                flaws.push(Flaw::new("certificate", "an HTTPS listener needs a certificate").hint(hint));
            }
            Protocol::Http => {
                let mut only = |path: &str, set: bool| {
                    if set {
                        flaws.push(Flaw::new(path, "is for HTTPS listeners alone").hint("use `protocol: https`"));
                    }
                };
                only("certificate", self.certificate.is_some());
                only("more_certificates", !self.more_certificates.is_empty());
                only("tls_policy", self.tls_policy.is_some());
            }
            Protocol::Https => {}
        }
        flaws.extend(self.default_action.flaws("default_action"));
        flaws.extend(rule::flaws(&self.rules));
        flaws
    }

    fn impact(before: Option<&Self>, after: Option<&Self>) -> Vec<Impact> {
        let mut impacts = Vec::new();
        match (before, after) {
            (Some(before), None) => {
                impacts.push(Impact::new(Risk::Downtime, format!("requests to port {} fail", before.port)));
            }
            (Some(before), Some(after)) => {
                if before.load_balancer != after.load_balancer {
                    let effect = format!("requests to port {} fail until the new listener is there", before.port);
                    impacts.push(Impact::new(Risk::Downtime, effect));
                }
                if before.port != after.port {
                    impacts.push(Impact::new(Risk::Downtime, format!("requests to port {} fail", before.port)));
                }
                if before.protocol == Protocol::Https && after.protocol == Protocol::Http {
                    impacts.push(Impact::new(Risk::Exposure, "requests are no longer encrypted"));
                }
                if before.tls_policy != after.tls_policy
                    && let Some(policy) = &after.tls_policy
                {
                    let effect = format!("clients may use the TLS versions and ciphers of {policy}");
                    impacts.push(Impact::new(Risk::Exposure, effect));
                }
            }
            (None, _) => {}
        }
        impacts
    }

    fn timing() -> Timing {
        Timing::seconds(2, 2, 1)
    }

    fn simulate(&self, id: &str, _: u32) -> Outputs {
        Outputs { id: id.to_owned() }
    }
}

fn text(values: &[&str]) -> BTreeSet<String> {
    values.iter().map(|value| (*value).to_owned()).collect()
}

/// TLS 1.2 and 1.3 with modern ciphers: what AWS recommends.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/describe-ssl-policies.html>
const MODERN: &str = "ELBSecurityPolicy-TLS13-1-2-2021-06";
