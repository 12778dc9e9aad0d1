//! Terrace AWS.
