//! The judge: every rule against one enriched flow, in three values.
//!
//! Within a rule a match in one role beats *cannot tell* in another, and that beats *no match*. A flow whose app is not
//! known may be of any app; of a rule for certain apps it is *cannot tell* only when its remote is, or may be, in a
//! flagged country; so too where an operator, a name or a process is asked for and not known. Rules that do not concern
//! the flow (another app, device, network, operator, name or process) give no verdict at all.
//!
//! A match then has to pass, in this order: the schedule, unsolicited traffic, the direction, exceptions, minimums, first
//! time. What stops it is said as the last of its reasons, the outcome is *no match* (or *cannot tell*, where what was seen
//! before is not known), and it is counted.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::{Bytes, CountryCode, EnrichedFlow, Exchange, Finding, Outcome, Role, Verdict};

use super::Policy;
use super::because::{bytes, peer};
use super::compile::Compiled;
use super::condition::{self, AppAnswer};
use super::learned::{FirstTime, Known, Learned};
use super::narrow::{self, Narrowed};
use super::owed::Owed;
use super::payload;
use super::roles::{self, RoleVerdict};
use super::window::{Counted, Credit, Group, Minimum, Sum, Windows};

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
    /// Of `no_match`: all held but the minimum of bytes or flows.
    pub below_minimum: u64,
    /// Of `no_match`: an exception covers the match.
    pub excepted: u64,
    /// Of `no_match`: the remote began it and the device never answered with payload, or it is error messages alone.
    pub unsolicited: u64,
    /// Of `cannot_tell`: the far end is another user's device, and the rule excludes peers.
    pub peers: u64,
    /// Of `no_match`: outside of the rule's schedule.
    pub out_of_schedule: u64,
    /// Of `no_match`: the side that the rule asks for has sent no payload.
    pub other_direction: u64,
    /// Of `no_match`: seen before, or the rule still learns.
    pub not_first: u64,
}

