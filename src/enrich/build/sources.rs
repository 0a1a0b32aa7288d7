//! `sources.toml`: what each part of the database was made of, with version, date, licence and checksum.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::enrich::EnrichError;

/// One pinned source package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Short name; the location sources' claims carry it.
    pub id: String,
    /// Its proper name.
    pub name: String,
    /// The package that carries it.
    pub package: String,
    /// The kind of registry (`debian`, `npm`).
    pub registry: String,
    /// The distribution's suite, for Debian.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suite: Option<String>,
    /// The package's version.
    pub version: String,
    /// Date of the data (ISO 8601).
    pub date: String,
    /// SHA-256 of the package, hex.
    pub sha256: String,
    /// SPDX name of the data's licence.
    pub license: String,
    /// What the licence asks to be said.
    pub attribution: String,
    /// What is taken from it.
    pub gives: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    source: Vec<Source>,
}

/// The sources embedded in this program, in the order of the file.
pub(in crate::enrich) fn embedded() -> Vec<Source> {
    toml::from_str::<File>(include_str!("../../../geoip/sources.toml")).map(|f| f.source).unwrap_or_default()
}

/// Reads a `sources.toml`.
pub(super) fn read(path: &Path) -> Result<Vec<Source>, EnrichError> {
    let text = std::fs::read_to_string(path).map_err(|error| EnrichError::Io {
        action: "read",
        path: path.to_owned(),
        error,
    })?;
    let bad = |reason: String| EnrichError::Input { path: path.to_owned(), reason };
    let file: File = toml::from_str(&text).map_err(|e| bad(e.to_string()))?;
    for source in &file.source {
        if source.date.parse::<jiff::civil::Date>().is_err() {
            return Err(bad(format!("source `{}`: `{}` is no date like 2026-10-01", source.id, source.date)));
        }
    }
    Ok(file.source)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_embedded_source_is_pinned_dated_and_licensed() {
        let sources = embedded();
        assert!(sources.len() >= 4);
        for s in sources {
            assert_eq!(s.sha256.len(), 64, "{}", s.id);
            assert!(s.date.parse::<jiff::civil::Date>().is_ok(), "{}", s.id);
            assert!(!s.license.is_empty() && !s.attribution.is_empty(), "{}", s.id);
        }
    }
}
