//! Points in time as people type them: `2h`, `yesterday`, `2026-11-01`, `2026-11-01T10:00`, RFC 3339. UTC, as all output.

use std::time::Duration;

use crate::model::{HumanDuration, Timestamp};

const DAY: Duration = Duration::from_secs(86_400);

/// The point that `text` means at `now`; an amount of time is so long ago.
pub(super) fn parse(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    let text = text.trim();
    let midnight = Timestamp::from_parts(now.as_secs() - now.as_secs().rem_euclid(86_400), 0);
    match text {
        "now" => return Ok(now),
        "today" => return Ok(midnight),
        "yesterday" => return Ok(midnight.minus(DAY)),
        _ => {}
    }
    if let Ok(HumanDuration(ago)) = text.parse() {
        return Ok(now.minus(ago));
    }
    let nanos = |stamp: jiff::Timestamp| i64::try_from(stamp.as_nanosecond()).ok().map(Timestamp::from_nanos);
    let parsed = text.parse::<jiff::Timestamp>().ok().or_else(|| {
        let civil = text.parse::<jiff::civil::DateTime>().ok()?;
        jiff::tz::Offset::UTC.to_timestamp(civil).ok()
    });
    parsed.and_then(nanos).ok_or_else(|| {
        format!(
            "`{text}` is no point in time: expected an amount like `2h` or `7d`, `today`, `yesterday`, a date like \
             `2026-11-01`, or one with a time like `2026-11-01T10:00` (UTC)"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_understood() {
        let now = Timestamp::from_parts(1_800_000_000, 0);
        let is = |text: &str, expected: &str| {
            assert_eq!(parse(text, now).unwrap().to_rfc3339(0), expected, "{text}");
        };
        is("now", "2027-01-15T08:00:00Z");
        is("2h", "2027-01-15T06:00:00Z");
        is("today", "2027-01-15T00:00:00Z");
        is("yesterday", "2027-01-14T00:00:00Z");
        is("2026-11-01", "2026-11-01T00:00:00Z");
        is("2026-11-01T10:30", "2026-11-01T10:30:00Z");
        is("2026-11-01T10:30:00+02:00", "2026-11-01T08:30:00Z");
        for bad in ["", "soon", "2 hours ago", "2026-13-01", "-1h"] {
            assert!(parse(bad, now).unwrap_err().contains("like `2h`"), "{bad}");
        }
    }
}
