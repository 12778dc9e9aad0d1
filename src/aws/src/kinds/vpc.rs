//! The `vpc` kind.

use aws_sdk_ec2::types::{self, AttributeBooleanValue, ResourceType, VpcAttributeName, VpcState};
use engine::{Changed, Error, Found, Kind, Labels, Phase, Query, Result, Timing};
use futures::future::try_join_all;
use ipnet::Ipv4Net;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Aws, Call, Required, client, tags};

/// A private network.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Vpc {
    /// The network's IPv4 range, between /16 and /28.
    #[schemars(with = "String", extend("format" = "cidr"))]
    pub cidr: Ipv4Net,
    /// Whether instances get public host names; interface endpoints with private DNS need it.
    #[serde(default = "yes")]
    pub dns_hostnames: bool,
    /// Whether the Amazon DNS server answers inside the network.
    #[serde(default = "yes")]
    pub dns_support: bool,
}

fn yes() -> bool {
    true
}

/// What other resources may read from a live network.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outputs {
    /// The network's id.
    pub id: String,
}

impl Kind for Vpc {
    type Cloud = Aws;
    type Outputs = Outputs;

    const NAME: &'static str = "vpc";
    const FIXED: &'static [&'static str] = &["cidr"];
    // Load balancers, subnet groups and databases cannot leave their network.
    const PERMANENT: bool = true;
    const REPEATABLE: bool = false;
    // https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html
    const QUOTA: Option<u32> = Some(5);
    const UNMANAGED: &'static [(&'static str, &'static str)] = &[
        ("InstanceTenancy", "launch templates say where instances run"),
        ("Ipv4IpamPoolId", "ranges are written in the blueprint"),
        ("Ipv4NetmaskLength", "ranges are written in the blueprint"),
        ("VpcEncryptionControl", "tells of unencrypted traffic, and changes none"),
    ];

    fn example() -> Self {
        Self { cidr: "10.0.0.0/16".parse().expect("a valid range"), dns_hostnames: true, dns_support: true }
    }

    fn variants() -> Vec<Self> {
        let example = Self::example();
        vec![Self { dns_hostnames: false, ..example.clone() }, Self { dns_support: false, ..example }]
    }

    async fn find(aws: &Aws, which: Query<'_>) -> Result<Vec<Found<Self>>> {
        let describe = aws.ec2.describe_vpcs().filters(tags::ec2::filter(which, "vpc-id"));
        let vpcs = describe.into_paginator().items().send().try_collect().await.call("DescribeVpcs")?;
        // The attributes are in no listing: two calls per network, all at once.
        try_join_all(vpcs.iter().map(|vpc| read(aws, vpc))).await.map(|found| found.into_iter().flatten().collect())
    }

    async fn create(&self, aws: &Aws, labels: &Labels) -> Result<String> {
        let create = aws
            .ec2
            .create_vpc()
            .cidr_block(self.cidr.to_string())
            .tag_specifications(tags::ec2::specification(ResourceType::Vpc, labels));
        let created = create.customize().config_override(client::once()).send().await.call("CreateVpc")?;
        let id = created.vpc.and_then(|vpc| vpc.vpc_id).required("VpcId")?;
        // AWS starts a network with DNS support and without host names.
        if self.dns_hostnames {
            client::known(|| self.set_dns_hostnames(aws, &id)).await?;
        }
        if !self.dns_support {
            client::known(|| self.set_dns_support(aws, &id)).await?;
        }
        Ok(id)
    }

    async fn update(&self, aws: &Aws, id: &str, changed: &Changed) -> Result<()> {
        // Host names need DNS support: it goes on first and off last.
        if changed.has("dns_support") && self.dns_support {
            self.set_dns_support(aws, id).await?;
        }
        if changed.has("dns_hostnames") {
            self.set_dns_hostnames(aws, id).await?;
        }
        if changed.has("dns_support") && !self.dns_support {
            self.set_dns_support(aws, id).await?;
        }
        Ok(())
    }

    async fn label(aws: &Aws, id: &str, labels: &Labels) -> Result<()> {
        tags::ec2::label(aws, id, labels).await
    }

    async fn delete(aws: &Aws, id: &str) -> Result<()> {
        match aws.ec2.delete_vpc().vpc_id(id).send().await.call("DeleteVpc") {
            Ok(_) | Err(Error::NotFound) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn timing() -> Timing {
        Timing::seconds(2, 1, 1)
    }

    fn simulate(&self, id: &str, _: u32) -> Outputs {
        Outputs { id: id.to_owned() }
    }
}

impl Vpc {
    async fn set_dns_hostnames(&self, aws: &Aws, id: &str) -> Result<()> {
        let value = AttributeBooleanValue::builder().value(self.dns_hostnames).build();
        let modify = aws.ec2.modify_vpc_attribute().vpc_id(id).enable_dns_hostnames(value);
        modify.send().await.call("ModifyVpcAttribute").map(drop)
    }

    async fn set_dns_support(&self, aws: &Aws, id: &str) -> Result<()> {
        let value = AttributeBooleanValue::builder().value(self.dns_support).build();
        let modify = aws.ec2.modify_vpc_attribute().vpc_id(id).enable_dns_support(value);
        modify.send().await.call("ModifyVpcAttribute").map(drop)
    }
}

/// `None` for a network that went away between the listing and its attributes.
async fn read(aws: &Aws, vpc: &types::Vpc) -> Result<Option<Found<Vpc>>> {
    let id = vpc.vpc_id().required("VpcId")?;
    let attribute = async |name: VpcAttributeName| {
        aws.ec2.describe_vpc_attribute().vpc_id(id).attribute(name).send().await.call("DescribeVpcAttribute")
    };
    let attributes = futures::try_join!(
        attribute(VpcAttributeName::EnableDnsHostnames),
        attribute(VpcAttributeName::EnableDnsSupport)
    );
    let (hostnames, support) = match attributes {
        Ok(attributes) => attributes,
        Err(Error::NotFound) => return Ok(None),
        Err(error) => return Err(error),
    };
    let on = |value: Option<&AttributeBooleanValue>| value.and_then(AttributeBooleanValue::value).unwrap_or_default();
    let cidr = vpc.cidr_block().required("CidrBlock")?;
    Ok(Some(Found {
        id: id.to_owned(),
        tags: tags::ec2::read(vpc.tags()),
        properties: Vpc {
            cidr: cidr.parse().map_err(|_| Error::Invalid(format!("AWS reports the range `{cidr}`")))?,
            dns_hostnames: on(hostnames.enable_dns_hostnames()),
            dns_support: on(support.enable_dns_support()),
        },
        outputs: Outputs { id: id.to_owned() },
        phase: match vpc.state() {
            Some(VpcState::Available) => Phase::Ready,
            _ => Phase::Pending,
        },
        note: None,
    }))
}
