//! The `db-parameter-group` kind: the group and the parameters somebody set.

use aws_sdk_rds::types::DbParameterGroup as Live;
use engine::{Changed, Error, Found, Impact, Kind, Labels, Phase, Query, Result, Risk, Timing};
use futures::future::try_join_all;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Aws, Call, Deleted, Required, tags};

mod live;
mod parameters;

pub use parameters::Parameters;

/// Settings of a database engine.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DbParameterGroup {
    /// The engine and its major version, such as `mysql8.0` or `postgres16`.
    #[schemars(regex(pattern = r"^[a-z][a-z-]*[0-9]+(\.[0-9]+)?$"))]
    pub family: String,
    /// What it is for.
    #[serde(default = "nameless")]
    #[schemars(length(min = 1, max = 255))]
    pub description: String,
    /// Values by parameter name; every other parameter has the engine's own value. One that the engine reads only when
    /// it starts takes effect at the database's next reboot.
    #[serde(default)]
    pub parameters: Parameters,
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

impl Kind for DbParameterGroup {
    type Cloud = Aws;
    type Outputs = Outputs;

    const NAME: &'static str = "db-parameter-group";
    const FIXED: &'static [&'static str] = &["family", "description"];
    // https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_Limits.html
    const QUOTA: Option<u32> = Some(50);
    const UNMANAGED: &'static [(&'static str, &'static str)] =
        &[("DBParameterGroupName", "is made of the stack, the environment and the name in the blueprint")];

    fn example() -> Self {
        Self {
            family: "mysql8.0".to_owned(),
            description: "The database's settings".to_owned(),
            parameters: Parameters::from([
                ("character_set_server", "utf8mb4"),
                ("performance_schema", "1"),
                ("slow_query_log", "1"),
            ]),
        }
    }

    fn variants() -> Vec<Self> {
        let with = |parameters| Self { parameters, ..Self::example() };
        vec![
            with(Parameters::from([("character_set_server", "latin1"), ("max_connections", "500")])),
            with(Parameters::from([("slow_query_log", "0")])),
            with(Parameters::default()),
        ]
    }

    async fn find(aws: &Aws, which: Query<'_>) -> Result<Vec<Found<Self>>> {
        let groups = match which {
            Query::Owned(owner) => tags::rds::own(live::list(aws).await?, owner, Live::db_parameter_group_name),
            Query::Ids(ids) => {
                let found = try_join_all(ids.iter().map(|id| live::one(aws, id))).await?;
                found.into_iter().flatten().collect()
            }
        };
        let found = try_join_all(groups.iter().map(|group| live::read(aws, group))).await?;
        Ok(tags::rds::of(which, found.into_iter().flatten()))
    }

    async fn create(&self, aws: &Aws, labels: &Labels) -> Result<String> {
        let name = tags::rds::name(labels, 255);
        let create = aws
            .rds
            .create_db_parameter_group()
            .db_parameter_group_name(&name)
            .db_parameter_group_family(&self.family)
            .description(&self.description)
            .set_tags(Some(tags::rds::write(labels)));
        match create.send().await.call("CreateDBParameterGroup") {
            Ok(_) => {}
            Err(Error::Service { code, .. }) if code == "DBParameterGroupAlreadyExists" => {
                let twin = live::one(aws, &name).await?.ok_or(Error::NotFound)?;
                let arn = twin.db_parameter_group_arn().required("DBParameterGroupArn")?;
                tags::adopt(&name, &tags::rds::live(aws, arn).await?, labels)?;
            }
            Err(error) => return Err(error),
        }
        // A group not known everywhere yet is left to the update.
        live::fill(aws, &name, &self.parameters).await.deleted()?;
        Ok(name)
    }

    async fn update(&self, aws: &Aws, id: &str, changed: &Changed) -> Result<()> {
        if changed.has("parameters") {
            live::fill(aws, id, &self.parameters).await?;
        }
        Ok(())
    }

    async fn label(aws: &Aws, id: &str, labels: &Labels) -> Result<()> {
        let group = live::one(aws, id).await?.ok_or(Error::NotFound)?;
        tags::rds::label(aws, group.db_parameter_group_arn().required("DBParameterGroupArn")?, labels).await
    }

    async fn delete(aws: &Aws, id: &str) -> Result<()> {
        let delete = aws.rds.delete_db_parameter_group().db_parameter_group_name(id);
        delete.send().await.call("DeleteDBParameterGroup").deleted()
    }

    fn impact(before: Option<&Self>, after: Option<&Self>) -> Vec<Impact> {
        match (before, after) {
            (Some(before), Some(after)) if before.parameters != after.parameters => {
                let effect = "databases that use it behave otherwise, some settings only after their next reboot";
                vec![Impact::new(Risk::Downtime, effect)]
            }
            _ => Vec::new(),
        }
    }

    fn timing() -> Timing {
        Timing::seconds(5, 2, 1)
    }

    fn simulate(&self, id: &str, _: u32) -> Outputs {
        Outputs { id: id.to_owned(), arn: format!("arn:aws:rds:::pg:{id}") }
    }
}

/// A live group without what takes calls of its own.
fn found(group: &Live, parameters: Parameters, tags: engine::Tags) -> Result<Found<DbParameterGroup>> {
    let id = group.db_parameter_group_name().required("DBParameterGroupName")?;
    let arn = group.db_parameter_group_arn().required("DBParameterGroupArn")?;
    Ok(Found {
        id: id.to_owned(),
        tags,
        properties: DbParameterGroup {
            family: group.db_parameter_group_family().required("DBParameterGroupFamily")?.to_owned(),
            description: group.description().unwrap_or_default().to_owned(),
            parameters,
        },
        outputs: Outputs { id: id.to_owned(), arn: arn.to_owned() },
        phase: Phase::Ready,
        note: None,
    })
}
