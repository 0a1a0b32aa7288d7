//! Builds what judges out of configuration: catalogue, databases, rules. Used at the start and at every reload.

pub use super::stage::Parts;

use std::sync::Arc;

use jiff::civil::Date;

use crate::appid::{Catalogue, CatalogueConfig, CatalogueError, Identifier};
use crate::enrich::{DeviceTables, EnrichConfig, EnrichError, Enricher, GeoSet, Refreshed};
use crate::model::{AppId, CountryCode, Problem, Provenance};
use crate::policy::{AppDirectory, Judge, Policy, PolicyConfig};

/// Why the parts cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum PartsError {
    /// The catalogue is broken.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// A database or table is broken.
    #[error(transparent)]
    Enrich(#[from] EnrichError),
    /// Rules that make no sense, all of them.
    #[error("the policy has {} problem(s):{}", .0.len(), listed(.0))]
    Policy(Vec<Problem>),
}

fn listed(problems: &[Problem]) -> String {
    let lines: Vec<String> = problems.iter().map(|p| format!("\n  {p}")).collect();
    lines.concat()
}

/// What the parts are made from.
#[derive(Debug, Clone)]
pub struct Recipe<'a> {
    /// Catalogue folders.
    pub catalogue: &'a CatalogueConfig,
    /// Databases, networks, devices.
    pub enrich: &'a EnrichConfig,
    /// Rules.
    pub policy: &'a PolicyConfig,
    /// By which day ownership is judged; `None`: each flow by its own.
    pub at: Option<Date>,
    /// Databases in the place of those that `enrich` names.
    pub geo: Option<Arc<GeoSet>>,
}

/// Builds everything, or says what is wrong.
pub fn build(recipe: Recipe<'_>) -> Result<Parts, PartsError> {
    let catalogue = Arc::new(Catalogue::load(recipe.catalogue)?);
    let policy = Policy::compile(recipe.policy, &Directory(&catalogue)).map_err(PartsError::Policy)?;
    let mut enricher = match recipe.geo {
        Some(geo) => Enricher::load_over(recipe.enrich, geo)?,
        None => Enricher::load(recipe.enrich)?,
    };
    enricher.judge_by(recipe.at);
    let provenance = Provenance {
        version: env!("CARGO_PKG_VERSION").into(),
        catalogue: catalogue.version(),
        policy: Arc::clone(policy.hash()),
        databases: enricher.builds(),
    };
    let mut tables = DeviceTables::new(&recipe.enrich.devices_from);
    let read = tables.leases();
    tell(&read);
    Ok(Parts {
        enricher,
        tables,
        read,
        identifier: Identifier::new(catalogue),
        judge: Judge::new(Arc::new(policy)),
        provenance: Arc::new(provenance),
    })
}

/// Names in the log what of the tables could not be read.
pub fn tell(read: &Refreshed) {
    for problem in &read.problems {
        tracing::warn!("{problem}");
    }
}

/// The catalogue, as far as rules may name what is in it. Policy and appid do not know each other.
pub struct Directory<'a>(pub &'a Catalogue);

impl AppDirectory for Directory<'_> {
    fn has_app(&self, id: &str) -> bool {
        self.0.show(id).is_some()
    }

    fn apps_with_tag(&self, tag: &str) -> Vec<AppId> {
        self.0
            .list()
            .into_iter()
            .filter(|app| app.tags.iter().any(|t| &**t == tag))
            .map(|app| app.id)
            .collect()
    }

    fn app_ids(&self) -> Vec<AppId> {
        self.0.list().into_iter().map(|app| app.id).collect()
    }

    fn tags(&self) -> Vec<Arc<str>> {
        self.0.tags().into_keys().collect()
    }

    fn vendor(&self, id: &str) -> Option<(Arc<str>, Option<CountryCode>)> {
        let app = &self.0.show(id)?.app;
        Some((Arc::clone(&app.vendor), app.vendor_country.filter(|_| app.vendor_source.is_some())))
    }
}
