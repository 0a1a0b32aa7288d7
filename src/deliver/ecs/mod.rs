//! Flows and alerts as Elastic Common Schema documents (ECS 8), so that they load into a SIEM as they are; what ECS has
//! no word for stands under `whither`. Stable: grown only by adding. The JSON Schemas in docs/reference come from here.

mod alert;
mod community;
mod flow;
mod parts;
mod whither;

pub use alert::{AlertDocument, alert_document};
pub use flow::{FlowDocument, flow_document};
pub use whither::{ProvenanceDocument, provenance_document, role_documents, RoleDocument};

/// The schema version that the documents follow.
const ECS_VERSION: &str = "8.17";
