//! Blueprints against the real kinds and components: broken ones, the ones that are shipped, and random mixtures.

mod broken;
mod mutated;
mod shipped;
