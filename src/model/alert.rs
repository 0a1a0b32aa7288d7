//! An alert: findings of one kind, grouped, with a life of its own.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{
    Came, CountryCode, DeviceContext, Evidence, Exchanges, FlowId, HostName, Identification, Outcome,
    Provenance, RemoteContext, Role, Severity, Timestamp,
};

/// Where in its life an alert is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum AlertState {
    /// Flows still add to it.
    Open,
    /// Quiet for the configured time.
    Closed,
}

/// Why an alert document was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum AlertTransition {
    /// First finding.
    Opened,
    /// More since the last document.
    Updated,
    /// Quiet.
    Closed,
}

impl AlertTransition {
    /// The lower-case word used in every output.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Opened => "alert-opened",
            Self::Updated => "alert-updated",
            Self::Closed => "alert-closed",
        }
    }
}

/// Octets in both directions, seen from the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Bytes {
    /// Device to remote.
    pub up: u64,
    /// Remote to device.
    pub down: u64,
}

impl Bytes {
    /// The sum of both.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self { up: self.up.saturating_add(other.up), down: self.down.saturating_add(other.down) }
    }
}

/// Whether people are to be told of a document of an alert. The store and sinks that keep everything have them all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Telling {
    /// Whether people are told of this document.
    pub told: bool,
    /// Whether people were told of this alert at all, so that they are told of its end too.
    pub ever_told: bool,
    /// Documents on the same subject that people were not told of since the last one that they were; of this alert and of
    /// closed ones before it.
    pub held_back: u64,
    /// When people were last told of the subject, by the clock of the alerts.
    pub last: Timestamp,
    /// For how long they are not told again.
    pub spacing: Duration,
}

impl Default for Telling {
    fn default() -> Self {
        Self { told: true, ever_told: true, held_back: 0, last: Timestamp::EPOCH, spacing: Duration::ZERO }
    }
}

/// Findings of one rule × device × application × role-country × operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// Stable id, the same at every update and redelivery; the same when the same capture is read again.
    pub id: Arc<str>,
    /// Open or closed.
    pub state: AlertState,
    /// The rule's id.
    pub rule: Arc<str>,
    /// The rule's name.
    pub rule_name: Arc<str>,
    /// How bad.
    pub severity: Severity,
    /// Always `Match` today; kept so that a *cannot tell* can never be shown as an accusation by accident.
    pub outcome: Outcome,
    /// The role that matched.
    pub role: Role,
    /// The country that matched.
    pub country: CountryCode,
    /// Who: the device, as in the first flow.
    pub device: DeviceContext,
    /// What: the application, with the evidence of the first flow.
    pub identification: Identification,
    /// Where: the remote of the first flow.
    pub remote: RemoteContext,
    /// All remotes that took part, at most [`Alert::MAX_REMOTES`], in order of appearance.
    pub remotes: Vec<IpAddr>,
    /// Names under which they were known, at most [`Alert::MAX_REMOTES`].
    pub names: Vec<HostName>,
    /// On what grounds: the rule's reasons.
    pub because: Vec<Arc<str>>,
    /// Facts observed, deciding ones first.
    pub evidence: Vec<Evidence>,
    /// The first flow.
    pub first_flow: FlowId,
    /// Flows that took part.
    pub flows: u64,
    /// How much.
    pub bytes: Bytes,
    /// First packet of the first flow.
    pub start: Timestamp,
    /// When the condition first held.
    pub opened: Timestamp,
    /// Last packet that added to it.
    pub last: Timestamp,
    /// Digits of the second in its times, by the observation point of the first flow.
    pub time_digits: u8,
    /// Whether people are told of it as it stands here.
    #[serde(default)]
    pub telling: Telling,
    /// Whether the far ends are other users' devices, no servers of the app.
    #[serde(default)]
    pub peer: bool,
    /// What its flows really carried; absent in alerts that began before this was counted.
    #[serde(default)]
    pub exchanges: Option<Exchanges>,
    /// What it rests on.
    pub provenance: Arc<Provenance>,
}

impl Alert {
    /// An alert names this many remotes; more are only counted through `flows`.
    pub const MAX_REMOTES: usize = 32;
    /// The id of the rule that canaries are raised by; no other rule may have it.
    pub const CANARY_RULE: &'static str = "whither-canary";

    /// What its flows came to, where that was counted.
    pub fn came(&self) -> Option<Came> {
        self.exchanges.map(|e| e.came(self.flows))
    }

    /// Whether it is known that the device sent no payload: all octets up are headers.
    pub fn is_without_data(&self) -> bool {
        self.came().is_some_and(Came::is_without_data)
    }

    /// What the device did with the far end; the far end's name follows.
    pub fn verb(&self) -> &'static str {
        self.exchanges.map_or("exchanged data with", |e| e.verb(self.flows))
    }

    /// What must be said beside its octets, which count headers too.
    pub fn note(&self) -> Option<String> {
        self.exchanges.and_then(|e| e.note(self.flows))
    }

    /// Whether it is a canary: raised to see whether alerts arrive, of no device and no traffic. Every document of it says so.
    pub fn is_canary(&self) -> bool {
        &*self.rule == Self::CANARY_RULE
    }
}
