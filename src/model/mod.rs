//! The words that every other module speaks: plain values with their invariants.
//!
//! Nothing here does I/O, reads a clock, or knows another module. What was *seen* (a [`FlowRecord`]) and what was
//! *concluded* from it (an [`Identification`], a [`Verdict`]) are separate types, so that old flows can be judged
//! again with new data. Words follow IPFIX (RFC 7011, 7012, 6728, 5103); see docs/reference/fields.md.

mod address;
mod alert;
mod application;
mod candidate;
mod device;
mod dns;
mod endpoint;
mod enriched;
mod exchange;
mod facts;
#[cfg(test)]
pub(crate) mod fixture;
mod flow;
mod generations;
mod jurisdiction;
mod ledger;
mod name;
mod origin;
mod physics;
mod time;
mod units;
mod verdict;
mod word;

pub use address::{Endpoint, MacAddr, Protocol, is_special_address};
pub use alert::{Alert, AlertState, AlertTransition, Bytes, Telling};
pub use application::{AppId, AppRef, Evidence, EvidenceKind, Identification, Tier};
pub use candidate::NameCandidate;
pub use device::{DeviceAbout, DeviceClass, DeviceObservation, DeviceOrigin, DeviceText};
pub use dns::{CaptureName, DnsAnswer, DnsObservation, EchName, LookupVia};
pub use endpoint::{DeviceContext, NetworkScope, Operator, RegionClaim, RegionPlace, RemoteContext, Tenant};
pub use enriched::{EnrichedFlow, Provenance, SourceBuild, Translation};
pub use exchange::{Came, Exchange, Exchanges, Reach};
pub use facts::{
    CertificateFact, DnsTransport, Ech, EncryptedDns, Facts, Httpdns, NameFact, NameOrigin, ProtocolProof,
    StunFact,
};
pub use flow::{
    Counters, FlowEndReason, FlowId, FlowRecord, ObservationPoint, SourceBasis, TcpSummary, Tunnel, VlanTags,
};
pub use generations::Generations;
pub use jurisdiction::{Certainty, Claim, CountryCode, Role, RoleAnswer, RoleAnswers};
pub use ledger::{FlowLedger, Gap, Ledger, PacketLedger};
pub use name::HostName;
pub use origin::{AndroidUid, Label, OriginSource, ProcessRef};
pub use physics::{Feasibility, Physics};
pub use time::Timestamp;
pub use units::{HumanDuration, HumanSize, Problem};
pub use verdict::{Finding, Outcome, Severity, Verdict};
pub use word::Word;
