//! Statistics: a line in the log, and `stats.json` in the state folder.

use std::fs;
use std::io::Write;
use std::path::Path;

use serde::Serialize;

use crate::deliver;
use crate::model::Ledger;
use crate::pipeline::clock;
use crate::pipeline::keeper::SinkReport;
use crate::pipeline::live::Snapshot;

#[derive(Serialize)]
struct StatsDocument<'a> {
    #[serde(rename = "@timestamp")]
    timestamp: String,
    packets: PacketStats<'a>,
    flows: FlowStats<'a>,
    alerts: AlertStats,
    sources_open: u64,
    sources_failed: u64,
    /// By what means processes of this host are told, or why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    processes: Option<&'a str>,
    limits: &'a std::collections::BTreeMap<String, u64>,
    gaps: usize,
}

#[derive(Serialize)]
struct PacketStats<'a> {
    read: u64,
    decoded: u64,
    malformed: &'a std::collections::BTreeMap<String, u64>,
    unsupported: &'a std::collections::BTreeMap<String, u64>,
    shed: u64,
    kernel_drops: u64,
    interface_drops: u64,
}

#[derive(Serialize)]
struct FlowStats<'a> {
    created: u64,
    active: u64,
    ended: &'a std::collections::BTreeMap<String, u64>,
    evicted: &'a std::collections::BTreeMap<String, u64>,
    records_judged: u64,
}

#[derive(Serialize)]
struct AlertStats {
    raised: u64,
    durable: u64,
    pending: u64,
    write_failures: u64,
    sinks: std::collections::BTreeMap<String, SinkStats>,
}

/// `durable = delivered + skipped + queued + dead_letter` since the sink was first seen.
#[derive(Serialize)]
struct SinkStats {
    delivered: u64,
    skipped: u64,
    queued: u64,
    dead_letter: u64,
    failures: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<String>,
}

impl<'a> StatsDocument<'a> {
    fn new(snapshot: &'a Snapshot) -> Self {
        let Ledger { packets, flows, limits, gaps, .. } = &snapshot.ledger;
        Self {
            timestamp: clock::now().to_rfc3339(6),
            packets: PacketStats {
                read: packets.read,
                decoded: packets.decoded,
                malformed: &packets.malformed,
                unsupported: &packets.unsupported,
                shed: packets.shed,
                kernel_drops: packets.kernel_drops,
                interface_drops: packets.interface_drops,
            },
            flows: FlowStats {
                created: flows.created,
                active: flows.active,
                ended: &flows.ended,
                evicted: &flows.evicted,
                records_judged: snapshot.flows_judged,
            },
            alerts: AlertStats {
                raised: snapshot.raised,
                durable: snapshot.durable,
                pending: snapshot.raised.saturating_sub(snapshot.durable),
                write_failures: snapshot.write_failures,
                sinks: snapshot
                    .sinks
                    .iter()
                    .map(|(name, report)| (name.clone(), sink_stats(report)))
                    .collect(),
            },
            sources_open: snapshot.feeds_open,
            sources_failed: snapshot.feeds_failed,
            processes: snapshot.processes.as_deref(),
            limits,
            gaps: gaps.len(),
        }
    }
}

fn sink_stats(report: &SinkReport) -> SinkStats {
    let SinkReport { state, health } = report;
    SinkStats {
        delivered: state.delivered,
        skipped: state.skipped,
        queued: state.queued,
        dead_letter: state.dead,
        failures: health.failures,
        last_error: health.last_error.clone(),
    }
}

/// To the log as one line, and to `stats.json` (whole or not at all: written aside, then renamed).
pub(super) fn write_stats(state: &Path, snapshot: &Snapshot) {
    tracing::info!(
        packets = snapshot.ledger.packets.read,
        kernel_drops = snapshot.ledger.packets.kernel_drops,
        flows = snapshot.ledger.flows.created,
        active = snapshot.ledger.flows.active,
        alerts = snapshot.raised,
        "statistics"
    );
    let (path, aside) = (state.join("stats.json"), state.join(".stats.json.new"));
    let written = fs::File::create(&aside)
        .and_then(|mut file| {
            file.write_all(&deliver::to_document(&StatsDocument::new(snapshot))?)?;
            file.sync_all()
        })
        .and_then(|()| fs::rename(&aside, &path));
    if let Err(error) = written {
        tracing::error!(path = %path.display(), %error, "cannot write the statistics");
    }
}
