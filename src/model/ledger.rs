//! The ledger: what was *not* seen. Every summary ends with it.

use std::collections::BTreeMap;

use super::Timestamp;

/// Identity: `read = decoded + Σ malformed + Σ unsupported + shed`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PacketLedger {
    /// Frames taken from the source.
    pub read: u64,
    /// Frames that became one packet of a flow.
    pub decoded: u64,
    /// Broken frames by exact reason.
    pub malformed: BTreeMap<String, u64>,
    /// Sound frames that carry nothing this program meters, by exact reason.
    pub unsupported: BTreeMap<String, u64>,
    /// Frames dropped on purpose under overload.
    pub shed: u64,
    /// Frames the kernel dropped before they were read (live only; not part of `read`).
    pub kernel_drops: u64,
    /// Frames the interface dropped (live only; not part of `read`).
    pub interface_drops: u64,
}

impl PacketLedger {
    /// Whether the identity holds.
    pub fn balances(&self) -> bool {
        let sum = |m: &BTreeMap<String, u64>| m.values().sum::<u64>();
        self.read == self.decoded + sum(&self.malformed) + sum(&self.unsupported) + self.shed
    }

    /// Adds another ledger's counts.
    pub fn absorb(&mut self, other: &Self) {
        self.read += other.read;
        self.decoded += other.decoded;
        self.shed += other.shed;
        self.kernel_drops += other.kernel_drops;
        self.interface_drops += other.interface_drops;
        add_counts(&mut self.malformed, &other.malformed);
        add_counts(&mut self.unsupported, &other.unsupported);
    }
}

/// Identity: `created = active + Σ ended + Σ evicted`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FlowLedger {
    /// Flows begun.
    pub created: u64,
    /// Flows in the table now.
    pub active: u64,
    /// Flows that ended, by [`super::FlowEndReason::word`].
    pub ended: BTreeMap<String, u64>,
    /// Flows thrown out of a full table, by what they were (`idle`, `half_open`, `one_way`, `oldest`).
    pub evicted: BTreeMap<String, u64>,
}

impl FlowLedger {
    /// Whether the identity holds.
    pub fn balances(&self) -> bool {
        self.created == self.active + self.ended.values().sum::<u64>() + self.evicted.values().sum::<u64>()
    }

    /// Adds another ledger's counts.
    pub fn absorb(&mut self, other: &Self) {
        self.created += other.created;
        self.active += other.active;
        add_counts(&mut self.ended, &other.ended);
        add_counts(&mut self.evicted, &other.evicted);
    }
}

/// A stretch of a capture that is missing: a break, a cut, a clock that jumped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// The capture or interface.
    pub source: String,
    /// What happened, as one word (`truncated`, `corrupt`, `clock_backwards`, `records_dropped`).
    pub kind: &'static str,
    /// Byte offset in the (decompressed) file, where it has one.
    pub offset: Option<u64>,
    /// When, by the capture's clock, where known.
    pub at: Option<Timestamp>,
    /// A sentence for people.
    pub detail: String,
}

/// All that limits what can be said.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ledger {
    /// Packets.
    pub packets: PacketLedger,
    /// Flows.
    pub flows: FlowLedger,
    /// Other counters that say what was not looked at, by name (`tls_reassembly_limit`, `dns_unmatched_answer`…).
    pub limits: BTreeMap<String, u64>,
    /// Missing stretches.
    pub gaps: Vec<Gap>,
    /// Sentences for people ("database is older than the capture").
    pub notes: Vec<String>,
}

/// Adds `from`'s counts to `to`.
fn add_counts(to: &mut BTreeMap<String, u64>, from: &BTreeMap<String, u64>) {
    for (reason, count) in from {
        *to.entry(reason.clone()).or_default() += count;
    }
}
