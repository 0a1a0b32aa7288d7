//! The applications: the truth's words and nDPI's held against the catalogue's ids.
//!
//! A flow that is itself a name lookup is left out: its far end is the resolver, and we name nothing by the question.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::Capture;
use super::differences::Difference;
use super::rows::Row;
use super::score::Score;

/// The words of others, each with the catalogue's ids that mean the same; reviewed by hand.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Words {
    truth: BTreeMap<String, BTreeSet<String>>,
    ndpi: BTreeMap<String, BTreeSet<String>>,
}

/// How one tool did on one flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    Right,
    Other,
    Nothing,
}

impl Words {
    pub(super) fn load() -> Self {
        let words: Self = toml::from_str(include_str!("apps.toml")).unwrap();
        let catalogue = whither::appid::Catalogue::embedded().unwrap();
        for id in words.truth.values().chain(words.ndpi.values()).flatten() {
            assert!(catalogue.show(id).is_some(), "apps.toml: the catalogue has no `{id}`");
        }
        words
    }

    /// The ids that are right by the truth; empty when the catalogue has no such application.
    fn right(&self, row: &Row) -> BTreeSet<&str> {
        let words = row.app.iter().chain(&row.origin_app);
        words.flat_map(|word| self.ids(word)).map(String::as_str).collect()
    }

    fn ids(&self, word: &str) -> &BTreeSet<String> {
        self.truth.get(word).unwrap_or_else(|| panic!("apps.toml lacks the truth's word `{word}`"))
    }

    /// nDPI's answer: the last of its words that means an application.
    fn of_ndpi(&self, row: &Row, right: &BTreeSet<&str>) -> Answer {
        let words = row.ndpi.as_deref().unwrap_or_default();
        match words.rsplit('.').find_map(|word| self.ndpi.get(word)) {
            None => Answer::Nothing,
            Some(ids) if ids.iter().any(|id| right.contains(id.as_str())) => Answer::Right,
            Some(_) => Answer::Other,
        }
    }
}

/// Judges one capture's flows.
pub(super) fn capture(capture: &Capture, words: &Words, score: &mut Score, found: &mut Vec<Difference>) {
    for row in capture.rows.iter().filter(|row| !row.lookup) {
        let Some(seen) = capture.seen.get(&row.key) else { continue };
        let named: BTreeSet<&str> = seen.apps.values().map(|(app, ..)| app.as_str()).collect();
        let said: Vec<&str> = named.iter().copied().collect();
        let grounds: BTreeSet<String> =
            seen.apps.values().map(|(app, tier, method)| format!("{app} {tier} {method}")).collect();
        let grounds = grounds.into_iter().collect::<Vec<_>>().join(", ");
        let Some(app) = &row.app else {
            if row.origin_app.is_none() && !named.is_empty() {
                added(row, &grounds, score, found);
            }
            continue;
        };
        let right = words.right(row);
        let ours = match said.as_slice() {
            [] => Answer::Nothing,
            all if all.iter().all(|id| right.contains(id)) => Answer::Right,
            _ => Answer::Other,
        };
        if words.ids(app).is_empty() {
            score.unlisted += 1;
        } else {
            score.app(&row.confidence, ours, words.of_ndpi(row, &right));
        }
        let truth = || format!("{app} ({})", row.confidence);
        match ours {
            Answer::Right => {}
            Answer::Other => found.push(Difference::of(row, "app other", truth(), grounds)),
            Answer::Nothing if words.ids(app).is_empty() => {}
            Answer::Nothing => found.push(Difference::of(row, "app missing", truth(), String::new())),
        }
    }
}

/// We name a flow that the truth does not. Where the truth has the flow's host name, its table of names is only
/// smaller than the catalogue, each fact of which has its own source and lint: such names are printed, to be read. Where it
/// has none, the name may be invented, and has to be explained.
fn added(row: &Row, grounds: &str, score: &mut Score, found: &mut Vec<Difference>) {
    let by_name = ["tls_sni", "quic_sni", "http_host"].iter().any(|method| grounds.ends_with(method));
    if by_name && !row.names.is_empty() && row.confidence == "none" {
        let names: Vec<&str> = row.names.iter().map(String::as_str).collect();
        *score.beyond.entry(format!("{grounds:24} {}", names.join(" "))).or_default() += 1;
    } else {
        found.push(Difference::of(row, "app added", row.confidence.clone(), grounds.to_owned()));
    }
}
