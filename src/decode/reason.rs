//! Why a frame gave no packet, by exact reason, counted without allocation for all but numbered ones.

use std::collections::BTreeMap;

/// Why a frame holds no packet that can be metered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reason {
    /// Broken: the word says which layer is cut or lies.
    Malformed(&'static str),
    /// Sound, but nothing that this program meters.
    Unsupported(&'static str),
    /// Sound, of a kind known only by its number: prefix and number (hexadecimal or decimal).
    UnsupportedHex(&'static str, u16),
    /// As above, decimal.
    UnsupportedNumber(&'static str, u16),
}

/// Numbered kinds kept apart; random garbage has up to 65,536 of them.
const MAX_NUMBERED: usize = 64;

/// Counters by reason.
#[derive(Debug, Default)]
pub(super) struct Reasons {
    // Few distinct reasons occur in one run; an ordered map is small and its order is the output's.
    counts: BTreeMap<Reason, u64>,
    numbered: usize,
    other: u64,
}

impl Reasons {
    pub(super) fn count(&mut self, reason: Reason) {
        if let Some(count) = self.counts.get_mut(&reason) {
            *count += 1;
            return;
        }
        if matches!(reason, Reason::UnsupportedHex(..) | Reason::UnsupportedNumber(..)) {
            if self.numbered >= MAX_NUMBERED {
                self.other += 1;
                return;
            }
            self.numbered += 1;
        }
        self.counts.insert(reason, 1);
    }

    pub(super) fn malformed(&self) -> BTreeMap<String, u64> {
        self.counts
            .iter()
            .filter_map(|(reason, n)| match reason {
                Reason::Malformed(word) => Some(((*word).to_owned(), *n)),
                _ => None,
            })
            .collect()
    }

    pub(super) fn unsupported(&self) -> BTreeMap<String, u64> {
        let mut counts: BTreeMap<String, u64> = self
            .counts
            .iter()
            .filter_map(|(reason, n)| match reason {
                Reason::Malformed(_) => None,
                Reason::Unsupported(word) => Some(((*word).to_owned(), *n)),
                Reason::UnsupportedHex(prefix, number) => Some((format!("{prefix}_0x{number:04x}"), *n)),
                Reason::UnsupportedNumber(prefix, number) => Some((format!("{prefix}_{number}"), *n)),
            })
            .collect();
        if self.other > 0 {
            counts.insert("other".to_owned(), self.other);
        }
        counts
    }
}
