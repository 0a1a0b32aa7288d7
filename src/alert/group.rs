//! What is one alert, and the id it has.

use std::fmt::Write;
use std::sync::Arc;

use crate::model::{Alert, AppId, CountryCode, EnrichedFlow, Finding, Role, Timestamp};

/// The id of the device of an overflow alert, which stands for many.
pub(super) const EVERYBODY: &str = "*";
/// The id of the device of the one alert for all unsolicited inbound traffic of a rule, role and country.
pub(super) const UNSOLICITED: &str = "*inbound";

/// Findings with the same group are one alert.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Group {
    rule: Arc<str>,
    role: Role,
    country: CountryCode,
    members: Members,
}

/// Who may be in it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Members {
    /// One device, app and operator.
    One(Who),
    /// All that found no alert of their own.
    Overflow,
    /// All unsolicited inbound traffic.
    Unsolicited,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Who {
    device: Arc<str>,
    app: Option<AppId>,
    asn: Option<u32>,
    /// Only where the AS number is not known.
    operator: Option<Arc<str>>,
    /// Other users' devices: nobody may count their octets as sent to a server.
    peer: bool,
}

impl Group {
    /// The group of a finding.
    pub(super) fn of(flow: &EnrichedFlow, finding: &Finding) -> Self {
        if finding.inbound {
            return Self { members: Members::Unsolicited, ..Self::overflow(finding) };
        }
        let operator = &flow.remote.operator;
        let who = Who {
            device: flow.device.id.clone(),
            app: flow.identification.app.as_ref().map(|a| a.id.clone()),
            asn: operator.asn,
            operator: operator.name.clone().filter(|_| operator.asn.is_none()),
            peer: finding.peer,
        };
        Self { members: Members::One(who), ..Self::overflow(finding) }
    }

    /// The group of an alert that was stored.
    pub(super) fn of_alert(alert: &Alert) -> Self {
        let operator = &alert.remote.operator;
        let members = match &*alert.device.id {
            EVERYBODY => Members::Overflow,
            UNSOLICITED => Members::Unsolicited,
            _ => Members::One(Who {
                device: alert.device.id.clone(),
                app: alert.identification.app.as_ref().map(|a| a.id.clone()),
                asn: operator.asn,
                operator: operator.name.clone().filter(|_| operator.asn.is_none()),
                peer: alert.peer,
            }),
        };
        Self { rule: alert.rule.clone(), role: alert.role, country: alert.country, members }
    }

    /// Where a finding goes when no more alerts may be opened.
    pub(super) fn overflow(finding: &Finding) -> Self {
        Self {
            rule: finding.rule.clone(),
            role: finding.role,
            country: finding.country,
            members: Members::Overflow,
        }
    }

    /// Whether it is an overflow group.
    pub(super) fn is_overflow(&self) -> bool {
        self.members == Members::Overflow
    }

    /// Whether it is the group of all unsolicited inbound traffic.
    pub(super) fn is_unsolicited(&self) -> bool {
        self.members == Members::Unsolicited
    }

    /// The alert's id: 16 hex digits of SHA-256 over the group and the time it was opened. Parts are set apart by their
    /// length, so that no two groups have the same text.
    pub(super) fn id(&self, opened: Timestamp) -> Arc<str> {
        let mut hash = ring::digest::Context::new(&ring::digest::SHA256);
        let mut part = |text: &str| {
            hash.update(&(text.len() as u64).to_be_bytes());
            hash.update(text.as_bytes());
        };
        part(&self.rule);
        let (who, device) = match &self.members {
            Members::One(who) => (Some(who), &*who.device),
            Members::Overflow => (None, EVERYBODY),
            Members::Unsolicited => (None, UNSOLICITED),
        };
        part(device);
        part(who.and_then(|w| w.app.as_deref()).unwrap_or("-"));
        part(self.role.word());
        part(self.country.as_str());
        match who.map(|w| (w.asn, w.operator.as_deref())) {
            Some((Some(asn), _)) => part(&format!("AS{asn}")),
            Some((None, Some(name))) => part(name),
            Some((None, None)) | None => part("-"),
        }
        part(&opened.as_nanos().to_string());
        if who.is_some_and(|w| w.peer) {
            part("peer");
        }
        let digest = hash.finish();
        let mut id = String::with_capacity(16);
        for byte in digest.as_ref().iter().take(8) {
            let _ = write!(id, "{byte:02x}");
        }
        id.into()
    }
}
