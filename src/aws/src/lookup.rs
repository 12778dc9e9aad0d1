//! Reads by id where a call fails as a whole when one of the ids does not exist.

use engine::{Error, Result};
use futures::future::join_all;

/// Asks for all ids at once and, where one of them is gone, for each by itself. Ids that do not exist are left out.
pub(crate) async fn lookup<T, F>(ids: &[String], describe: impl Fn(Vec<String>) -> F) -> Result<Vec<T>>
where
    F: Future<Output = Result<Vec<T>>>,
{
    let none_if_gone = |answer| match answer {
        Err(Error::NotFound) => Ok(Vec::new()),
        answer => answer,
    };
    match describe(ids.to_vec()).await {
        Err(Error::NotFound) if ids.len() > 1 => {
            let each = join_all(ids.iter().map(|id| describe(vec![id.clone()]))).await;
            let found = each.into_iter().map(none_if_gone).collect::<Result<Vec<_>>>()?;
            Ok(found.into_iter().flatten().collect())
        }
        answer => none_if_gone(answer),
    }
}
