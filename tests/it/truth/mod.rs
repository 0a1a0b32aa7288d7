//! What the program says of other people's captures, held against what tshark, nDPI and the phones themselves say.
//!
//! The truth is a line for each pair of endpoints and capture (`rows`); ours is summed up in the same shape (`seen`).
//! `compare` sets the two side by side, `apps` judges the applications by a table of words, and every difference that
//! is left must stand in `differences.toml` with its reason: one that does not is a failure, and so is an entry whose
//! difference no longer occurs. `scripts/score-open` prints the tables.

mod apps;
mod compare;
pub(crate) mod differences;
mod rows;
mod score;
pub(crate) mod seen;

use std::collections::BTreeMap;

use super::reading;
use differences::Difference;
use rows::Row;

/// One capture: what others say of it, and what we say of it.
struct Capture {
    name: String,
    rows: Vec<Row>,
    seen: BTreeMap<seen::Key, seen::Seen>,
}

/// All captures with a truth; `None` when they are not at hand.
fn captures() -> Option<Vec<Capture>> {
    let folder = reading::shared("open")?;
    let mut truth: BTreeMap<String, Vec<Row>> = BTreeMap::new();
    for row in rows::read(&reading::shared("truth/open.flows.jsonl")?) {
        truth.entry(row.pcap.clone()).or_default().push(row);
    }
    let expected = rows::expected_ja4(&reading::shared("truth/ja4_expected")?);
    for (capture, ends, ja4) in expected {
        let rows = truth.entry(capture).or_default();
        let row = rows.iter_mut().find(|row| row.key == ends).expect("a flow with an expected JA4");
        row.ja4_published = Some(ja4);
    }
    let captures: Vec<(String, Vec<Row>)> = truth.into_iter().collect();
    Some(reading::each(&captures, |(name, rows)| {
        let read = reading::read(&[folder.join(name)]).unwrap();
        Capture { name: name.clone(), rows: rows.clone(), seen: seen::sum_up(&read.flows) }
    }))
}

#[test]
fn every_difference_to_the_truth_is_explained() {
    let Some(captures) = captures() else { return };
    let words = apps::Words::load();
    let mut found: Vec<Difference> = Vec::new();
    let mut score = score::Score::default();
    for capture in &captures {
        compare::capture(capture, &mut found);
        apps::capture(capture, &words, &mut score, &mut found);
        score.facts(capture);
    }
    println!("{score}");
    differences::review("truth/differences.toml", &found);
    score.check();
}
