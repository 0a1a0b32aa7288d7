//! The four roles of an address as JSON, with every source's answer.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use crate::model::{Claim, Role, RoleAnswers};

/// What one source says of a role.
#[derive(Debug, Clone, Serialize)]
pub(super) struct ClaimDocument {
    name: Arc<str>,
    country: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    date: Option<Arc<str>>,
    /// The round trip to the machine is too short for it to stand there.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    refuted: bool,
}

/// The answer to one role's question.
#[derive(Debug, Clone, Serialize)]
pub(super) struct RoleDocument {
    country: Option<String>,
    certainty: &'static str,
    /// The source that decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    date: Option<Arc<str>>,
    sources: Vec<ClaimDocument>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<Arc<str>>,
}

/// The four roles of an address, by their words.
pub(super) fn role_documents(roles: &RoleAnswers) -> BTreeMap<&'static str, RoleDocument> {
    let one = |role: Role| {
        let answer = roles.get(role)?;
        let deciding: Option<&Claim> =
            answer.claims.iter().find(|c| c.country.is_some() && c.country == answer.country);
        let document = RoleDocument {
            country: answer.country.map(|c| c.to_string()),
            certainty: answer.certainty.word(),
            source: deciding.map(|c| Arc::clone(&c.source)),
            date: deciding.and_then(|c| c.date.clone()),
            sources: answer
                .claims
                .iter()
                .map(|c| ClaimDocument {
                    name: Arc::clone(&c.source),
                    country: c.country.map(|c| c.to_string()),
                    date: c.date.clone(),
                    refuted: c.refuted,
                })
                .collect(),
            note: answer.note.clone(),
        };
        Some((role.word(), document))
    };
    Role::OF_ADDRESS.into_iter().filter_map(one).collect()
}
