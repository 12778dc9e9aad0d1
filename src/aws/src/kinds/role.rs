//! The `role` kind: an IAM role with its policies, and an instance profile of the same name.

use std::collections::BTreeSet;

use engine::{Changed, Flaw, Found, Impact, Kind, Labels, Query, Result, Risk, Timing};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{Aws, Policy};

mod live;

/// What somebody or something may do in the account.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Role {
    /// Who may take it on.
    pub trust: Policy,
    /// What it is for.
    #[serde(default = "nameless")]
    #[schemars(length(max = 1000), regex(pattern = r"^[\u0009\u000A\u000D\u0020-\u007E\u00A1-\u00FF]*$"))]
    pub description: String,
    /// Policies of its own; none unless set.
    #[serde(default)]
    pub inline_policies: BTreeSet<InlinePolicy>,
    /// ARNs of shared policies; none unless set.
    #[serde(default)]
    #[schemars(length(max = 20), inner(regex(pattern = r"^arn:aws[a-z-]*:iam::(aws|\d{12}):policy/.+$")))]
    pub managed_policies: BTreeSet<String>,
    /// ARN of the policy that says what it may be allowed at most; no limit unless set.
    #[serde(default)]
    #[schemars(regex(pattern = r"^arn:aws[a-z-]*:iam::(aws|\d{12}):policy/.+$"))]
    pub permissions_boundary: Option<String>,
    /// How many seconds one session may last at most; an hour unless set.
    #[serde(default = "hour")]
    #[schemars(range(min = 3600, max = 43200))]
    pub max_session: i32,
    /// Whether instances can be started with it: makes an instance profile of the same name. A live role whose profile
    /// has lost it, as by a death between two calls, has neither.
    #[serde(default = "no")]
    #[schemars(with = "bool")]
    pub instance_profile: Option<bool>,
}

/// A policy that is part of one role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InlinePolicy {
    /// The policy's name, unique in the role.
    #[schemars(length(min = 1, max = 128), regex(pattern = r"^[\w+=,.@-]+$"))]
    pub name: String,
    /// What it allows or denies.
    pub document: Policy,
}

impl InlinePolicy {
    /// A policy by name.
    pub fn new(name: &str, document: Policy) -> Self {
        Self { name: name.to_owned(), document }
    }

    fn key(&self) -> (&str, String) {
        (&self.name, self.document.to_string())
    }
}

impl PartialOrd for InlinePolicy {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for InlinePolicy {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}

fn nameless() -> String {
    "Managed by Terrace".to_owned()
}

fn no() -> Option<bool> {
    Some(false)
}

fn hour() -> i32 {
    3600
}

/// What other resources may read from a live role.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outputs {
    /// The role's name.
    pub id: String,
    /// The role's ARN.
    pub arn: String,
}

impl Kind for Role {
    type Cloud = Aws;
    type Outputs = Outputs;

