//! Minimums of bytes and flows over a window of time, per rule, device, application, country and operator.
//!
//! A window is cut into [`PARTS`] parts; a sum covers that many neighbouring parts. So it never counts more than
//! `window` of time, and always counts all that fell within nine tenths of it. A record counts as a whole at its end.
//! When a sum reaches the minimums, all of its bytes not credited before are credited: what led to a finding is never
//! left out of it, and nothing is credited twice.
//!
//! Time may go backwards (records of different flows end in any order, and captures jump): parts are found by their
//! time, and the one that was touched longest ago makes room, so a false time can neither block nor empty a group.
//!
//! A flow counts with its first record in the group; a group knows the last [`RECENT_FLOWS`] flows, and only where flows are
//! asked for.
//!
//! Limits: [`MAX_GROUPS`] groups; a full table gives up the sixteenth part that was touched longest ago, and counts those
//! that were still within their window. 24 parts of 64 bytes each make about 13 MiB at worst, and flows
//! 16 MiB more.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use crate::model::{AppId, CountryCode, Exchange, FlowId, Timestamp};

/// Groups kept; under a flood of devices or operators the ones touched longest ago go.
pub const MAX_GROUPS: usize = 8192;

/// Parts of a window.
pub(super) const PARTS: i64 = 10;

/// Parts kept per group: the window before and the window after the one in question, and a few for jumps of time.
const KEPT_PARTS: usize = 24;

/// Flows that a group knows, so that records of one flow count as one flow.
const RECENT_FLOWS: usize = 256;

/// What a minimum is counted over.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Group {
    pub(super) rule: Arc<str>,
    pub(super) device: Arc<str>,
    pub(super) app: Option<AppId>,
    pub(super) country: CountryCode,
    pub(super) asn: Option<u32>,
    pub(super) operator: Option<Arc<str>>,
}

/// Minimums and window of one rule.
#[derive(Debug, Clone, Copy)]
pub(super) struct Minimum {
    pub(super) up: u64,
    pub(super) down: u64,
    pub(super) flows: u64,
    pub(super) window: Duration,
}

impl Minimum {
    fn reached(self, sum: Sum) -> bool {
        sum.up >= self.up && sum.down >= self.down && sum.flows >= self.flows
    }
}

/// One record, as far as a minimum counts it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Counted {
    pub(super) at: Timestamp,
    pub(super) flow: FlowId,
    pub(super) up: u64,
    pub(super) down: u64,
    /// What its flow exchanged so far.
    pub(super) exchange: Exchange,
}

/// What was counted in a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Sum {
    pub(super) up: u64,
    pub(super) down: u64,
    pub(super) flows: u64,
}

/// What one more record means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Credit {
    /// The minimums are reached: so much is due, this record's bytes among it, and all that was exchanged with it.
    Due { up: u64, down: u64, exchange: Exchange },
    /// Not yet: so much was counted in the window that ends with this record.
    NotYet(Sum),
}

#[derive(Debug, Clone, Copy, Default)]
struct Part {
    index: i64,
    touched: u64,
    up: u64,
    down: u64,
    flows: u64,
    due_up: u64,
    due_down: u64,
    due_exchange: Exchange,
}

#[derive(Debug, Default)]
struct Sums {
    parts: Vec<Part>,
    recent: VecDeque<FlowId>,
    touched: u64,
    last: Timestamp,
    window: Duration,
}

/// The table of all groups.
#[derive(Debug, Default)]
pub(super) struct Windows {
    groups: HashMap<Group, Sums>,
    clock: u64,
    evicted: u64,
}

impl Windows {
    /// Adds one record and says whether the minimums are reached.
    pub(super) fn add(&mut self, group: Group, minimum: Minimum, counted: Counted) -> Credit {
        self.clock += 1;
        if self.groups.len() >= MAX_GROUPS && !self.groups.contains_key(&group) {
            self.make_room(counted.at);
        }
        let sums = self.groups.entry(group).or_default();
        sums.touched = self.clock;
        sums.last = counted.at;
        sums.window = minimum.window;
        sums.add(minimum, counted, self.clock)
    }

    /// Groups given up although their window was still running.
    pub(super) fn evicted(&self) -> u64 {
        self.evicted
    }

    fn make_room(&mut self, now: Timestamp) {
        let mut ages: Vec<u64> = self.groups.values().map(|s| s.touched).collect();
        ages.sort_unstable();
        let limit = ages.get(ages.len() / 16).copied().unwrap_or(u64::MAX);
        let evicted = &mut self.evicted;
        self.groups.retain(|_, sums| {
            let keep = sums.touched > limit;
            if !keep && now.since(sums.last) <= sums.window {
                *evicted += 1;
            }
            keep
        });
    }
}

