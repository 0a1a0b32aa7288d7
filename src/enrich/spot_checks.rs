//! The shipped data against addresses whose place, operator and owner somebody has published (`tests/data/addresses.tsv`).
//!
//! An answer is right, wrong, or none (unknown, low, disputed: rules call it *cannot tell*). Wrong ones are not allowed;
//! how many are right is written down, so that a rebuild of the data that knows less is seen.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::{EnrichConfig, Enricher};
use crate::model::{Certainty, Role};

const ADDRESSES: &str = include_str!("../../tests/data/addresses.tsv");

/// What came of the 395 questions.
const RIGHT: usize = 385;
const CANNOT_TELL: usize = 10;

fn rows() -> impl Iterator<Item = [&'static str; 5]> {
    ADDRESSES.lines().filter(|line| !line.starts_with('#')).map(|line| {
        let columns: Vec<&str> = line.split('\t').collect();
        columns.try_into().unwrap_or_else(|columns| panic!("{columns:?}: expected five columns"))
    })
}

#[test]
fn every_row_has_its_source_and_stands_once() {
    let told: BTreeSet<&str> =
        ADDRESSES.lines().filter_map(|l| l.strip_prefix("# ")?.split_whitespace().next()).collect();
    let mut seen = BTreeSet::new();
    for [addr, .., source] in rows() {
        assert!(told.contains(source), "{addr}: `{source}` is not explained at the head of the file");
        assert!(seen.insert(addr), "{addr} stands twice");
    }
    assert!(seen.len() >= 120, "{} addresses", seen.len());
}

#[test]
fn published_addresses_are_answered_rightly_or_not_at_all() {
    let enricher = Enricher::load(&EnrichConfig::default()).unwrap();
    let (mut right, mut cannot_tell, mut wrong) = (0, 0, Vec::new());
    for [addr, server, operator, owner, source] in rows() {
        let context = enricher.remote(addr.parse::<IpAddr>().unwrap());
        for (role, want) in [(Role::Server, server), (Role::Operator, operator), (Role::Owner, owner)] {
            let Some(answer) = context.roles.get(role).filter(|_| want != "-") else { continue };
            let sure = matches!(answer.certainty, Certainty::High | Certainty::Medium);
            let country = answer.country.map(|c| c.to_string()).filter(|_| sure);
            match (country.as_deref(), want) {
                (None, "?") => right += 1,
                (None, _) => cannot_tell += 1,
                (Some(country), want) if country == want => right += 1,
                (country, want) => wrong.push(format!("{addr} {role:?}: {country:?}, {source} says {want}")),
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!((right, cannot_tell), (RIGHT, CANNOT_TELL));
}
