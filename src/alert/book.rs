//! All open alerts, and the closed ones that a summary still needs.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use crate::model::{Alert, AlertState, AlertTransition, EnrichedFlow, Finding, Timestamp};

use super::AlertConfig;
use super::back_off::BackOff;
use super::group::Group;
use super::life::Life;

/// Where written documents go: what happened, and the alert as it stood then.
type Out = Vec<(AlertTransition, Arc<Alert>)>;

/// Counts of a run; `opened = open + closed` always holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AlertCounts {
    /// Findings raised.
    pub findings: u64,
    /// Alerts opened.
    pub opened: u64,
    /// Documents of open alerts that grew.
    pub updated: u64,
    /// Alerts closed.
    pub closed: u64,
    /// Alerts open now.
    pub open: u64,
}

impl AlertCounts {
    /// Whether the identity holds.
    pub fn balances(&self) -> bool {
        self.opened == self.open + self.closed
    }
}

/// The alerts of one run.
///
/// The book's clock is the time of the last [`AlertBook::advance`], or a later finding's. Only intervals are measured with
/// it; the times in an alert are its packets' own. When the clock is set back, open alerts begin their quiet anew.
#[derive(Debug)]
pub struct AlertBook {
    config: AlertConfig,
    now: Option<Timestamp>,
    by_group: HashMap<Group, u64>,
    /// Open alerts in order of opening; iterated into output, so never by hash.
    open: BTreeMap<u64, Life>,
    due: BTreeSet<(Timestamp, u64)>,
    next: u64,
    ordinary: usize,
    closed: VecDeque<Arc<Alert>>,
    back_off: BackOff,
    counts: AlertCounts,
    overflowed: u64,
    forgotten: u64,
}

impl AlertBook {
    /// An empty book.
    pub fn new(config: &AlertConfig) -> Self {
        Self {
            config: config.clone(),
            now: None,
            by_group: HashMap::new(),
            open: BTreeMap::new(),
            due: BTreeSet::new(),
            next: 0,
            ordinary: 0,
            closed: VecDeque::new(),
            back_off: BackOff::new(config),
            counts: AlertCounts::default(),
            overflowed: 0,
            forgotten: 0,
        }
    }

    /// Adds one finding of a flow; `out` gets the alert if it was opened, or is due to be written again.
    pub fn raise(&mut self, flow: &EnrichedFlow, finding: &Finding, out: &mut Out) {
        self.counts.findings += 1;
        let now = self.now.map_or(finding.at, |now| now.max(finding.at));
        self.now = Some(now);
        let mut group = Group::of(flow, finding);
        if !self.by_group.contains_key(&group) && self.ordinary >= self.config.max_open {
            self.overflowed += 1;
            group = Group::overflow(finding);
        }
        let (number, transition) = match self.by_group.get(&group) {
            Some(&number) => (number, AlertTransition::Updated),
            None => (self.begin(group, flow, finding, now), AlertTransition::Opened),
        };
        let Some(life) = self.open.get_mut(&number) else { return };
        life.add(flow, finding, now);
        if transition == AlertTransition::Opened || now.since(life.spoke) >= self.config.update_interval.0 {
            Self::speak(life, transition, now, (&mut self.counts, &mut self.back_off), out);
        }
        self.reschedule(number);
    }

    /// Lets time pass: writes what is due, closes what is quiet. `now` may be earlier than before (a clock set back).
    pub fn advance(&mut self, now: Timestamp, out: &mut Out) {
        if self.now.is_some_and(|before| before.since(now) > self.config.quiet.0) {
            self.rebase(now);
        }
        self.now = Some(now);
        while let Some(&(due, number)) = self.due.first().filter(|(due, _)| *due <= now) {
            let quiet =
                self.open.get(&number).is_none_or(|life| now.since(life.heard) >= self.config.quiet.0);
            if quiet {
                self.due.remove(&(due, number));
                self.close(number, out);
                continue;
            }
            if let Some(life) = self.open.get_mut(&number) {
                let with = (&mut self.counts, &mut self.back_off);
                Self::speak(life, AlertTransition::Updated, now, with, out);
            }
            self.reschedule(number);
            // Only at the end of all time can the next due time still be now; it must not be waited for here.
            if self.open.get(&number).is_some_and(|life| life.due <= now) {
                break;
            }
        }
    }

    /// Closes all open alerts, in order of opening: the capture ended or the program stops.
    pub fn finish(&mut self, out: &mut Out) {
        let numbers: Vec<u64> = self.open.keys().copied().collect();
        for number in numbers {
            self.close(number, out);
        }
        self.due.clear();
    }

