//! Octets within a window, per rule and group, for rules with minimums.
//!
//! A window is tumbling: it begins with the first octets and is forgotten when it is over. When the minimum is reached,
//! everything counted in the window so far belongs to the finding, and what follows in the window too. Bounded; the
//! group not touched for longest goes first.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::model::Timestamp;

/// Groups counted at once.
const MAX_GROUPS: usize = 65_536;

/// Rule number, and what the alert is grouped by.
type Key = (usize, String);

#[derive(Debug, Clone, Copy)]
struct Window {
    began: Timestamp,
    touched: Timestamp,
    up: u64,
    down: u64,
    /// Octets not yet given out with a finding.
    owed_up: u64,
    owed_down: u64,
}

/// All windows.
#[derive(Debug, Default)]
pub(super) struct Windows {
    open: BTreeMap<Key, Window>,
    pushed_out: u64,
}

/// What a rule asks for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Minimum {
    pub(super) up: u64,
    pub(super) down: u64,
    pub(super) window: Duration,
}

impl Windows {
    /// Counts octets; gives what is owed when both minimums are reached.
    pub(super) fn count(&mut self, key: Key, minimum: Minimum, at: Timestamp, up: u64, down: u64) -> Option<(u64, u64)> {
        if self.open.len() >= MAX_GROUPS && !self.open.contains_key(&key) {
            self.push_out();
        }
        let fresh = Window { began: at, touched: at, up: 0, down: 0, owed_up: 0, owed_down: 0 };
        let window = self.open.entry(key).or_insert(fresh);
        if at.since(window.began) > minimum.window {
            *window = fresh;
        }
        window.touched = window.touched.max(at);
        for (total, n) in [(&mut window.up, up), (&mut window.owed_up, up), (&mut window.down, down), (&mut window.owed_down, down)] {
            *total = total.saturating_add(n);
        }
        if window.up < minimum.up || window.down < minimum.down {
            return None;
        }
        Some((std::mem::take(&mut window.owed_up), std::mem::take(&mut window.owed_down)))
    }

    /// Makes room: a quarter of the table at once, so that a flood of groups costs little for each.
    fn push_out(&mut self) {
        let mut times: Vec<Timestamp> = self.open.values().map(|w| w.touched).collect();
        times.sort_unstable();
        let bar = times.get(times.len() / 4).copied().unwrap_or_default();
        let before = self.open.len();
        self.open.retain(|_, w| w.touched > bar);
        self.pushed_out += (before - self.open.len()) as u64;
    }

    pub(super) fn pushed_out(&self) -> u64 {
        self.pushed_out
    }
}
