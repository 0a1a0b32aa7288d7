//! What the speed of light says of a location, and whose data a rented machine holds.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::CountryCode;

/// Whether a machine can stand in a country, by the round trip to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Feasibility {
    /// Nothing speaks against it. Never a proof: a round trip only bounds a distance.
    Possible,
    /// Its nearest border is farther away than light in fibre comes in half the round trip.
    RefutedByRtt,
}

impl Feasibility {
    /// The lower-case word used in every output.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Possible => "possible",
            Self::RefutedByRtt => "refuted_by_rtt",
        }
    }
}

/// The smallest round trip to a remote, held against the countries in which somebody says that it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Physics {
    /// The smallest handshake round trip seen to the address.
    pub rtt: Duration,
    /// How far away the machine is at most, in km.
    pub bound_km: u32,
    /// From where: a country's code, or `latitude,longitude`.
    pub site: Arc<str>,
    /// For each country that a source, or the vendor's own name, claims as the server's place.
    pub verdicts: BTreeMap<CountryCode, Feasibility>,
}

impl Physics {
    /// Whether a machine there is impossible.
    pub fn refutes(&self, country: CountryCode) -> bool {
        self.verdicts.get(&country) == Some(&Feasibility::RefutedByRtt)
    }

    /// The round trip in milliseconds.
    pub fn rtt_ms(&self) -> f64 {
        self.rtt.as_secs_f64() * 1000.0
    }
}
