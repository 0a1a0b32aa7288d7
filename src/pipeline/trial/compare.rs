//! Two sets of alerts held against each other: gained, lost, changed.
//!
//! Alerts are the same subject when rule, device, application, role, country and operator are; their ids hold the time of
//! opening and would differ for a rule that only fires later.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::{Alert, Bytes, CountryCode, Role, Severity};

/// What an alert is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Subject {
    /// The rule's id.
    pub rule: Arc<str>,
    /// The device's id.
    pub device: Arc<str>,
    /// The application's id.
    pub app: Option<Arc<str>>,
    /// The role.
    pub role: Role,
    /// The country.
    pub country: CountryCode,
    /// AS number of the operator.
    pub asn: Option<u32>,
    /// Its name, where there is no number.
    pub operator: Option<Arc<str>>,
}

/// What was told of one subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The worst severity.
    pub severity: Severity,
    /// How many alerts.
    pub alerts: u64,
    /// Flows of all.
    pub flows: u64,
    /// Octets of all.
    pub bytes: Bytes,
    /// The first of them.
    pub example: Arc<Alert>,
}

/// One subject of which both tell, but not the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// About what.
    pub subject: Subject,
    /// What differs: `severity`, `alerts`, `flows`, `bytes`.
    pub what: Vec<&'static str>,
    /// As the old one tells it.
    pub old: Told,
    /// As the new one tells it.
    pub new: Told,
}

/// All that differs, in the order of the subjects.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Difference {
    /// Only the new one tells of these.
    pub gained: Vec<(Subject, Told)>,
    /// Only the old one.
    pub lost: Vec<(Subject, Told)>,
    /// Both, differently.
    pub changed: Vec<Change>,
    /// Subjects of which both tell the same.
    pub same: u64,
}

impl Difference {
    /// Whether anything differs.
    pub fn is_empty(&self) -> bool {
        self.gained.is_empty() && self.lost.is_empty() && self.changed.is_empty()
    }
}

/// Alerts by subject.
pub fn told<'a>(alerts: impl IntoIterator<Item = &'a Arc<Alert>>) -> BTreeMap<Subject, Told> {
    let mut by_subject: BTreeMap<Subject, Told> = BTreeMap::new();
    for alert in alerts {
        let told = by_subject.entry(subject(alert)).or_insert_with(|| Told {
            severity: alert.severity,
            alerts: 0,
            flows: 0,
            bytes: Bytes::default(),
            example: Arc::clone(alert),
        });
        told.severity = told.severity.max(alert.severity);
        told.alerts += 1;
        told.flows = told.flows.saturating_add(alert.flows);
        told.bytes.up = told.bytes.up.saturating_add(alert.bytes.up);
        told.bytes.down = told.bytes.down.saturating_add(alert.bytes.down);
        if (alert.opened, &alert.id) < (told.example.opened, &told.example.id) {
            told.example = Arc::clone(alert);
        }
    }
    by_subject
}

fn subject(alert: &Alert) -> Subject {
    let operator = &alert.remote.operator;
    Subject {
        rule: Arc::clone(&alert.rule),
        device: Arc::clone(&alert.device.id),
        app: alert.identification.app.as_ref().map(|app| Arc::clone(&app.id)),
        role: alert.role,
        country: alert.country,
        asn: operator.asn,
        operator: operator.name.clone().filter(|_| operator.asn.is_none()),
    }
}

/// Holds two sets against each other. With `counts` false, only severities count as changes: sums over periods that begin
/// and end differently differ without meaning anything.
pub fn compare(old: BTreeMap<Subject, Told>, mut new: BTreeMap<Subject, Told>, counts: bool) -> Difference {
    let mut difference = Difference::default();
    for (subject, old) in old {
        let Some(new) = new.remove(&subject) else {
            difference.lost.push((subject, old));
            continue;
        };
        let differs = [
            ("severity", old.severity != new.severity),
            ("alerts", counts && old.alerts != new.alerts),
            ("flows", counts && old.flows != new.flows),
            ("bytes", counts && old.bytes != new.bytes),
        ];
        let what: Vec<&'static str> =
            differs.iter().filter(|(_, differs)| *differs).map(|(w, _)| *w).collect();
        if what.is_empty() {
            difference.same += 1;
        } else {
            difference.changed.push(Change { subject, what, old, new });
        }
    }
    difference.gained.extend(new);
    difference
}
