//! The `internet-gateway` kind: the gateway and its attachment.

use aws_sdk_ec2::types::{self, AttachmentStatus, Filter, ResourceType};
use engine::{Found, Impact, Kind, Labels, Phase, Query, Ref, Result, Risk, Timing};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Vpc;
use crate::{Already, Aws, Call, Deleted, Required, client, tags};

/// A network's door to the internet.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InternetGateway {
    /// The network it is attached to. A network has at most one.
    pub vpc: Ref<Vpc>,
}

/// What other resources may read from a live gateway.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outputs {
    /// The gateway's id.
    pub id: String,
}

impl Kind for InternetGateway {
    type Cloud = Aws;
    type Outputs = Outputs;

    const NAME: &'static str = "internet-gateway";
    // AWS can move a gateway between networks, but not while the old one's public addresses are in use.
    const FIXED: &'static [&'static str] = &["vpc"];
    const UNIQUE: &'static [&'static str] = &["vpc"];
    const REPEATABLE: bool = false;
    // https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html
    const QUOTA: Option<u32> = Some(5);

    fn example() -> Self {
        Self { vpc: Ref::to("main") }
    }

    fn variants() -> Vec<Self> {
        Vec::new()
    }

    async fn find(aws: &Aws, which: Query<'_>) -> Result<Vec<Found<Self>>> {
        let describe = aws.ec2.describe_internet_gateways().filters(tags::ec2::filter(which, "internet-gateway-id"));
        let gateways = describe.into_paginator().items().send().try_collect().await.call("DescribeInternetGateways")?;
        gateways.iter().map(read).collect()
    }

    async fn create(&self, aws: &Aws, labels: &Labels) -> Result<String> {
        let create = aws
            .ec2
            .create_internet_gateway()
            .tag_specifications(tags::ec2::specification(ResourceType::InternetGateway, labels));
        let created = create.customize().config_override(client::once()).send().await.call("CreateInternetGateway")?;
        let id = created.internet_gateway.and_then(|gateway| gateway.internet_gateway_id);
        let id = id.required("InternetGatewayId")?;
        let vpc = self.vpc.id()?;
        client::known(|| {
            let attach = aws.ec2.attach_internet_gateway().internet_gateway_id(&id).vpc_id(vpc).send();
            async { attach.await.call("AttachInternetGateway").already(&["Resource.AlreadyAssociated"]) }
        })
        .await?;
        Ok(id)
    }

    async fn label(aws: &Aws, id: &str, labels: &Labels) -> Result<()> {
        tags::ec2::label(aws, id, labels).await
    }

    async fn delete(aws: &Aws, id: &str) -> Result<()> {
        let filter = Filter::builder().name("internet-gateway-id").values(id).build();
        let described = aws.ec2.describe_internet_gateways().filters(filter).send().await;
        for gateway in described.call("DescribeInternetGateways")?.internet_gateways() {
            for vpc in gateway.attachments().iter().filter_map(|attachment| attachment.vpc_id()) {
                let detach = aws.ec2.detach_internet_gateway().internet_gateway_id(id).vpc_id(vpc);
                detach.send().await.call("DetachInternetGateway").already(&["Gateway.NotAttached"]).deleted()?;
            }
        }
        let delete = aws.ec2.delete_internet_gateway().internet_gateway_id(id);
        delete.send().await.call("DeleteInternetGateway").deleted()
    }

    fn impact(before: Option<&Self>, after: Option<&Self>) -> Vec<Impact> {
        match (before, after) {
            (Some(_), None) => vec![Impact::new(Risk::Downtime, "the network loses its door to the internet")],
            (Some(before), Some(after)) if before.vpc != after.vpc => {
                vec![Impact::new(Risk::Downtime, "the old network loses its door to the internet")]
            }
            _ => Vec::new(),
        }
    }

    fn timing() -> Timing {
        Timing::seconds(2, 1, 2)
    }

    fn simulate(&self, id: &str, _: u32) -> Outputs {
        Outputs { id: id.to_owned() }
    }
}

/// An unattached gateway (a create that was cut short, or a hand that detached it) reads as broken, so that it is
/// replaced: `vpc` is fixed, and nothing uses a gateway that leads nowhere.
fn read(gateway: &types::InternetGateway) -> Result<Found<InternetGateway>> {
    let id = gateway.internet_gateway_id().required("InternetGatewayId")?;
    let attachment = gateway.attachments().iter().find(|attachment| {
        !matches!(attachment.state(), Some(AttachmentStatus::Detached | AttachmentStatus::Detaching))
    });
    let phase = match attachment.and_then(|attachment| attachment.state()) {
        None => Phase::Failed("it is attached to no network".to_owned()),
        Some(AttachmentStatus::Attaching) => Phase::Pending,
        // The API says `available`, which its own list of values leaves out.
        Some(_) => Phase::Ready,
    };
    Ok(Found {
        id: id.to_owned(),
        tags: tags::ec2::read(gateway.tags()),
        properties: InternetGateway {
            vpc: Ref::live(attachment.and_then(|attachment| attachment.vpc_id()).unwrap_or_default()),
        },
        outputs: Outputs { id: id.to_owned() },
        phase,
        note: None,
    })
}
