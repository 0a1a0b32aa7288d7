//! The meter's own time: it only ever runs forwards, whatever the capture's clock does.
//!
//! It counts nanoseconds that passed, from 0 at the first packet. A capture clock that is set (forwards by more than
//! any quiet time explains, or backwards) moves no time here, so deadlines shift with it and nothing expires by it.
//! Times in records do not come from here: they are the packets' own.

use crate::model::Timestamp;

/// Packets of several interfaces or queues come slightly out of order; more than this is worth a note.
const OUT_OF_ORDER: i64 = 2_000_000_000;

/// A step of the capture's clock that is worth a note.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Set forwards by so many nanoseconds.
    Forwards(i64),
    /// Went back by so many nanoseconds.
    Backwards(i64),
}

/// The meter's own time.
#[derive(Debug)]
pub(crate) struct Clock {
    now: i64,
    /// The capture time that `now` stands for; none before the first packet.
    high: Option<i64>,
    /// Whether the capture clock is behind `high` and that was noted.
    behind: bool,
    most_forwards: i64,
    most_backwards: i64,
}

impl Clock {
    /// A clock that takes steps beyond these (in nanoseconds) for a clock being set.
    pub(crate) const fn new(most_forwards: i64, most_backwards: i64) -> Self {
        Self { now: 0, high: None, behind: false, most_forwards, most_backwards }
    }

    /// Nanoseconds that passed since the first packet.
    pub(crate) const fn now(&self) -> i64 {
        self.now
    }

    /// Takes a time of the capture's clock; says if it stepped.
    pub(crate) fn meet(&mut self, time: Timestamp) -> Option<Step> {
        let time = time.as_nanos();
        let high = *self.high.get_or_insert(time);
        let ahead = time.saturating_sub(high);
        if ahead >= 0 {
            self.high = Some(time);
            self.behind = false;
            if ahead > self.most_forwards {
                return Some(Step::Forwards(ahead));
            }
            self.now = self.now.saturating_add(ahead);
            return None;
        }
        let back = ahead.saturating_neg();
        if back > self.most_backwards {
            self.high = Some(time);
            self.behind = false;
            return Some(Step::Backwards(back));
        }
        if back > OUT_OF_ORDER && !self.behind {
            self.behind = true;
            return Some(Step::Backwards(back));
        }
        None
    }
}

/// The end of a flow that ended at `end` so far, after a packet at `time`: the latest packet, except that after a
/// clock was set back it follows the clock; never before `start`.
pub(crate) fn later_end(start: Timestamp, end: Timestamp, time: Timestamp) -> Timestamp {
    let back = end.as_nanos().saturating_sub(time.as_nanos());
    if back > 0 && back <= OUT_OF_ORDER { end } else { time.max(start) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: i64 = 1_000_000_000;
    const YEAR: i64 = 365 * 86_400 * S;

    fn met(clock: &mut Clock, seconds: i64) -> (Option<Step>, i64) {
        let step = clock.meet(Timestamp::from_nanos(seconds * S));
        (step, clock.now() / S)
    }

    #[test]
    fn time_passes_stands_and_never_runs_back() {
        let mut clock = Clock::new(86_400 * S, 3_600 * S);
        assert_eq!(met(&mut clock, 1_000), (None, 0));
        assert_eq!(met(&mut clock, 1_010), (None, 10));
        assert_eq!(met(&mut clock, 1_009), (None, 10));
        // Minutes back: it stands, and says so once.
        assert_eq!(met(&mut clock, 900), (Some(Step::Backwards(110 * S)), 10));
        assert_eq!(met(&mut clock, 901), (None, 10));
        assert_eq!(met(&mut clock, 1_011), (None, 11));
        // A quiet hour is time that passed.
        assert_eq!(met(&mut clock, 5_011), (None, 4_011));
    }

    #[test]
    fn one_packet_from_another_century_moves_nothing() {
        let mut clock = Clock::new(30 * 86_400 * S, 3_600 * S);
        assert_eq!(met(&mut clock, 1_000), (None, 0));
        let far = Timestamp::from_nanos(80 * YEAR);
        assert!(matches!(clock.meet(far), Some(Step::Forwards(_))));
        assert_eq!(clock.now(), 0);
        assert!(matches!(met(&mut clock, 1_001), (Some(Step::Backwards(_)), 0)));
        assert_eq!(met(&mut clock, 1_003), (None, 2));
        for extreme in [i64::MIN, i64::MAX, i64::MIN] {
            clock.meet(Timestamp::from_nanos(extreme));
            assert_eq!(clock.now(), 2 * S);
        }
    }

    #[test]
    fn an_end_follows_a_clock_that_was_set_back_but_not_packets_out_of_order() {
        let t = |s: i64| Timestamp::from_nanos(s * S);
        assert_eq!(later_end(t(10), t(20), t(21)), t(21));
        assert_eq!(later_end(t(10), t(20), t(19)), t(20));
        assert_eq!(later_end(t(10), t(999), t(21)), t(21));
        assert_eq!(later_end(t(10), t(20), t(5)), t(10));
    }
}
