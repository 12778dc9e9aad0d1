//! What a kind of cloud resource has to say about itself. Knows no cloud.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::future::Future;
use std::time::Duration;

use schemars::{JsonSchema, Schema};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Error, Labels, Result};

/// One kind of cloud resource; the implementing struct is its desired properties.
///
/// A property that serialises to nothing (`Option` with `skip_serializing_if`) is unmanaged when it is left out.
/// Equality lives in the property types: sets for order-free lists, canonical newtypes for CIDRs and policies.
pub trait Kind: Sized + Clone + Serialize + DeserializeOwned + JsonSchema + Send + Sync + 'static {
    /// The bundle of service clients the kind calls.
    type Cloud: Send + Sync + 'static;
    /// What other resources may read from a live one, besides its id.
    type Outputs: Serialize + DeserializeOwned + Clone + Send + Sync;

    /// The kind's name in addresses, such as `nat-gateway`.
    const NAME: &'static str;
    /// Top-level properties the cloud fixes at creation; changing one replaces the resource.
    const FIXED: &'static [&'static str];
    /// Whether deleting one loses data.
    const STATEFUL: bool = false;
    /// Which of the two comes first when one is replaced.
    const ORDER: ReplaceOrder = ReplaceOrder::CreateFirst;
    /// Properties no two live resources may share: the cloud's natural key besides the name.
    ///
    /// A replacement that keeps them is made delete-first, and a live resource with the same values under another
    /// address is taken over by relabelling instead of being deleted and made again.
    const UNIQUE: &'static [&'static str] = &[];
    /// Outputs that an update in place changes, so that followers reading them are updated too.
    const RENEWED: &'static [&'static str] = &[];
    /// The `bool` property that makes the cloud refuse to delete the resource.
    const PROTECTION: Option<&'static str> = None;
    /// Whether so much stands inside one that replacing it is refused.
    const PERMANENT: bool = false;
    /// Kinds that come first although no property refers to them, and whose deletes come after: a public load
    /// balancer needs the network's internet gateway.
    const AFTER: &'static [&'static str] = &[];
    /// Whether repeating a create whose answer was lost returns the same resource. Where it does not, the engine looks
    /// for the lost one until the lag window has passed before it repeats.
    const REPEATABLE: bool = true;
    /// The cloud's default limit of such resources in one account and region, where a stack may come near it.
    const QUOTA: Option<u32> = None;
    /// Properties AWS has and the kind leaves alone: CloudFormation's name and the reason.
    const UNMANAGED: &'static [(&'static str, &'static str)] = &[];

    /// A filled-in value with every property set, used by the documentation and by the contract tests.
    fn example() -> Self;

    /// Other valid values, each with exactly one changeable property different from the example's; together they
    /// change every one.
    fn variants() -> Vec<Self>;

    /// Reads live resources: everything an owner has, or some by id. The one read path.
    fn find(cloud: &Self::Cloud, which: Query<'_>) -> impl Future<Output = Result<Vec<Found<Self>>>> + Send;

    /// Makes the resource, labelled in the same call wherever the cloud can, and returns its id.
    ///
    /// Repeating a create whose answer was lost must return the same resource: by [`Labels::token`] where the cloud
    /// takes a client token, else by adopting the owner's resource of the same natural key.
    fn create(&self, cloud: &Self::Cloud, labels: &Labels) -> impl Future<Output = Result<String>> + Send;

    /// Changes a live resource in place; only reached when no changed property is `FIXED`.
    fn update(&self, cloud: &Self::Cloud, id: &str, changed: &Changed) -> impl Future<Output = Result<()>> + Send {
        let _ = (cloud, id, changed);
        async { Err(Error::Invalid(format!("{} has no property that changes in place", Self::NAME))) }
    }

    /// Writes the labels' tags over the live ones, leaving tags it does not name alone.
    fn label(cloud: &Self::Cloud, id: &str, labels: &Labels) -> impl Future<Output = Result<()>> + Send;

    /// Deletes a live resource; deleting one that is gone or going is not an error.
    fn delete(cloud: &Self::Cloud, id: &str) -> impl Future<Output = Result<()>> + Send;

    /// What is wrong with the properties beyond what their types can say.
    fn check(&self) -> Vec<Flaw> {
        Vec::new()
    }

    /// What a person must know before the change is applied; `None` is "does not exist".
    fn impact(before: Option<&Self>, after: Option<&Self>) -> Vec<Impact> {
        let _ = (before, after);
        Vec::new()
    }

    /// What the resource is billed for; empty means free.
    fn usage(&self) -> Vec<Usage> {
        Vec::new()
    }

    /// How long the cloud typically takes.
    fn timing() -> Timing;

    /// The outputs a simulated resource shows; `revision` counts its updates from 1.
    fn simulate(&self, id: &str, revision: u32) -> Self::Outputs;
}

