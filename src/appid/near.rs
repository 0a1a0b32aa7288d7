//! Reads neighbours: what the catalogue says of the names and protocols that other flows to the address had.

use std::sync::Arc;

use super::application::{Application, Confidence};
use super::catalogue::Catalogue;
use super::evidence;
use super::identify::Question;
use super::neighbours::{Called, Neighbour};
use crate::model::{Evidence, EvidenceKind, FlowId, HumanDuration, Timestamp};

/// What the neighbours say together.
#[derive(Default)]
pub(super) struct NearView<'c> {
    pub(super) apps: Vec<&'c Application>,
    /// Neighbours of which the catalogue does not know the application.
    pub(super) unknown: usize,
    pub(super) evidence: Vec<Evidence>,
}

impl NearView<'_> {
    pub(super) fn read<'c>(catalogue: &'c Catalogue, question: &Question<'_>) -> NearView<'c> {
        let mut view = NearView::default();
        let mut apps = Vec::new();
        for neighbour in question.near {
            let (app, matched, source) = match &neighbour.called {
                Called::Name(name, _) => match catalogue.fact_above(name) {
                    Some((app, fact)) => {
                        let good = fact.confidence == Confidence::Good;
                        (good.then_some(app), Some(&fact.label), Some(&fact.source.label))
                    }
                    None => (None, None, None),
                },
                Called::Protocol(word) => match catalogue.protocol(word) {
                    Some((app, fact)) => (Some(app), Some(&fact.label), Some(&fact.source.label)),
                    None => (None, None, None),
                },
            };
            match app {
                Some(app) => apps.push(app),
                None => view.unknown += 1,
            }
            view.evidence.push(Evidence {
                kind: EvidenceKind::Neighbour,
                value: value(neighbour, question.record.start).into(),
                at: Some(neighbour.at),
                matched: matched.map(Arc::clone),
                source: source.map(Arc::clone),
            });
        }
        view.apps = evidence::distinct(apps.into_iter());
        view
    }
}

/// The name, whose it is, and how far away in time.
fn value(neighbour: &Neighbour, start: Timestamp) -> String {
    let (what, how) = match &neighbour.called {
        Called::Name(name, origin) => (name.as_str(), origin.word()),
        Called::Protocol(word) => (*word, EvidenceKind::AppProtocol.word()),
    };
    let flow: FlowId = neighbour.flow;
    let when = if neighbour.at > start {
        format!("{} after", seconds(neighbour.at, start))
    } else {
        format!("{} before", seconds(start, neighbour.at))
    };
    format!("{what} ({how} of flow {flow}, {when})")
}

fn seconds(later: Timestamp, earlier: Timestamp) -> HumanDuration {
    HumanDuration::from_secs(later.since(earlier).as_secs())
}
