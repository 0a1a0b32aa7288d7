//! The makers that packets name, kept once and known to flows by a small number: a flow's entry has no room for more.
//!
//! Limit: [`MOST`] different makers in one run; a device has hundreds. Further ones are not kept, and counted.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::entry::Cold;
use crate::decode::Packet;
use crate::model::ProcessRef;

/// Different makers in one run.
const MOST: usize = 16_384;

/// Packets of the flow named different makers.
const CONFLICT: u8 = 1;
/// A relay on the device made its packets up.
const RELAYED: u8 = 2;

/// A maker's number in an entry; 0 is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct OriginId(u16);

/// What packets said of a flow's maker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Marks(u8);

impl Marks {
    /// Whether packets named different makers.
    pub(crate) const fn conflict(self) -> bool {
        self.0 & CONFLICT != 0
    }

    /// Whether a relay made its packets up.
    pub(crate) const fn relayed(self) -> bool {
        self.0 & RELAYED != 0
    }
}

/// All makers, and what was counted about them.
#[derive(Debug, Default)]
pub(crate) struct Origins {
    list: Vec<Arc<ProcessRef>>,
    numbers: HashMap<Arc<ProcessRef>, OriginId>,
    full: u64,
    conflicts: u64,
    relayed: u64,
}

impl Origins {
    /// Takes in what a packet says of its flow's maker; the first stays.
    #[inline]
    pub(crate) fn note(&mut self, packet: &Packet<'_>, cold: &mut Cold) {
        if packet.relayed && !cold.marks.relayed() {
            cold.marks.0 |= RELAYED;
            self.relayed += 1;
        }
        if let Some(origin) = packet.origin {
            self.note_origin(origin, cold);
        }
    }

    fn note_origin(&mut self, origin: &Arc<ProcessRef>, cold: &mut Cold) {
        let Some(known) = self.get(cold.origin) else {
            cold.origin = self.number(origin);
            return;
        };
        // Sources lend the same allocation for the same maker, so most packets are done here.
        if !Arc::ptr_eq(known, origin) && known != origin && !cold.marks.conflict() {
            cold.marks.0 |= CONFLICT;
            self.conflicts += 1;
        }
    }

    fn number(&mut self, origin: &Arc<ProcessRef>) -> OriginId {
        if let Some(id) = self.numbers.get(origin) {
            return *id;
        }
        let next = u16::try_from(self.list.len() + 1).ok().filter(|_| self.list.len() < MOST);
        let Some(next) = next else {
            self.full += 1;
            return OriginId::default();
        };
        self.list.push(Arc::clone(origin));
        self.numbers.insert(Arc::clone(origin), OriginId(next));
        OriginId(next)
    }

    /// The maker of that number.
    pub(crate) fn get(&self, id: OriginId) -> Option<&Arc<ProcessRef>> {
        self.list.get(usize::from(id.0).checked_sub(1)?)
    }

    /// Adds what was counted.
    pub(crate) fn add_limits(&self, limits: &mut BTreeMap<String, u64>) {
        for (name, count) in [
            ("origins_full", self.full),
            ("origin_conflicts", self.conflicts),
            ("rtt_not_the_networks", self.relayed),
        ] {
            if count > 0 {
                limits.insert(name.to_owned(), count);
            }
        }
    }
}