impl Sums {
    fn add(&mut self, minimum: Minimum, counted: Counted, clock: u64) -> Credit {
        let flows = u64::from(minimum.flows > 0 && self.is_new(counted.flow));
        let width = i64::try_from(minimum.window.as_nanos()).unwrap_or(i64::MAX) / PARTS;
        let index = counted.at.as_nanos().div_euclid(width.max(1));
        self.count(index, Sum { up: counted.up, down: counted.down, flows }, counted.exchange, clock);
        let mut exchange = counted.exchange;
        let (mut due, mut reached) = ((0_u64, 0_u64), false);
        // Every run of neighbouring parts that this record is in: a late record may complete a window that ended after it.
        for first in index.saturating_sub(PARTS - 1)..=index {
            let run = first..=first.saturating_add(PARTS - 1);
            if minimum.reached(self.sum(&run)) {
                reached = true;
                for part in self.parts.iter_mut().filter(|p| run.contains(&p.index)) {
                    due.0 = due.0.saturating_add(std::mem::take(&mut part.due_up));
                    due.1 = due.1.saturating_add(std::mem::take(&mut part.due_down));
                    exchange = exchange.merged(std::mem::take(&mut part.due_exchange));
                }
            }
        }
        if reached {
            return Credit::Due { up: due.0, down: due.1, exchange };
        }
        Credit::NotYet(self.sum(&(index.saturating_sub(PARTS - 1)..=index)))
    }

    fn is_new(&mut self, flow: FlowId) -> bool {
        let new = !self.recent.contains(&flow);
        if new {
            if self.recent.len() >= RECENT_FLOWS {
                self.recent.pop_front();
            }
            self.recent.push_back(flow);
        }
        new
    }

    fn count(&mut self, index: i64, Sum { up, down, flows }: Sum, exchange: Exchange, clock: u64) {
        if !self.parts.iter().any(|p| p.index == index) {
            if self.parts.len() >= KEPT_PARTS {
                let oldest = self.parts.iter().enumerate().min_by_key(|(_, p)| p.touched).map(|(i, _)| i);
                if let Some(i) = oldest {
                    self.parts.swap_remove(i);
                }
            }
            self.parts.push(Part { index, ..Part::default() });
        }
        for part in self.parts.iter_mut().filter(|p| p.index == index) {
            part.touched = clock;
            part.up = part.up.saturating_add(up);
            part.down = part.down.saturating_add(down);
            part.flows = part.flows.saturating_add(flows);
            part.due_up = part.due_up.saturating_add(up);
            part.due_down = part.due_down.saturating_add(down);
            part.due_exchange = part.due_exchange.merged(exchange);
        }
    }

