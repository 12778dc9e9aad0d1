//! Runs one test over every kind of the registry, and names the kinds it fails for.

use std::future::Future;
use std::thread;

use aws::kinds;
use engine::KindInfo;

/// Runs a test for every kind at once; `KIND=subnet` in the environment runs it for one.
pub(crate) fn kind<F: Future<Output = ()>>(test: impl Fn(&'static KindInfo) -> F + Sync) {
    let only = std::env::var("KIND").ok();
    let chosen: Vec<_> =
        kinds::INFOS.iter().filter(|kind| only.as_ref().is_none_or(|only| only == kind.name)).collect();
    assert!(!chosen.is_empty(), "there is no such kind");
    let test = &test;
    let failed: Vec<&str> = thread::scope(|scope| {
        let run = |kind| {
            move || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test(kind))
        };
        let threads: Vec<_> = chosen.iter().map(|kind| (kind.name, scope.spawn(run(kind)))).collect();
        threads.into_iter().filter_map(|(kind, thread)| thread.join().is_err().then_some(kind)).collect()
    });
    assert!(failed.is_empty(), "failed for {}", failed.join(", "));
}
