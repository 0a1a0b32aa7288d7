//! The wall clock: one of the two places that read it (the other is the live capture).

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::model::Timestamp;

/// The time of day.
#[expect(clippy::disallowed_methods, reason = "this is the place")]
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    Timestamp::EPOCH.plus(since)
}

/// A point on the monotonic clock, for deadlines and paces.
#[expect(clippy::disallowed_methods, reason = "this is the place")]
pub fn monotonic() -> Instant {
    Instant::now()
}

/// Today, in UTC.
pub fn today() -> Option<jiff::civil::Date> {
    let now = jiff::Timestamp::from_nanosecond(i128::from(now().as_nanos())).ok()?;
    Some(jiff::tz::Offset::UTC.to_datetime(now).date())
}
