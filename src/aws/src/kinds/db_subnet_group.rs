//! The `db-subnet-group` kind.

use std::collections::BTreeSet;

use aws_sdk_rds::types::DbSubnetGroup as Live;
use engine::{Changed, Error, Flaw, Found, Impact, Kind, Labels, Phase, Query, Ref, Result, Risk, Timing};
use futures::future::try_join_all;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Subnet;
use crate::{Aws, Call, Deleted, Required, tags};

/// The subnets a database and its standby may stand in.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DbSubnetGroup {
    /// The subnets, in two zones or more.
    #[schemars(length(min = 2))]
    pub subnets: BTreeSet<Ref<Subnet>>,
    /// What it is for.
    #[serde(default = "nameless")]
    #[schemars(length(min = 1, max = 255))]
    pub description: String,
}

fn nameless() -> String {
    "Managed by Terrace".to_owned()
}

/// What other resources may read from a live group.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outputs {
    /// The group's name.
    pub id: String,
    /// The group's ARN.
    pub arn: String,
}

impl Kind for DbSubnetGroup {
    type Cloud = Aws;
    type Outputs = Outputs;

    const NAME: &'static str = "db-subnet-group";
    const FIXED: &'static [&'static str] = &[];
    // https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_Limits.html
    const QUOTA: Option<u32> = Some(50);
    const UNMANAGED: &'static [(&'static str, &'static str)] =
        &[("DBSubnetGroupName", "is made of the stack, the environment and the name in the blueprint")];

    fn example() -> Self {
        Self {
            subnets: BTreeSet::from([Ref::to("db-a"), Ref::to("db-c")]),
            description: "The database's subnets".to_owned(),
        }
    }

    fn variants() -> Vec<Self> {
        let example = Self::example();
        vec![
            Self { subnets: &example.subnets | &BTreeSet::from([Ref::to("db-d")]), ..example.clone() },
            Self { description: "Renamed".to_owned(), ..example },
        ]
    }

    async fn find(aws: &Aws, which: Query<'_>) -> Result<Vec<Found<Self>>> {
        let groups = match which {
            Query::Owned(owner) => tags::rds::own(list(aws).await?, owner, Live::db_subnet_group_name),
            Query::Ids(ids) => {
                let found = try_join_all(ids.iter().map(|id| one(aws, id))).await?;
                found.into_iter().flatten().collect()
            }
        };
        let found = try_join_all(groups.iter().map(|group| read(aws, group))).await?;
        Ok(tags::rds::of(which, found.into_iter().flatten()))
    }

    async fn create(&self, aws: &Aws, labels: &Labels) -> Result<String> {
        let name = tags::rds::name(labels, 255);
        let create = aws
            .rds
            .create_db_subnet_group()
            .db_subnet_group_name(&name)
            .db_subnet_group_description(&self.description)
            .set_subnet_ids(Some(self.ids()?))
            .set_tags(Some(tags::rds::write(labels)));
        match create.send().await.call("CreateDBSubnetGroup") {
            Ok(_) => Ok(name),
            Err(Error::Service { code, .. }) if code == "DBSubnetGroupAlreadyExists" => {
                let twin = one(aws, &name).await?.ok_or(Error::NotFound)?;
                let live = tags::rds::live(aws, twin.db_subnet_group_arn().required("DBSubnetGroupArn")?).await?;
                tags::adopt(&name, &live, labels)
            }
            Err(error) => Err(error),
        }
    }

    async fn update(&self, aws: &Aws, id: &str, _: &Changed) -> Result<()> {
        // The call replaces both; the subnets are required.
        let modify = aws
            .rds
            .modify_db_subnet_group()
            .db_subnet_group_name(id)
            .db_subnet_group_description(&self.description)
            .set_subnet_ids(Some(self.ids()?));
        modify.send().await.call("ModifyDBSubnetGroup").map(drop)
    }

    async fn label(aws: &Aws, id: &str, labels: &Labels) -> Result<()> {
        let group = one(aws, id).await?.ok_or(Error::NotFound)?;
        tags::rds::label(aws, group.db_subnet_group_arn().required("DBSubnetGroupArn")?, labels).await
    }

    async fn delete(aws: &Aws, id: &str) -> Result<()> {
        aws.rds.delete_db_subnet_group().db_subnet_group_name(id).send().await.call("DeleteDBSubnetGroup").deleted()
    }

    fn check(&self) -> Vec<Flaw> {
        // https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_VPC.WorkingWithRDSInstanceinaVPC.html
        let few = self.subnets.len() < 2;
        let flaw = || {
            let message = format!("a database needs subnets in two zones, and there is {}", self.subnets.len());
            Flaw::new("subnets", message).hint("RDS asks for two even without a standby")
        };
        few.then(flaw).into_iter().collect()
    }

    fn impact(before: Option<&Self>, after: Option<&Self>) -> Vec<Impact> {
        let (Some(before), Some(after)) = (before, after) else { return Vec::new() };
        let left = before.subnets.difference(&after.subnets).next().is_some();
        let effect = "a database in a subnet that leaves has to move first";
        left.then(|| Impact::new(Risk::Downtime, effect)).into_iter().collect()
    }

    fn timing() -> Timing {
        Timing::seconds(2, 2, 1)
    }

    fn simulate(&self, id: &str, _: u32) -> Outputs {
        Outputs { id: id.to_owned(), arn: format!("arn:aws:rds:::subgrp:{id}") }
    }
}

impl DbSubnetGroup {
    fn ids(&self) -> Result<Vec<String>> {
        self.subnets.iter().map(|subnet| subnet.id().map(str::to_owned)).collect()
    }
}

async fn list(aws: &Aws) -> Result<Vec<Live>> {
    let describe = aws.rds.describe_db_subnet_groups();
    describe.into_paginator().items().send().try_collect().await.call("DescribeDBSubnetGroups")
}

/// The call takes one name and no filter, and fails when there is none of it.
async fn one(aws: &Aws, name: &str) -> Result<Option<Live>> {
    let describe = aws.rds.describe_db_subnet_groups().db_subnet_group_name(name);
    match describe.send().await.call("DescribeDBSubnetGroups") {
        Ok(described) => Ok(described.db_subnet_groups.unwrap_or_default().pop()),
        Err(Error::NotFound) => Ok(None),
        Err(error) => Err(error),
    }
}

/// `None` for a group that went away between the listing and its tags.
async fn read(aws: &Aws, group: &Live) -> Result<Option<Found<DbSubnetGroup>>> {
    let id = group.db_subnet_group_name().required("DBSubnetGroupName")?;
    let arn = group.db_subnet_group_arn().required("DBSubnetGroupArn")?;
    let tags = match tags::rds::live(aws, arn).await {
        Ok(tags) => tags,
        Err(Error::NotFound) => return Ok(None),
        Err(error) => return Err(error),
    };
    let subnets = group.subnets().iter().filter_map(|subnet| subnet.subnet_identifier());
    Ok(Some(Found {
        id: id.to_owned(),
        tags,
        properties: DbSubnetGroup {
            subnets: subnets.map(Ref::live).collect(),
            description: group.db_subnet_group_description().unwrap_or_default().to_owned(),
        },
        outputs: Outputs { id: id.to_owned(), arn: arn.to_owned() },
        phase: Phase::Ready,
        note: None,
    }))
}
