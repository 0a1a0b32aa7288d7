//! A vendor's own claim of a region, as tables and documents show it.

use std::sync::Arc;

use serde::Serialize;

use crate::model::{Certainty, CountryCode, RegionClaim, RegionPlace};
use crate::pipeline::summary::Destination;
use crate::policy::groups;

/// A claim in a document.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct RegionDocument {
    vendor: Arc<str>,
    name: String,
    token: Arc<str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    country: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<Arc<str>>,
    source: Arc<str>,
    confidence: &'static str,
}

impl From<&RegionClaim> for RegionDocument {
    fn from(claim: &RegionClaim) -> Self {
        let (country, group) = match &claim.place {
            RegionPlace::Country(country) => (Some(country.to_string()), None),
            RegionPlace::Group(group) => (None, Some(Arc::clone(group))),
        };
        Self {
            vendor: Arc::clone(&claim.vendor),
            name: claim.name.to_string(),
            token: Arc::clone(&claim.token),
            country,
            group,
            source: Arc::clone(&claim.source),
            confidence: claim.confidence,
        }
    }
}

/// The place in a word.
pub(super) fn place(claim: &RegionClaim) -> String {
    match &claim.place {
        RegionPlace::Country(country) => country.to_string(),
        RegionPlace::Group(group) => group.to_uppercase(),
    }
}

/// Places that names of a destination claim other than where its machines stand; `None` where they agree or one of the two
/// is not known.
pub(super) fn differing(
    destination: &Destination,
    (country, certainty): (Option<CountryCode>, Certainty),
) -> Option<String> {
    let country = country.filter(|_| certainty >= Certainty::Low)?;
    let differs = |claim: &&RegionClaim| match &claim.place {
        RegionPlace::Country(claimed) => *claimed != country,
        RegionPlace::Group(group) => {
            groups::shipped().get(&**group).is_some_and(|g| !g.members.contains(&country))
        }
    };
    let mut places: Vec<String> = destination.region_claims.kept.iter().filter(differs).map(place).collect();
    places.sort();
    places.dedup();
    (!places.is_empty()).then(|| places.join(", "))
}
