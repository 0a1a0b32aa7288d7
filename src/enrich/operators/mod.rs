//! The operator table: who runs a network, and who owns that company. No geo database knows this.
//!
//! Rows are keyed by AS number or by prefix (the longest prefix goes before the AS number), may hold for a time only,
//! and carry source, date and certainty. A row without a source has to say so (`certainty = "low"`) and never supports a
//! *match*. Admin tables have the same form and go before the embedded one.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use ipnet::IpNet;
use jiff::civil::Date;

mod file;
#[cfg(test)]
mod tests;

use file::{TableFile, date, row};

use super::digest::sha256_hex;
use super::{EnrichConfig, EnrichError};
use crate::model::{Certainty, CountryCode, SourceBuild};

/// The table that comes with the program.
const EMBEDDED: &str = include_str!("../../../geoip/operators.toml");
/// Its name in errors and provenance.
const EMBEDDED_NAME: &str = "operators.toml";
/// Rows of one table; the embedded one has some hundred.
const MAX_ROWS: usize = 200_000;

/// One row in force: what is known of one network's operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorRow {
    /// The group's id (`tencent`).
    pub group: Arc<str>,
    /// The operator's name.
    pub name: Arc<str>,
    /// Where the company that runs the network has its seat.
    pub country: Option<CountryCode>,
    /// Its ultimate parent.
    pub owner: Option<Arc<str>>,
    /// Where that parent has its seat.
    pub owner_country: Option<CountryCode>,
    /// What it does (`cloud`, `cdn`, `isp`, `content`…).
    pub kind: Arc<str>,
    /// Serves other people's content.
    pub cdn: bool,
    /// Announces its addresses from many places at once.
    pub anycast: bool,
    /// The first day on which the row holds.
    pub since: Option<Date>,
    /// The last day on which the row holds.
    pub until: Option<Date>,
    /// Where the fact is from.
    pub source: Arc<str>,
    /// When the source said so.
    pub source_date: Arc<str>,
    /// How much it can carry.
    pub certainty: Certainty,
    /// How much its owner can carry; often the same.
    pub owner_certainty: Certainty,
    /// What a reader should know beside it.
    pub note: Option<Arc<str>>,
    /// The table's file.
    pub file: Arc<str>,
    /// The line of the row in it.
    pub line: usize,
}

impl OperatorRow {
    fn holds_on(&self, day: Date) -> bool {
        self.since.is_none_or(|d| d <= day) && self.until.is_none_or(|d| day <= d)
    }
}

/// All rows, admin tables first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OperatorTable {
    by_asn: BTreeMap<u32, Vec<Arc<OperatorRow>>>,
    /// Longest prefix first.
    by_prefix: Vec<(IpNet, Arc<OperatorRow>)>,
    /// Days on which a row begins to hold or holds no more, in order.
    changes: Vec<Date>,
    as_of: Option<Date>,
    builds: Vec<SourceBuild>,
}

impl OperatorTable {
    /// The admin's tables of the configuration, then the embedded one.
    ///
    /// # Errors
    /// The first table that cannot be read or is malformed, with file and line.
    pub fn load(config: &EnrichConfig) -> Result<Self, EnrichError> {
        let mut table = Self::default();
        for path in &config.operators {
            table.add_file(path)?;
        }
        table.add(EMBEDDED_NAME, EMBEDDED)?;
        table.finish();
        Ok(table)
    }

    /// A table from text, for tests and checks.
    ///
    /// # Errors
    /// As [`OperatorTable::load`].
    pub fn parse(name: &str, text: &str) -> Result<Self, EnrichError> {
        let mut table = Self::default();
        table.add(name, text)?;
        table.finish();
        Ok(table)
    }

    /// The row for an address, announced by `asn`, on `day` (the table's own day without one).
    pub fn find(&self, addr: IpAddr, asn: Option<u32>, day: Option<Date>) -> Option<&Arc<OperatorRow>> {
        let day = day.or(self.as_of)?;
        let by_prefix = self.by_prefix.iter().find(|(p, row)| p.contains(&addr) && row.holds_on(day));
        by_prefix.map(|(_, row)| row).or_else(|| self.by_asn.get(&asn?)?.iter().find(|row| row.holds_on(day)))
    }

    /// All rows, those of prefixes too.
    pub fn rows(&self) -> impl Iterator<Item = &Arc<OperatorRow>> {
        self.by_asn.values().flatten().chain(self.by_prefix.iter().map(|(_, row)| row))
    }

