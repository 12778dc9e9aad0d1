//! The `nat-gateway` kind.

use aws_sdk_ec2::types::{self, ConnectivityType, NatGatewayState, ResourceType};
use engine::{Error, Flaw, Found, Impact, Kind, Labels, Phase, Query, Ref, Result, Risk, Timing, Usage};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ElasticIp, Subnet};
use crate::{Aws, Call, Deleted, Required, tags};

/// Lets private subnets reach out without being reached.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NatGateway {
    /// The subnet it stands in: a public one, of the zone it serves.
    pub subnet: Ref<Subnet>,
    /// The address it is seen with from outside; public gateways need one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Ref<ElasticIp>>,
    /// Whether it leads to the internet or to other networks only; `public` unless set.
    #[serde(default)]
    pub connectivity: Connectivity,
}

/// Where a NAT gateway leads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Connectivity {
    /// To the internet, by its elastic address.
    #[default]
    Public,
    /// To other networks, by a private address.
    Private,
}

/// What other resources may read from a live gateway.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outputs {
    /// The gateway's id.
    pub id: String,
}

impl Kind for NatGateway {
    type Cloud = Aws;
    type Outputs = Outputs;

    const NAME: &'static str = "nat-gateway";
    const FIXED: &'static [&'static str] = &["subnet", "address", "connectivity"];
    const UNIQUE: &'static [&'static str] = &["address"];
    // A public gateway fails in a network without one, and an internet gateway stays while public addresses are in use.
    const AFTER: &'static [&'static str] = &["internet-gateway"];
    // https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html (per zone)
    const QUOTA: Option<u32> = Some(5);
    const UNMANAGED: &'static [(&'static str, &'static str)] = &[
        ("AvailabilityMode", "one gateway per zone is named in the blueprint"),
        ("AvailabilityZoneAddresses", "one gateway per zone is named in the blueprint"),
        ("MaxDrainDurationSeconds", "is for secondary addresses"),
        ("PrivateIpAddress", "AWS picks a free one of the subnet"),
        ("SecondaryAllocationIds", "one address carries 55,000 connections to one target"),
        ("SecondaryPrivateIpAddressCount", "one address carries 55,000 connections to one target"),
        ("SecondaryPrivateIpAddresses", "one address carries 55,000 connections to one target"),
        ("VpcId", "follows from the subnet"),
    ];

    fn example() -> Self {
        Self {
            subnet: Ref::to("public-a"),
            address: Some(Ref::to("nat-a")),
            connectivity: Connectivity::Public,
        }
    }

    fn variants() -> Vec<Self> {
        Vec::new()
    }

    async fn find(aws: &Aws, which: Query<'_>) -> Result<Vec<Found<Self>>> {
        let describe = aws.ec2.describe_nat_gateways().filter(tags::ec2::filter(which, "nat-gateway-id"));
        let gateways = describe.into_paginator().items().send().try_collect().await.call("DescribeNatGateways")?;
        gateways.iter().map(read).collect()
    }

    async fn create(&self, aws: &Aws, labels: &Labels) -> Result<String> {
        let address = self.address.as_ref().map(Ref::id).transpose()?.map(str::to_owned);
        let create = aws
            .ec2
            .create_nat_gateway()
            .subnet_id(self.subnet.id()?)
            .set_allocation_id(address)
            .connectivity_type(match self.connectivity {
                Connectivity::Public => ConnectivityType::Public,
                Connectivity::Private => ConnectivityType::Private,
            })
            .client_token(&labels.token)
            .tag_specifications(tags::ec2::specification(ResourceType::Natgateway, labels));
        let created = create.send().await.call("CreateNatGateway")?;
        created.nat_gateway.and_then(|gateway| gateway.nat_gateway_id).required("NatGatewayId")
    }

    async fn label(aws: &Aws, id: &str, labels: &Labels) -> Result<()> {
        tags::ec2::label(aws, id, labels).await
    }

    async fn delete(aws: &Aws, id: &str) -> Result<()> {
        aws.ec2.delete_nat_gateway().nat_gateway_id(id).send().await.call("DeleteNatGateway").deleted()
    }

    fn check(&self) -> Vec<Flaw> {
        match (self.connectivity, &self.address) {
            (Connectivity::Public, None) => {
                vec![Flaw::new("address", "a public gateway needs an address").hint("name an `elastic-ip`")]
            }
            (Connectivity::Private, Some(_)) => {
                vec![Flaw::new("address", "a private gateway has no public address").hint("leave `address` out")]
            }
            _ => Vec::new(),
        }
    }

    fn impact(before: Option<&Self>, after: Option<&Self>) -> Vec<Impact> {
        let gone = |effect: &str| vec![Impact::new(Risk::Downtime, effect)];
        match (before, after) {
            (Some(_), None) => gone("private subnets that use it cannot reach out"),
            (Some(before), Some(after))
                if (&before.subnet, &before.address, before.connectivity)
                    != (&after.subnet, &after.address, after.connectivity) =>
            {
                gone("connections through it break, and private subnets cannot reach out meanwhile")
            }
            _ => Vec::new(),
        }
    }

    fn usage(&self) -> Vec<Usage> {
        vec![Usage { meter: "ec2/nat-gateway/hour".to_owned(), monthly: 730.0 }]
    }

    fn timing() -> Timing {
        Timing::seconds(100, 1, 60)
    }

    fn simulate(&self, id: &str, _: u32) -> Outputs {
        Outputs { id: id.to_owned() }
    }
}

fn read(gateway: &types::NatGateway) -> Result<Found<NatGateway>> {
    let id = gateway.nat_gateway_id().required("NatGatewayId")?;
    let addresses = gateway.nat_gateway_addresses();
    let primary = addresses.iter().find(|address| address.is_primary() == Some(true)).or(addresses.first());
    let phase = match gateway.state() {
        Some(NatGatewayState::Available) => Phase::Ready,
        Some(NatGatewayState::Pending) => Phase::Pending,
        Some(NatGatewayState::Deleting) => Phase::Deleting,
        Some(NatGatewayState::Deleted) => Phase::Gone,
        Some(NatGatewayState::Failed) => {
            Phase::Failed(gateway.failure_message().unwrap_or("AWS gives no reason").to_owned())
        }
        other => return Err(Error::Invalid(format!("AWS reports `{id}` as {other:?}"))),
    };
    Ok(Found {
        id: id.to_owned(),
        tags: tags::ec2::read(gateway.tags()),
        properties: NatGateway {
            // One in several zones, made outside, stands in no subnet.
            subnet: Ref::live(gateway.subnet_id().unwrap_or_default()),
            address: primary.and_then(|address| address.allocation_id()).map(Ref::live),
            connectivity: match gateway.connectivity_type() {
                Some(ConnectivityType::Private) => Connectivity::Private,
                _ => Connectivity::Public,
            },
        },
        outputs: Outputs { id: id.to_owned() },
        phase,
        note: None,
    })
}