    const NAME: &'static str = "role";
    const FIXED: &'static [&'static str] = &[];
    const UNMANAGED: &'static [(&'static str, &'static str)] = &[
        ("Path", "is `/terrace/<stack>/<environment>/`, so that one call lists an owner's roles"),
        ("RoleName", "is made of the stack, the environment and the name in the blueprint"),
    ];

    fn example() -> Self {
        Self {
            trust: trusts("ec2.amazonaws.com"),
            description: "Application servers".to_owned(),
            inline_policies: BTreeSet::from([InlinePolicy::new("artifacts", allow("s3:GetObject"))]),
            managed_policies: BTreeSet::from([managed("AmazonSSMManagedInstanceCore")]),
            permissions_boundary: Some(managed("PowerUserAccess")),
            max_session: 7200,
            instance_profile: Some(true),
        }
    }

    fn variants() -> Vec<Self> {
        let example = Self::example();
        let agent = managed("CloudWatchAgentServerPolicy");
        vec![
            Self { trust: trusts("ecs-tasks.amazonaws.com"), ..example.clone() },
            Self { description: "Web servers".to_owned(), ..example.clone() },
            Self {
                inline_policies: BTreeSet::from([
                    InlinePolicy::new("artifacts", allow("s3:ListBucket")),
                    InlinePolicy::new("logs", allow("logs:PutLogEvents")),
                ]),
                ..example.clone()
            },
            Self { inline_policies: BTreeSet::new(), ..example.clone() },
            Self { managed_policies: BTreeSet::from([agent]), ..example.clone() },
            Self { managed_policies: BTreeSet::new(), ..example.clone() },
            Self { permissions_boundary: Some(managed("ReadOnlyAccess")), ..example.clone() },
            Self { permissions_boundary: None, ..example.clone() },
            Self { max_session: 3600, ..example.clone() },
            Self { instance_profile: Some(false), ..example },
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
        let mut flaws = Vec::new();
        let mut names = BTreeSet::new();
        for (index, policy) in self.inline_policies.iter().enumerate() {
            if !names.insert(&policy.name) {
                flaws.push(Flaw::new(format!("inline_policies.{index}.name"), "two policies have this name"));
            }
        }
        if statements(&self.trust).iter().any(|statement| statement.get("Principal").is_none()) {
            let hint = "name who may take the role on, such as `Principal: {Service: ec2.amazonaws.com}`";
            flaws.push(Flaw::new("trust", "a statement has no `Principal`").hint(hint));
        }
        flaws
    }

    fn impact(before: Option<&Self>, after: Option<&Self>) -> Vec<Impact> {
        let Some(after) = after else { return Vec::new() };
        let exposure = |effect: String| Impact::new(Risk::Exposure, effect);
        let known: BTreeSet<String> = before.map(grants).unwrap_or_default();
        let new = grants(after).into_iter().filter(|grant| !known.contains(grant));
        let Some(before) = before else {
            // A new role is as its blueprint says; only one without limits is worth a line of its own.
            return new.filter(|grant| boundless(grant)).map(|_| exposure("it may do everything".to_owned())).collect();
        };
        let mut impacts: Vec<Impact> = Vec::new();
        if before.trust != after.trust {
            impacts.push(exposure("who may take it on changes".to_owned()));
        }
        impacts.extend(new.map(|grant| exposure(format!("it may do more: {}", shortened(&grant)))));
        let kept = denials(after);
        if denials(before).iter().any(|denial| !kept.contains(denial)) {
            impacts.push(exposure("something it was denied is denied no more".to_owned()));
        }
        if before.permissions_boundary.is_some() && before.permissions_boundary != after.permissions_boundary {
            impacts.push(exposure("the limit of what it may be allowed changes".to_owned()));
        }
        impacts
    }

    fn timing() -> Timing {
        // A new instance profile takes EC2 some ten seconds to learn of.
        Timing::seconds(12, 3, 3)
    }

    fn simulate(&self, id: &str, _: u32) -> Outputs {
        Outputs { id: id.to_owned(), arn: format!("arn:aws:iam::000000000000:role/terrace/{id}") }
    }
}

/// The statements of a document.
fn statements(policy: &Policy) -> Vec<Value> {
    let document = serde_json::to_value(policy).unwrap_or_default();
    document.get("Statement").and_then(Value::as_array).cloned().unwrap_or_default()
}

fn effects(role: &Role, effect: &str) -> BTreeSet<String> {
    let all = role.inline_policies.iter().flat_map(|policy| statements(&policy.document));
    let mut effects = BTreeSet::new();
    for mut statement in all.filter(|statement| statement["Effect"] == effect) {
        if let Some(map) = statement.as_object_mut() {
            map.remove("Sid");
        }
        effects.insert(statement.to_string());
    }
    effects
}

/// Everything that allows something: statements and shared policies.
fn grants(role: &Role) -> BTreeSet<String> {
    let mut grants = effects(role, "Allow");
    grants.extend(role.managed_policies.iter().cloned());
    grants
}

fn denials(role: &Role) -> BTreeSet<String> {
    effects(role, "Deny")
}

fn boundless(grant: &str) -> bool {
    let statement: Value = serde_json::from_str(grant).unwrap_or_default();
    grant.ends_with(":aws:policy/AdministratorAccess") || (statement["Action"] == "*" && statement["Resource"] == "*")
}

/// What a grant is about, in one line: the policy's name, or its actions.
fn shortened(grant: &str) -> String {
    let Ok(statement) = serde_json::from_str::<Value>(grant) else {
        return grant.rsplit('/').next().unwrap_or(grant).to_owned();
    };
    match statement.get("Action") {
        Some(Value::String(action)) => action.clone(),
        Some(Value::Array(actions)) => {
            let first: Vec<&str> = actions.iter().take(3).filter_map(Value::as_str).collect();
            let rest = actions.len().saturating_sub(3);
            if rest == 0 { first.join(", ") } else { format!("{} and {rest} more", first.join(", ")) }
        }
        _ => "everything but what is listed".to_owned(),
    }
}

fn trusts(service: &str) -> Policy {
    let principal = json!({ "Service": service });
    Policy::from(json!({ "Statement": { "Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole" } }))
}

fn allow(action: &str) -> Policy {
    Policy::from(json!({ "Statement": { "Effect": "Allow", "Action": action, "Resource": "*" } }))
}

fn managed(name: &str) -> String {
    format!("arn:aws:iam::aws:policy/{name}")
}
