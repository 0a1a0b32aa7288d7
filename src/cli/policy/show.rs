//! The documents of `policy test` and `policy diff`, and their tables.

use std::fmt::Write as _;
use std::sync::Arc;

use serde::Serialize;

use crate::cli::output::{bytes, plain};
use crate::cli::table;
use crate::pipeline::trial::{Difference, RuleTally, Subject, Told, Trial};

use super::trial::Against;

/// Id, name and severity of a rule.
pub(super) type RuleName = (Arc<str>, Arc<str>, &'static str);

#[derive(Serialize)]
pub(super) struct Test<'a> {
    against: &'static str,
    records: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    first: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last: Option<String>,
    policy: &'a str,
    rules: Vec<RuleDocument<'a>>,
    alerts: usize,
    alerts_not_kept: u64,
    /// Against the alerts that the store holds of the period; nothing for captures.
    #[serde(skip_serializing_if = "Option::is_none")]
    changes: Option<Changes>,
}

#[derive(Serialize)]
struct RuleDocument<'a> {
    id: &'a str,
    name: &'a str,
    severity: &'static str,
    matches: u64,
    cannot_tell: u64,
    no_match: u64,
    excepted: u64,
    alerts: u64,
    examples: Vec<Example>,
}

#[derive(Serialize)]
pub(super) struct Diff {
    against: &'static str,
    records: u64,
    old: Side,
    new: Side,
    changes: Changes,
}

#[derive(Serialize)]
struct Side {
    policy: String,
    alerts: usize,
    alerts_not_kept: u64,
}

#[derive(Serialize)]
pub(in crate::cli) struct Changes {
    same: u64,
    gained: usize,
    lost: usize,
    changed: usize,
    gained_examples: Vec<Example>,
    lost_examples: Vec<Example>,
    changed_examples: Vec<ChangeDocument>,
}

#[derive(Serialize)]
struct ChangeDocument {
    what: Vec<&'static str>,
    old: Example,
    new: Example,
}

#[derive(Serialize)]
struct Example {
    rule: String,
    severity: &'static str,
    device: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    app: Option<String>,
    role: &'static str,
    country: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    operator: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    asn: Option<u32>,
    remote: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    opened: String,
    alerts: u64,
    flows: u64,
    bytes_up: u64,
    bytes_down: u64,
    because: Vec<Arc<str>>,
}

impl Example {
    fn new(subject: &Subject, told: &Told) -> Self {
        let alert = &told.example;
        Self {
            rule: subject.rule.to_string(),
            severity: told.severity.word(),
            device: subject.device.to_string(),
            app: subject.app.as_ref().map(ToString::to_string),
            role: subject.role.word(),
            country: subject.country.to_string(),
            operator: alert.remote.operator.name.as_ref().map(ToString::to_string),
            asn: subject.asn,
            remote: alert.remote.addr.to_string(),
            name: alert.names.first().map(ToString::to_string),
            opened: alert.opened.to_rfc3339(alert.time_digits),
            alerts: told.alerts,
            flows: told.flows,
            bytes_up: told.bytes.up,
            bytes_down: told.bytes.down,
            because: alert.because.clone(),
        }
    }

    /// One line.
    fn line(&self) -> String {
        let app = self.app.as_deref().unwrap_or("any app");
        let to = self.name.as_deref().unwrap_or(&self.remote);
        let operator = self.operator.as_ref().map_or(String::new(), |o| format!(" of {}", plain(o)));
        format!(
            "{} [{}] {}: {} to {}{operator}, {} in {}, {} flow(s), {} up, {} down",
            plain(&self.rule),
            self.severity,
            plain(&self.device),
            plain(app),
            plain(to),
            self.role,
            self.country,
            self.flows,
            bytes(self.bytes_up),
            bytes(self.bytes_down)
        )
    }
}

impl Changes {
    pub(in crate::cli) fn new(difference: &Difference, most: usize) -> Self {
        let examples = |list: &[(Subject, Told)]| {
            list.iter().take(most).map(|(subject, told)| Example::new(subject, told)).collect()
        };
        Self {
            same: difference.same,
            gained: difference.gained.len(),
            lost: difference.lost.len(),
            changed: difference.changed.len(),
            gained_examples: examples(&difference.gained),
            lost_examples: examples(&difference.lost),
            changed_examples: difference
                .changed
                .iter()
                .take(most)
                .map(|c| ChangeDocument {
                    what: c.what.clone(),
                    old: Example::new(&c.subject, &c.old),
                    new: Example::new(&c.subject, &c.new),
                })
                .collect(),
        }
    }

