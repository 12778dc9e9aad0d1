//! What `--json` prints, as types: the one source of the documents and of their published schemas.

use std::collections::BTreeMap;

use engine::apply::Event;
use engine::blueprint::{Told, blueprint_schema};
use engine::{Address, Plan};
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde_json::Value;

/// The name of a document and what makes its schema.
type Described = (&'static str, fn() -> Value);

/// The schema of every document, by the name `terrace schema` takes.
pub(crate) const SCHEMAS: &[Described] = &[
    ("blueprint", || blueprint_schema(aws::components::ALL, aws::kinds::INFOS)),
    ("error", schema::<Failed>),
    ("events", schema::<Line>),
    ("init", schema::<Begun>),
    ("outputs", schema::<Outputs>),
    ("plan", schema::<Planned<'static>>),
    ("sandbox-reset", schema::<Emptied>),
    ("show", schema::<Shown>),
    ("validate", schema::<Vec<Validated>>),
];

/// Documents are described as they are printed, not as they are read.
fn schema<T: JsonSchema>() -> Value {
    SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<T>().to_value()
}

/// What `plan` prints.
#[derive(JsonSchema, Serialize)]
pub(crate) struct Planned<'a> {
    /// The owner of the resources: `shop/prod`.
    pub(crate) stack: String,
    /// What an apply would do; nothing if there are no steps.
    pub(crate) plan: &'a Plan,
}

/// A line of what `apply` and `destroy` print.
#[derive(JsonSchema, Serialize)]
#[serde(untagged)]
#[allow(dead_code, reason = "describes lines that are written one by one")]
enum Line {
    /// Something happened.
    Event(Event),
    /// The last line of an apply that is complete.
    Outputs(OutputsLine),
    /// The last line of one that is not.
    Failed(Failed),
}

/// The last line of an apply that is complete.
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "kebab-case", tag = "event")]
pub(crate) enum OutputsLine {
    /// The stack's outputs.
    Outputs {
        /// Values by name.
        outputs: Outputs,
    },
}

/// The stack's outputs, by name; `null` for one that is not known before an apply.
pub(crate) type Outputs = BTreeMap<String, Value>;

/// What any command prints when it fails.
#[derive(JsonSchema, Serialize)]
pub(crate) struct Failed {
    /// What went wrong.
    pub(crate) error: String,
    /// What to do about it.
    pub(crate) hint: Option<String>,
    /// The exit code, as in `terrace --help`.
    pub(crate) exit_code: u8,
}

/// What `init` prints.
#[derive(JsonSchema, Serialize)]
pub(crate) struct Begun {
    /// The stack's name.
    pub(crate) name: String,
    /// Files that were written, relative to the folder; those that were there are kept.
    pub(crate) written: Vec<String>,
}

/// What `sandbox reset` prints.
#[derive(JsonSchema, Serialize)]
pub(crate) struct Emptied {
    /// Whether there was a cloud to forget.
    pub(crate) removed: bool,
}

/// What `show` prints.
#[derive(JsonSchema, Serialize)]
pub(crate) struct Shown {
    /// Live resources, sorted by address.
    pub(crate) resources: Vec<ShownResource>,
}

/// A live resource.
#[derive(JsonSchema, Serialize)]
pub(crate) struct ShownResource {
    /// Its name in the blueprint.
    pub(crate) address: Address,
    /// The blueprint section it comes from; `null` when the blueprint no longer has it.
    pub(crate) component: Option<String>,
    /// The cloud's id.
    pub(crate) id: String,
    /// How far it is.
    pub(crate) phase: ShownPhase,
    /// Why it failed, if it did.
    pub(crate) reason: Option<String>,
    /// Its properties; other resources of the stack by address.
    pub(crate) properties: Value,
    /// What it lets others refer to.
    pub(crate) outputs: Value,
    /// The user's tags.
    pub(crate) tags: BTreeMap<String, String>,
}

/// How far a resource is.
#[derive(Clone, Copy, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ShownPhase {
    /// It works.
    Ready,
    /// It is being made or changed.
    Pending,
    /// It is on its way out.
    Deleting,
    /// It is broken.
    Failed,
    /// It is no more.
    Gone,
}

/// What `validate` prints of each environment.
#[derive(JsonSchema, Serialize)]
pub(crate) struct Validated {
    /// The environment.
    pub(crate) environment: String,
    /// Whether it can be planned.
    pub(crate) valid: bool,
    /// How many resources it describes; `null` when it is not valid.
    pub(crate) resources: Option<usize>,
    /// Mistakes and warnings.
    pub(crate) diagnostics: Vec<Told>,
}
