//! The `subnet` kind.

use aws_sdk_ec2::types::{self, AttributeBooleanValue, Filter, ResourceType, SubnetState};
use engine::{Changed, Error, Flaw, Found, Impact, Kind, Labels, Phase, Query, Ref, Result, Risk, Timing};
use ipnet::Ipv4Net;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Vpc;
use crate::{Aws, Call, Deleted, Required, cidr, tags};

/// A range of a network's addresses in one zone.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Subnet {
    /// The network it is part of.
    pub vpc: Ref<Vpc>,
    /// Its IPv4 range, between /16 and /28, inside the network's.
    #[schemars(with = "String", extend("format" = "cidr"))]
    pub cidr: Ipv4Net,
    /// The zone's full name, such as `ap-northeast-2a`.
    #[schemars(regex(pattern = r"^[a-z]{2}(-[a-z]+)+-[0-9][a-z]$"))]
    pub zone: String,
    /// Whether instances get a public address when they start; off unless set.
    #[serde(default)]
    pub public_addresses: bool,
}

/// What other resources may read from a live subnet.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outputs {
    /// The subnet's id.
    pub id: String,
}

impl Kind for Subnet {
    type Cloud = Aws;
    type Outputs = Outputs;

    const NAME: &'static str = "subnet";
    const FIXED: &'static [&'static str] = &["vpc", "cidr", "zone"];
    const UNIQUE: &'static [&'static str] = &["vpc", "cidr"];
    const UNMANAGED: &'static [(&'static str, &'static str)] = &[
        ("AvailabilityZoneId", "the zone is named by its full name"),
        ("AssignIpv6AddressOnCreation", "networks are IPv4"),
        ("EnableDns64", "networks are IPv4"),
        ("Ipv6CidrBlock", "networks are IPv4"),
        ("Ipv6CidrBlocks", "networks are IPv4"),
        ("Ipv6Native", "networks are IPv4"),
        ("Ipv4IpamPoolId", "ranges are written in the blueprint"),
        ("Ipv4NetmaskLength", "ranges are written in the blueprint"),
        ("Ipv6IpamPoolId", "networks are IPv4"),
        ("Ipv6NetmaskLength", "networks are IPv4"),
        ("EnableLniAtDeviceIndex", "is for Outposts"),
        ("OutpostArn", "is for Outposts"),
        ("PrivateDnsNameOptionsOnLaunch", "launch templates say how instances are named"),
    ];

    fn example() -> Self {
        Self {
            vpc: Ref::to("main"),
            cidr: "10.0.0.0/24".parse().expect("a valid range"),
            zone: "ap-northeast-2a".to_owned(),
            public_addresses: true,
        }
    }

    fn variants() -> Vec<Self> {
        vec![Self { public_addresses: false, ..Self::example() }]
    }

    async fn find(aws: &Aws, which: Query<'_>) -> Result<Vec<Found<Self>>> {
        let describe = aws.ec2.describe_subnets().filters(tags::ec2::filter(which, "subnet-id"));
        let subnets = describe.into_paginator().items().send().try_collect().await.call("DescribeSubnets")?;
        subnets.iter().map(read).collect()
    }

    async fn create(&self, aws: &Aws, labels: &Labels) -> Result<String> {
        let create = aws
            .ec2
            .create_subnet()
            .vpc_id(self.vpc.id()?)
            .cidr_block(self.cidr.to_string())
            .availability_zone(&self.zone)
            .tag_specifications(tags::ec2::specification(ResourceType::Subnet, labels));
        let id = match create.send().await.call("CreateSubnet") {
            Ok(created) => created.subnet.and_then(|subnet| subnet.subnet_id).required("SubnetId")?,
            Err(Error::Service { code, .. }) if code == "InvalidSubnet.Conflict" => self.twin(aws, labels).await?,
            Err(error) => return Err(error),
        };
        // AWS starts a subnet without public addresses. A subnet not known everywhere yet is left to the update.
        if self.public_addresses {
            self.set_public_addresses(aws, &id).await.deleted()?;
        }
        Ok(id)
    }

    async fn update(&self, aws: &Aws, id: &str, changed: &Changed) -> Result<()> {
        if changed.has("public_addresses") {
            self.set_public_addresses(aws, id).await?;
        }
        Ok(())
    }

    async fn label(aws: &Aws, id: &str, labels: &Labels) -> Result<()> {
        tags::ec2::label(aws, id, labels).await
    }

    async fn delete(aws: &Aws, id: &str) -> Result<()> {
        aws.ec2.delete_subnet().subnet_id(id).send().await.call("DeleteSubnet").deleted()
    }

    fn check(&self) -> Vec<Flaw> {
        let size = (!(16..=28).contains(&self.cidr.prefix_len()))
            .then(|| Flaw::new("cidr", format!("`{}` is not between /16 and /28", self.cidr)));
        cidr::flaw("cidr", self.cidr.into()).into_iter().chain(size).collect()
    }

    fn impact(before: Option<&Self>, after: Option<&Self>) -> Vec<Impact> {
        let opened = before.is_some_and(|before| !before.public_addresses)
            && after.is_some_and(|after| after.public_addresses);
        opened.then(|| Impact::new(Risk::Exposure, "new instances get public addresses")).into_iter().collect()
    }

    fn timing() -> Timing {
        Timing::seconds(2, 1, 1)
    }

    fn simulate(&self, id: &str, _: u32) -> Outputs {
        Outputs { id: id.to_owned() }
    }
}