    /// How many days on which some row begins or ends to hold lie before `day`: the rows of two days with the same
    /// number are the same.
    pub(super) fn epoch(&self, day: Option<Date>) -> usize {
        day.or(self.as_of).map_or(0, |day| self.changes.partition_point(|change| *change <= day))
    }

    /// All rows by AS number.
    pub fn by_asn(&self) -> impl Iterator<Item = (u32, &Arc<OperatorRow>)> {
        self.by_asn.iter().flat_map(|(asn, rows)| rows.iter().map(|row| (*asn, row)))
    }

    /// The day on which the youngest of the tables was last looked through.
    pub fn as_of(&self) -> Option<Date> {
        self.as_of
    }

    /// What each table is, for provenance.
    pub fn builds(&self) -> &[SourceBuild] {
        &self.builds
    }

    fn add_file(&mut self, path: &Path) -> Result<(), EnrichError> {
        let text = std::fs::read_to_string(path).map_err(|error| EnrichError::Io {
            action: "read",
            path: path.to_owned(),
            error,
        })?;
        self.add(&path.display().to_string(), &text)
    }

    fn add(&mut self, name: &str, text: &str) -> Result<(), EnrichError> {
        let line_of = |offset: usize| text.bytes().take(offset).filter(|b| *b == b'\n').count() + 1;
        let bad =
            |line: usize, reason: String| EnrichError::Operators { file: name.to_owned(), line, reason };
        let file: TableFile = toml::from_str(text)
            .map_err(|e| bad(e.span().map_or(0, |s| line_of(s.start)), e.message().to_owned()))?;
        let as_of = date(&file.as_of, "as-of").map_err(|reason| bad(1, reason))?;
        let file_name: Arc<str> = name.into();
        let mut seen_groups = BTreeSet::new();
        let mut rows = 0_usize;
        for group in &file.group {
            let line = line_of(group.span().start);
            let group = group.get_ref();
            if !seen_groups.insert(group.id.clone()) {
                return Err(bad(line, format!("the group `{}` is there twice; join the two", group.id)));
            }
            for network in &group.network {
                let line = line_of(network.span().start);
                let network = network.get_ref();
                let row = row(group, network, &file_name, line)
                    .map_err(|reason| bad(line, format!("group `{}`: {reason}", group.id)))?;
                let row = Arc::new(row);
                rows = rows.saturating_add(network.asns.len()).saturating_add(network.prefixes.len());
                if rows > MAX_ROWS {
                    return Err(bad(line, format!("more than {MAX_ROWS} rows")));
                }
                for asn in &network.asns {
                    self.add_asn(*asn, &row)
                        .map_err(|reason| bad(line, format!("group `{}`: {reason}", group.id)))?;
                }
                self.by_prefix.extend(network.prefixes.iter().map(|p| (p.trunc(), Arc::clone(&row))));
            }
        }
        self.as_of = self.as_of.max(Some(as_of));
        let sha256 = sha256_hex(text.as_bytes());
        self.builds.push(SourceBuild {
            name: file_name,
            build: as_of.to_string().into(),
            sha256: Some(sha256.into()),
        });
        Ok(())
    }

    /// Adds a row for an AS; two rows of one file for the same AS must not hold on the same day.
    fn add_asn(&mut self, asn: u32, row: &Arc<OperatorRow>) -> Result<(), String> {
        if asn == 0 {
            return Err("AS 0 is no network (RFC 7607)".to_owned());
        }
        let others = self.by_asn.entry(asn).or_default();
        let apart = |a: &OperatorRow, b: &OperatorRow| matches!((a.until, b.since), (Some(end), Some(begin)) if end < begin);
        if let Some(other) = others.iter().find(|o| o.file == row.file && !apart(o, row) && !apart(row, o)) {
            return Err(format!(
                "AS{asn} is already in group `{}` (line {}) for the same time",
                other.group, other.line
            ));
        }
        others.push(Arc::clone(row));
        Ok(())
    }

    fn finish(&mut self) {
        // Stable: of equal prefixes the admin's stays first.
        self.by_prefix.sort_by_key(|(prefix, _)| std::cmp::Reverse(prefix.prefix_len()));
        let rows = self.by_asn.values().flatten().chain(self.by_prefix.iter().map(|(_, row)| row));
        let bounds = rows.flat_map(|row| [row.since, row.until.and_then(|last| last.tomorrow().ok())]);
        self.changes = bounds.flatten().collect();
        self.changes.sort_unstable();
        self.changes.dedup();
    }
}
