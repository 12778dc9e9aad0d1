//! Scheduled actions: sizes by the clock.

use std::collections::BTreeSet;

use aws_sdk_autoscaling::types::ScheduledUpdateGroupAction;
use engine::{Flaw, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Aws, Call};

/// Sizes a group takes on at times that come again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScheduledAction {
    /// The action's name.
    #[schemars(regex(pattern = r"^[a-zA-Z0-9][a-zA-Z0-9_-]{0,99}$"))]
    pub name: String,
    /// When, as in cron: minute, hour, day of the month, month, day of the week.
    #[schemars(regex(pattern = r"^\S+ \S+ \S+ \S+ \S+$"))]
    pub recurrence: String,
    /// Where the clock is, such as `Asia/Seoul`; `Etc/UTC` unless set.
    #[serde(default = "utc")]
    #[schemars(regex(pattern = r"^[A-Za-z]+(/[A-Za-z0-9_+-]+)+$"))]
    pub time_zone: String,
    /// The fewest instances from then on; as they are unless set.
    #[serde(default)]
    pub min: Option<i32>,
    /// The most instances from then on; as they are unless set.
    #[serde(default)]
    pub max: Option<i32>,
    /// How many there are then; as they are unless set.
    #[serde(default)]
    pub desired: Option<i32>,
}

fn utc() -> String {
    "Etc/UTC".to_owned()
}

impl ScheduledAction {
    /// Makes the action, or makes the one of its name as wanted.
    pub(super) async fn put(&self, aws: &Aws, group: &str) -> Result<()> {
        let put = aws
            .autoscaling
            .put_scheduled_update_group_action()
            .auto_scaling_group_name(group)
            .scheduled_action_name(&self.name)
            .recurrence(&self.recurrence)
            .time_zone(&self.time_zone)
            .set_min_size(self.min)
            .set_max_size(self.max)
            .set_desired_capacity(self.desired);
        put.send().await.call("PutScheduledUpdateGroupAction").map(drop)
    }

    /// Whether a size goes that the live action has: a put leaves alone what it does not name.
    pub(super) fn loses(&self, live: &Self) -> bool {
        let sizes = [(self.min, live.min), (self.max, live.max), (self.desired, live.desired)];
        sizes.into_iter().any(|(wanted, live)| wanted.is_none() && live.is_some())
    }
}

pub(super) fn read(action: &ScheduledUpdateGroupAction) -> Option<ScheduledAction> {
    Some(ScheduledAction {
        name: action.scheduled_action_name()?.to_owned(),
        // One that happens once, made outside, has no recurrence.
        recurrence: action.recurrence().unwrap_or("once").to_owned(),
        time_zone: action.time_zone().map_or_else(utc, str::to_owned),
        min: action.min_size(),
        max: action.max_size(),
        desired: action.desired_capacity(),
    })
}

pub(super) fn flaws(actions: &BTreeSet<ScheduledAction>) -> Vec<Flaw> {
    let mut flaws = Vec::new();
    let mut names = BTreeSet::new();
    for (index, action) in actions.iter().enumerate() {
        let path = format!("scheduled_actions.{index}");
        if !names.insert(&action.name) {
            flaws.push(Flaw::new(format!("{path}.name"), format!("two actions are named `{}`", action.name)));
        }
        if (action.min, action.max, action.desired) == (None, None, None) {
            flaws.push(Flaw::new(path.clone(), "changes nothing").hint("set `min`, `max` or `desired`"));
        }
        if action.min.zip(action.max).is_some_and(|(min, max)| min > max) {
            flaws.push(Flaw::new(format!("{path}.min"), "the fewest are more than the most"));
        }
    }
    flaws
}