/// Which live resources to read.
#[derive(Clone, Copy, Debug)]
pub enum Query<'a> {
    /// Everything that carries the owner's tag.
    Owned(&'a Owner),
    /// The resources with these ids; ones that do not exist are left out of the answer.
    Ids(&'a [String]),
}

/// The stack and environment a resource belongs to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Owner {
    /// The blueprint's name, such as `shop`.
    pub stack: String,
    /// The environment's name, such as `prod`.
    pub environment: String,
}

impl Owner {
    /// Names an owner.
    pub fn new(stack: &str, environment: &str) -> Self {
        Self { stack: stack.to_owned(), environment: environment.to_owned() }
    }

    /// What every physical name of the owner starts with: `shop-prod-`.
    pub fn prefix(&self) -> String {
        format!("{}-{}-", self.stack, self.environment)
    }
}

/// The value of the owner tag: `shop/prod`.
impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.stack, self.environment)
    }
}

/// Tags of a resource, by key.
pub type Tags = BTreeMap<String, String>;

/// A live resource as its kind reads it.
#[derive(Clone, Debug)]
pub struct Found<K: Kind> {
    /// The cloud's id, the one references carry.
    pub id: String,
    /// Every tag, the engine's own included.
    pub tags: Tags,
    /// The live values of every property the kind manages.
    pub properties: K,
    /// What other resources may read.
    pub outputs: K::Outputs,
    /// How far along it is.
    pub phase: Phase,
    /// Something a person should know when a change does not take, such as why a refresh was rolled back.
    pub note: Option<String>,
}

/// How far along a live resource is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "phase", content = "reason")]
pub enum Phase {
    /// Usable.
    Ready,
    /// Being made or changed.
    Pending,
    /// Being deleted: still listed, no longer usable.
    Deleting,
    /// Broken for good, with the cloud's reason.
    Failed(String),
    /// Deleted, though it may still be listed.
    Gone,
}

/// The names of the top-level properties an update has to change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changed(pub BTreeSet<String>);

impl Changed {
    /// Whether the property has to change.
    pub fn has(&self, property: &str) -> bool {
        self.0.contains(property)
    }

    /// Whether one of the properties has to change.
    pub fn any(&self, properties: &[&str]) -> bool {
        properties.iter().any(|property| self.has(property))
    }
}

/// Which of the two comes first when a resource is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ReplaceOrder {
    /// The new one, then its followers move over, then the old one goes.
    CreateFirst,
    /// The old one goes first: there can be only one.
    DeleteFirst,
}

/// How long the cloud typically takes; used for the ETA, the schedule and the simulator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// From the create call to [`Phase::Ready`].
    pub create: Duration,
    /// From the update call to [`Phase::Ready`].
    pub update: Duration,
    /// From the delete call to [`Phase::Gone`].
    pub delete: Duration,
}

impl Timing {
    /// Typical durations in seconds.
    pub const fn seconds(create: u64, update: u64, delete: u64) -> Self {
        Self {
            create: Duration::from_secs(create),
            update: Duration::from_secs(update),
            delete: Duration::from_secs(delete),
        }
    }
}

/// A mistake in properties, at a dotted path below them (`rules.0.port`; empty for the whole).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// Where, relative to what was checked: keys and list indices joined by dots.
    pub path: String,
    /// What is wrong: lower case, no full stop.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Flaw {
    /// A flaw without a hint.
    pub fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into(), hint: None }
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// Something a person must know before a change is applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Impact {
    /// What sort of harm.
    pub risk: Risk,
    /// The effect in a few words: lower case, no full stop.
    pub effect: String,
}

impl Impact {
    /// An impact.
    pub fn new(risk: Risk, effect: impl Into<String>) -> Self {
        Self { risk, effect: effect.into() }
    }
}

/// Sorts of harm, gravest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Risk {
    /// Data that is not elsewhere is lost.
    DataLoss,
    /// Users notice an interruption.
    Downtime,
    /// Who or what can reach something changes.
    Exposure,
}

