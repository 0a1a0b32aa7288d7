//! Faults between applications: a name below a stranger's name, a name that carries a stranger's brand, facts grown
//! old; and findings that the data itself accepts, each with a reason.
//!
//! Leaves alone what one entry shows by itself (`lint`). Limits: a brand is an id of six letters or more, because
//! shorter ones stand in ordinary words; age is counted from the youngest source, since nothing here reads a clock.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::civil::Date;

use super::application::{AppRole, Application, DomainKind};
use super::catalogue::Catalogue;
use super::lint::{LintFinding, LintLevel, finding};

/// Ids shorter than this are parts of too many words to be looked for in names.
const MIN_BRAND: usize = 6;
/// Domains change hands and seats move: a source this many years older than the youngest is read again.
const MAX_AGE_YEARS: i16 = 5;

impl Catalogue {
    /// A name below another vendor's name: either that vendor hosts it, and a reason says so, or one is wrong.
    pub(super) fn lint_below_other(&self, findings: &mut Vec<LintFinding>) {
        for a in &self.applications {
            for fact in &a.domains {
                let above =
                    self.index.name_matches(&fact.domain).filter_map(|place| self.domain(place)).find(
                        |(_, d)| {
                            d.domain != fact.domain
                                || (fact.kind == DomainKind::Full && d.kind == DomainKind::Suffix)
                        },
                    );
                let Some((b, shorter)) = above else { continue };
                let shared = matches!(b.role, AppRole::Infrastructure | AppRole::Platform);
                if b.app.id != a.app.id && b.app.vendor != a.app.vendor && !shared {
                    let message = format!(
                        "`{}` lies below `{}` of `{}`, another vendor: correct one, or accept it with a reason",
                        fact.domain, shorter.domain, b.app.id
                    );
                    findings.push(finding(LintLevel::Warning, "below_other", a, message));
                }
            }
        }
    }

    /// A name that begins or ends with another application's id: the way in which `freewechat.com` gets into lists.
    pub(super) fn lint_other_brand(&self, findings: &mut Vec<LintFinding>) {
        let brands: Vec<(String, &Application)> = self
            .applications
            .iter()
            .map(|a| (a.app.id.replace('-', ""), a))
            .filter(|(brand, _)| brand.len() >= MIN_BRAND)
            .collect();
        for a in &self.applications {
            let own = a.app.id.replace('-', "");
            for fact in a.domains.iter().filter(|d| d.kind == DomainKind::Suffix) {
                let label = fact.domain.split('.').next().unwrap_or_default().replace('-', "");
                let carried = brands.iter().find(|(brand, b)| {
                    (label.starts_with(brand.as_str()) || label.ends_with(brand.as_str()))
                        && b.app.id != a.app.id
                        && b.app.vendor != a.app.vendor
                        && !own.contains(brand.as_str())
                        && !label.contains(own.as_str())
                });
                if let Some((_, b)) = carried {
                    let message = format!(
                        "`{}` carries the name of `{}`: correct it, or accept it with a reason",
                        fact.domain, b.app.id
                    );
                    findings.push(finding(LintLevel::Warning, "other_brand", a, message));
                }
            }
        }
    }

    /// Sources that are much older than the youngest.
    pub(super) fn lint_age(&self, findings: &mut Vec<LintFinding>) {
        let dated =
            self.shared.sources.iter().filter_map(|(key, s)| Some((key, s.date.parse::<Date>().ok()?)));
        let dated: Vec<_> = dated.collect();
        let Some(youngest) = dated.iter().map(|(_, date)| *date).max() else { return };
        for (key, date) in dated {
            if youngest.year() - date.year() > MAX_AGE_YEARS {
                let message = format!(
                    "source `{key}` is of {date}, more than {MAX_AGE_YEARS} years older than the youngest: read it again"
                );
                findings.push(LintFinding {
                    level: LintLevel::Warning,
                    kind: "old_source",
                    app: "-".into(),
                    message,
                });
            }
        }
    }

    /// Takes out what an application accepts; an acceptance that meets nothing is a finding itself.
    pub(super) fn take_accepted(&self, findings: &mut Vec<LintFinding>) {
        let mut used = BTreeSet::new();
        findings.retain(|f| {
            let Some(a) = self.show(&f.app) else { return true };
            let met =
                a.accepted.iter().find(|x| *x.kind == *f.kind && subject(&f.message) == Some(&*x.about));
            if let Some(met) = met {
                used.insert((Arc::clone(&f.app), Arc::clone(&met.kind), Arc::clone(&met.about)));
            }
            met.is_none()
        });
        for a in &self.applications {
            for x in &a.accepted {
                if !used.contains(&(Arc::clone(&a.app.id), Arc::clone(&x.kind), Arc::clone(&x.about))) {
                    let message =
                        format!("accepts `{}` for `{}`, which is not found: take it out", x.kind, x.about);
                    findings.push(finding(LintLevel::Warning, "stale_acceptance", a, message));
                }
            }
        }
    }
}

/// What a finding is about: the first thing that its message names.
fn subject(message: &str) -> Option<&str> {
    message.split('`').nth(1)
}
