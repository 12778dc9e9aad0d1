//! Placeholder until the calls land.
use engine::{Changed, Error, Found, Labels, Query, Result};
use super::AutoscalingGroup as K;
use crate::Aws;
fn not<T>() -> Result<T> { Err(Error::Invalid("calls are not written yet".to_owned())) }
pub(super) async fn create(_: &K, _: &Aws, _: &Labels) -> Result<String> { not() }
pub(super) async fn update(_: &K, _: &Aws, _: &str, _: &Changed) -> Result<()> { not() }
pub(super) async fn label(_: &Aws, _: &str, _: &Labels) -> Result<()> { not() }
pub(super) async fn delete(_: &Aws, _: &str) -> Result<()> { not() }
