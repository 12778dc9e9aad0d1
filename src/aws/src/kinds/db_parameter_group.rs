//! The `db-parameter-group` kind.

use std::collections::BTreeSet;

use engine::{Changed, Flaw, Found, Impact, Kind, Labels, Query, Result, Risk, Timing};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Aws;

mod live;

/// Settings of a database engine.
///
/// When a setting takes hold is the engine's: at once where it can, else at the database's next restart.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DbParameterGroup {
    /// The engine and its major version, such as `mysql8.4` or `postgres16`.
    #[schemars(regex(pattern = r"^[a-z][a-z-]*[0-9.]+$"))]
    pub family: String,
    /// What it is for.
    #[serde(default = "nameless")]
    #[schemars(length(min = 1, max = 255))]
    pub description: String,
    /// Settings that are not the engine's own choice; none unless set.
    #[serde(default)]
    pub parameters: BTreeSet<Setting>,
}

/// A setting and its value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Setting {
    /// The setting's name, such as `max_connections`.
    #[schemars(regex(pattern = r"^[a-z0-9_.-]+$"))]
    pub name: String,
    /// Its value, or a formula such as `{DBInstanceClassMemory/12582880}`.
    pub value: String,
}

impl Setting {
    /// A setting.
    pub fn new(name: &str, value: &str) -> Self {
        Self { name: name.to_owned(), value: value.to_owned() }
    }
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

impl Kind for DbParameterGroup {
    type Cloud = Aws;
    type Outputs = Outputs;

    const NAME: &'static str = "db-parameter-group";
    const FIXED: &'static [&'static str] = &["family", "description"];
    const UNMANAGED: &'static [(&'static str, &'static str)] = &[(
        "DBParameterGroupName",
        "is made of the stack, the environment, the name in the blueprint and the fixed properties",
    )];

    fn example() -> Self {
        Self {
            family: "mysql8.4".to_owned(),
            description: "Settings of the database".to_owned(),
            parameters: BTreeSet::from([
                Setting::new("max_connections", "500"),
                Setting::new("slow_query_log", "1"),
            ]),
        }
    }

    fn variants() -> Vec<Self> {
        let example = Self::example();
        let parameters = |settings: &[(&str, &str)]| Self {
            parameters: settings.iter().map(|(name, value)| Setting::new(name, value)).collect(),
            ..example.clone()
        };
        vec![
            parameters(&[("max_connections", "600"), ("slow_query_log", "1")]),
            parameters(&[("long_query_time", "2"), ("max_connections", "500")]),
            parameters(&[]),
        ]
    }

    async fn find(aws: &Aws, which: Query<'_>) -> Result<Vec<Found<Self>>> {
        live::find(aws, which).await
    }

    async fn create(&self, aws: &Aws, labels: &Labels) -> Result<String> {
        live::create(self, aws, labels).await
    }

    async fn update(&self, aws: &Aws, id: &str, changed: &Changed) -> Result<()> {
        live::update(self, aws, id, changed).await
    }

    async fn label(aws: &Aws, id: &str, labels: &Labels) -> Result<()> {
        live::label(aws, id, labels).await
    }

    async fn delete(aws: &Aws, id: &str) -> Result<()> {
        live::delete(aws, id).await
    }

    fn check(&self) -> Vec<Flaw> {
        let mut names = BTreeSet::new();
        let again = self.parameters.iter().enumerate().filter(|(_, setting)| !names.insert(&setting.name));
        let flaw = |(index, setting): (usize, &Setting)| {
            Flaw::new(format!("parameters.{index}.name"), format!("`{}` is set twice", setting.name))
        };
        again.map(flaw).collect()
    }

    fn impact(before: Option<&Self>, after: Option<&Self>) -> Vec<Impact> {
        let (Some(before), Some(after)) = (before, after) else { return Vec::new() };
        let moved = before.family == after.family && before.parameters != after.parameters;
        let effect = "some settings take hold only when the database restarts";
        moved.then(|| Impact::new(Risk::Downtime, effect)).into_iter().collect()
    }

    fn timing() -> Timing {
        Timing::seconds(3, 3, 2)
    }

    fn simulate(&self, id: &str, _: u32) -> Outputs {
        Outputs { id: id.to_owned() }
    }
}
