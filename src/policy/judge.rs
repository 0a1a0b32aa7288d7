//! The judge: every rule against one enriched flow, in three values.
//!
//! Within a rule a match in one role beats *cannot tell* in another, and that beats *no match*. A flow whose app is not
//! known may be of any app; of a rule for certain apps it is *cannot tell* only when its remote is, or may be, in a
//! flagged country. Rules that do not concern the flow (another app, device or network) give no verdict at all.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::{CountryCode, EnrichedFlow, Finding, Outcome, Role, Verdict};

use super::Policy;
use super::because::bytes;
use super::compile::Compiled;
use super::condition::{self, AppAnswer};
use super::roles::{self, RoleVerdict};
use super::window::{Credit, Group, Minimum, Windows};

/// What the rules say of one record.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Judgement {
    /// One per rule that concerns the flow, in the order of the rules.
    ///
    /// A *cannot tell* with a role names a flagged country that the remote may be in; one without is mere lack of data.
    pub verdicts: Vec<Verdict>,
    /// One per match.
    pub findings: Vec<Finding>,
}

/// How often each outcome was given, over all records and rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct JudgeCounts {
    /// Records judged.
    pub records: u64,
    /// Verdicts *match*.
    pub matches: u64,
    /// Verdicts *no match*.
    pub no_match: u64,
    /// Verdicts *cannot tell*.
    pub cannot_tell: u64,
    /// Of `cannot_tell`: those of flows whose app is not known, under a rule for certain apps.
    pub unnamed_cannot_tell: u64,
    /// Of `no_match`: those of flows whose app is not known, under a rule for certain apps.
    pub unnamed_no_match: u64,
    /// Of `no_match`: all held but the minimum of bytes.
    pub below_minimum: u64,
}

/// Judges flows by a policy; keeps what the byte minimums need to remember.
#[derive(Debug)]
pub struct Judge {
    policy: Arc<Policy>,
    windows: Windows,
    counts: JudgeCounts,
}

/// The outcome of one rule before its minimums are asked.
struct Ruling {
    outcome: Outcome,
    role: Option<(Role, CountryCode)>,
    because: Vec<Arc<str>>,
}

impl Judge {
    /// A judge with empty windows.
    pub fn new(policy: Arc<Policy>) -> Self {
        Self { policy, windows: Windows::default(), counts: JudgeCounts::default() }
    }

    /// Takes up another policy; windows of rules that keep their id go on.
    pub fn set_policy(&mut self, policy: Arc<Policy>) {
        self.policy = policy;
    }

    /// The policy in force.
    pub fn policy(&self) -> &Arc<Policy> {
        &self.policy
    }

    /// Judges one record of a flow. Its verdicts so far are not looked at.
    pub fn judge(&mut self, flow: &EnrichedFlow) -> Judgement {
        self.counts.records += 1;
        let mut judgement = Judgement::default();
        let policy = Arc::clone(&self.policy);
        for rule in &policy.rules {
            if !condition::concerns_device(rule, flow) {
                continue;
            }
            let app = condition::app(rule, flow);
            if app == AppAnswer::Fails {
                continue;
            }
            let unnamed = matches!(app, AppAnswer::Unnamed(_));
            let mut ruling = rule_on(rule, &app, flow);
            if let (Outcome::Match, Some((role, country))) = (ruling.outcome, ruling.role) {
                if let Some(due) = self.minimum(rule, country, flow, &mut ruling.because) {
                    judgement.findings.push(finding(rule, role, country, flow, &ruling.because, due));
                } else {
                    ruling.outcome = Outcome::NoMatch;
                    self.counts.below_minimum += 1;
                }
            }
            self.count(ruling.outcome, unnamed);
            judgement.verdicts.push(Verdict {
                rule: rule.id.clone(),
                outcome: ruling.outcome,
                because: ruling.because,
                role: ruling.role,
            });
        }
        judgement
    }

    /// How often each outcome was given.
    pub fn counts(&self) -> JudgeCounts {
        self.counts
    }

    /// Limits that were hit, by name.
    pub fn limits(&self) -> BTreeMap<String, u64> {
        BTreeMap::from([("policy_windows_evicted".to_owned(), self.windows.evicted())])
    }

