//! Names of QUIC connections by the ids that their packets carry, so that a connection that goes on from another address
//! (RFC 9000 §9) keeps its name. A NAT that gives the client another port is the common case: the id stays the same then.
//! A client that changes its path on purpose takes an id that was sent encrypted; such a flow stays without a name.
//!
//! Bounded by two generations: when the younger one is full it becomes the older one, and that one is forgotten.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;

use crate::model::{Endpoint, Facts, NameFact, NameOrigin, Timestamp};

/// Connections of one generation; each takes about 150 bytes.
const GENERATION: usize = 8192;
/// Shorter ids are no proof: two connections of one server could share one by chance.
const MIN_ID: usize = 4;
/// Longest id (RFC 9000 §17.2).
pub(super) const MAX_ID: usize = 20;

/// An id and whose it is: the server gives it, and means it for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    server: Endpoint,
    id: [u8; MAX_ID],
    length: u8,
}

impl Key {
    fn new(server: Endpoint, bytes: &[u8]) -> Option<Self> {
        let mut id = [0; MAX_ID];
        id.get_mut(..bytes.len())?.copy_from_slice(bytes);
        Some(Self { server, id, length: u8::try_from(bytes.len()).ok()? })
    }
}

/// What a connection said when it began.
#[derive(Debug)]
struct Known {
    names: Vec<NameFact>,
    alpn: Vec<Arc<str>>,
    version: Option<u32>,
}

/// Connections seen.
#[derive(Debug, Default)]
pub(in crate::inspect) struct Connections {
    young: HashMap<Key, Arc<Known>, RandomState>,
    old: HashMap<Key, Arc<Known>, RandomState>,
    /// Lengths of ids in use, as bits: a short header does not say how long its id is.
    lengths: u32,
    forgotten: u64,
}

impl Connections {
    /// Remembers the names of a connection to `server` by an id of its packets.
    pub(super) fn learn(&mut self, server: Endpoint, id: &[u8], facts: &Facts) {
        let Some(key) = Key::new(server, id).filter(|_| id.len() >= MIN_ID && !facts.names.is_empty()) else {
            return;
        };
        if self.young.len() >= GENERATION {
            self.forgotten += u64::try_from(self.old.len()).unwrap_or(u64::MAX);
            self.old = std::mem::take(&mut self.young);
        }
        self.lengths |= 1 << id.len();
        let known =
            Known { names: facts.names.clone(), alpn: facts.alpn.clone(), version: facts.quic_version };
        self.young.insert(key, Arc::new(known));
    }

    /// Whether a packet can be looked up at all.
    pub(super) fn is_empty(&self) -> bool {
        self.lengths == 0
    }

    /// Gives the names of the connection whose id `bytes` begin with. Says whether there is one.
    pub(super) fn recall(&self, server: Endpoint, bytes: &[u8], at: Timestamp, facts: &mut Facts) -> bool {
        for length in (MIN_ID..=MAX_ID).filter(|n| self.lengths & 1 << n != 0) {
            let Some(key) = bytes.get(..length).and_then(|id| Key::new(server, id)) else { continue };
            let Some(known) = self.young.get(&key).or_else(|| self.old.get(&key)) else { continue };
            for fact in &known.names {
                let origin = NameOrigin::QuicMigration;
                facts.add_name(NameFact { name: fact.name.clone(), origin, at });
            }
            facts.alpn.clone_from(&known.alpn);
            facts.quic_version = known.version;
            facts.protocol = Some("quic");
            return true;
        }
        false
    }

    /// Connections given up for want of room.
    pub(in crate::inspect) fn forgotten(&self) -> u64 {
        self.forgotten
    }
}