    pub(in crate::cli) fn text(&self, out: &mut String, (gained, lost): (&str, &str)) {
        let _ = writeln!(
            out,
            "{} gained, {} lost, {} changed, {} the same",
            self.gained, self.lost, self.changed, self.same
        );
        for (sign, what, examples, all) in
            [("+", gained, &self.gained_examples, self.gained), ("-", lost, &self.lost_examples, self.lost)]
        {
            if all > 0 {
                let _ = writeln!(out, "{what}:");
            }
            for example in examples {
                let _ = writeln!(out, "  {sign} {}", example.line());
                for why in &example.because {
                    let _ = writeln!(out, "      {}", plain(why));
                }
            }
            more(out, all, examples.len());
        }
        if self.changed > 0 {
            let _ = writeln!(out, "told differently:");
        }
        for change in &self.changed_examples {
            let _ = writeln!(out, "  ~ {} differ(s)", change.what.join(", "));
            let _ = writeln!(out, "      old: {}", change.old.line());
            let _ = writeln!(out, "      new: {}", change.new.line());
        }
        more(out, self.changed, self.changed_examples.len());
    }
}

fn more(out: &mut String, all: usize, shown: usize) {
    if all > shown {
        let _ = writeln!(out, "    and {} more (--examples N shows more)", all - shown);
    }
}

impl<'a> Test<'a> {
    pub(super) fn new(
        against: &Against,
        trial: &Trial,
        policy: &'a str,
        rules: &'a [RuleName],
        difference: Option<&Difference>,
        most: usize,
    ) -> Self {
        let told = crate::pipeline::trial::told(trial.alerts.values());
        let rule = |(id, name, severity): &'a RuleName| {
            let RuleTally { matches, cannot_tell, no_match, excepted } =
                trial.rules.get(id).copied().unwrap_or_default();
            let of_rule = || told.iter().filter(|(subject, _)| subject.rule == *id);
            RuleDocument {
                id,
                name,
                severity,
                matches,
                cannot_tell,
                no_match,
                excepted,
                alerts: of_rule().map(|(_, told)| told.alerts).sum(),
                examples: of_rule().take(most).map(|(subject, told)| Example::new(subject, told)).collect(),
            }
        };
        Self {
            against: against.word(),
            records: trial.records,
            first: trial.period.map(|(first, _)| first.to_rfc3339(0)),
            last: trial.period.map(|(_, last)| last.to_rfc3339(0)),
            policy,
            rules: rules.iter().map(rule).collect(),
            alerts: trial.alerts.len(),
            alerts_not_kept: trial.alerts_not_kept,
            changes: difference.map(|d| Changes::new(d, most)),
        }
    }
}

/// The table of `policy test`.
pub(super) fn test(document: &Test<'_>) -> String {
    let mut out = String::new();
    let _ = writeln!(
        out,
        "{} flow records of {} ({} to {})\n",
        document.records,
        document.against,
        document.first.as_deref().unwrap_or("-"),
        document.last.as_deref().unwrap_or("-")
    );
    let rows = document.rules.iter().map(|r| {
        let counts = [r.alerts, r.matches, r.cannot_tell, r.no_match, r.excepted];
        [r.id.to_owned(), r.severity.to_owned()].into_iter().chain(counts.map(|n| n.to_string())).collect()
    });
    let header = ["rule", "severity", "alerts", "match", "cannot tell", "no match", "excepted"];
    out.push_str(&table::list(rows, &header));
    for rule in &document.rules {
        if rule.alerts == 0 {
            let _ = writeln!(out, "{}: no alert", plain(rule.id));
        }
        for example in &rule.examples {
            let _ = writeln!(out, "{}", example.line());
            for why in &example.because {
                let _ = writeln!(out, "    {}", plain(why));
            }
        }
    }
    if let Some(changes) = &document.changes {
        let _ = write!(out, "\nagainst the alerts of the store: ");
        changes.text(&mut out, ("would be alerted now, was not then", "was alerted then, would not be now"));
    }
    out
}

impl Diff {
    pub(super) fn new(
        against: &Against,
        sides: [(&Trial, &str); 2],
        difference: &Difference,
        most: usize,
    ) -> Self {
        let [old, new] = sides.map(|(trial, policy)| Side {
            policy: policy.to_owned(),
            alerts: trial.alerts.len(),
            alerts_not_kept: trial.alerts_not_kept,
        });
        let records = sides.iter().map(|(trial, _)| trial.records).max().unwrap_or(0);
        Self { against: against.word(), records, old, new, changes: Changes::new(difference, most) }
    }
}

/// The table of `policy diff`.
pub(super) fn diff(document: &Diff) -> String {
    let mut out = format!(
        "{} flow records of {}: {} alert(s) by the old policy, {} by the new one\n",
        document.records, document.against, document.old.alerts, document.new.alerts
    );
    document.changes.text(&mut out, ("only the new policy alerts", "only the old policy alerts"));
    out
}
