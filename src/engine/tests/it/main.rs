//! The engine against the simulated cloud, with kinds made up for the purpose.

mod crash;
mod lifecycle;
mod toys;
