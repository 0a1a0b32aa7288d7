//! How old databases are, and from when on that is worth a word.

use jiff::civil::Date;

use crate::model::Timestamp;

/// Half a year: six issues of a monthly database.
pub(super) const TOO_OLD_DAYS: i64 = 180;

/// The day of a build date such as `2026-10-01`.
pub(super) fn day(build: &str) -> Option<Date> {
    build.get(..10)?.parse().ok()
}

/// The day (UTC) of a point in time.
pub(super) fn day_of(at: Timestamp) -> Option<Date> {
    day(&at.to_rfc3339(0))
}

/// Days from a build date to `by`; negative where the build is later. `None`: it holds no date.
pub(super) fn days(build: &str, by: Date) -> Option<i64> {
    let span = day(build)?.until(by).ok()?;
    Some(i64::from(span.get_days()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_counted_over_months_and_years_both_ways() {
        let by = Date::constant(2027, 1, 2);
        assert_eq!(days("2026-12-31", by), Some(2));
        assert_eq!(days("2026-01-02T10:00:00Z", by), Some(365));
        assert_eq!(days("2027-01-03", by), Some(-1));
        assert_eq!(days("unknown", by), None);
        assert_eq!(day_of(Timestamp::from_parts(1_800_000_000, 0)), Some(Date::constant(2027, 1, 15)));
    }
}
