//! Octets of a flow on which a rule has not had its last word: what it could not tell yet, and what came before the side
//! that it asks for had sent payload.
//!
//! If a later record of the flow settles it for a match, they count in the minimums and belong to the finding: the handshake
//! before the first payload is part of an upload, and so is what went up before the application was known. What ends
//! unsettled is dropped with the flow.

use std::sync::Arc;

use crate::model::Bytes;

/// What one flow owes, by rule; a flow seldom owes to more than one or two.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Owed(Vec<(Arc<str>, Bytes)>);

impl Owed {
    /// Whether nothing is owed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds to what is owed to a rule.
    pub(super) fn add(&mut self, rule: &Arc<str>, bytes: Bytes) {
        match self.0.iter_mut().find(|(of, _)| of == rule) {
            Some((_, owed)) => *owed = owed.plus(bytes),
            None => self.0.push((Arc::clone(rule), bytes)),
        }
    }

    /// Settles what is owed to a rule.
    pub(super) fn take(&mut self, rule: &Arc<str>) -> Bytes {
        let at = self.0.iter().position(|(of, _)| of == rule);
        at.map(|at| self.0.swap_remove(at).1).unwrap_or_default()
    }
}
