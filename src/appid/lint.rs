//! Faults that a catalogue can have although it reads: overlaps, dead entries, suffixes that belong to strangers.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use super::application::{AppRole, Application, Confidence, DomainFact, DomainKind, OwnerKind};
use super::catalogue::Catalogue;
use super::suffixes::{is_registry_level, is_rented};
use crate::model::AppId;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LintLevel {
    /// Can give a wrong answer.
    Error,
    /// Does no harm, but no good either.
    Warning,
}

/// One fault of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LintFinding {
    /// How bad it is.
    pub level: LintLevel,
    /// A short word for the kind of fault (`conflict`, `dead_domain`…).
    pub kind: &'static str,
    /// The application.
    pub app: AppId,
    /// What is wrong and what to do.
    pub message: String,
}

impl fmt::Display for LintFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = match self.level {
            LintLevel::Error => "error",
            LintLevel::Warning => "warning",
        };
        write!(f, "{level}: {}: application `{}`: {}", self.kind, self.app, self.message)
    }
}

impl Catalogue {
    /// All faults, errors first, then by application.
    pub fn lint(&self) -> Vec<LintFinding> {
        let mut findings = Vec::new();
        for conflict in &self.conflicts {
            let (Some(winner), Some(loser)) =
                (self.applications.get(conflict.winner), self.applications.get(conflict.loser))
            else {
                continue;
            };
            let message =
                format!("`{}` belongs to `{}` already: one of them must go", conflict.what, winner.app.id);
            findings.push(finding(LintLevel::Error, "conflict", loser, message));
        }
        for application in &self.applications {
            self.lint_entry(application, &mut findings);
            lint_owners(application, &mut findings);
            for fact in &application.domains {
                self.lint_domain(application, fact, &mut findings);
            }
        }
        self.lint_below_other(&mut findings);
        self.lint_other_brand(&mut findings);
        self.lint_tags(&mut findings);
        self.lint_sources(&mut findings);
        self.lint_age(&mut findings);
        self.take_accepted(&mut findings);
        findings.sort_by(|a, b| {
            (a.level, &a.app, a.kind, &a.message).cmp(&(b.level, &b.app, b.kind, &b.message))
        });
        findings
    }

    fn lint_entry(&self, a: &Application, findings: &mut Vec<LintFinding>) {
        let names = a.domains.iter().any(|d| d.confidence == Confidence::Good)
            || a.prefixes.iter().any(|p| p.own_service)
            || a.asns.iter().any(|n| n.own_service)
            || !a.protocols.is_empty()
            || a.owners.iter().any(|o| o.confidence == Confidence::Good);
        if !names {
            let message =
                "no fact can name it: add a domain, a protocol, a package or an own prefix".to_owned();
            findings.push(finding(LintLevel::Error, "dead_entry", a, message));
        }
        self.lint_networks(a, findings);
        if a.role == AppRole::Infrastructure && !a.app.tags.iter().any(|t| &**t == "infrastructure") {
            let message =
                "role infrastructure without the tag `infrastructure`: rules could not tell it".to_owned();
            findings.push(finding(LintLevel::Error, "missing_tag", a, message));
        }
        if a.app.tags.is_empty() {
            findings.push(finding(
                LintLevel::Warning,
                "no_tags",
                a,
                "has no tags: rules by tag never meet it".to_owned(),
            ));
        }
    }

