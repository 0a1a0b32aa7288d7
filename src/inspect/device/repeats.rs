//! What was told a moment ago: a fixed table by hash, so that repeats cost nothing further down.

use std::hash::{BuildHasher, Hash, Hasher};
use std::time::Duration;

use crate::model::{DeviceObservation, Timestamp};

/// Places in the table; two observations that share one only cost a repeat.
const PLACES: usize = 1024;

/// When each place was last told, and what.
#[derive(Debug)]
pub(super) struct Repeats {
    hasher: foldhash::quality::FixedState,
    places: Vec<(u64, Timestamp)>,
    within: Duration,
}

impl Repeats {
    pub(super) fn new(within: Duration) -> Self {
        // A fixed seed: the same file must give the same records. Who forges a collision only hides his own device's words
        // for a minute.
        Self {
            hasher: foldhash::quality::FixedState::with_seed(0x77_68_69_74_68_65_72),
            places: vec![(0, Timestamp::from_nanos(i64::MIN)); PLACES],
            within,
        }
    }

    /// Whether this was not told within the time; remembers it then.
    pub(super) fn is_new(&mut self, seen: &DeviceObservation) -> bool {
        let mut hasher = self.hasher.build_hasher();
        (seen.origin, seen.mac, seen.addr, &seen.name, &seen.fingerprint).hash(&mut hasher);
        (&seen.vendor_class, &seen.model, &seen.services).hash(&mut hasher);
        let hash = hasher.finish();
        let Some(place) = usize::try_from(hash % PLACES as u64).ok().and_then(|at| self.places.get_mut(at))
        else {
            return true;
        };
        let repeated = place.0 == hash && seen.at >= place.1 && seen.at.since(place.1) < self.within;
        if !repeated {
            *place = (hash, seen.at);
        }
        !repeated
    }
}
