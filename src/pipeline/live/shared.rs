//! What the threads of the daemon count together, and the numbers of a moment.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::model::Ledger;
use crate::pipeline::keeper::SinkReport;
use crate::telemetry::Throttle;

/// Counters that several threads add to.
#[derive(Debug, Default)]
pub(in crate::pipeline) struct Shared {
    pub(in crate::pipeline) stop: AtomicBool,
    pub(in crate::pipeline) feeds_open: AtomicU64,
    pub(in crate::pipeline) processes: Mutex<Option<String>>,
    pub(in crate::pipeline) feeds_failed: AtomicU64,
    pub(in crate::pipeline) ledgers: Mutex<BTreeMap<usize, Ledger>>,
    pub(in crate::pipeline) stage_limits: Mutex<BTreeMap<String, u64>>,
    pub(in crate::pipeline) records_dropped: AtomicU64,
    pub(in crate::pipeline) octets_dropped: AtomicU64,
    pub(in crate::pipeline) flows_judged: AtomicU64,
    pub(in crate::pipeline) raised: AtomicU64,
    pub(in crate::pipeline) durable: AtomicU64,
    pub(in crate::pipeline) updates_replaced: AtomicU64,
    pub(in crate::pipeline) write_failures: AtomicU64,
    pub(in crate::pipeline) flow_lines_dropped: AtomicU64,
    pub(in crate::pipeline) sinks: Mutex<BTreeMap<String, SinkReport>>,
    pub(in crate::pipeline) throttle: Throttle,
}

/// The numbers of a moment.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// What was seen, and what was not.
    pub ledger: Ledger,
    /// Records judged.
    pub flows_judged: u64,
    /// Alert documents raised.
    pub raised: u64,
    /// Alert documents committed to the store; `raised = durable + pending`.
    pub durable: u64,
    /// Failed attempts to write; the lines are kept and tried again.
    pub write_failures: u64,
    /// Every sink: how far it has come, and how it is.
    pub sinks: BTreeMap<String, SinkReport>,
    /// By what means processes of this host are told, or why not; nothing where there is no live source.
    pub processes: Option<String>,
    /// Sources still open.
    pub feeds_open: u64,
    /// Sources that ended by an error.
    pub feeds_failed: u64,
}

impl Shared {
    /// Counters of what was not seen or not kept, by name.
    pub(in crate::pipeline) fn losses(&self) -> BTreeMap<String, u64> {
        let Ledger { packets, flows, mut limits, .. } = self.snapshot().ledger;
        for (name, count) in [
            ("kernel_drops", packets.kernel_drops),
            ("interface_drops", packets.interface_drops),
            ("shed", packets.shed),
            ("flows_evicted", flows.evicted.values().sum()),
        ] {
            limits.insert(name.to_owned(), count);
        }
        limits
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        let mut ledger = Ledger::default();
        for one in self.ledgers.lock().unwrap_or_else(PoisonError::into_inner).values() {
            ledger.packets.absorb(&one.packets);
            ledger.flows.absorb(&one.flows);
            for (name, count) in &one.limits {
                *ledger.limits.entry(name.clone()).or_default() += count;
            }
            ledger.gaps.extend(one.gaps.iter().cloned());
        }
        ledger.limits.extend(self.stage_limits.lock().unwrap_or_else(PoisonError::into_inner).clone());
        let dropped = self.records_dropped.load(Ordering::SeqCst);
        if dropped > 0 {
            ledger.limits.insert("records_dropped".into(), dropped);
            ledger.limits.insert("octets_dropped".into(), self.octets_dropped.load(Ordering::SeqCst));
        }
        let flow_lines = self.flow_lines_dropped.load(Ordering::SeqCst);
        if flow_lines > 0 {
            ledger.limits.insert("flow_lines_dropped".into(), flow_lines);
        }
        let replaced = self.updates_replaced.load(Ordering::SeqCst);
        if replaced > 0 {
            ledger.limits.insert("alert_updates_replaced".into(), replaced);
        }
        Snapshot {
            ledger,
            flows_judged: self.flows_judged.load(Ordering::SeqCst),
            raised: self.raised.load(Ordering::SeqCst),
            durable: self.durable.load(Ordering::SeqCst),
            write_failures: self.write_failures.load(Ordering::SeqCst),
            sinks: self.sinks.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            processes: self.processes.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            feeds_open: self.feeds_open.load(Ordering::SeqCst),
            feeds_failed: self.feeds_failed.load(Ordering::SeqCst),
        }
    }
}