    fn lint_domain(&self, a: &Application, fact: &DomainFact, findings: &mut Vec<LintFinding>) {
        let (domain, app) = (&*fact.domain, &a.app.id);
        if fact.kind == DomainKind::Suffix && is_registry_level(domain) {
            let message = format!("`{domain}` is a registry's level: strangers register below it");
            findings.push(finding(LintLevel::Error, "public_suffix", a, message));
        }
        if fact.kind == DomainKind::Suffix && is_rented(domain) && a.role != AppRole::Infrastructure {
            let message =
                format!("names below `{domain}` are rented to anybody: only role infrastructure may have it");
            findings.push(finding(LintLevel::Error, "rented_suffix", a, message));
        }
        let same = a.domains.iter().filter(|d| d.domain == fact.domain && d.kind == fact.kind).count();
        if same > 1 {
            let message = format!("`{}` stands {same} times", fact.label);
            findings.push(finding(LintLevel::Warning, "duplicate", a, message));
        }
        // The next shorter fact; if it is the same application's, taking this one away would change nothing.
        let above = self.index.name_matches(domain).filter_map(|place| self.domain(place)).find(|(_, d)| {
            d.domain != fact.domain || (fact.kind == DomainKind::Full && d.kind == DomainKind::Suffix)
        });
        if let Some((b, shorter)) = above
            && b.app.id == *app
            && shorter.confidence == fact.confidence
        {
            let message = format!("`{}` is covered by its own `{}`: take it out", fact.label, shorter.label);
            findings.push(finding(LintLevel::Warning, "dead_domain", a, message));
        }
    }

    fn lint_tags(&self, findings: &mut Vec<LintFinding>) {
        let mut used = BTreeSet::new();
        for a in &self.applications {
            for tag in &a.app.tags {
                used.insert(&**tag);
                if !self.shared.tags.contains_key(&**tag) {
                    let message =
                        format!("tag `{tag}` is explained nowhere: add it under [tags], or correct it");
                    findings.push(finding(LintLevel::Error, "unknown_tag", a, message));
                }
            }
        }
        for tag in self.shared.tags.keys().filter(|t| !used.contains(t.as_str())) {
            let message = format!("tag `{tag}` is explained but no application has it");
            findings.push(LintFinding {
                level: LintLevel::Warning,
                kind: "empty_tag",
                app: "-".into(),
                message,
            });
        }
    }

    fn lint_sources(&self, findings: &mut Vec<LintFinding>) {
        let mut used: BTreeSet<&str> = BTreeSet::new();
        for a in &self.applications {
            used.extend(a.domains.iter().chain(&a.outer_names).map(|d| &*d.source.key));
            used.extend(a.prefixes.iter().map(|p| &*p.source.key));
            used.extend(a.asns.iter().map(|n| &*n.source.key));
            used.extend(a.ports.iter().map(|p| &*p.source.key));
            used.extend(a.protocols.iter().map(|p| &*p.source.key));
            used.extend(a.owners.iter().map(|o| &*o.source.key));
            let seat =
                self.shared.sources.values().filter(|s| a.app.vendor_source.as_ref() == Some(&s.label));
            used.extend(seat.map(|s| &*s.key));
        }
        for (key, _) in self.shared.sources.iter().filter(|(key, _)| !used.contains(key.as_str())) {
            let message = format!("source `{key}` stands behind no fact");
            findings.push(LintFinding {
                level: LintLevel::Warning,
                kind: "unused_source",
                app: "-".into(),
                message,
            });
        }
    }
}

/// Executables that run other people's programs, and names too common to be one application's.
const GENERIC: [&str; 24] = [
    "app",
    "bash",
    "browser",
    "chrome_crashpad_handler",
    "client",
    "com.android.systemui",
    "curl",
    "dllhost.exe",
    "electron",
    "helper",
    "java",
    "java.exe",
    "launcher",
    "main",
    "node",
    "node.exe",
    "php",
    "python",
    "python3",
    "rundll32.exe",
    "sh",
    "svchost.exe",
    "update.exe",
    "updater.exe",
];

fn lint_owners(a: &Application, findings: &mut Vec<LintFinding>) {
    let mut seen = BTreeSet::new();
    for fact in &a.owners {
        let name = fact.name.to_lowercase();
        if fact.kind != OwnerKind::Label && GENERIC.contains(&name.as_str()) {
            let message =
                format!("`{}` runs other programs too, or is anybody's name: take it out", fact.label);
            findings.push(finding(LintLevel::Error, "generic_owner", a, message));
        }
        if !seen.insert((fact.kind, name)) {
            let message = format!("`{}` stands twice", fact.label);
            findings.push(finding(LintLevel::Warning, "duplicate", a, message));
        }
    }
}

pub(super) fn finding(level: LintLevel, kind: &'static str, a: &Application, message: String) -> LintFinding {
    LintFinding { level, kind, app: Arc::clone(&a.app.id), message }
}
