//! Durations and sizes as people write them in config (`90s`, `15m`, `64MiB`), and problems found in config.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A duration written as a whole number with a unit: `500ms`, `90s`, `15m`, `2h`, `7d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct HumanDuration(pub Duration);

/// A size in bytes written as a whole number with a unit: `512`, `64KiB`, `64MiB`, `1GiB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct HumanSize(pub u64);

const DURATION_UNITS: [(&str, u64); 5] =
    [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];
const SIZE_UNITS: [(&str, u64); 4] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("", 1)];

impl HumanDuration {
    /// From whole seconds.
    pub const fn from_secs(secs: u64) -> Self {
        Self(Duration::from_secs(secs))
    }
}

impl FromStr for HumanDuration {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        scaled(text, &DURATION_UNITS).map(|ms| Self(Duration::from_millis(ms))).ok_or_else(|| {
            format!("`{text}` is no duration: expected a whole number with ms, s, m, h or d, like `90s`")
        })
    }
}

impl FromStr for HumanSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        scaled(text, &SIZE_UNITS).map(Self).ok_or_else(|| {
            format!("`{text}` is no size: expected a whole number with KiB, MiB or GiB, like `64MiB`")
        })
    }
}

fn scaled(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let (_, factor) = units.iter().find(|(u, _)| *u == unit.trim())?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

fn unscaled(value: u64, units: &[(&str, u64)]) -> String {
    let (unit, factor) = units
        .iter()
        .find(|(_, f)| value > 0 && value.is_multiple_of(*f))
        .or(units.last())
        .copied()
        .unwrap_or(("", 1));
    format!("{}{unit}", value / factor)
}

impl fmt::Display for HumanDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&unscaled(u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX), &DURATION_UNITS))
    }
}

impl fmt::Display for HumanSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&unscaled(self.0, &SIZE_UNITS))
    }
}

impl Serialize for HumanDuration {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl Serialize for HumanSize {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for HumanDuration {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(de::Error::custom)
    }
}

impl<'de> Deserialize<'de> for HumanSize {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(de::Error::custom)
    }
}

/// Something wrong in a configuration; all problems of a file are reported at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The key's path (`meter.idle-timeout-tcp`).
    pub key: String,
    /// What is wrong, what was expected, what to do.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}", self.key, self.message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_sizes_survive_writing_and_reading() {
        for text in ["500ms", "90s", "15m", "2h", "7d"] {
            assert_eq!(text.parse::<HumanDuration>().unwrap().to_string(), text);
        }
        for text in ["512", "64KiB", "64MiB", "1GiB"] {
            assert_eq!(text.parse::<HumanSize>().unwrap().to_string(), text);
        }
        assert_eq!("60s".parse::<HumanDuration>().unwrap().to_string(), "1m");
        assert_eq!("0s".parse::<HumanDuration>().unwrap().to_string(), "0ms");
    }

    #[test]
    fn nonsense_is_refused_with_an_example() {
        for bad in ["", "10", "s", "-1s", "1.5h", "99999999999999999d"] {
            assert!(bad.parse::<HumanDuration>().unwrap_err().contains("like `90s`"), "{bad}");
        }
        assert!("1MB".parse::<HumanSize>().is_err());
    }
}
