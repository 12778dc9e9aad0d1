//! The `vpc-endpoint` kind.

use std::collections::BTreeSet;

use aws_sdk_ec2::types::{self, ResourceType, VpcEndpointType};
use engine::{Changed, Error, Flaw, Found, Impact, Kind, Labels, Phase, Query, Ref, Result, Risk, Timing, Usage};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{RouteTable, SecurityGroup, Subnet, Vpc};
use crate::{Aws, Call, Policy, Required, tags};

/// A private way from a network to an AWS service.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VpcEndpoint {
    /// The network it is part of.
    pub vpc: Ref<Vpc>,
    /// The service: the last part of an AWS service's name in the region, such as `s3` or `ssmmessages`, or the full
    /// name of somebody else's.
    #[schemars(regex(pattern = r"^[a-z0-9][a-z0-9.-]*$"))]
    pub service: String,
    /// Whether it is a target in route tables (`gateway`; S3 and DynamoDB, free) or an address in subnets.
    #[serde(rename = "type")]
    pub sort: Sort,
    /// The route tables that lead to it; gateways alone, none unless set.
    #[serde(default)]
    pub route_tables: BTreeSet<Ref<RouteTable>>,
    /// The subnets it has an address in, one per zone; interfaces alone, none unless set.
    #[serde(default)]
    pub subnets: BTreeSet<Ref<Subnet>>,
    /// Who may reach it; interfaces alone, none unless set.
    #[serde(default)]
    pub security_groups: BTreeSet<Ref<SecurityGroup>>,
    /// Whether the service's public names lead to it inside the network; interfaces alone, not managed unless set
    /// (AWS starts with `false`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub private_dns: Option<bool>,
    /// What may be done through it; not managed unless set (AWS starts with everything).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<Policy>,
}

/// How an endpoint is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Sort {
    /// A target in route tables.
    Gateway,
    /// An address in subnets.
    Interface,
}

/// What other resources may read from a live endpoint.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outputs {
    /// The endpoint's id.
    pub id: String,
}

impl Kind for VpcEndpoint {
    type Cloud = Aws;
    type Outputs = Outputs;

