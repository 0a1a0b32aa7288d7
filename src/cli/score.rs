//! `whither read --score`: what the network alone says, held against the makers of flows.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use serde::Serialize;

use crate::pipeline::score::{Marks, Score};

use super::table;

/// Disagreements shown in the table; the document has all.
const SHOWN: usize = 12;

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct ScoreDocument {
    /// Flows that are no lookups.
    flows: u64,
    /// Those whose maker the captures name.
    flows_with_maker: u64,
    /// Those whose maker is in the catalogue: the truth.
    flows_with_truth: u64,
    #[serde(flatten)]
    all: MarksDocument,
    by_method: BTreeMap<&'static str, MarksDocument>,
    by_tier: BTreeMap<&'static str, MarksDocument>,
    differences: Vec<DifferenceDocument>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct MarksDocument {
    precision: Option<f64>,
    recall: Option<f64>,
    right: u64,
    same_vendor: u64,
    service: u64,
    wrong: u64,
    missed: u64,
    octets: u64,
    octets_right: u64,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct DifferenceDocument {
    maker: Arc<str>,
    named: Arc<str>,
    flows: u64,
}

impl From<&Marks> for MarksDocument {
    fn from(marks: &Marks) -> Self {
        Self {
            precision: marks.precision(),
            recall: marks.recall(),
            right: marks.right,
            same_vendor: marks.vendor,
            service: marks.service,
            wrong: marks.wrong,
            missed: marks.missed,
            octets: marks.octets,
            octets_right: marks.octets_right,
        }
    }
}

impl From<&Score> for ScoreDocument {
    fn from(score: &Score) -> Self {
        let by = |map: &BTreeMap<&'static str, Marks>| map.iter().map(|(k, m)| (*k, m.into())).collect();
        Self {
            flows: score.flows,
            flows_with_maker: score.with_maker,
            flows_with_truth: score.all.flows(),
            all: MarksDocument::from(&score.all),
            by_method: by(&score.by_method),
            by_tier: by(&score.by_tier),
            differences: score
                .differences
                .iter()
                .map(|((maker, named), flows)| DifferenceDocument {
                    maker: Arc::clone(maker),
                    named: Arc::clone(named),
                    flows: *flows,
                })
                .collect(),
        }
    }
}

/// The score for people.
pub(super) fn table(score: &Score) -> String {
    let mut out = String::from("\nScore: the network's names against the makers of flows\n");
    let truth = score.all.flows();
    let _ = writeln!(
        out,
        "  of {} flows the captures name the maker of {}; {truth} of those makers are in the catalogue",
        score.flows, score.with_maker
    );
    if truth == 0 {
        out.push_str("  without truth there is no score: captures of PCAPdroid, Apple's tools or whither's own host bring it along\n");
        return out;
    }
    let part = |n: Option<f64>| n.map_or_else(|| "-".to_owned(), |n| format!("{:.1} %", n * 100.0));
    let row = |name: String, m: &Marks| {
        let mut cells = vec![name, part(m.precision()), part(m.recall())];
        cells.extend([m.right, m.vendor, m.service, m.wrong, m.missed].map(|n| n.to_string()));
        cells
    };
    let all = std::iter::once(row("all".to_owned(), &score.all));
    let methods = score.by_method.iter().map(|(method, m)| row(format!("method {method}"), m));
    let tiers = score.by_tier.iter().map(|(tier, m)| row(format!("tier {tier}"), m));
    let header = ["", "precision", "recall", "right", "same vendor", "service", "wrong", "missed"];
    out.push_str(&table::list(all.chain(methods).chain(tiers), &header));
    let mut differences: Vec<_> = score.differences.iter().collect();
    differences.sort_by_key(|(_, flows)| std::cmp::Reverse(**flows));
    for ((maker, named), flows) in differences.iter().take(SHOWN) {
        let _ = writeln!(out, "  {flows} flows of {maker} go to {named}");
    }
    out
}
