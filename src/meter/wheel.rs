//! When to look at a flow again: a timing wheel of slot numbers.
//!
//! It is lazy: packets do not move their flow, the flow is looked at when its time comes and put where its new time
//! is. So a flow costs one visit per timeout, not one per packet. Times are the meter's own nanoseconds.

use super::lists::Lists;

/// One tick is 2^27 ns, about 134 ms: finer than any timeout needs, coarse enough to skip quickly.
const TICK_BITS: u32 = 27;
/// 8192 ticks are about 18 minutes; what is due later is looked at once in between.
const TICKS: i64 = 8192;

/// The wheel.
#[derive(Debug)]
pub(crate) struct Wheel {
    lists: Lists,
    /// The tick for which each slot is armed.
    due: Vec<i64>,
    /// All ticks before this one have been emptied.
    cursor: i64,
}

impl Wheel {
    /// An empty wheel for slots below `slots`.
    pub(crate) fn new(slots: usize) -> Self {
        Self {
            lists: Lists::new(u16::try_from(TICKS).unwrap_or_default(), slots),
            due: Vec::with_capacity(slots),
            cursor: 0,
        }
    }

    /// The tick of a time: the first that begins at or after it.
    const fn tick_after(time: i64) -> i64 {
        (time >> TICK_BITS).saturating_add(1)
    }

    /// Arms a slot to be looked at once `time` has come.
    pub(crate) fn arm(&mut self, slot: u32, time: i64) {
        let tick = Self::tick_after(time).clamp(self.cursor + 1, self.cursor + TICKS - 1);
        let at = slot as usize;
        if at >= self.due.len() {
            self.due.resize(at + 1, i64::MAX);
        }
        if let Some(due) = self.due.get_mut(at) {
            *due = tick;
        }
        self.lists.put(slot, list_of(tick));
    }

    /// Arms a slot for `time` unless it is armed for that or sooner.
    pub(crate) fn arm_sooner(&mut self, slot: u32, time: i64) {
        if self.due.get(slot as usize).is_none_or(|&due| Self::tick_after(time) < due) {
            self.arm(slot, time);
        }
    }

    /// Forgets a slot.
    pub(crate) fn disarm(&mut self, slot: u32) {
        self.lists.take(slot);
        if let Some(due) = self.due.get_mut(slot as usize) {
            *due = i64::MAX;
        }
    }

    /// Whether a new tick has begun by `now`.
    pub(crate) const fn is_behind(&self, now: i64) -> bool {
        self.cursor <= now >> TICK_BITS
    }

    /// Takes out the next slot whose time has come by `now`; the caller arms it again or ends its flow.
    ///
    /// However far `now` is away, at most one turn of the wheel is walked.
    pub(crate) fn next(&mut self, now: i64) -> Option<u32> {
        let today = now >> TICK_BITS;
        // Everything armed lies within one turn of the cursor, so a turn visits it all.
        self.cursor = self.cursor.max(today.saturating_sub(TICKS - 1));
        while self.cursor <= today {
            if let Some(slot) = self.lists.first(list_of(self.cursor)) {
                self.disarm(slot);
                return Some(slot);
            }
            self.cursor += 1;
        }
        None
    }
}

fn list_of(tick: i64) -> u16 {
    u16::try_from(tick.rem_euclid(TICKS)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: i64 = 1_000_000_000;

    #[test]
    fn slots_are_due_in_time_order_and_never_early() {
        let mut wheel = Wheel::new(4);
        wheel.arm(0, 30 * S);
        wheel.arm(1, 10 * S);
        wheel.arm(2, 20 * S);
        wheel.arm_sooner(0, 40 * S);
        wheel.arm_sooner(2, 5 * S);
        assert_eq!(wheel.next(5 * S), None);
        assert_eq!(wheel.next(6 * S), Some(2));
        assert_eq!(wheel.next(31 * S), Some(1));
        wheel.disarm(0);
        assert_eq!(wheel.next(100 * S), None);
    }

    #[test]
    fn a_leap_over_years_gives_everything_once_and_walks_one_turn() {
        let mut wheel = Wheel::new(8);
        for slot in 0..8 {
            wheel.arm(slot, i64::from(slot) * 300 * S);
        }
        let year = 365 * 86_400 * S;
        let mut seen: Vec<_> = std::iter::from_fn(|| wheel.next(100 * year)).collect();
        seen.sort_unstable();
        assert_eq!(seen, (0..8).collect::<Vec<_>>());
        wheel.arm(3, 100 * year + S);
        assert_eq!(wheel.next(100 * year), None);
        assert_eq!(wheel.next(100 * year + 2 * S), Some(3));
    }
}