/// Judges flows by a policy; keeps what minimums and first times need to remember.
#[derive(Debug)]
pub struct Judge {
    policy: Arc<Policy>,
    windows: Windows,
    learned: Learned,
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
        Self {
            policy,
            windows: Windows::default(),
            learned: Learned::default(),
            counts: JudgeCounts::default(),
        }
    }

    /// Takes up another policy; windows of rules that keep their id go on.
    pub fn set_policy(&mut self, policy: Arc<Policy>) {
        self.policy = policy;
    }

    /// Takes over what another judge remembers, as when configuration is reloaded; windows and first times of rules that
    /// keep their id go on.
    pub fn inherit(&mut self, old: &mut Self) {
        std::mem::swap(&mut self.windows, &mut old.windows);
        std::mem::swap(&mut self.learned, &mut old.learned);
        self.counts = old.counts;
    }

    /// Takes back what was learned in an earlier life of the program.
    pub fn recall(&mut self, known: impl IntoIterator<Item = Known>) {
        self.learned.recall(known);
    }

    /// What was learned since the last time, to be kept.
    pub fn take_learned(&mut self) -> Vec<Known> {
        self.learned.take_fresh()
    }

    /// The policy in force.
    pub fn policy(&self) -> &Arc<Policy> {
        &self.policy
    }

    /// Judges one record of a flow. Its verdicts so far are not looked at; `owed` is what its earlier records left
    /// unsettled, and is brought up to date.
    pub fn judge(&mut self, flow: &EnrichedFlow, owed: &mut Owed) -> Judgement {
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
            let Narrowed::Stands { holds, open } = narrow::ask(rule, flow) else { continue };
            let unnamed = matches!(app, AppAnswer::Unnamed(_));
            let mut ruling = rule_on(rule, &app, (&holds, &open), flow);
            if let (Outcome::Match, Some((role, country))) = (ruling.outcome, ruling.role) {
                match self.pass(rule, country, flow, owed, &mut ruling.because) {
                    Passed::Stopped(outcome) => ruling.outcome = outcome,
                    Passed::Waits(outcome, bytes) => {
                        ruling.outcome = outcome;
                        owed.add(&rule.id, bytes);
                    }
                    Passed::Found { due, exchange, inbound } => {
                        let mut found = finding(rule, role, country, flow, &ruling.because, (due, exchange));
                        found.inbound = inbound;
                        judgement.findings.push(found);
                    }
                }
            } else if ruling.outcome == Outcome::CannotTell {
                owed.add(&rule.id, Bytes { up: flow.bytes_up(), down: flow.bytes_down() });
            }
            self.count(ruling.outcome, unnamed);
            let peer = flow.record.facts.peer && rule.peers.are_excluded() && ruling.role.is_some();
            self.counts.peers += u64::from(peer && ruling.outcome == Outcome::CannotTell);
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

    /// Limits that were hit, and matches that were held back, by name.
    pub fn limits(&self) -> BTreeMap<String, u64> {
        BTreeMap::from([
            ("policy_windows_evicted".to_owned(), self.windows.evicted()),
            ("policy_first_times_full".to_owned(), self.learned.full()),
            ("policy_matches_excepted".to_owned(), self.counts.excepted),
            ("unanswered_not_alerted".to_owned(), self.counts.unsolicited),
            ("peers_not_alerted".to_owned(), self.counts.peers),
        ])
    }

    /// All that stands between a match and a finding.
    fn pass(
        &mut self,
        rule: &Compiled,
        country: CountryCode,
        flow: &EnrichedFlow,
        owed: &mut Owed,
        because: &mut Vec<Arc<str>>,
    ) -> Passed {
        let record = Bytes { up: flow.bytes_up(), down: flow.bytes_down() };
        if let Some(schedule) = rule.schedule.as_ref().filter(|s| !s.holds(flow.record.end)) {
            self.counts.out_of_schedule += 1;
            because.push(format!("outside of the rule's schedule ({})", schedule.text()).into());
            return Passed::Stopped(Outcome::NoMatch);
        }
        if payload::is_unsolicited(flow) {
            let why = if payload::is_errors(flow) {
                "unsolicited: error messages of ICMP alone, which a network stack sends of itself about packets of \
                 another flow"
            } else {
                "unsolicited: the remote began it and the device never answered with payload, so no data of it went \
                 anywhere"
            };
            because.push(why.into());
            if !rule.inbound {
                self.counts.unsolicited += 1;
                return Passed::Waits(Outcome::NoMatch, record);
            }
            if self.excepted(rule, country, flow, because) {
                return Passed::Stopped(Outcome::NoMatch);
            }
            let due = record.plus(owed.take(&rule.id));
            return Passed::Found { due, exchange: Exchange::of(flow), inbound: true };
        }
        if let Some(why) = rule.direction.refusal(flow) {
            self.counts.other_direction += 1;
            because.push(format!("{why} (the rule asks for direction `{}`)", rule.direction.word()).into());
            return Passed::Waits(Outcome::NoMatch, record);
        }
        if self.excepted(rule, country, flow, because) {
            return Passed::Stopped(Outcome::NoMatch);
        }
        if !rule.first_time.is_empty() {
            // Its time of learning begins with the first match, reached or not.
            let _until = self.learned.until(rule, flow.record.end);
        }
        let counted = record.plus(owed.take(&rule.id));
        let Some((due, exchange)) = self.minimum(rule, country, flow, counted, because) else {
            self.counts.below_minimum += 1;
            return Passed::Stopped(Outcome::NoMatch);
        };
        if !rule.first_time.is_empty() {
            let (why, stopped) = match self.learned.ask(rule, flow, country) {
                FirstTime::New(why) => (why, None),
                FirstTime::Not(why) => (why, Some(Outcome::NoMatch)),
                FirstTime::Open(why) => (why, Some(Outcome::CannotTell)),
            };
            because.push(why.into());
            match stopped {
                Some(Outcome::CannotTell) => return Passed::Waits(Outcome::CannotTell, due),
                Some(outcome) => {
                    self.counts.not_first += 1;
                    return Passed::Stopped(outcome);
                }
                None => {}
            }
        }
        Passed::Found { due, exchange, inbound: false }
    }

    /// Whether an exception covers the match; says so, also where one has expired.
    fn excepted(
        &mut self,
        rule: &Compiled,
        country: CountryCode,
        flow: &EnrichedFlow,
        because: &mut Vec<Arc<str>>,
    ) -> bool {
        let policy = Arc::clone(&self.policy);
        let covering = || policy.exceptions.iter().filter(|e| e.covers(&rule.id, country, flow));
        if let Some(exception) = covering().find(|e| !e.has_expired(flow.record.end)) {
            self.counts.excepted += 1;
            because.push(exception.sentence().into());
            return true;
        }
        if let Some(exception) = covering().next() {
            because.push(exception.expired_sentence().into());
        }
        false
    }

    /// The bytes that the rule's minimums let through and what was exchanged with them, or `None` while they are not
    /// reached; says so either way.
    fn minimum(
        &mut self,
        rule: &Compiled,
        country: CountryCode,
        flow: &EnrichedFlow,
        counted: Bytes,
        because: &mut Vec<Arc<str>>,
    ) -> Option<(Bytes, Exchange)> {
        let Bytes { up, down } = counted;
        let exchange = Exchange::of(flow);
        if !rule.has_minimum() {
            return Some((counted, exchange));
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
        let minimum =
            Minimum { up: rule.min_up, down: rule.min_down, flows: rule.min_flows, window: rule.window };
        let counted = Counted { at: flow.record.end, flow: flow.record.id, up, down, exchange };
        let wanted = wanted(rule);
        match self.windows.add(group, minimum, counted) {
            Credit::Due { up, down, exchange } => {
                because.push(format!("the minimum of {wanted} is reached").into());
                Some((Bytes { up, down }, exchange))
            }
            Credit::NotYet(Sum { up, down, flows }) => {
                let mut so_far = format!("{} up and {} down", bytes(up), bytes(down));
                if rule.min_flows > 0 {
                    so_far = format!("{so_far} in {flows} flows");
                }
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

/// What became of a match.
enum Passed {
    /// Something stands in its way.
    Stopped(Outcome),
    /// Something does so far; if a later record of the flow settles it, so many bytes belong to that.
    Waits(Outcome, Bytes),
    /// Nothing does; so many bytes are due.
    Found {
        due: Bytes,
        /// What was exchanged with them.
        exchange: Exchange,
        /// It is unsolicited traffic.
        inbound: bool,
    },
}

/// "5 MiB up and 3 flows within 1h".
fn wanted(rule: &Compiled) -> String {
    let parts = [(rule.min_up, "up"), (rule.min_down, "down")];
    let mut parts: Vec<String> =
        parts.into_iter().filter(|(n, _)| *n > 0).map(|(n, way)| format!("{} {way}", bytes(n))).collect();
    if rule.min_flows > 0 {
        parts.push(format!("{} flows", rule.min_flows));
    }
    format!("{} within {}", parts.join(" and "), crate::model::HumanDuration(rule.window))
}

/// One rule's outcome by app, far end and roles; what may still stop a match comes after.
fn rule_on(
    rule: &Compiled,
    app: &AppAnswer,
    (holds, open): (&[String], &[String]),
    flow: &EnrichedFlow,
) -> Ruling {
    let (mut matched, mut maybe, mut no) = (Vec::new(), Vec::new(), Vec::new());
    let (mut matched_role, mut maybe_role) = (None, None);
    for &role in &rule.roles {
        match roles::judge(role, rule, flow) {
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
    let app_is_open = matches!(app, AppAnswer::Maybe(_) | AppAnswer::Unnamed(_)) || !open.is_empty();
    let unnamed = matches!(app, AppAnswer::Unnamed(_)) || !open.is_empty();
    let (outcome, role, mut grounds) = if matched_role.is_some() {
        (if app_is_open { Outcome::CannotTell } else { Outcome::Match }, matched_role, matched)
    } else if maybe_role.is_some() || (!maybe.is_empty() && !unnamed) {
        (Outcome::CannotTell, maybe_role, maybe)
    } else {
        maybe.extend(no);
        (Outcome::NoMatch, None, maybe)
    };
    let mut because = Vec::with_capacity(grounds.len() + 2);
    if flow.record.facts.peer && role.is_some() {
        because.push(peer(rule.peers.are_excluded() && outcome == Outcome::CannotTell).into());
    }
    match app {
        AppAnswer::Holds(why) | AppAnswer::Maybe(why) | AppAnswer::Unnamed(why) => {
            because.push(Arc::from(why.as_str()));
        }
        AppAnswer::Any | AppAnswer::Fails => {}
    }
    because.extend(holds.iter().chain(open).map(|why| Arc::from(why.as_str())));
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
    (due, exchange): (Bytes, Exchange),
) -> Finding {
    Finding {
        rule: rule.id.clone(),
        rule_name: rule.name.clone(),
        severity: rule.severity,
        role,
        country,
        because: because.to_vec(),
        bytes_up: due.up,
        bytes_down: due.down,
        exchange,
        at: flow.record.end,
        inbound: false,
        peer: flow.record.facts.peer,
    }
}
