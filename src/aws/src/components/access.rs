//! `access`: shells by Session Manager alone, with no open port and no bastion.
//!
//! The tiers' roles get the policy; here are the private ways to the services, for subnets whose traffic should not
//! leave the network or that have no way out.

use std::collections::BTreeSet;

use engine::blueprint::{Component, Expansion, Scope};
use engine::{Flaw, Ref};
use schemars::{JsonSchema, Schema, schema_for};
use serde::Deserialize;
use serde_json::Value;

use super::network::{self, MAIN, Network, PUBLIC};
use super::parts::{Parts, group, section};
use crate::kinds::VpcEndpoint;
use crate::kinds::vpc_endpoint::Sort;
use crate::rule::{Peer, Rule};

/// The security group of the endpoints.
const ENDPOINTS: &str = "endpoints";
/// What an agent on an instance needs of Session Manager.
///
/// <https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AmazonSSMManagedInstanceCore.html>
pub(super) const POLICY: &str = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore";

/// The `access` section.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Access {
    /// Whether people get shells on instances by Session Manager.
    pub(super) session_manager: bool,
    /// AWS services reached inside the network, such as `ssm`; Session Manager itself needs `ssm`, `ssmmessages` and
    /// `ec2messages` where there is no NAT gateway.
    #[schemars(inner(regex(pattern = r"^[a-z0-9][a-z0-9.-]*$")), extend("uniqueItems" = true))]
    pub(super) endpoints: Vec<String>,
}

impl Default for Access {
    fn default() -> Self {
        Self { session_manager: true, endpoints: Vec::new() }
    }
}

impl Access {
    /// What the blueprint says; without a section there are no shells.
    pub(super) fn of(scope: &Scope<'_>) -> Option<Self> {
        Self::deserialize(scope.document.get("access")?).ok()
    }
}

/// The `access` section as a component.
pub(super) struct AccessSection;

impl Component for AccessSection {
    fn name(&self) -> &'static str {
        "access"
    }

    fn schema(&self) -> Schema {
        schema_for!(Access)
    }

    fn expand(&self, value: &Value, scope: &Scope<'_>) -> Expansion {
        let access: Access = match section(value) {
            Ok(access) => access,
            Err(expansion) => return expansion,
        };
        let mut parts = Parts::default();
        if access.endpoints.is_empty() {
            return parts.done();
        }
        let Some(network) = Network::of(scope) else {
            let hint = "add a `network:` section, or leave `endpoints` out";
            parts.flaw(Flaw::new("endpoints", "endpoints stand in a network, and the blueprint has none").hint(hint));
            return parts.done();
        };
        // The first private group stands for all: an endpoint's name leads there from the whole network.
        let Some(private) = network.subnets.iter().find(|name| *name != PUBLIC) else {
            let hint = "add a private group to `network.subnets`";
            parts.flaw(Flaw::new("endpoints", "endpoints stand in private subnets, and there are none").hint(hint));
            return parts.done();
        };
        let https = Rule::tcp(443, Peer::Cidr(network.cidr.into())).described("the network");
        parts.want("endpoints", ENDPOINTS, group("Private ways to AWS services", [https]));
        for (index, service) in access.endpoints.iter().enumerate() {
            if service == "s3" || service == "dynamodb" {
                let hint = "`network.s3_endpoint` reaches S3 without charge";
                let message = format!("`{service}` is reached through a gateway, not through an address");
                parts.flaw(Flaw::new(format!("endpoints.{index}"), message).hint(hint));
            }
            parts.want(
                &format!("endpoints.{index}"),
                &service.replace('.', "-"),
                VpcEndpoint {
                    vpc: Ref::to(MAIN),
                    service: service.clone(),
                    sort: Sort::Interface,
                    route_tables: BTreeSet::new(),
                    subnets: network::subnets(private, scope),
                    security_groups: BTreeSet::from([Ref::to(ENDPOINTS)]),
                    private_dns: Some(true),
                    policy: None,
                },
            );
        }
        parts.done()
    }
}
