//! A flow before the rules.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::{CountryCode, EnrichedFlow, Finding, Outcome, Role, Tier, Verdict};

use super::role::{self, Flagged, RoleOutcome};
use super::window::{Minimum, Windows};
use super::{CompiledRule, Policy};

/// Judges flows by a policy; keeps the windows of its minimums.
#[derive(Debug)]
pub struct Judge {
    policy: Policy,
    windows: Windows,
}

/// What all rules together say of a flow.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Judgement {
    /// One per rule that concerns the flow; plain *no match* for another application or device is left out.
    pub verdicts: Vec<Verdict>,
    /// One per rule that matches and whose minimums are reached.
    pub findings: Vec<Finding>,
}

/// Whether the flow is of an application that a rule names.
enum AppAnswer {
    Yes,
    No,
    /// It may be; the sentence says why that is open.
    Perhaps(Arc<str>),
}

impl Judge {
    /// A judge with empty windows.
    pub fn new(policy: Policy) -> Self {
        Self { policy, windows: Windows::default() }
    }

    /// Judges one record. Octets are counted as they come, so each record must be given once.
    pub fn judge(&mut self, flow: &EnrichedFlow) -> Judgement {
        let mut judgement = Judgement::default();
        for (number, rule) in self.policy.rules.iter().enumerate() {
            let Some(verdict) = verdict(rule, flow) else { continue };
            if let (Outcome::Match, Some((role, country))) = (verdict.outcome, verdict.role)
                && let Some((bytes_up, bytes_down)) = enough(&mut self.windows, number, rule, flow, (role, country))
            {
                judgement.findings.push(Finding {
                    rule: Arc::clone(&rule.id),
                    rule_name: Arc::clone(&rule.name),
                    severity: rule.severity,
                    role,
                    country,
                    because: verdict.because.clone(),
                    bytes_up,
                    bytes_down,
                    at: flow.record.end,
                });
            }
            judgement.verdicts.push(verdict);
        }
        judgement
    }

    /// Limits that were hit, by name.
    pub fn limits(&self) -> BTreeMap<String, u64> {
        BTreeMap::from([("policy_windows_full".to_owned(), self.windows.pushed_out())])
    }
}

/// Whether the rule's minimums are reached; the octets that the finding adds.
fn enough(
    windows: &mut Windows,
    number: usize,
    rule: &CompiledRule,
    flow: &EnrichedFlow,
    (role, country): (Role, CountryCode),
) -> Option<(u64, u64)> {
    let (up, down) = (flow.bytes_up(), flow.bytes_down());
    if rule.min_up == 0 && rule.min_down == 0 {
        return Some((up, down));
    }
    let app = flow.identification.app.as_ref().map_or("", |a| &*a.id);
    let operator = flow.remote.operator.name.as_deref().unwrap_or_default();
    let key = format!("{}\0{app}\0{role}\0{country}\0{operator}", flow.device.id);
    let minimum = Minimum { up: rule.min_up, down: rule.min_down, window: rule.window.0 };
    windows.count((number, key), minimum, flow.record.end, up, down)
}

/// The rule's answer; `None` when it does not concern the flow at all.
fn verdict(rule: &CompiledRule, flow: &EnrichedFlow) -> Option<Verdict> {
    if !concerns_device(rule, flow) {
        return None;
    }
    let app = app_answer(rule, flow);
    if matches!(app, AppAnswer::No) {
        return None;
    }
    let flagged = Flagged { countries: &rule.countries, except: rule.except };
    let answers: Vec<(Role, RoleOutcome)> =
        rule.roles.iter().map(|role| (*role, role::judge(flow, *role, flagged))).collect();
    let best = answers.iter().map(|(_, answer)| answer.outcome).min_by_key(|outcome| match outcome {
        Outcome::Match => 0,
        Outcome::CannotTell => 1,
        Outcome::NoMatch => 2,
    })?;
    let deciding: Vec<&(Role, RoleOutcome)> = answers.iter().filter(|(_, a)| a.outcome == best).collect();
    let mut because: Vec<Arc<str>> = deciding.iter().map(|(_, a)| Arc::clone(&a.because)).collect();
    let role = deciding.iter().find_map(|(role, a)| a.country.map(|country| (*role, country)));
    let mut outcome = best;
    if let AppAnswer::Perhaps(why) = app {
        // A flow that may be of another application accuses nobody; it is only worth a word where it could matter.
        if outcome == Outcome::NoMatch || role.is_none() {
            return None;
        }
        outcome = Outcome::CannotTell;
        because.insert(0, why);
    }
    because.dedup();
    Some(Verdict { rule: Arc::clone(&rule.id), outcome, because, role })
}

fn concerns_device(rule: &CompiledRule, flow: &EnrichedFlow) -> bool {
    let device = &flow.device;
    let named = |set: &std::collections::BTreeSet<String>, words: &[Option<&str>]| {
        set.is_empty() || words.iter().flatten().any(|word| set.contains(*word))
    };
    let addr = device.addr.to_string();
    let mac = device.mac.map(|m| m.to_string());
    named(&rule.devices, &[Some(&*device.id), device.name.as_deref(), Some(&addr), mac.as_deref()])
        && named(&rule.networks, &[device.network.as_deref()])
}

fn app_answer(rule: &CompiledRule, flow: &EnrichedFlow) -> AppAnswer {
    if rule.apps.is_empty() && rule.tags.is_empty() {
        return AppAnswer::Yes;
    }
    let identification = &flow.identification;
    if let Some(app) = &identification.app {
        let meant = rule.apps.contains(&*app.id) || app.tags.iter().any(|tag| rule.tags.contains(&**tag));
        return match identification.tier {
            _ if !meant => AppAnswer::No,
            Some(Tier::F) => AppAnswer::Perhaps("the application is only a guess by its hosting".into()),
            _ => AppAnswer::Yes,
        };
    }
    if let Some(candidate) = identification.candidates.iter().find(|c| rule.apps.contains(&***c)) {
        let all = identification.candidates.iter().map(|c| &**c).collect::<Vec<_>>().join(", ");
        return AppAnswer::Perhaps(format!("it may be {candidate}, but it may as well be another of: {all}").into());
    }
    if !identification.candidates.is_empty() {
        return AppAnswer::No;
    }
    AppAnswer::Perhaps("the flow could not be named, so it may be of any application".into())
}
