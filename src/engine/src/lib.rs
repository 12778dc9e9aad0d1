//! Terrace engine.
