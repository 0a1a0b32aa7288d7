//! Where the sensor stands, as the configuration says it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::model::{CountryCode, Problem};

/// Degrees of latitude or longitude; never infinite or no number.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Degrees(f64);

impl Eq for Degrees {}

impl TryFrom<f64> for Degrees {
    type Error = String;

    fn try_from(value: f64) -> Result<Self, String> {
        value.is_finite().then_some(Self(value)).ok_or_else(|| format!("{value} is no angle in degrees"))
    }
}

impl From<Degrees> for f64 {
    fn from(value: Degrees) -> Self {
        value.0
    }
}

/// The place of the sensor: a country, or a latitude and longitude.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SiteConfig {
    /// The country it stands in (ISO 3166-1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// Degrees north.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latitude: Option<Degrees>,
    /// Degrees east.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub longitude: Option<Degrees>,
}

/// A place that makes sense.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Site {
    /// Somewhere in a country.
    Country(CountryCode),
    /// At a latitude and longitude, in degrees.
    Point(f64, f64),
}

const EXPECTED: &str =
    "expected `{ country = \"CZ\" }` or `{ latitude = 50.1, longitude = 14.4 }` with degrees north and east";

impl SiteConfig {
    pub(super) fn site(&self) -> Result<Site, String> {
        match (&self.country, self.latitude, self.longitude) {
            (Some(country), None, None) => {
                let code = CountryCode::parse(country)
                    .ok_or_else(|| format!("`{}` is no country code; {EXPECTED}", country.escape_debug()))?;
                super::outlines::own(code)
                    .map(|_| Site::Country(code))
                    .ok_or_else(|| format!("no outline of {code} is known; give latitude and longitude"))
            }
            (None, Some(Degrees(lat)), Some(Degrees(lon))) => {
                if lat.abs() <= 90.0 && lon.abs() <= 180.0 {
                    Ok(Site::Point(lat, lon))
                } else {
                    Err(format!("{lat},{lon} is no place on Earth; {EXPECTED}"))
                }
            }
            _ => Err(format!("is no place; {EXPECTED}")),
        }
    }

    /// Adds what is wrong with it to `problems`.
    pub(in crate::enrich) fn validate(&self, problems: &mut Vec<Problem>) {
        if let Err(message) = self.site() {
            problems.push(Problem { key: "enrich.site".to_owned(), message });
        }
    }
}

impl FromStr for SiteConfig {
    type Err = String;

    /// `CZ`, or `50.1,14.4`.
    fn from_str(text: &str) -> Result<Self, String> {
        let degrees = |text: &str| text.trim().parse().ok().and_then(|n: f64| Degrees::try_from(n).ok());
        let site = match text.split_once(',') {
            Some((lat, lon)) => Self { country: None, latitude: degrees(lat), longitude: degrees(lon) },
            None => Self { country: Some(text.trim().to_owned()), ..Self::default() },
        };
        site.site().map(|_| site.clone()).map_err(|_| {
            format!(
                "`{}`: expected the code of a country (CZ), or latitude and longitude in degrees (50.1,14.4)",
                text.escape_debug()
            )
        })
    }
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Country(code) => write!(f, "{code}"),
            Self::Point(lat, lon) => write!(f, "{lat},{lon}"),
        }
    }
}
