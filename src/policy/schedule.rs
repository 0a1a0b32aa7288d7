//! Days and hours in which a rule is in force, by the time of the record, in a time zone of the system's own database.

use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use serde::{Serialize, Serializer};

use crate::model::Timestamp;

use super::config;

const MINUTES: u16 = 24 * 60;

/// Days of the week as they are written, Monday first.
pub(super) const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// A schedule with its words resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Schedule {
    /// Monday first.
    days: [bool; 7],
    /// Minutes from midnight.
    from: u16,
    to: u16,
    zone: TimeZone,
    text: String,
}

impl Schedule {
    /// Reads a schedule; every mistake with its key and sentence.
    pub(super) fn read(written: &config::Schedule) -> Result<Self, Vec<(&'static str, String)>> {
        let mut wrong = Vec::new();
        let mut days = [written.days.is_empty(); 7];
        for day in &written.days {
            match DAYS.iter().zip(&mut days).find(|(name, _)| *name == day) {
                Some((_, set)) => *set = true,
                None => {
                    wrong.push(("days", format!("`{day}` is no day: expected some of {}", DAYS.join(", "))));
                }
            }
        }
        let mut minute = |key: &'static str, text: &str| {
            minutes(text).unwrap_or_else(|| {
                wrong.push((
                    key,
                    format!("`{text}` is no time of day: expected one like `08:00`, at most `24:00`"),
                ));
                0
            })
        };
        let (from, to) = (minute("from", &written.from), minute("to", &written.to));
        let zone = TimeZone::get(&written.time_zone).unwrap_or_else(|_| {
            let hint = "expected one like `Europe/Berlin` or `UTC` (the system's tzdata holds them)";
            wrong.push(("time-zone", format!("`{}` is no known time zone: {hint}", written.time_zone)));
            TimeZone::UTC
        });
        let which = if written.days.is_empty() { "every day".to_owned() } else { written.days.join(", ") };
        let text = format!("{which} {} to {} {}", written.from, written.to, written.time_zone);
        if wrong.is_empty() { Ok(Self { days, from, to, zone, text }) } else { Err(wrong) }
    }

    /// Whether it is never in force: it ends when it begins.
    pub(super) fn is_empty(&self) -> bool {
        self.from == self.to
    }

    /// Whether it is in force at that time; a time outside of the calendar is outside of the schedule.
    pub(super) fn holds(&self, at: Timestamp) -> bool {
        let Ok(stamp) = jiff::Timestamp::from_nanosecond(i128::from(at.as_nanos())) else { return false };
        let local = self.zone.to_datetime(stamp);
        let time = local.time();
        let minute =
            u16::try_from(i32::from(time.hour()) * 60 + i32::from(time.minute())).unwrap_or(MINUTES - 1);
        let today = local.date().weekday();
        if self.from <= self.to {
            return self.on(today) && (self.from..self.to).contains(&minute);
        }
        (minute >= self.from && self.on(today)) || (minute < self.to && self.on(today.previous()))
    }

    fn on(&self, day: Weekday) -> bool {
        let number = usize::try_from(day.to_monday_zero_offset()).unwrap_or(0);
        self.days.get(number).copied().unwrap_or(false)
    }

    /// How it was written, on one line.
    pub(super) fn text(&self) -> &str {
        &self.text
    }
}

impl Serialize for Schedule {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&self.text)
    }
}

fn minutes(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let two_digits = |t: &str| t.len() == 2 && t.bytes().all(|b| b.is_ascii_digit());
    if !two_digits(hour) || !two_digits(minute) {
        return None;
    }
    let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
    let total = hour * 60 + minute;
    (minute < 60 && total <= MINUTES).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(days: &[&str], from: &str, to: &str, zone: &str) -> Schedule {
        let days = days.iter().map(|d| (*d).to_owned()).collect();
        let written = config::Schedule { days, from: from.into(), to: to.into(), time_zone: zone.into() };
        Schedule::read(&written).unwrap()
    }

    fn at(text: &str) -> Timestamp {
        let stamp: jiff::Timestamp = text.parse().unwrap();
        Timestamp::from_nanos(i64::try_from(stamp.as_nanosecond()).unwrap())
    }

    #[test]
    fn hours_are_those_of_the_time_zone_summer_and_winter() {
        let office = schedule(&["mon", "tue", "wed", "thu", "fri"], "08:00", "18:00", "Europe/Berlin");
        assert!(office.holds(at("2026-11-26T07:00:00Z")), "a Thursday, 08:00 in winter");
        assert!(!office.holds(at("2026-11-26T06:59:59Z")));
        assert!(office.holds(at("2026-07-02T06:00:00Z")), "08:00 in summer");
        assert!(!office.holds(at("2026-11-26T17:00:00Z")), "18:00 is past the end");
        assert!(!office.holds(at("2026-11-28T10:00:00Z")), "a Saturday");
    }

    #[test]
    fn hours_past_midnight_belong_to_the_day_on_which_they_began() {
        let night = schedule(&["fri"], "22:00", "06:00", "UTC");
        assert!(night.holds(at("2026-11-27T23:00:00Z")), "Friday night");
        assert!(night.holds(at("2026-11-28T05:59:00Z")), "its morning");
        assert!(!night.holds(at("2026-11-27T05:00:00Z")), "Thursday's night");
        assert!(!night.holds(at("2026-11-28T06:00:00Z")));
        assert!(schedule(&[], "00:00", "24:00", "UTC").holds(at("2026-11-27T23:59:59Z")));
        assert!(schedule(&[], "08:00", "08:00", "UTC").is_empty());
    }

    #[test]
    fn mistakes_are_named_with_their_key() {
        let written = config::Schedule {
            days: vec!["monday".into()],
            from: "8:00".into(),
            to: "24:01".into(),
            time_zone: "Europe/Atlantis".into(),
        };
        let keys: Vec<&str> = Schedule::read(&written).unwrap_err().iter().map(|(key, _)| *key).collect();
        assert_eq!(keys, ["days", "from", "to", "time-zone"]);
    }
}
