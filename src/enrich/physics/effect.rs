//! What a refuted claim does to the answer on where the server stands.
//!
//! Only ever less: a claim falls away, or the whole answer becomes disputed. One disputing source may be left standing, and
//! never counts for more than one source does.

use std::sync::Arc;

use crate::model::{Certainty, Claim, CountryCode, Physics, RoleAnswer};

/// The source that often repeats the block's registration: weak alone, also when the others are refuted.
const WEAK: &str = "ipfire";

/// Marks the claims that `physics` refutes and draws the consequence. `why` says of a country why it is impossible;
/// `placeless`: the address stands in many places, whatever is refuted.
pub(super) fn apply(
    answer: &mut RoleAnswer,
    physics: &Physics,
    placeless: bool,
    why: impl Fn(CountryCode) -> String,
) {
    let mut first_refuted = None;
    for claim in Arc::make_mut(&mut answer.claims) {
        if let Some(country) = claim.country.filter(|c| physics.refutes(*c)) {
            claim.refuted = true;
            first_refuted.get_or_insert(country);
        }
    }
    let Some(refuted) = answer.country.filter(|c| physics.refutes(*c)).or(first_refuted) else { return };
    let note = format!("refuted by round trip: {}", why(refuted));
    let standing: Vec<&Claim> = answer.claims.iter().filter(|c| c.country.is_some() && !c.refuted).collect();
    let first = standing.first().and_then(|c| c.country);
    let agree = standing.iter().all(|c| c.country == first);
    let concluded_falls = answer.country.is_some_and(|c| physics.refutes(c));
    if !placeless && (concluded_falls || answer.certainty == Certainty::Disputed) {
        answer.certainty = match first {
            Some(_) if agree && standing.iter().any(|c| &*c.source != WEAK) => Certainty::Medium,
            Some(_) if agree => Certainty::Low,
            _ => Certainty::Disputed,
        };
        answer.country = first.or(answer.country);
    }
    answer.note = Some(match &answer.note {
        Some(old) => format!("{note}; {old}").into(),
        None => note.into(),
    });
}