    fn sum(&self, run: &std::ops::RangeInclusive<i64>) -> Sum {
        self.parts.iter().filter(|p| run.contains(&p.index)).fold(Sum::default(), |sum, p| Sum {
            up: sum.up.saturating_add(p.up),
            down: sum.down.saturating_add(p.down),
            flows: sum.flows.saturating_add(p.flows),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::Reach;

    const NOTHING: Exchange =
        Exchange { reach: Reach::Unanswered, sent: false, received: false, undecided: false };

    fn due(up: u64, down: u64) -> Credit {
        Credit::Due { up, down, exchange: NOTHING }
    }

    fn add(w: &mut Windows, g: Group, m: Minimum, at: Timestamp, up: u64, down: u64) -> Credit {
        w.add(g, m, Counted { at, flow: FlowId(1), up, down, exchange: NOTHING })
    }

    fn group(device: &str) -> Group {
        Group {
            rule: "r".into(),
            device: device.into(),
            app: None,
            country: CountryCode::parse("CN").unwrap(),
            asn: Some(45090),
            operator: None,
        }
    }

    fn minimum(up: u64, down: u64) -> Minimum {
        Minimum { up, down, flows: 0, window: Duration::from_secs(100) }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_parts(1_600_000_000 + seconds, 0)
    }

    #[test]
    fn what_led_to_the_minimum_is_credited_when_it_is_reached_and_only_once() {
        let mut windows = Windows::default();
        let mut put = |s, up| add(&mut windows, group("a"), minimum(100, 0), at(s), up, 1);
        assert_eq!(put(0, 40), Credit::NotYet(Sum { up: 40, down: 1, flows: 0 }));
        assert_eq!(put(10, 40), Credit::NotYet(Sum { up: 80, down: 2, flows: 0 }));
        assert_eq!(put(20, 40), due(120, 3));
        assert_eq!(put(30, 5), due(5, 1));
    }

    #[test]
    fn octets_credited_late_bring_what_was_exchanged_with_them() {
        let mut windows = Windows::default();
        let mut put = |second, exchange| {
            let counted = Counted { at: at(second), flow: FlowId(1), up: 60, down: 0, exchange };
            windows.add(group("a"), minimum(100, 0), counted)
        };
        let sent = Exchange { reach: Reach::Connected, sent: true, ..NOTHING };
        assert!(matches!(put(0, sent), Credit::NotYet(_)));
        assert_eq!(put(10, NOTHING), Credit::Due { up: 120, down: 0, exchange: sent });
        assert_eq!(put(20, NOTHING), due(60, 0), "and not once more");
    }

    #[test]
    fn bytes_older_than_the_window_do_not_count() {
        let mut windows = Windows::default();
        let mut put = |s, up| add(&mut windows, group("a"), minimum(100, 0), at(s), up, 0);
        assert_eq!(put(0, 99), Credit::NotYet(Sum { up: 99, down: 0, flows: 0 }));
        assert_eq!(put(100, 99), Credit::NotYet(Sum { up: 99, down: 0, flows: 0 }));
        assert_eq!(put(190, 1), due(100, 0));
        assert_eq!(
            put(400, 1),
            Credit::NotYet(Sum { up: 1, down: 0, flows: 0 }),
            "it falls back when it grows quiet"
        );
    }

    #[test]
    fn a_late_record_completes_the_window_it_belongs_to() {
        let mut windows = Windows::default();
        let mut put = |s, up| add(&mut windows, group("a"), minimum(100, 0), at(s), up, 0);
        put(60, 60);
        assert_eq!(put(5, 60), due(120, 0));
    }

    #[test]
    fn a_time_from_the_far_future_neither_blocks_nor_empties_a_group() {
        let mut windows = Windows::default();
        let mut put = |s, up| add(&mut windows, group("a"), minimum(100, 0), at(s), up, 0);
        put(0, 60);
        put(1_000_000_000, 1);
        assert_eq!(put(5, 60), due(120, 0));
        assert!(matches!(
            add(&mut windows, group("a"), minimum(1, 0), Timestamp::from_nanos(i64::MAX), 1, 0),
            Credit::Due { .. }
        ));
        assert!(matches!(
            add(&mut windows, group("a"), minimum(1, 0), Timestamp::from_nanos(i64::MIN), 1, 0),
            Credit::Due { .. }
        ));
    }

    #[test]
    fn both_minimums_must_be_reached_and_groups_do_not_mix() {
        let mut windows = Windows::default();
        assert!(matches!(add(&mut windows, group("a"), minimum(10, 10), at(0), 50, 0), Credit::NotYet(_)));
        assert!(matches!(add(&mut windows, group("b"), minimum(10, 10), at(0), 0, 50), Credit::NotYet(_)));
        assert_eq!(add(&mut windows, group("a"), minimum(10, 10), at(1), 0, 10), due(50, 10));
    }

    #[test]
    fn a_full_table_gives_up_what_was_touched_longest_ago_and_counts_it() {
        let mut windows = Windows::default();
        for i in 0..=MAX_GROUPS {
            add(&mut windows, group(&i.to_string()), minimum(100, 0), at(0), 60, 0);
        }
        assert!(windows.groups.len() <= MAX_GROUPS);
        assert_eq!(windows.evicted(), (MAX_GROUPS / 16 + 1) as u64);
        assert!(
            matches!(add(&mut windows, group("0"), minimum(100, 0), at(1), 60, 0), Credit::NotYet(_)),
            "gone"
        );
        let kept = (MAX_GROUPS - 1).to_string();
        assert!(
            matches!(add(&mut windows, group(&kept), minimum(100, 0), at(1), 60, 0), Credit::Due { .. }),
            "kept"
        );
    }

    proptest! {
        /// Within one window nothing is lost and nothing counted twice, in whatever order the records come.
        #[test]
        fn once_the_minimum_is_reached_findings_carry_every_byte(
            records in prop::collection::vec((0_i64..90, 0_u64..1000, 0_u64..1000), 1..60),
            up in 0_u64..5000,
            down in 0_u64..5000,
        ) {
            let mut windows = Windows::default();
            let (mut all, mut credited, mut reached) = ((0, 0), (0, 0), false);
            for &(s, u, d) in &records {
                all = (all.0 + u, all.1 + d);
                match add(&mut windows, group("a"), minimum(up, down), at(s), u, d) {
                    Credit::Due { up, down, .. } => {
                        credited = (credited.0 + up, credited.1 + down);
                        prop_assert_eq!(credited, all);
                        reached = true;
                    }
                    Credit::NotYet(_) => prop_assert!(!reached, "reached within the window stays reached"),
                }
            }
            prop_assert_eq!(reached, all.0 >= up && all.1 >= down);
        }
    }
}
