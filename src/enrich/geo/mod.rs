//! Geo databases: the admin's own in their written order, then the embedded one.
//!
//! Every file is read whole into memory (an mmap of a file that is cut short would kill the daemon), checked by the MMDB
//! reader's `verify`, and asked for some well-known addresses before it is used. What a checksum would catch it does
//! not catch: a damaged file can pass `verify` and answer wrongly, so pin downloads by SHA-256.

mod database;
mod embedded;
mod record;
#[cfg(test)]
mod tests;
mod watch;

use std::net::IpAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;

pub use database::{AutonomousSystem, Database};
pub use record::{Answer, Place};
pub use watch::GeoWatch;

use super::{EnrichConfig, EnrichError};
use crate::model::SourceBuild;

/// All databases in force, in order of precedence. Immutable: a reload makes a new one.
#[derive(Debug)]
pub struct GeoSet {
    databases: Vec<Arc<Database>>,
    warnings: Vec<String>,
}

impl GeoSet {
    /// Loads the configured files and the embedded database.
    ///
    /// # Errors
    /// The first file that is missing, too large, unsound, or of no use; the error names it.
    pub fn load(config: &EnrichConfig) -> Result<Self, EnrichError> {
        let mut databases = Vec::new();
        let mut warnings = Vec::new();
        for path in &config.databases {
            databases.push(Arc::new(Database::open(path, config.max_database_size.0, &mut warnings)?));
        }
        if config.embedded_database {
            databases.push(embedded::database()?);
        }
        for warning in &warnings {
            tracing::warn!(%warning, "geo database");
        }
        Ok(Self { databases, warnings })
    }

    /// A set of databases already open, in order of precedence.
    pub fn of(databases: Vec<Arc<Database>>) -> Self {
        Self { databases, warnings: Vec::new() }
    }

    /// The databases, in order of precedence.
    pub fn databases(&self) -> &[Arc<Database>] {
        &self.databases
    }

    /// What was odd about the files, but no reason to refuse them.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// What each database is, for provenance.
    pub fn builds(&self) -> Vec<SourceBuild> {
        self.databases.iter().map(|d| d.build().clone()).collect()
    }

    /// What every database says of `addr`, in order of precedence; those that say nothing give an empty answer.
    pub fn answers(&self, addr: IpAddr) -> Vec<Answer> {
        self.databases.iter().map(|d| d.answer(addr)).collect()
    }
}

/// The set in force, exchangeable under its readers.
#[derive(Debug)]
pub struct GeoHandle(ArcSwap<GeoSet>);

impl GeoHandle {
    /// Puts a first set in force.
    pub fn new(set: Arc<GeoSet>) -> Self {
        Self(ArcSwap::new(set))
    }

    /// The set in force.
    pub fn load(&self) -> Arc<GeoSet> {
        self.0.load_full()
    }

    /// Puts another set in force.
    pub fn put(&self, set: Arc<GeoSet>) {
        self.0.store(set);
    }

    /// Loads anew and puts the result in force; on any error the old set stays.
    ///
    /// # Errors
    /// As [`GeoSet::load`].
    pub fn reload(&self, config: &EnrichConfig) -> Result<(), EnrichError> {
        self.0.store(Arc::new(GeoSet::load(config)?));
        Ok(())
    }
}