impl fmt::Display for Risk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DataLoss => "data loss",
            Self::Downtime => "downtime",
            Self::Exposure => "exposure",
        })
    }
}

/// A billed meter and how much of it a month uses.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    /// The meter's name in the price book, such as `ec2/nat-gateway/hour`.
    pub meter: String,
    /// Units a month (730 hours).
    pub monthly: f64,
}

/// What the engine knows of a kind without calling a cloud.
#[derive(Clone, Copy)]
pub struct KindInfo {
    /// [`Kind::NAME`].
    pub name: &'static str,
    /// [`Kind::FIXED`].
    pub fixed: &'static [&'static str],
    /// [`Kind::STATEFUL`].
    pub stateful: bool,
    /// [`Kind::ORDER`].
    pub order: ReplaceOrder,
    /// [`Kind::UNIQUE`].
    pub unique: &'static [&'static str],
    /// [`Kind::RENEWED`].
    pub renewed: &'static [&'static str],
    /// [`Kind::PROTECTION`].
    pub protection: Option<&'static str>,
    /// [`Kind::PERMANENT`].
    pub permanent: bool,
    /// [`Kind::AFTER`].
    pub after: &'static [&'static str],
    /// [`Kind::REPEATABLE`].
    pub repeatable: bool,
    /// [`Kind::QUOTA`].
    pub quota: Option<u32>,
    /// [`Kind::UNMANAGED`].
    pub unmanaged: &'static [(&'static str, &'static str)],
    /// [`Kind::timing`].
    pub timing: fn() -> Timing,
    /// [`Kind::example`], as JSON.
    pub example: fn() -> Value,
    /// [`Kind::variants`], as JSON.
    pub variants: fn() -> Vec<Value>,
    /// The JSON schema of the properties as a blueprint writes them.
    pub schema: fn() -> Schema,
    /// Reads properties through the kind's type, so that defaults and spellings become canonical.
    pub canonical: fn(Value) -> Result<Value>,
    /// [`Kind::check`] of canonical properties.
    pub check: fn(&Value) -> Vec<Flaw>,
    /// [`Kind::impact`] of canonical properties.
    pub impact: fn(Option<&Value>, Option<&Value>) -> Vec<Impact>,
    /// [`Kind::usage`] of canonical properties.
    pub usage: fn(&Value) -> Vec<Usage>,
    /// [`Kind::simulate`] of canonical properties.
    pub simulate: fn(&Value, &str, u32) -> Value,
}

impl fmt::Debug for KindInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("KindInfo").field(&self.name).finish()
    }
}

impl KindInfo {
    /// What a kind says of itself.
    pub const fn of<K: Kind>() -> Self {
        Self {
            name: K::NAME,
            fixed: K::FIXED,
            stateful: K::STATEFUL,
            order: K::ORDER,
            unique: K::UNIQUE,
            renewed: K::RENEWED,
            protection: K::PROTECTION,
            permanent: K::PERMANENT,
            after: K::AFTER,
            repeatable: K::REPEATABLE,
            quota: K::QUOTA,
            unmanaged: K::UNMANAGED,
            timing: K::timing,
            example: || untyped(K::example()),
            variants: || K::variants().into_iter().map(untyped).collect(),
            schema: || schemars::schema_for!(K),
            canonical: |properties| Ok(untyped(typed::<K>(&properties)?)),
            check: |properties| typed::<K>(properties).map_or_else(|_| Vec::new(), |kind| kind.check()),
            impact: |before, after| {
                let read = |value: Option<&Value>| value.and_then(|value| typed::<K>(value).ok());
                K::impact(read(before).as_ref(), read(after).as_ref())
            },
            usage: |properties| typed::<K>(properties).map_or_else(|_| Vec::new(), |kind| kind.usage()),
            simulate: |properties, id, revision| {
                typed::<K>(properties).map_or(Value::Null, |kind| untyped(kind.simulate(id, revision)))
            },
        }
    }
}

pub(crate) fn typed<K: Kind>(properties: &Value) -> Result<K> {
    K::deserialize(properties).map_err(|error| Error::Invalid(format!("{}: {error}", K::NAME)))
}

pub(crate) fn untyped(value: impl Serialize) -> Value {
    serde_json::to_value(value).expect("kinds serialise to plain JSON")
}
