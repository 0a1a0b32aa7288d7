//! One open alert: how it begins, how it grows, and when it is due to speak.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::model::{
    Alert, AlertState, Bytes, DeviceAbout, DeviceContext, EnrichedFlow, Exchange, Exchanges, Finding, FlowId,
    HostName, Identification, Outcome, Telling, Timestamp,
};

use super::AlertConfig;
use super::group::{EVERYBODY, Group, UNSOLICITED};

/// Flows that an alert remembers, so that the records of one flow count as one flow. Exact while at most this many flows
/// take turns in one alert; beyond it a flow that comes back after so many others counts again (its first record never
/// does). The octets are exact in any case.
pub const RECENT_FLOWS: usize = 64;

/// An open alert with what its life needs.
#[derive(Debug)]
pub(super) struct Life {
    pub(super) group: Group,
    pub(super) alert: Alert,
    /// Flows and what each exchanged so far, as counted.
    recent: VecDeque<(FlowId, Exchange)>,
    /// Whether it grew since the last document.
    pub(super) grew: bool,
    /// When the last document was written, by the book's clock.
    pub(super) spoke: Timestamp,
    /// When the last finding came, by the book's clock.
    pub(super) heard: Timestamp,
    /// Its entry in the book's order of due times.
    pub(super) due: Timestamp,
}

impl Life {
    /// An alert of one flow that has not been counted yet; [`Life::add`] does that.
    pub(super) fn begin(group: Group, flow: &EnrichedFlow, finding: &Finding, now: Timestamp) -> Self {
        let mut alert = Alert {
            id: group.id(finding.at),
            state: AlertState::Open,
            rule: finding.rule.clone(),
            rule_name: finding.rule_name.clone(),
            severity: finding.severity,
            outcome: Outcome::Match,
            role: finding.role,
            country: finding.country,
            device: flow.device.clone(),
            identification: flow.identification.clone(),
            remote: flow.remote.clone(),
            remotes: Vec::new(),
            names: Vec::new(),
            because: finding.because.clone(),
            evidence: flow.identification.evidence.clone(),
            first_flow: flow.record.id,
            flows: 0,
            bytes: Bytes::default(),
            start: flow.record.start,
            opened: finding.at,
            last: flow.record.end,
            time_digits: flow.record.point.time_digits,
            telling: Telling { ever_told: false, ..Telling::default() },
            peer: finding.peer && !group.is_overflow() && !group.is_unsolicited(),
            exchanges: Some(Exchanges::default()),
            provenance: flow.provenance.clone(),
        };
        if group.is_overflow() {
            make_anonymous(&mut alert, EVERYBODY);
            alert.because.insert(0, OVERFLOW.into());
        } else if group.is_unsolicited() {
            make_anonymous(&mut alert, UNSOLICITED);
            alert.because.insert(0, MANY_SOURCES.into());
        }
        Self { group, alert, recent: VecDeque::new(), grew: false, spoke: now, heard: now, due: now }
    }

    /// An alert that was open when the program stopped. Its flows of then count as others from now on.
    pub(super) fn resume(group: Group, alert: Alert) -> Self {
        let heard = alert.last;
        Self { group, alert, recent: VecDeque::new(), grew: false, spoke: heard, heard, due: heard }
    }

    /// Adds one finding.
    pub(super) fn add(&mut self, flow: &EnrichedFlow, finding: &Finding, now: Timestamp) {
        self.count(flow.record.id, finding.exchange);
        let alert = &mut self.alert;
        alert.bytes.up = alert.bytes.up.saturating_add(finding.bytes_up);
        alert.bytes.down = alert.bytes.down.saturating_add(finding.bytes_down);
        alert.start = alert.start.min(flow.record.start);
        alert.last = alert.last.max(flow.record.end);
        if alert.remotes.len() < Alert::MAX_REMOTES && !alert.remotes.contains(&flow.remote.addr) {
            alert.remotes.push(flow.remote.addr);
        }
        let said = flow.record.facts.host().map(|fact| &fact.name);
        for name in flow.remote.hostname.iter().chain(said) {
            add_name(&mut alert.names, name);
        }
        self.grew = true;
        self.heard = now;
    }

    /// Counts a flow, or what a counted one exchanged since. An alert from before exchanges were counted never has them: of
    /// its earlier flows nothing is known.
    fn count(&mut self, id: FlowId, exchange: Exchange) {
        let (mut before, mut now) = (None, exchange);
        if let Some((_, so_far)) = self.recent.iter_mut().find(|(flow, _)| *flow == id) {
            now = so_far.merged(exchange);
            before = Some(std::mem::replace(so_far, now));
        } else {
            self.alert.flows += 1;
            if self.recent.len() >= RECENT_FLOWS {
                self.recent.pop_front();
            }
            self.recent.push_back((id, exchange));
        }
        if let Some(exchanges) = &mut self.alert.exchanges {
            exchanges.count(before, now);
        }
    }

    /// When something is to be done about it: the next document, or the end of quiet.
    pub(super) fn next_due(&self, config: &AlertConfig) -> Timestamp {
        let close = self.heard.plus(config.quiet.0);
        if self.grew { close.min(self.spoke.plus(config.update_interval.0)) } else { close }
    }
}

fn add_name(names: &mut Vec<HostName>, name: &HostName) {
    if names.len() < Alert::MAX_REMOTES && !names.contains(name) {
        names.push(name.clone());
    }
}

/// What an overflow alert is.
const OVERFLOW: &str = "more alerts were open than `alert.max-open` allows: findings of several devices, apps and operators are \
                        counted together here; the remote is the first of them";
/// What the alert of unsolicited traffic is.
const MANY_SOURCES: &str = "unsolicited inbound traffic is counted together here, whatever its source, for sources can be forged; the \
                            remote is the first of them";

/// Such an alert stands for many devices, apps and operators: it must not accuse those of its first flow.
fn make_anonymous(alert: &mut Alert, id: &str) {
    let addr = match alert.device.addr {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    alert.device = DeviceContext {
        id: id.into(),
        name: Some("several devices".into()),
        addr,
        mac: None,
        network: None,
        about: DeviceAbout::default(),
    };
    alert.identification = Identification::default();
    alert.evidence = Vec::new();
}