impl Subnet {
    async fn set_public_addresses(&self, aws: &Aws, id: &str) -> Result<()> {
        let value = AttributeBooleanValue::builder().value(self.public_addresses).build();
        let modify = aws.ec2.modify_subnet_attribute().subnet_id(id).map_public_ip_on_launch(value);
        modify.send().await.call("ModifySubnetAttribute").map(drop)
    }

    /// The subnet that holds the range already, if it is the one being made.
    async fn twin(&self, aws: &Aws, labels: &Labels) -> Result<String> {
        let filter = |name: &str, value: &str| Filter::builder().name(name).values(value).build();
        let describe = aws
            .ec2
            .describe_subnets()
            .filters(filter("vpc-id", self.vpc.id()?))
            .filters(filter("cidr-block", &self.cidr.to_string()));
        let subnets = describe.send().await.call("DescribeSubnets")?.subnets.unwrap_or_default();
        let Some(subnet) = subnets.first() else {
            return Err(Error::Service {
                operation: "CreateSubnet",
                code: "InvalidSubnet.Conflict".to_owned(),
                message: format!("the range `{}` overlaps another subnet of the network", self.cidr),
            });
        };
        tags::adopt(subnet.subnet_id().required("SubnetId")?, &tags::ec2::read(subnet.tags()), labels)
    }
}

fn read(subnet: &types::Subnet) -> Result<Found<Subnet>> {
    let id = subnet.subnet_id().required("SubnetId")?;
    Ok(Found {
        id: id.to_owned(),
        tags: tags::ec2::read(subnet.tags()),
        properties: Subnet {
            vpc: Ref::live(subnet.vpc_id().required("VpcId")?),
            cidr: cidr::read(subnet.cidr_block().required("CidrBlock")?)?,
            zone: subnet.availability_zone().required("AvailabilityZone")?.to_owned(),
            public_addresses: subnet.map_public_ip_on_launch().unwrap_or_default(),
        },
        outputs: Outputs { id: id.to_owned() },
        phase: match subnet.state() {
            Some(SubnetState::Available) => Phase::Ready,
            Some(SubnetState::Failed | SubnetState::FailedInsufficientCapacity | SubnetState::Unavailable) => {
                Phase::Failed("AWS could not make the subnet".to_owned())
            }
            _ => Phase::Pending,
        },
        note: None,
    })
}
