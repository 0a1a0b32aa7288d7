//! What a result rests on.

use std::sync::Arc;

use serde::Serialize;

use crate::model::{Provenance, SourceBuild};

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct ProvenanceDocument {
    version: Arc<str>,
    catalogue: Arc<str>,
    policy: Arc<str>,
    databases: Vec<DatabaseDocument>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct DatabaseDocument {
    name: Arc<str>,
    build: Arc<str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<Arc<str>>,
}

impl From<&Provenance> for ProvenanceDocument {
    fn from(provenance: &Provenance) -> Self {
        let database = |d: &SourceBuild| DatabaseDocument {
            name: Arc::clone(&d.name),
            build: Arc::clone(&d.build),
            sha256: d.sha256.clone(),
        };
        Self {
            version: Arc::clone(&provenance.version),
            catalogue: Arc::clone(&provenance.catalogue),
            policy: Arc::clone(&provenance.policy),
            databases: provenance.databases.iter().map(database).collect(),
        }
    }
}
