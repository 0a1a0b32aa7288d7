//! Whom a full table throws out: idle flows first, then half-open ones, then one-way ones, then the oldest.
//!
//! Flows stand in one list per class, in the order in which they came into it. The one at the front goes if it had no
//! packet since it was put there; else it goes to the back and the next is asked (second chance). So the choice costs
//! constant time, depends on the packets alone, and a flood of SYNs, or of anything that nobody answers, displaces
//! only its like: a conversation of both sides goes only when nothing else is left.

use super::entry::{Class, Timeouts};
use super::lists::Lists;
use super::table::Table;

/// How many flows from the front of a list are asked before the quietest of them goes anyway.
const CHANCES: usize = 8;

/// What the flow thrown out was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Victim {
    /// Closed already: it ends as it would have ended, only sooner.
    Closed,
    /// Quiet for more than half its timeout.
    Idle,
    /// A handshake that is not complete.
    HalfOpen,
    /// Packets in one direction only.
    OneWay,
    /// Nothing of these: a conversation of both sides, one of the quietest.
    Oldest,
}

impl Victim {
    /// The word in the ledger.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Idle => "idle",
            Self::HalfOpen => "half_open",
            Self::OneWay => "one_way",
            Self::Oldest => "oldest",
        }
    }
}

/// The flows by class.
#[derive(Debug)]
pub(crate) struct Classes {
    lists: Lists,
    /// When each slot was put at the back of its list, by the meter's time.
    placed_at: Vec<i64>,
}

impl Classes {
    /// Empty classes for slots below `slots`.
    pub(crate) fn new(slots: usize) -> Self {
        Self { lists: Lists::new(4, slots), placed_at: Vec::with_capacity(slots) }
    }

    /// Puts a flow at the back of a class.
    pub(crate) fn put(&mut self, slot: u32, class: Class, now: i64) {
        self.lists.put(slot, class as u16);
        let at = slot as usize;
        if at >= self.placed_at.len() {
            self.placed_at.resize(at + 1, now);
        }
        if let Some(placed) = self.placed_at.get_mut(at) {
            *placed = now;
        }
    }

    /// Forgets a flow.
    pub(crate) fn take(&mut self, slot: u32) {
        self.lists.take(slot);
    }

    /// The flow to throw out at `now`, and what it is; nothing only if there are no flows.
    pub(crate) fn choose(&mut self, table: &Table, timeouts: &Timeouts, now: i64) -> Option<(u32, Victim)> {
        if let Some(slot) = self.lists.first(Class::Closed as u16) {
            return Some((slot, Victim::Closed));
        }
        let is_spent =
            |slot: u32| table.get(slot).is_some_and(|e| now.saturating_sub(e.seen_at) > timeouts.idle(e) / 2);
        let half_open = self.quietest(Class::HalfOpen, table, now);
        let one_way = self.quietest(Class::OneWay, table, now);
        if let Some(slot) = [half_open, one_way].into_iter().flatten().find(|&slot| is_spent(slot)) {
            return Some((slot, Victim::Idle));
        }
        if let Some(slot) = half_open {
            return Some((slot, Victim::HalfOpen));
        }
        if let Some(slot) = one_way {
            return Some((slot, Victim::OneWay));
        }
        // Idle conversations of both sides come only here: else a flood would displace every quiet connection.
        let slot = self.quietest(Class::TwoWay, table, now)?;
        Some((slot, if is_spent(slot) { Victim::Idle } else { Victim::Oldest }))
    }

    /// A flow of this class that had no packet for long.
    fn quietest(&mut self, class: Class, table: &Table, now: i64) -> Option<u32> {
        let mut best: Option<(i64, u32)> = None;
        for _ in 0..CHANCES {
            let slot = self.lists.first(class as u16)?;
            let seen_at = table.get(slot)?.seen_at;
            if self.placed_at.get(slot as usize).is_none_or(|&placed| seen_at <= placed) {
                return Some(slot);
            }
            if best.is_none_or(|(quietest, _)| seen_at < quietest) {
                best = Some((seen_at, slot));
            }
            self.put(slot, class, now);
        }
        best.map(|(_, slot)| slot)
    }
}