    /// Writes what open alerts have grown by and leaves them open, as when the program stops and will go on.
    pub fn suspend(&mut self, out: &mut Out) {
        let now = self.now.unwrap_or_default();
        for life in self.open.values_mut() {
            let with = (&mut self.counts, &mut self.back_off);
            Self::speak(life, AlertTransition::Updated, now, with, out);
        }
    }

    /// Takes up alerts that were open when the program stopped, so that what goes on is no new alert. One that has been
    /// quiet too long since closes at the next [`AlertBook::advance`]. Closed ones are only asked for when people were last
    /// told of their subject.
    pub fn resume(&mut self, alerts: Vec<Alert>) {
        for alert in alerts {
            let group = Group::of_alert(&alert);
            self.back_off.resume(&group, &alert);
            if alert.state == AlertState::Closed {
                continue;
            }
            if self.by_group.contains_key(&group) || self.open.len() >= self.config.max_open {
                continue;
            }
            let number = self.next;
            self.next += 1;
            self.counts.opened += 1;
            self.ordinary += usize::from(!group.is_overflow());
            self.by_group.insert(group.clone(), number);
            self.open.insert(number, Life::resume(group, alert));
            self.reschedule(number);
        }
    }

    /// Alerts of the run, open and remembered closed ones: worst first, then by time of opening, then by id.
    pub fn alerts(&self) -> Vec<&Alert> {
        let open = self.open.values().map(|life| &life.alert);
        let mut all: Vec<&Alert> = open.chain(self.closed.iter().map(AsRef::as_ref)).collect();
        all.sort_by(|a, b| {
            b.severity.cmp(&a.severity).then_with(|| a.opened.cmp(&b.opened)).then_with(|| a.id.cmp(&b.id))
        });
        all
    }

    /// Counts of the run.
    pub fn counts(&self) -> AlertCounts {
        AlertCounts { open: self.open.len() as u64, ..self.counts }
    }

    /// Limits that were hit, by name.
    pub fn limits(&self) -> BTreeMap<String, u64> {
        BTreeMap::from([
            ("alert_findings_overflowed".to_owned(), self.overflowed),
            ("alert_closed_forgotten".to_owned(), self.forgotten),
            ("alert_back_offs_forgotten".to_owned(), self.back_off.forgotten()),
        ])
    }

    fn begin(&mut self, group: Group, flow: &EnrichedFlow, finding: &Finding, now: Timestamp) -> u64 {
        let number = self.next;
        self.next += 1;
        self.counts.opened += 1;
        self.ordinary += usize::from(!group.is_overflow());
        self.by_group.insert(group.clone(), number);
        self.open.insert(number, Life::begin(group, flow, finding, now));
        number
    }

    fn close(&mut self, number: u64, out: &mut Out) {
        let Some(mut life) = self.open.remove(&number) else { return };
        self.by_group.remove(&life.group);
        self.ordinary -= usize::from(!life.group.is_overflow());
        self.counts.closed += 1;
        life.alert.state = AlertState::Closed;
        let now = self.now.unwrap_or_default();
        life.alert.telling = self.back_off.ask(&life.group, AlertTransition::Closed, &life.alert, now);
        let alert = Arc::new(life.alert);
        out.push((AlertTransition::Closed, Arc::clone(&alert)));
        self.closed.push_back(alert);
        while self.closed.len() > self.config.keep_closed {
            self.closed.pop_front();
            self.forgotten += 1;
        }
    }

    fn speak(
        life: &mut Life,
        transition: AlertTransition,
        now: Timestamp,
        (counts, back_off): (&mut AlertCounts, &mut BackOff),
        out: &mut Out,
    ) {
        // Due without having grown happens once, when a finding was written at once after its due time was set.
        if life.grew {
            life.grew = false;
            life.spoke = now;
            counts.updated += u64::from(transition == AlertTransition::Updated);
            life.alert.telling = back_off.ask(&life.group, transition, &life.alert, now);
            out.push((transition, Arc::new(life.alert.clone())));
        }
    }

    fn reschedule(&mut self, number: u64) {
        if let Some(life) = self.open.get_mut(&number) {
            self.due.remove(&(life.due, number));
            life.due = life.next_due(&self.config);
            self.due.insert((life.due, number));
        }
    }

    /// The clock was set back: nothing may wait for a time that was false.
    fn rebase(&mut self, now: Timestamp) {
        self.back_off.rebase(now);
        self.due.clear();
        for (number, life) in &mut self.open {
            life.spoke = life.spoke.min(now);
            life.heard = life.heard.min(now);
            life.due = life.next_due(&self.config);
            self.due.insert((life.due, *number));
        }
    }
}
