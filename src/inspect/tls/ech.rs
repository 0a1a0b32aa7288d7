//! Which visible names are covers: the public names of ECH configurations (RFC 9849), from a table and from HTTPS
//! records that this network's own lookups brought.

use std::collections::{HashMap, HashSet};

use foldhash::fast::RandomState;
use serde::Deserialize;

use crate::model::{HostName, Timestamp};

/// The table, built in; a test reads every row of it.
const TABLE: &str = include_str!("../../../config/ech-public-names.toml");
/// Names learned; there are a handful of operators with ECH, so more is somebody's play.
const MAX_LEARNED: usize = 1024;
/// How long a learned name counts: configurations change within days, clients hold them about as long.
const LIFE: std::time::Duration = std::time::Duration::from_secs(7 * 86_400);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(rename = "public-name")]
    names: Vec<Row>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    name: String,
    #[cfg_attr(
        not(test),
        allow(dead_code, reason = "for readers of the table, and held to be there by a test")
    )]
    source: String,
    #[cfg_attr(
        not(test),
        allow(dead_code, reason = "for readers of the table, and held to be there by a test")
    )]
    date: String,
}

/// Public names known.
#[derive(Debug)]
pub(in crate::inspect) struct Covers {
    known: HashSet<String, RandomState>,
    learned: HashMap<HostName, Timestamp, RandomState>,
    refused: u64,
}

impl Covers {
    pub(in crate::inspect) fn new() -> Self {
        let rows = toml::from_str::<File>(TABLE).map(|f| f.names).unwrap_or_default();
        let known = rows.into_iter().map(|row| row.name).collect();
        Self { known, learned: HashMap::default(), refused: 0 }
    }

    /// Remembers a public name from an answer; when the table is full, what is too old goes, and else the new one.
    pub(in crate::inspect) fn learn(&mut self, name: &HostName, at: Timestamp) {
        if self.learned.len() >= MAX_LEARNED && !self.learned.contains_key(name) {
            self.learned.retain(|_, seen| at.since(*seen) <= LIFE);
            if self.learned.len() >= MAX_LEARNED {
                self.refused += 1;
                return;
            }
        }
        self.learned.insert(name.clone(), at);
    }

    /// Whether a visible name is one of them.
    pub(in crate::inspect) fn contains(&self, name: &HostName, at: Timestamp) -> bool {
        self.known.contains(name.as_str())
            || self.learned.get(name).is_some_and(|seen| at.since(*seen) <= LIFE)
    }

    /// Names not learned for want of room.
    pub(in crate::inspect) fn refused(&self) -> u64 {
        self.refused
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn learned_names_count_for_a_week_and_are_bounded() {
        let name = |n: usize| HostName::from_wire(format!("n{n}.example").as_bytes()).unwrap();
        let at = |seconds| Timestamp::from_parts(seconds, 0);
        let mut covers = Covers::new();
        assert!(covers.contains(&HostName::from_wire(b"cloudflare-ech.com").unwrap(), at(0)));
        for n in 0..2000 {
            covers.learn(&name(n), at(0));
        }
        assert_eq!((covers.learned.len(), covers.refused()), (MAX_LEARNED, 2000 - MAX_LEARNED as u64));
        assert!(covers.contains(&name(7), at(86_400)) && !covers.contains(&name(7), at(8 * 86_400)));
        covers.learn(&name(5000), at(8 * 86_400));
        assert_eq!(covers.learned.len(), 1);
    }

    #[test]
    fn every_row_has_a_valid_name_source_and_date() {
        for row in toml::from_str::<File>(TABLE).unwrap().names {
            assert!(HostName::from_wire(row.name.as_bytes()).unwrap().is_valid());
            assert!(!row.source.is_empty() && row.date.starts_with("20"));
        }
    }
}
