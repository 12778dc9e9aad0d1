//! The `db-subnet-group` kind.

use std::collections::BTreeSet;

use aws_sdk_rds::types;
use engine::{Changed, Error, Flaw, Found, Kind, Labels, Phase, Query, Ref, Result, Tags, Timing};
use futures::future::try_join_all;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Subnet;
use crate::{Aws, Call, Deleted, Required, lookup, tags};

/// The subnets a database may be in.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DbSubnetGroup {
    /// The subnets: at least two, in different zones.
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
}

/// Names of subnet groups have 255 characters.
/// <https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBSubnetGroup.html>
const NAME_LIMIT: usize = 255;

impl Kind for DbSubnetGroup {
    type Cloud = Aws;
    type Outputs = Outputs;

    const NAME: &'static str = "db-subnet-group";
    const FIXED: &'static [&'static str] = &[];
    const UNMANAGED: &'static [(&'static str, &'static str)] =
        &[("DBSubnetGroupName", "is made of the stack, the environment and the name in the blueprint")];

    fn example() -> Self {
        Self {
            subnets: BTreeSet::from([Ref::to("data-a"), Ref::to("data-c")]),
            description: "Subnets of the database".to_owned(),
        }
    }

    fn variants() -> Vec<Self> {
        let example = Self::example();
        vec![
            Self { subnets: BTreeSet::from([Ref::to("data-a"), Ref::to("data-b"), Ref::to("data-c")]), ..example.clone() },
            Self { description: "Where the data is".to_owned(), ..example },
        ]
    }

    async fn find(aws: &Aws, which: Query<'_>) -> Result<Vec<Found<Self>>> {
        let groups = match which {
            Query::Owned(owner) => {
                let all = describe(aws, None).await?;
                all.into_iter().filter(|group| tags::may_own(owner, name(group), NAME_LIMIT)).collect()
            }
            Query::Ids(ids) => lookup(ids, |ids| each(aws, ids)).await?,
        };
        let found = try_join_all(groups.iter().map(|group| tagged(aws, group))).await?.into_iter().flatten();
        Ok(match which {
            Query::Owned(owner) => found.filter(|found| tags::owned(&found.tags, owner)).collect(),
            Query::Ids(_) => found.collect(),
        })
    }

    async fn create(&self, aws: &Aws, labels: &Labels) -> Result<String> {
        let name = labels.name(NAME_LIMIT).to_ascii_lowercase();
        let create = aws
            .rds
            .create_db_subnet_group()
            .db_subnet_group_name(&name)
            .db_subnet_group_description(&self.description)
            .set_subnet_ids(Some(self.subnet_ids()?))
            .set_tags(Some(tags::rds::write(labels)));
        match create.send().await.call("CreateDBSubnetGroup") {
            Ok(_) => Ok(name),
            Err(Error::Service { code, .. }) if code.starts_with("DBSubnetGroupAlreadyExists") => {
                let group = describe(aws, Some(&name)).await?.pop().ok_or(Error::NotFound)?;
                let live = tags::rds::list(aws, group.db_subnet_group_arn().required("DBSubnetGroupArn")?).await?;
                tags::adopt(&name, &live, labels)
            }
            Err(error) => Err(error),
        }
    }

    async fn update(&self, aws: &Aws, id: &str, _: &Changed) -> Result<()> {
        let modify = aws.rds.modify_db_subnet_group().db_subnet_group_name(id);
        let modify = modify.db_subnet_group_description(&self.description).set_subnet_ids(Some(self.subnet_ids()?));
        modify.send().await.call("ModifyDBSubnetGroup").map(drop)
    }

    async fn label(aws: &Aws, id: &str, labels: &Labels) -> Result<()> {
        let group = describe(aws, Some(id)).await?.pop().ok_or(Error::NotFound)?;
        tags::rds::label(aws, group.db_subnet_group_arn().required("DBSubnetGroupArn")?, labels).await
    }

    async fn delete(aws: &Aws, id: &str) -> Result<()> {
        aws.rds.delete_db_subnet_group().db_subnet_group_name(id).send().await.call("DeleteDBSubnetGroup").deleted()
    }

    fn check(&self) -> Vec<Flaw> {
        let few = self.subnets.len() < 2;
        let hint = "name one in each of two zones";
        few.then(|| Flaw::new("subnets", "a database needs two subnets").hint(hint)).into_iter().collect()
    }

    fn timing() -> Timing {
        Timing::seconds(2, 2, 1)
    }

    fn simulate(&self, id: &str, _: u32) -> Outputs {
        Outputs { id: id.to_owned() }
    }
}

impl DbSubnetGroup {
    fn subnet_ids(&self) -> Result<Vec<String>> {
        self.subnets.iter().map(|subnet| subnet.id().map(str::to_owned)).collect()
    }
}

fn name(group: &types::DbSubnetGroup) -> &str {
    group.db_subnet_group_name().unwrap_or_default()
}

async fn describe(aws: &Aws, name: Option<&str>) -> Result<Vec<types::DbSubnetGroup>> {
    let describe = aws.rds.describe_db_subnet_groups().set_db_subnet_group_name(name.map(str::to_owned));
    describe.into_paginator().items().send().try_collect().await.call("DescribeDBSubnetGroups")
}

/// The call takes one name at a time.
async fn each(aws: &Aws, names: Vec<String>) -> Result<Vec<types::DbSubnetGroup>> {
    let groups = names.iter().map(|name| describe(aws, Some(name)));
    Ok(try_join_all(groups).await?.into_iter().flatten().collect())
}

/// `None` for a group that went away between the listing and its tags.
async fn tagged(aws: &Aws, group: &types::DbSubnetGroup) -> Result<Option<Found<DbSubnetGroup>>> {
    match tags::rds::list(aws, group.db_subnet_group_arn().required("DBSubnetGroupArn")?).await {
        Ok(tags) => read(group, tags).map(Some),
        Err(Error::NotFound) => Ok(None),
        Err(error) => Err(error),
    }
}

fn read(group: &types::DbSubnetGroup, tags: Tags) -> Result<Found<DbSubnetGroup>> {
    let id = name(group).to_owned();
    let subnets = group.subnets().iter().filter_map(|subnet| subnet.subnet_identifier());
    Ok(Found {
        tags,
        properties: DbSubnetGroup {
            subnets: subnets.map(Ref::live).collect(),
            description: group.db_subnet_group_description().unwrap_or_default().to_owned(),
        },
        outputs: Outputs { id: id.clone() },
        id,
        phase: Phase::Ready,
        note: None,
    })
}
