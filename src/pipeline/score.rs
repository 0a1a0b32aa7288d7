//! How good the names are that the network alone gives, held against the makers of flows that captures bring along.
//!
//! A phone or host that names the maker of a flow (tier A) is the truth; what the network says of the same flow is worked
//! out without it. The two answer different questions where an application speaks to somebody else's service, so such
//! flows are told apart: the service of another vendor inside an application is neither right nor wrong. Flows that are
//! lookups are left out. Each flow counts once, at its last record.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::{EnrichedFlow, Identification};

/// More disagreements than anyone reads.
const MAX_PAIRS: usize = 256;

/// What came of flows whose maker is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Marks {
    /// Flows named as their maker.
    pub right: u64,
    /// Flows named as another service of the same vendor.
    pub vendor: u64,
    /// Flows named as a library, shared platform or rented machine of others: a part of the maker, as far as can be told.
    pub service: u64,
    /// Flows named as another application.
    pub wrong: u64,
    /// Flows not named.
    pub missed: u64,
    /// Octets of the flows named right.
    pub octets_right: u64,
    /// Octets of all of them.
    pub octets: u64,
}

impl Marks {
    /// Flows of all.
    pub const fn flows(&self) -> u64 {
        self.right + self.vendor + self.service + self.wrong + self.missed
    }

    /// Of flows named as an application, the part named right; `None` where none was.
    pub fn precision(&self) -> Option<f64> {
        let named = self.right + self.wrong;
        (named > 0).then(|| self.right as f64 / named as f64)
    }

    /// Of all these flows, the part named right.
    pub fn recall(&self) -> Option<f64> {
        (self.flows() > 0).then(|| self.right as f64 / self.flows() as f64)
    }
}

/// The score of one reading.
#[derive(Debug, Clone, Default)]
pub struct Score {
    /// Flows in all, lookups left out.
    pub flows: u64,
    /// Flows that the capture names a maker of, whether or not the catalogue knows it.
    pub with_maker: u64,
    /// All flows whose maker is in the catalogue.
    pub all: Marks,
    /// The same by method of the network's answer (`none`: no evidence).
    pub by_method: BTreeMap<&'static str, Marks>,
    /// The same by its tier.
    pub by_tier: BTreeMap<&'static str, Marks>,
    /// Flows by maker and what the network said, where that is another; bounded.
    pub differences: BTreeMap<(Arc<str>, Arc<str>), u64>,
}

impl Score {
    /// Takes one record; only a flow's last one counts.
    pub fn take(&mut self, flow: &EnrichedFlow) {
        let network = flow.identification.network.as_deref();
        let is_lookup = network.unwrap_or(&flow.identification).method == Some("dns_question");
        if !flow.record.is_final() || is_lookup {
            return;
        }
        self.flows += 1;
        self.with_maker += u64::from(flow.record.origin.is_some());
        let (Some(network), Some(maker)) = (network, flow.identification.app.as_deref()) else { return };
        let octets = flow.bytes_up_total().saturating_add(flow.bytes_down_total());
        let outcome = outcome(maker, network);
        let method = network.method.unwrap_or("none");
        let tier = network.tier.map_or("none", |t| t.letter());
        for marks in
            [&mut self.all, self.by_method.entry(method).or_default(), self.by_tier.entry(tier).or_default()]
        {
            marks.octets = marks.octets.saturating_add(octets);
            match outcome {
                Outcome::Right => {
                    marks.right += 1;
                    marks.octets_right = marks.octets_right.saturating_add(octets);
                }
                Outcome::Vendor => marks.vendor += 1,
                Outcome::Service => marks.service += 1,
                Outcome::Wrong => marks.wrong += 1,
                Outcome::Missed => marks.missed += 1,
            }
        }
        if let Some(named) = network.app.as_ref().filter(|a| a.id != maker.id) {
            let pair = (Arc::clone(&maker.id), Arc::clone(&named.id));
            if self.differences.len() < MAX_PAIRS || self.differences.contains_key(&pair) {
                *self.differences.entry(pair).or_default() += 1;
            }
        }
    }
}

enum Outcome {
    Right,
    Vendor,
    Service,
    Wrong,
    Missed,
}

/// Tags of entries that stand inside other people's applications.
const PARTS: [&str; 9] =
    ["infrastructure", "sdk", "analytics", "advertising", "shared-services", "cloud", "cdn", "push", "ads"];

fn outcome(maker: &crate::model::AppRef, network: &Identification) -> Outcome {
    match network.app.as_deref() {
        None => Outcome::Missed,
        Some(app) if app.id == maker.id => Outcome::Right,
        Some(app) if app.vendor == maker.vendor => Outcome::Vendor,
        Some(app) if app.tags.iter().any(|t| PARTS.contains(&&**t)) => Outcome::Service,
        Some(_) => Outcome::Wrong,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{FlowEndReason, OriginSource, ProcessRef, Tier, fixture};

    fn flow(network: Option<&str>) -> EnrichedFlow {
        let mut flow = fixture::flow();
        flow.record.end_reason = Some(FlowEndReason::IdleTimeout);
        flow.record.origin = Some(Arc::new(ProcessRef::unknown(OriginSource::Pktap)));
        let app = network.map(|id| {
            let mut app = (*fixture::app(id, id)).clone();
            if id == "tracker" {
                app.tags = vec!["analytics".into()];
            }
            if id != "qq" {
                app.vendor = "another".into();
            }
            Arc::new(app)
        });
        let answer =
            Identification { app, tier: Some(Tier::B), method: Some("tls_sni"), ..Identification::default() };
        flow.identification.tier = Some(Tier::A);
        flow.identification.network = Some(Box::new(answer));
        flow
    }

    #[test]
    fn each_flow_counts_once_and_parts_of_others_are_told_apart() {
        let mut score = Score::default();
        for network in [Some("wechat"), Some("qq"), Some("tracker"), Some("zoom"), None] {
            score.take(&flow(network));
        }
        let mut interim = flow(Some("zoom"));
        interim.record.end_reason = None;
        score.take(&interim);
        let marks = score.all;
        assert_eq!((marks.right, marks.vendor, marks.service, marks.wrong, marks.missed), (1, 1, 1, 1, 1));
        assert_eq!((marks.precision(), marks.recall()), (Some(0.5), Some(0.2)));
        assert_eq!((marks.octets, marks.octets_right), (5 * 3000, 3000));
        assert_eq!(score.by_method["tls_sni"], score.by_tier["B"]);
        assert_eq!(score.differences.len(), 3);
        let mut plain = fixture::flow();
        plain.record.end_reason = Some(FlowEndReason::IdleTimeout);
        score.take(&plain);
        assert_eq!((score.flows, score.with_maker, score.all.flows()), (6, 5, 5), "no maker, no truth");
    }
}
