//! Points in time as captures give them: nanoseconds since the Unix epoch, signed.
//!
//! A capture may claim any time at all; arithmetic saturates and differences are never negative.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A point in time in nanoseconds since 1970-01-01T00:00:00Z (years 1677 to 2262).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The Unix epoch.
    pub const EPOCH: Self = Self(0);

    /// From nanoseconds since the epoch.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// From whole seconds and nanoseconds since the epoch; saturates at the ends of the range.
    pub const fn from_parts(seconds: i64, nanos: u32) -> Self {
        Self(seconds.saturating_mul(1_000_000_000).saturating_add(nanos as i64))
    }

    /// Nanoseconds since the epoch.
    pub const fn as_nanos(self) -> i64 {
        self.0
    }

    /// Whole seconds since the epoch, rounded down.
    pub const fn as_secs(self) -> i64 {
        self.0.div_euclid(1_000_000_000)
    }

    /// How long after `earlier` this is; zero when it is not after.
    pub fn since(self, earlier: Self) -> Duration {
        let nanos = self.0.saturating_sub(earlier.0);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(0))
    }

    /// This point moved on by `by`; saturates.
    #[must_use]
    pub fn plus(self, by: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(by.as_nanos()).unwrap_or(i64::MAX)))
    }

    /// This point moved back by `by`; saturates.
    #[must_use]
    pub fn minus(self, by: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(by.as_nanos()).unwrap_or(i64::MAX)))
    }

    /// RFC 3339 in UTC with `digits` (0 to 9) digits of the second, cut, not rounded.
    pub fn to_rfc3339(self, digits: u8) -> String {
        let Ok(stamp) = jiff::Timestamp::from_nanosecond(i128::from(self.0)) else {
            return "1970-01-01T00:00:00Z".to_owned();
        };
        let digits = usize::from(digits.min(9));
        format!("{stamp:.digits$}")
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_rfc3339(6))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_never_negative() {
        let (early, late) = (Timestamp::from_nanos(5), Timestamp::from_nanos(9));
        assert_eq!(late.since(early), Duration::from_nanos(4));
        assert_eq!(early.since(late), Duration::ZERO);
        assert_eq!(
            Timestamp::from_nanos(i64::MAX).since(Timestamp::from_nanos(i64::MIN)).as_nanos(),
            i64::MAX as u128
        );
    }

    #[test]
    fn times_print_with_the_digits_asked_for_and_are_cut() {
        let t = Timestamp::from_parts(1_492_167_337, 792_745_999);
        assert_eq!(t.to_rfc3339(6), "2017-04-14T10:55:37.792745Z");
        assert_eq!(t.to_rfc3339(9), "2017-04-14T10:55:37.792745999Z");
        assert_eq!(t.to_rfc3339(0), "2017-04-14T10:55:37Z");
        assert_eq!(Timestamp::from_nanos(-1).to_rfc3339(3), "1969-12-31T23:59:59.999Z");
    }
}
