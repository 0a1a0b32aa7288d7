//! The alert budget of sinks that disturb people: at most so many notifications in any hour, the worst first, the rest
//! told together in one digest that counts them.
//!
//! One notification of the budget is kept for the digest, and a quarter of the others for alerts of severity high and
//! above, so that a flood of small ones does not use up what a great one needs. Events of a digest are not done with before
//! the digest is delivered: until then they count as queued, and a crash brings them again.
//! The memory of the hour is not kept over a restart.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde_json::json;

use crate::deliver::ecs::ECS_VERSION;
use crate::deliver::format::{Document, safe};
use crate::deliver::to_line;
use crate::model::{Severity, Timestamp};
use crate::store::Event;

const HOUR: Duration = Duration::from_secs(3600);
/// A digest names so many rules and applications; more are counted as `others`.
const MAX_NAMES: usize = 50;

/// What was told in the last hour.
#[derive(Debug)]
pub(super) struct Budget {
    limit: usize,
    /// At most `limit` times, oldest first.
    told: VecDeque<Timestamp>,
}

impl Budget {
    /// `limit` notifications an hour, 2 or more.
    pub(super) fn new(limit: u32) -> Self {
        Self { limit: usize::try_from(limit).unwrap_or(usize::MAX).max(2), told: VecDeque::new() }
    }

    /// How many may have been told before an event of this severity goes into the digest.
    fn room(&self, severity: Severity) -> usize {
        let single = self.limit - 1;
        if severity >= Severity::High { single } else { (single - single / 4).max(1) }
    }

    fn forget(&mut self, now: Timestamp) {
        // A clock that was set back must not close the budget for longer than an hour.
        for time in &mut self.told {
            *time = (*time).min(now);
        }
        while self.told.front().is_some_and(|time| now.since(*time) >= HOUR) {
            self.told.pop_front();
        }
    }

    /// Which of `events` are told one by one; the others belong into the digest.
    pub(super) fn choose(&mut self, events: &[Event], now: Timestamp) -> Vec<bool> {
        self.forget(now);
        let mut order: Vec<(usize, &Event)> = events.iter().enumerate().collect();
        order.sort_by(|(_, a), (_, b)| b.severity.cmp(&a.severity).then(a.seq.cmp(&b.seq)));
        let mut chosen = vec![false; events.len()];
        let mut used = self.told.len();
        for (at, event) in order {
            if used < self.room(event.severity)
                && let Some(place) = chosen.get_mut(at)
            {
                *place = true;
                used += 1;
            }
        }
        chosen
    }

    /// Notes `count` notifications.
    pub(super) fn spend(&mut self, count: usize, now: Timestamp) {
        self.told.extend(std::iter::repeat_n(now, count));
        while self.told.len() > self.limit {
            self.told.pop_front();
        }
    }

    /// Whether events can be told one by one again, so that it is time for the digest of those that could not.
    pub(super) fn open(&mut self, now: Timestamp) -> bool {
        self.forget(now);
        self.told.len() < self.room(Severity::Info)
    }

    pub(super) fn limit(&self) -> usize {
        self.limit
    }
}

/// Events that are told together.
#[derive(Debug, Default)]
pub(super) struct Digest {
    count: usize,
    first: Option<(i64, Timestamp)>,
    last: Option<(i64, Timestamp)>,
    worst: Option<Severity>,
    severities: BTreeMap<Severity, u64>,
    rules: BTreeMap<String, u64>,
    apps: BTreeMap<String, u64>,
}

impl Digest {
    /// Events in it.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Counts an event.
    pub(super) fn add(&mut self, event: &Event) {
        let document = Document::read(&event.document);
        self.count += 1;
        self.first.get_or_insert((event.seq, event.at));
        self.last = Some((event.seq, event.at));
        self.worst = self.worst.max(Some(event.severity));
        *self.severities.entry(event.severity).or_default() += 1;
        add(&mut self.rules, document.text("/rule/id"));
        add(&mut self.apps, document.text("/network/application"));
    }

    /// The digest as an event; `None` when there is nothing in it.
    pub(super) fn event(&self, limit: usize, now: Timestamp) -> Option<Event> {
        let ((first, start), (last, end), severity) = (self.first?, self.last?, self.worst?);
        let alert = format!("digest-{first}-{last}");
        let by_severity: BTreeMap<&str, u64> = self.severities.iter().map(|(s, n)| (s.word(), *n)).collect();
        let severities: Vec<String> =
            self.severities.iter().rev().map(|(severity, count)| format!("{count} {severity}")).collect();
        let message = format!(
            "{} alert events were held back by the budget of {limit} an hour: {}; rules: {}; apps: {}",
            self.count,
            severities.join(", "),
            most(&self.rules),
            most(&self.apps)
        );
        let document = json!({
            "@timestamp": now.to_rfc3339(3),
            "ecs": { "version": ECS_VERSION },
            "message": message,
            "event": {
                "kind": "event", "category": ["network"], "type": ["info"], "action": "alert-digest",
                "id": alert, "sequence": last, "severity": severity.number(),
                "start": start.to_rfc3339(3), "end": end.to_rfc3339(3),
                "provider": "whither", "dataset": "whither.digest",
            },
            "rule": { "id": "digest", "name": "Digest of alerts" },
            "whither": { "digest": {
                "events": self.count, "first": first, "last": last, "budget": limit,
                "by_severity": by_severity, "by_rule": self.rules, "by_app": self.apps,
            } },
        });
        Some(Event {
            seq: last,
            alert,
            action: "alert-digest".into(),
            severity,
            at: now,
            document: to_line(&document).unwrap_or_default(),
        })
    }
}

fn add(counts: &mut BTreeMap<String, u64>, name: &str) {
    let name = if name.is_empty() { "none" } else { name };
    let known = counts.contains_key(name) || counts.len() < MAX_NAMES;
    let key = if known { safe(name) } else { "others".to_owned() };
    *counts.entry(key).or_default() += 1;
}

/// The five that occur most.
fn most(counts: &BTreeMap<String, u64>) -> String {
    let mut all: Vec<(&String, &u64)> = counts.iter().collect();
    all.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
    let named: Vec<String> = all.iter().take(5).map(|(name, count)| format!("{name} {count}")).collect();
    named.join(", ")
}
