//! Which application a flow belongs to, how sure that is, and on what grounds.
//!
//! The [`Catalogue`] is data (`config/applications/*.toml`, embedded; an admin's folders add to it and override it):
//! names, address prefixes, AS numbers and protocols of each application, every fact with its source and date.
//! The [`Identifier`] holds what was seen of a flow against it and gives an [`Identification`](crate::model::Identification):
//! an application only where the grounds carry one, else candidates or the bare evidence.
//!
//! What this module leaves alone: it looks nothing up (DNS candidates and the AS number are handed to it), and judges
//! nobody. What it must remember of other flows ([`Neighbours`], [`Fronts`]) its caller keeps. Where machines stand is `enrich`'s question.
//!
//! Limits: an address never names an application unless its prefix is that application's own; a name under a cover
//! (Encrypted Client Hello) never does; what shares a front with many others stays a set of candidates.

mod application;
mod catalogue;
mod config;
mod device;
mod embedded;
mod error;
mod evidence;
mod explain;
mod format;
mod fronts;
mod identify;
mod index;
mod labels;
mod lint;
mod lint_names;
mod lint_networks;
mod near;
mod neighbours;
mod owner;
mod owners;
mod parse;
mod region;
mod suffixes;
mod weigh;

#[cfg(test)]
mod tests;

pub use application::{
    Accepted, AppRole, Application, AsRole, AsnFact, Confidence, DomainFact, DomainKind, FactSource, Os,
    OwnerFact, OwnerKind, PortFact, PrefixFact, ProtocolFact,
};
pub use catalogue::{AppSummary, Catalogue};
pub use config::CatalogueConfig;
pub use error::CatalogueError;
pub use explain::{MatchReport, MatchedFact};
pub use fronts::{Fronts, Shared};
pub use identify::{Identifier, Question};
pub use lint::{LintFinding, LintLevel};
pub use neighbours::{Called, Neighbour, Neighbours};
pub use region::{RegionReport, region_of};