    const NAME: &'static str = "vpc-endpoint";
    const FIXED: &'static [&'static str] = &["vpc", "service", "type"];
    const UNMANAGED: &'static [(&'static str, &'static str)] = &[
        ("DnsOptions", "AWS's own choice follows the network's address type"),
        ("IpAddressType", "networks are IPv4"),
        ("ResourceConfigurationArn", "is for VPC Lattice"),
        ("ServiceNetworkArn", "is for VPC Lattice"),
        ("ServiceRegion", "services are of the endpoint's region"),
    ];

    fn example() -> Self {
        Self {
            vpc: Ref::to("main"),
            service: "ssm".to_owned(),
            sort: Sort::Interface,
            route_tables: BTreeSet::new(),
            subnets: BTreeSet::from([Ref::to("web-a"), Ref::to("web-c")]),
            security_groups: BTreeSet::from([Ref::to("endpoints")]),
            private_dns: Some(true),
            policy: Some(allow("ssm:*")),
        }
    }

    fn variants() -> Vec<Self> {
        let example = Self::example();
        vec![
            Self { subnets: BTreeSet::from([Ref::to("web-a")]), ..example.clone() },
            Self { security_groups: BTreeSet::from([Ref::to("app"), Ref::to("endpoints")]), ..example.clone() },
            Self { private_dns: Some(false), ..example.clone() },
            Self { policy: Some(allow("ssm:GetParameter")), ..example },
        ]
    }

    async fn find(aws: &Aws, which: Query<'_>) -> Result<Vec<Found<Self>>> {
        let describe = aws.ec2.describe_vpc_endpoints().filters(tags::ec2::filter(which, "vpc-endpoint-id"));
        let endpoints = describe.into_paginator().items().send().try_collect().await.call("DescribeVpcEndpoints")?;
        endpoints.iter().map(|endpoint| read(aws, endpoint)).collect()
    }

    async fn create(&self, aws: &Aws, labels: &Labels) -> Result<String> {
        let create = aws
            .ec2
            .create_vpc_endpoint()
            .vpc_id(self.vpc.id()?)
            .service_name(full(aws, &self.service))
            .vpc_endpoint_type(match self.sort {
                Sort::Gateway => VpcEndpointType::Gateway,
                Sort::Interface => VpcEndpointType::Interface,
            })
            .set_route_table_ids(some(ids(&self.route_tables)?))
            .set_subnet_ids(some(ids(&self.subnets)?))
            .set_security_group_ids(some(ids(&self.security_groups)?))
            .set_private_dns_enabled(self.private_dns)
            .set_policy_document(self.policy.as_ref().map(ToString::to_string))
            .client_token(&labels.token)
            .tag_specifications(tags::ec2::specification(ResourceType::VpcEndpoint, labels));
        let created = create.send().await.call("CreateVpcEndpoint")?;
        created.vpc_endpoint.and_then(|endpoint| endpoint.vpc_endpoint_id).required("VpcEndpointId")
    }

    async fn update(&self, aws: &Aws, id: &str, changed: &Changed) -> Result<()> {
        let live = Self::find(aws, Query::Ids(&[id.to_owned()])).await?.pop().ok_or(Error::NotFound)?.properties;
        let mut modify = aws.ec2.modify_vpc_endpoint().vpc_endpoint_id(id);
        if changed.has("route_tables") {
            let (add, remove) = apart(&self.route_tables, &live.route_tables)?;
            modify = modify.set_add_route_table_ids(add).set_remove_route_table_ids(remove);
        }
        if changed.has("subnets") {
            let (add, remove) = apart(&self.subnets, &live.subnets)?;
            modify = modify.set_add_subnet_ids(add).set_remove_subnet_ids(remove);
        }
        if changed.has("security_groups") {
            let (add, remove) = apart(&self.security_groups, &live.security_groups)?;
            modify = modify.set_add_security_group_ids(add).set_remove_security_group_ids(remove);
        }
        if changed.has("private_dns") {
            modify = modify.set_private_dns_enabled(self.private_dns);
        }
        if changed.has("policy") {
            modify = modify.set_policy_document(self.policy.as_ref().map(ToString::to_string));
        }
        modify.send().await.call("ModifyVpcEndpoint").map(drop)
    }

    async fn label(aws: &Aws, id: &str, labels: &Labels) -> Result<()> {
        tags::ec2::label(aws, id, labels).await
    }

    async fn delete(aws: &Aws, id: &str) -> Result<()> {
        let delete = aws.ec2.delete_vpc_endpoints().vpc_endpoint_ids(id);
        let Some(deleted) = delete.send().await.call("DeleteVpcEndpoints").map(Some).or_else(gone)? else {
            return Ok(());
        };
        // The call succeeds as a whole and tells of each endpoint it could not delete.
        let refusal = deleted.unsuccessful().iter().find_map(|item| item.error());
        match refusal.map(|error| (error.code().unwrap_or_default(), error.message().unwrap_or_default())) {
            None => Ok(()),
            Some((code, _)) if code.ends_with("NotFound") => Ok(()),
            Some((code, message)) => Err(Error::Service {
                operation: "DeleteVpcEndpoints",
                code: code.to_owned(),
                message: message.to_owned(),
            }),
        }
    }

    fn check(&self) -> Vec<Flaw> {
        let mut flaws = Vec::new();
        let mut only = |path: &str, unfit: bool, sort: &str| {
            if unfit {
                flaws.push(Flaw::new(path, format!("is for {sort} endpoints alone")).hint(format!("remove `{path}`")));
            }
        };
        match self.sort {
            Sort::Gateway => {
                only("subnets", !self.subnets.is_empty(), "interface");
                only("security_groups", !self.security_groups.is_empty(), "interface");
                only("private_dns", self.private_dns.is_some(), "interface");
                if !matches!(self.service.as_str(), "s3" | "dynamodb") && !self.service.contains('.') {
                    flaws.push(
                        Flaw::new("type", format!("`{}` has no gateway endpoint", self.service))
                            .hint("only `s3` and `dynamodb` do; use `interface`"),
                    );
                }
            }
            Sort::Interface => {
                only("route_tables", !self.route_tables.is_empty(), "gateway");
                if self.subnets.is_empty() {
                    flaws.push(Flaw::new("subnets", "an interface endpoint needs a subnet"));
                }
                if self.security_groups.is_empty() {
                    let hint = "name one that lets the network in on port 443";
                    flaws.push(Flaw::new("security_groups", "an interface endpoint needs a security group").hint(hint));
                }
            }
        }
        flaws
    }

    fn impact(before: Option<&Self>, after: Option<&Self>) -> Vec<Impact> {
        match (before, after) {
            (Some(before), None) => {
                vec![Impact::new(Risk::Downtime, format!("the network loses its private way to {}", before.service))]
            }
            (Some(before), Some(after)) if before.policy != after.policy && after.policy.is_some() => {
                vec![Impact::new(Risk::Exposure, format!("what may be done on {} through it changes", after.service))]
            }
            _ => Vec::new(),
        }
    }

    fn usage(&self) -> Vec<Usage> {
        match self.sort {
            Sort::Gateway => Vec::new(),
            Sort::Interface => {
                let zones = u32::try_from(self.subnets.len()).unwrap_or(u32::MAX);
                vec![Usage { meter: "ec2/interface-endpoint/hour".to_owned(), monthly: 730.0 * f64::from(zones) }]
            }
        }
    }

    fn timing() -> Timing {
        Timing::seconds(60, 30, 60)
    }

    fn simulate(&self, id: &str, _: u32) -> Outputs {
        Outputs { id: id.to_owned() }
    }
}

