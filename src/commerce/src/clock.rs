//! The server's clock, the only one that decides anything, and how moments are written for people.

use std::time::{SystemTime, UNIX_EPOCH};

use time::format_description::StaticFormatDescription;
use time::macros::format_description;
use time::{OffsetDateTime, PrimitiveDateTime, UtcOffset};

/// One second in the service's unit of time.
pub(crate) const SECOND: i64 = 1000;
/// One minute.
pub(crate) const MINUTE: i64 = 60 * SECOND;
/// One hour.
pub(crate) const HOUR: i64 = 60 * MINUTE;
/// One day.
pub(crate) const DAY: i64 = 24 * HOUR;

/// The shop's time zone: Korea, which has no daylight saving.
const ZONE: UtcOffset = match UtcOffset::from_hms(9, 0, 0) {
    Ok(zone) => zone,
    Err(_) => UtcOffset::UTC,
};

const SHOWN: StaticFormatDescription = format_description!("[year].[month].[day] [hour]:[minute]");
const FIELD: StaticFormatDescription = format_description!("[year]-[month]-[day]T[hour]:[minute]");

/// Milliseconds since 1970.
pub(crate) fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

fn local(at: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(at.div_euclid(SECOND)).unwrap_or(OffsetDateTime::UNIX_EPOCH).to_offset(ZONE)
}

/// A moment as pages show it.
pub(crate) fn shown(at: i64) -> String {
    local(at).format(SHOWN).unwrap_or_default()
}

/// A moment as a `datetime-local` field holds it.
pub(crate) fn field(at: i64) -> String {
    local(at).format(FIELD).unwrap_or_default()
}

/// The moment a `datetime-local` field names.
pub(crate) fn from_field(text: &str) -> Option<i64> {
    let parsed = PrimitiveDateTime::parse(text.get(..16)?, FIELD).ok()?;
    Some(parsed.assume_offset(ZONE).unix_timestamp() * SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_names_the_moment_it_shows() {
        let at = 1_767_225_600_000;
        assert_eq!(shown(at), "2026.01.01 09:00");
        assert_eq!(from_field(&field(at)), Some(at));
        assert_eq!(from_field("yesterday"), None);
        assert_eq!(from_field("날짜날짜날짜날짜날짜"), None);
    }
}
