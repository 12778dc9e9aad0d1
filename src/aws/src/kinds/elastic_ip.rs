//! The `elastic-ip` kind.

use aws_sdk_ec2::types::{self, DomainType, ResourceType};
use engine::{Found, Impact, Kind, Labels, Phase, Query, Result, Risk, Timing, Usage};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Aws, Call, Deleted, Required, client, tags};

/// A public IPv4 address that stays the same until it is given back.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ElasticIp {}

/// What other resources may read from a live address.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outputs {
    /// The allocation's id.
    pub id: String,
    /// The address itself, such as `203.0.113.7`.
    pub address: String,
}

impl Kind for ElasticIp {
    type Cloud = Aws;
    type Outputs = Outputs;

    const NAME: &'static str = "elastic-ip";
    const FIXED: &'static [&'static str] = &[];
    const REPEATABLE: bool = false;
    // https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html
    const QUOTA: Option<u32> = Some(5);
    const UNMANAGED: &'static [(&'static str, &'static str)] = &[
        ("Address", "is for moving an address between accounts or regions"),
        ("Domain", "is always `vpc`"),
        ("InstanceId", "instances belong to autoscaling groups, which replace them"),
        ("IpamPoolId", "addresses come from Amazon's pool"),
        ("NetworkBorderGroup", "is for Local Zones"),
        ("PublicIpv4Pool", "addresses come from Amazon's pool"),
        ("TransferAddress", "is for moving an address between accounts"),
    ];

    fn example() -> Self {
        Self {}
    }

    fn variants() -> Vec<Self> {
        Vec::new()
    }

    async fn find(aws: &Aws, which: Query<'_>) -> Result<Vec<Found<Self>>> {
        let describe = aws.ec2.describe_addresses().filters(tags::ec2::filter(which, "allocation-id"));
        let described = describe.send().await.call("DescribeAddresses")?;
        described.addresses().iter().map(read).collect()
    }

    async fn create(&self, aws: &Aws, labels: &Labels) -> Result<String> {
        let allocate = aws
            .ec2
            .allocate_address()
            .domain(DomainType::Vpc)
            .tag_specifications(tags::ec2::specification(ResourceType::ElasticIp, labels));
        let allocated = allocate.customize().config_override(client::once()).send().await.call("AllocateAddress")?;
        allocated.allocation_id.required("AllocationId")
    }

    async fn label(aws: &Aws, id: &str, labels: &Labels) -> Result<()> {
        tags::ec2::label(aws, id, labels).await
    }

    async fn delete(aws: &Aws, id: &str) -> Result<()> {
        aws.ec2.release_address().allocation_id(id).send().await.call("ReleaseAddress").deleted()
    }

    fn impact(before: Option<&Self>, after: Option<&Self>) -> Vec<Impact> {
        let released = before.is_some() && after.is_none();
        let impact = || Impact::new(Risk::Downtime, "the public address is given back; others may have allowed it");
        released.then(impact).into_iter().collect()
    }

    fn usage(&self) -> Vec<Usage> {
        vec![Usage { meter: "ec2/public-ipv4/hour".to_owned(), monthly: 730.0 }]
    }

    fn timing() -> Timing {
        Timing::seconds(1, 1, 1)
    }

    fn simulate(&self, id: &str, _: u32) -> Outputs {
        // One of the addresses that documentation may use (RFC 5737), the same for the same id.
        let last = id.bytes().fold(7_u8, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte));
        Outputs { id: id.to_owned(), address: format!("203.0.113.{last}") }
    }
}

fn read(address: &types::Address) -> Result<Found<ElasticIp>> {
    let id = address.allocation_id().required("AllocationId")?;
    Ok(Found {
        id: id.to_owned(),
        tags: tags::ec2::read(address.tags()),
        properties: ElasticIp {},
        outputs: Outputs {
            id: id.to_owned(),
            address: address.public_ip().required("PublicIp")?.to_owned(),
        },
        phase: Phase::Ready,
        note: None,
    })
}
