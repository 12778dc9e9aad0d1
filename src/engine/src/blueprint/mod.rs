//! What the user wrote: parsed with positions, overlaid, checked and expanded. Calls no cloud.
//!
//! [`read`] does it all; the parts are pure and can be used one by one.

mod check;
mod component;
mod diagnostic;
mod environment;
mod expand;
mod load;
mod node;
mod overlay;
mod parse;
mod render;
mod scalar;
mod schema;
mod secret;
mod source;

pub use component::{Component, Expansion, Scope, Wanted};
pub use diagnostic::{Diagnostic, Note, Place, Severity, Told, ToldNote, did_you_mean, nearest, sort};
pub use environment::{Environment, ProviderName, SimulatorSettings, SiteSettings, environment, environment_schema};
pub use expand::{DEFAULT_REGION, Document, Expanded, expand};
pub use load::{Reading, read, read_with};
pub use node::{Data, Entry, Map, Node};
pub use overlay::merge;
pub use parse::{Parsed, parse};
pub use render::render;
pub use schema::{MAX_NAME, MAX_STACK_NAME, NAME, blueprint_schema, named, stack_name};
pub use secret::{hide, secrets};
pub use source::{FileId, Position, Sources, Span};
