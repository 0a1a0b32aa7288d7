//! Rules that another rule or an exception makes superfluous, and exceptions that no longer hold.

use std::collections::BTreeSet;

use crate::model::CountryCode;
use crate::policy::compile::{Compiled, Resolved};
use crate::policy::countries;
use crate::policy::exception::Exempt;
use crate::policy::narrow::below;
use crate::policy::payload::Direction;
use crate::policy::roles::Peers;

use super::{Level, PolicyFinding, Surroundings, finding, in_force};

/// An exception that ends within so many days is worth a note.
const SOON: i64 = 14;

pub(super) fn look(
    resolved: &Resolved,
    broken: &[String],
    around: &Surroundings<'_>,
    out: &mut Vec<PolicyFinding>,
) {
    let sound = |id: &str| !broken.iter().any(|b| b == id);
    let rules: Vec<&Compiled> = resolved.rules.iter().filter(|r| sound(&r.id)).collect();
    for (i, rule) in rules.iter().enumerate() {
        let wider = rules
            .iter()
            .enumerate()
            .find(|(j, other)| *j != i && contains(other, rule) && (*j < i || !contains(rule, other)));
        if let Some((_, other)) = wider {
            out.push(finding(
                "shadowed-by-rule",
                &rule.id,
                Level::Warning,
                format!(
                    "whatever it matches, `{}` matches too, with severity {}: it only doubles alerts",
                    other.id, other.severity
                ),
                "remove it, give it a higher severity, or narrow the wider rule",
            ));
        }
        if let Some(exception) = in_force(resolved, around.today).find(|e| sound(&e.id) && swallows(e, rule))
        {
            out.push(finding(
                "shadowed-by-exception",
                &rule.id,
                Level::Error,
                format!(
                    "the exception `{}` covers all that it can match, until {}",
                    exception.id, exception.expires
                ),
                "narrow the exception, or switch the rule off with `enabled = false`",
            ));
        }
    }
    for exception in resolved.exceptions.iter().filter(|e| sound(&e.id)) {
        let left = exception.expires.since(around.today).map_or(0, |span| i64::from(span.get_days()));
        if exception.expires < around.today {
            out.push(finding(
                "exception-expired",
                &exception.id,
                Level::Warning,
                format!(
                    "it expired on {} and excepts nothing any more ({})",
                    exception.expires, exception.owner
                ),
                "remove it, or let its owner renew it",
            ));
        } else if left <= SOON {
            out.push(finding(
                "exception-expires-soon",
                &exception.id,
                Level::Note,
                format!("it holds until {}, for {left} more days ({})", exception.expires, exception.owner),
                "let its owner decide whether it is renewed",
            ));
        }
    }
}

/// Whether every match of `inner` is one of `outer` too, at no lower severity. In doubt it says no.
fn contains(outer: &Compiled, inner: &Compiled) -> bool {
    outer.severity >= inner.severity
        && (outer.any_app || (!inner.any_app && inner.apps.is_subset(&outer.apps)))
        && flagged(inner).all(|c| outer.countries.holds(c))
        && inner.roles.iter().all(|r| outer.roles.contains(r))
        && within(&inner.devices, &outer.devices)
        && same_networks(outer, inner)
        && within(&inner.processes, &outer.processes)
        && (outer.operators.is_empty() || outer.operators == inner.operators)
        && names_within(&inner.names, &outer.names)
        && (outer.direction == Direction::Any || outer.direction == inner.direction)
        && (outer.inbound || !inner.inbound)
        && (outer.peers == Peers::Include || inner.peers == Peers::Exclude)
        && (!outer.has_minimum() || same_minimum(outer, inner))
        && outer.first_time.is_empty()
        && (outer.schedule.is_none() || outer.schedule == inner.schedule)
}

/// Whether an exception covers all that a rule can match.
fn swallows(exception: &Exempt, rule: &Compiled) -> bool {
    (exception.rules.is_empty() || exception.rules.contains(&rule.id))
        && (exception.apps.is_empty() || (!rule.any_app && rule.apps.is_subset(&exception.apps)))
        && within(&rule.devices, &exception.devices)
        && (exception.operators.is_empty() || exception.operators == rule.operators)
        && (exception.countries.is_empty() || flagged(rule).all(|c| exception.countries.contains(&c)))
        && names_within(&rule.names, &exception.names)
}

fn flagged(rule: &Compiled) -> impl Iterator<Item = CountryCode> {
    countries::assigned().filter_map(CountryCode::parse).filter(|c| rule.countries.holds(*c))
}

/// An empty list stands for everything.
fn within<T: Ord>(inner: &BTreeSet<T>, outer: &BTreeSet<T>) -> bool {
    outer.is_empty() || (!inner.is_empty() && inner.is_subset(outer))
}

fn names_within(inner: &BTreeSet<String>, outer: &BTreeSet<String>) -> bool {
    outer.is_empty() || (!inner.is_empty() && inner.iter().all(|name| below(name, outer)))
}

fn same_networks(outer: &Compiled, inner: &Compiled) -> bool {
    (outer.networks.is_empty() && outer.prefixes.is_empty())
        || (outer.networks == inner.networks && outer.prefixes == inner.prefixes)
}

fn same_minimum(outer: &Compiled, inner: &Compiled) -> bool {
    let of = |r: &Compiled| (r.min_up, r.min_down, r.min_flows, r.window);
    of(outer) == of(inner)
}