    /// The bytes that the rule's minimums let through, or `None` while they are not reached; says so either way.
    fn minimum(
        &mut self,
        rule: &Compiled,
        country: CountryCode,
        flow: &EnrichedFlow,
        because: &mut Vec<Arc<str>>,
    ) -> Option<(u64, u64)> {
        let (up, down) = (flow.bytes_up(), flow.bytes_down());
        if rule.min_up == 0 && rule.min_down == 0 {
            return Some((up, down));
        }
        let operator = &flow.remote.operator;
        let group = Group {
            rule: rule.id.clone(),
            device: flow.device.id.clone(),
            app: flow.identification.app.as_ref().map(|a| a.id.clone()),
            country,
            asn: operator.asn,
            operator: if operator.asn.is_none() { operator.name.clone() } else { None },
        };
        let minimum = Minimum { up: rule.min_up, down: rule.min_down, window: rule.window };
        let wanted = wanted(rule);
        match self.windows.add(group, minimum, flow.record.end, up, down) {
            Credit::Due { up, down } => {
                because.push(format!("the minimum of {wanted} is reached").into());
                Some((up, down))
            }
            Credit::NotYet { up, down } => {
                let so_far = format!("{} up and {} down", bytes(up), bytes(down));
                because.push(format!("the minimum of {wanted} is not reached: {so_far} so far").into());
                None
            }
        }
    }

    fn count(&mut self, outcome: Outcome, unnamed: bool) {
        let counts = &mut self.counts;
        let (all, of_unnamed) = match outcome {
            Outcome::Match => (&mut counts.matches, None),
            Outcome::NoMatch => (&mut counts.no_match, Some(&mut counts.unnamed_no_match)),
            Outcome::CannotTell => (&mut counts.cannot_tell, Some(&mut counts.unnamed_cannot_tell)),
        };
        *all += 1;
        if let Some(of_unnamed) = of_unnamed.filter(|_| unnamed) {
            *of_unnamed += 1;
        }
    }
}

/// "5 MiB up within 1h".
fn wanted(rule: &Compiled) -> String {
    let parts = [(rule.min_up, "up"), (rule.min_down, "down")];
    let parts: Vec<String> =
        parts.into_iter().filter(|(n, _)| *n > 0).map(|(n, way)| format!("{} {way}", bytes(n))).collect();
    format!("{} within {}", parts.join(" and "), crate::model::HumanDuration(rule.window))
}

/// One rule's outcome by app and roles; the minimums come after.
fn rule_on(rule: &Compiled, app: &AppAnswer, flow: &EnrichedFlow) -> Ruling {
    let (mut matched, mut maybe, mut no) = (Vec::new(), Vec::new(), Vec::new());
    let (mut matched_role, mut maybe_role) = (None, None);
    for &role in &rule.roles {
        match roles::judge(role, &rule.countries, flow) {
            RoleVerdict::Match(country, why) => {
                matched_role = matched_role.or(Some((role, country)));
                push(&mut matched, why);
            }
            RoleVerdict::Maybe(country, why) => {
                maybe_role = maybe_role.or(country.map(|c| (role, c)));
                push(&mut maybe, why);
            }
            RoleVerdict::No(why) => push(&mut no, why),
        }
    }
    let app_is_open = matches!(app, AppAnswer::Maybe(_) | AppAnswer::Unnamed(_));
    let unnamed = matches!(app, AppAnswer::Unnamed(_));
    let (outcome, role, mut grounds) = if matched_role.is_some() {
        (if app_is_open { Outcome::CannotTell } else { Outcome::Match }, matched_role, matched)
    } else if maybe_role.is_some() || (!maybe.is_empty() && !unnamed) {
        (Outcome::CannotTell, maybe_role, maybe)
    } else {
        maybe.extend(no);
        (Outcome::NoMatch, None, maybe)
    };
    let mut because = Vec::with_capacity(grounds.len() + 1);
    match app {
        AppAnswer::Holds(why) | AppAnswer::Maybe(why) | AppAnswer::Unnamed(why) => {
            because.push(Arc::from(why.as_str()));
        }
        AppAnswer::Any | AppAnswer::Fails => {}
    }
    because.append(&mut grounds);
    Ruling { outcome, role, because }
}

/// Several roles may give the same reason ("the remote is in the local network"); once is enough.
fn push(into: &mut Vec<Arc<str>>, why: String) {
    if !into.iter().any(|known| **known == *why) {
        into.push(why.into());
    }
}

fn finding(
    rule: &Compiled,
    role: Role,
    country: CountryCode,
    flow: &EnrichedFlow,
    because: &[Arc<str>],
    (bytes_up, bytes_down): (u64, u64),
) -> Finding {
    Finding {
        rule: rule.id.clone(),
        rule_name: rule.name.clone(),
        severity: rule.severity,
        role,
        country,
        because: because.to_vec(),
        bytes_up,
        bytes_down,
        at: flow.record.end,
    }
}