/// A policy of one action, for the example.
fn allow(action: &str) -> Policy {
    let statement = json!({ "Effect": "Allow", "Principal": "*", "Action": action, "Resource": "*" });
    Policy::from(json!({ "Statement": [statement] }))
}

fn gone<T>(error: Error) -> Result<Option<T>> {
    match error {
        Error::NotFound => Ok(None),
        error => Err(error),
    }
}

/// The service's full name: `com.amazonaws.<region>.<service>` for the ones of AWS.
fn full(aws: &Aws, service: &str) -> String {
    let whole = ["com.amazonaws.", "aws.", "cn.com.amazonaws."].iter().any(|prefix| service.starts_with(prefix));
    if whole { service.to_owned() } else { format!("com.amazonaws.{}.{service}", aws.region) }
}

fn short(aws: &Aws, service: &str) -> String {
    service.strip_prefix(&format!("com.amazonaws.{}.", aws.region)).unwrap_or(service).to_owned()
}

fn ids<K: Kind>(references: &BTreeSet<Ref<K>>) -> Result<BTreeSet<String>> {
    references.iter().map(|reference| reference.id().map(str::to_owned)).collect()
}

/// A list, or nothing at all: an empty one is not the same to every service.
fn some(ids: BTreeSet<String>) -> Option<Vec<String>> {
    (!ids.is_empty()).then(|| ids.into_iter().collect())
}

/// What to add to the live ones and what to remove from them.
type Apart = (Option<Vec<String>>, Option<Vec<String>>);

fn apart<K: Kind>(wanted: &BTreeSet<Ref<K>>, live: &BTreeSet<Ref<K>>) -> Result<Apart> {
    let (wanted, live) = (ids(wanted)?, ids(live)?);
    Ok((some(&wanted - &live), some(&live - &wanted)))
}

fn read(aws: &Aws, endpoint: &types::VpcEndpoint) -> Result<Found<VpcEndpoint>> {
    let id = endpoint.vpc_endpoint_id().required("VpcEndpointId")?;
    let sort = match endpoint.vpc_endpoint_type() {
        Some(VpcEndpointType::Interface) => Sort::Interface,
        _ => Sort::Gateway,
    };
    // The API answers in lower case, its list of values is capitalised.
    let state = endpoint.state().map(|state| state.as_str().to_ascii_lowercase()).unwrap_or_default();
    let reason = || {
        let last = endpoint.last_error().and_then(|error| error.message());
        last.or(endpoint.failure_reason()).unwrap_or("AWS gives no reason").to_owned()
    };
    let groups = endpoint.groups().iter().filter_map(|group| group.group_id());
    Ok(Found {
        id: id.to_owned(),
        tags: tags::ec2::read(endpoint.tags()),
        properties: VpcEndpoint {
            vpc: Ref::live(endpoint.vpc_id().required("VpcId")?),
            service: short(aws, endpoint.service_name().required("ServiceName")?),
            sort,
            route_tables: endpoint.route_table_ids().iter().map(|id| Ref::live(id)).collect(),
            subnets: endpoint.subnet_ids().iter().map(|id| Ref::live(id)).collect(),
            security_groups: groups.map(Ref::live).collect(),
            private_dns: (sort == Sort::Interface).then(|| endpoint.private_dns_enabled().unwrap_or_default()),
            policy: endpoint.policy_document().and_then(Policy::parse),
        },
        outputs: Outputs { id: id.to_owned() },
        phase: match state.as_str() {
            "available" => Phase::Ready,
            "pending" | "pendingacceptance" | "partial" => Phase::Pending,
            "deleting" => Phase::Deleting,
            "deleted" => Phase::Gone,
            _ => Phase::Failed(format!("the endpoint is {state}: {}", reason())),
        },
        note: None,
    })
}
