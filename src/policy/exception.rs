//! Matches that are known and accepted: each with a reason, an owner and a last day.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::civil::Date;
use serde::Serialize;

use crate::model::{AppId, CountryCode, EnrichedFlow, Timestamp};

use super::because::plain;
use super::condition::is_device;
use super::narrow::{self, Operators};

/// How the last reason of an excepted match begins.
pub const EXCEPTED: &str = "excepted by `";

/// An exception with every word resolved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Exempt {
    pub(super) id: Arc<str>,
    pub(super) rules: BTreeSet<Arc<str>>,
    pub(super) apps: BTreeSet<AppId>,
    /// Lower case.
    pub(super) devices: BTreeSet<String>,
    pub(super) operators: Operators,
    #[serde(serialize_with = "as_texts")]
    pub(super) countries: BTreeSet<CountryCode>,
    pub(super) names: BTreeSet<String>,
    /// Not part of what is judged.
    #[serde(skip)]
    pub(super) reason: String,
    #[serde(skip)]
    pub(super) owner: String,
    /// The last day.
    #[serde(serialize_with = "as_text")]
    pub(super) expires: Date,
}

fn as_texts<S: serde::Serializer>(set: &BTreeSet<CountryCode>, s: S) -> Result<S::Ok, S::Error> {
    s.collect_seq(set.iter().map(CountryCode::as_str))
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn as_text<S: serde::Serializer>(date: &Date, s: S) -> Result<S::Ok, S::Error> {
    s.collect_str(date)
}

impl Exempt {
    /// Whether a match of this rule is meant, whatever the day. What is not surely known is not excepted.
    pub(super) fn covers(&self, rule: &str, country: CountryCode, flow: &EnrichedFlow) -> bool {
        let app = flow.identification.app.as_ref();
        (self.rules.is_empty() || self.rules.contains(rule))
            && (self.apps.is_empty() || app.is_some_and(|a| self.apps.contains(&a.id)))
            && (self.devices.is_empty() || is_device(&self.devices, &flow.device))
            && (self.operators.is_empty() || self.operators.surely_hold(&flow.remote.operator))
            && (self.countries.is_empty() || self.countries.contains(&country))
            && (self.names.is_empty() || narrow::surely_named(flow, &self.names))
    }

    /// Whether its last day is past at that time (UTC).
    pub(super) fn has_expired(&self, at: Timestamp) -> bool {
        let Ok(stamp) = jiff::Timestamp::from_nanosecond(i128::from(at.as_nanos())) else { return true };
        self.expires < jiff::tz::Offset::UTC.to_datetime(stamp).date()
    }

    /// The sentence of an excepted match.
    pub(super) fn sentence(&self) -> String {
        format!(
            "{EXCEPTED}{}` until {}: {} ({})",
            self.id,
            self.expires,
            plain(&self.reason),
            plain(&self.owner)
        )
    }

    /// The sentence of a match that it no longer excepts.
    pub(super) fn expired_sentence(&self) -> String {
        format!("the exception `{}` ({}) expired on {}", self.id, plain(&self.owner), self.expires)
    }
}
