//! What the blueprint asked for and AWS does not say, kept in tags of the engine's own.
//!
//! AWS answers `8.0` with `8.0.43` and a disk that may grow with its present size. To tell an answer of AWS's from a
//! change, the database carries what was asked for.

use engine::Tags;

use super::parts::{Engine, Storage};

/// Whether deleting the database leaves a snapshot.
pub(super) const FINAL_SNAPSHOT: &str = "terrace:final-snapshot";

/// The version that was asked for.
pub(super) const VERSION: &str = "terrace:version";

/// The GiB that were asked for.
pub(super) const SIZE: &str = "terrace:storage-size";

/// Whether a final snapshot is wanted: yes, when in doubt.
pub(super) fn final_snapshot(tags: &Tags) -> bool {
    tags.get(FINAL_SNAPSHOT).map(String::as_str) != Some("false")
}

/// The version as it was asked for, where the live one is an answer to it.
pub(super) fn version(tags: &Tags, live: &str, engine: Engine, auto_minor: bool) -> String {
    let asked = tags.get(VERSION).filter(|asked| answers(live, asked, engine, auto_minor));
    asked.map_or(live, String::as_str).to_owned()
}

/// Whether a live version is what somebody who asked for a version gets.
pub(super) fn answers(live: &str, asked: &str, engine: Engine, auto_minor: bool) -> bool {
    let patch_of = live.strip_prefix(asked).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '-']));
    patch_of || (auto_minor && same_major(live, asked, engine) && numbers(live) >= numbers(asked))
}

/// Whether two versions are of one major version.
pub(super) fn same_major(one: &str, other: &str, engine: Engine) -> bool {
    let major = |version: &str| -> Vec<String> { version.split('.').take(engine.major()).map(str::to_owned).collect() };
    major(one) == major(other)
}

fn numbers(version: &str) -> Vec<u32> {
    version.split(['.', '-']).map_while(|part| part.parse().ok()).collect()
}

/// The size as it was asked for, where the live one is what growth made of it.
///
/// AWS rounds an increase of less than a tenth up to a tenth.
/// <https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_ModifyDBInstance.html>
pub(super) fn size(tags: &Tags, live: i32, grows: bool) -> i32 {
    let asked = tags.get(SIZE).and_then(|asked| asked.parse::<i32>().ok());
    let answers = |asked: &i32| *asked <= live && (grows || f64::from(live) <= (f64::from(*asked) * 1.1).ceil());
    asked.filter(answers).unwrap_or(live)
}

/// The tags that keep what was asked for.
pub(super) fn tags(version: &str, storage: &Storage, final_snapshot: bool) -> [(&'static str, String); 3] {
    [(VERSION, version.to_owned()), (SIZE, storage.size.to_string()), (FINAL_SNAPSHOT, final_snapshot.to_string())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patch_of_the_version_asked_for_is_that_version() {
        let said = |asked: &str, live: &str, engine, auto| {
            version(&Tags::from([(VERSION.to_owned(), asked.to_owned())]), live, engine, auto)
        };
        assert_eq!(said("8.0", "8.0.43", Engine::Mysql, false), "8.0");
        assert_eq!(said("8.0.40", "8.0.40", Engine::Mysql, false), "8.0.40");
        assert_eq!(said("16", "16.9", Engine::Postgres, false), "16");
        // Another patch than the one asked for, unless AWS was allowed to move on.
        assert_eq!(said("8.0.40", "8.0.43", Engine::Mysql, false), "8.0.43");
        assert_eq!(said("8.0.40", "8.0.43", Engine::Mysql, true), "8.0.40");
        assert_eq!(said("8.0.9", "8.0.43", Engine::Mysql, true), "8.0.9");
        assert_eq!(said("8.0.43", "8.0.40", Engine::Mysql, true), "8.0.40");
        assert_eq!(said("16.4", "16.9", Engine::Postgres, true), "16.4");
        // Another major version never is.
        assert_eq!(said("8.0", "8.4.5", Engine::Mysql, true), "8.4.5");
        assert_eq!(said("1", "16.9", Engine::Postgres, true), "16.9");
        assert_eq!(version(&Tags::new(), "8.0.43", Engine::Mysql, true), "8.0.43");
    }

    #[test]
    fn growth_is_no_change_of_the_size_asked_for() {
        let said = |asked: &str, live, grows| size(&Tags::from([(SIZE.to_owned(), asked.to_owned())]), live, grows);
        assert_eq!(said("100", 150, true), 100);
        assert_eq!(said("100", 150, false), 150);
        assert_eq!(said("105", 110, false), 105, "rounded up by AWS");
        assert_eq!(said("200", 150, true), 150, "not grown to it yet");
        assert_eq!(size(&Tags::new(), 150, true), 150);
    }
}
