//! What the user wrote: parsed with positions, overlaid, checked and expanded.

mod component;

pub use component::{Component, Expansion, Scope, Wanted};
