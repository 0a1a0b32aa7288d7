//! The outlines of countries that come with the program (`geoip/outlines.txt`, made by `scripts/outlines-build`).
//!
//! They follow who holds the land, are thinned, and leave out the smallest islands: whoever measures against them keeps
//! [`MARGIN_KM`] in hand. A country without an outline bounds nothing.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::sphere::Ring;
use crate::model::CountryCode;

const EMBEDDED: &str = include_str!("../../../geoip/outlines.txt");

/// What outlines may be wrong by: 15 km by thinning, the rest for the map (1:50 million) and for what is too small for it.
pub(super) const MARGIN_KM: f64 = 50.0;

/// Lands with codes of their own that a source may mean when it names the country they belong to.
const ALSO: &[(&str, &[&str])] = &[
    ("AU", &["CC", "CX", "HM", "NF"]),
    ("CN", &["HK", "MO"]),
    ("DK", &["FO", "GL"]),
    ("FI", &["AX"]),
    ("FR", &["BL", "MF", "NC", "PF", "PM", "TF", "WF"]),
    ("GB", &["AI", "BM", "FK", "GG", "GI", "GS", "IM", "IO", "JE", "KY", "MS", "PN", "SH", "TC", "VG"]),
    ("NL", &["AW", "BQ", "CW", "SX"]),
    ("NO", &["SJ"]),
    ("NZ", &["CK", "NU", "TK"]),
    ("US", &["AS", "GU", "MP", "PR", "UM", "VI"]),
];

static SHIPPED: LazyLock<BTreeMap<CountryCode, Vec<Ring>>> = LazyLock::new(|| parse(EMBEDDED));

/// All rings of a country and of what belongs to it; empty where there is no outline.
pub(super) fn of(country: CountryCode) -> Vec<Ring> {
    let also = ALSO.iter().find(|(code, _)| *code == country.as_str()).map_or(&[][..], |(_, also)| also);
    let codes = std::iter::once(country).chain(also.iter().filter_map(|c| CountryCode::parse(c)));
    codes.filter_map(|code| SHIPPED.get(&code)).flatten().cloned().collect()
}

/// The country's own rings, without what belongs to it: where a site is that names only its country.
pub(super) fn own(country: CountryCode) -> Option<&'static [Ring]> {
    SHIPPED.get(&country).map(Vec::as_slice)
}

/// All countries with an outline.
#[cfg(test)]
pub(super) fn codes() -> impl Iterator<Item = CountryCode> {
    SHIPPED.keys().copied()
}

/// Lines that are no ring are left out; a test sees to it that the shipped file has none.
pub(super) fn parse(text: &str) -> BTreeMap<CountryCode, Vec<Ring>> {
    let mut outlines: BTreeMap<CountryCode, Vec<Ring>> = BTreeMap::new();
    for line in text.lines().filter(|l| !l.starts_with('#')) {
        let mut words = line.split_whitespace();
        let Some(code) = words.next().and_then(CountryCode::parse) else { continue };
        let points: Option<Vec<(f64, f64)>> = words
            .map(|word| {
                let (lon, lat) = word.split_once(',')?;
                Some((lon.parse().ok()?, lat.parse().ok()?))
            })
            .collect();
        if let Some(points) = points.filter(|p| !p.is_empty()) {
            outlines.entry(code).or_default().push(Ring::new(points));
        }
    }
    outlines
}
