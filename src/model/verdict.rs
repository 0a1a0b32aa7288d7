//! Verdicts of rules on flows, and the findings that alerts are made of.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{CountryCode, Exchange, Role, Timestamp};

/// How bad a rule's author thinks a match is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Look at it some day.
    Low,
    /// Look at it soon.
    Medium,
    /// Look at it now.
    High,
    /// Wake somebody.
    Critical,
}

impl Severity {
    /// All, mildest first.
    pub const ALL: [Self; 5] = [Self::Info, Self::Low, Self::Medium, Self::High, Self::Critical];

    /// The lower-case word used in config and output.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }

    /// The severity of that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.word() == word)
    }

    /// ECS `event.severity`: 1 (info) to 5 (critical).
    pub const fn number(self) -> u8 {
        match self {
            Self::Info => 1,
            Self::Low => 2,
            Self::Medium => 3,
            Self::High => 4,
            Self::Critical => 5,
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// What a rule says of a flow. An error is never `NoMatch`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Outcome {
    /// The rule's condition holds, on grounds that carry it.
    Match,
    /// It does not hold.
    NoMatch,
    /// It may hold; what is known does not decide it.
    CannotTell,
}

impl Outcome {
    /// The lower-case word used in every output.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Match => "match",
            Self::NoMatch => "no_match",
            Self::CannotTell => "cannot_tell",
        }
    }
}

/// One rule's outcome for one flow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// The rule's id.
    pub rule: Arc<str>,
    /// The outcome.
    pub outcome: Outcome,
    /// The reasons, each a sentence that names its grounds.
    pub because: Vec<Arc<str>>,
    /// The role and country that decided (or may decide), where one did.
    pub role: Option<(Role, CountryCode)>,
}

/// A rule met by a flow: the raw material of an alert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The rule's id.
    pub rule: Arc<str>,
    /// The rule's name for people.
    pub rule_name: Arc<str>,
    /// How bad.
    pub severity: Severity,
    /// The role that matched.
    pub role: Role,
    /// The country that matched.
    pub country: CountryCode,
    /// The reasons.
    pub because: Vec<Arc<str>>,
    /// Octets up (device to remote) that this finding adds.
    pub bytes_up: u64,
    /// Octets down that this finding adds.
    pub bytes_down: u64,
    /// What the ends sent each other in the flow so far, and in earlier ones whose octets are among those.
    #[serde(default)]
    pub exchange: Exchange,
    /// When it held.
    pub at: Timestamp,
    /// Whether it is of unsolicited inbound traffic: of one rule, role and country all of it is one alert.
    #[serde(default)]
    pub inbound: bool,
    /// Whether the far end is another user's device, no server of the app: such flows are alerts of their own.
    #[serde(default)]
    pub peer: bool,
}
