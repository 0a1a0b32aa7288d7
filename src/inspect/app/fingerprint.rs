//! What a fingerprint of a protocol is, and the small questions that fingerprints are made of.
//!
//! An answer is `Some(true)`, `Some(false)`, or `None` while too few bytes are there to say. All questions are total:
//! no bytes make them panic, and each looks at a bounded number of them.

use crate::model::{Endpoint, ProtocolProof};

use super::trace::Trace;

/// Yes, no, or not enough bytes.
pub(super) type Answer = Option<bool>;

/// The front of one direction of a byte stream.
#[derive(Debug, Clone, Copy)]
pub(super) struct Front<'a> {
    /// Its bytes from the beginning on (or from where the capture set in), without a gap.
    pub(super) bytes: &'a [u8],
    /// The end that serves, as far as is known.
    pub(super) server: Endpoint,
}

/// How a fingerprint is taken.
#[derive(Clone, Copy)]
pub(super) enum Test {
    /// By the front of one direction of a stream.
    Stream(fn(&Front<'_>) -> Answer),
    /// By the datagrams of a flow so far.
    Datagrams(fn(&Trace<'_>) -> Answer),
}

/// Whose protocol it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    /// One application's own; the catalogue says which.
    App(ProtocolProof),
    /// Anybody's: the flow gets its word and no application.
    Anybody,
}

/// One protocol that is known by its content.
///
/// Bits, speaker, source and guard are there to be read, and for the tests of the table.
#[derive(Clone, Copy)]
#[cfg_attr(
    not(test),
    expect(dead_code, reason = "what it rests on is for readers, and for the tests of the table")
)]
pub(super) struct Fingerprint {
    /// The word in `Facts` and in the catalogue.
    pub(super) name: &'static str,
    /// Whose it is, and what the fingerprint can carry.
    pub(super) owner: Owner,
    /// Bits that the protocol fixes, those on which lengths or both sides must agree included; ports not.
    pub(super) bits: u16,
    /// Who speaks what is looked at.
    pub(super) speaker: &'static str,
    /// Where the layout is from.
    pub(super) source: &'static str,
    /// What keeps it from meeting strangers.
    pub(super) guard: &'static str,
    /// The test itself.
    pub(super) test: Test,
}

/// Whether `want` stands at `at`; a wrong byte is seen before all of them are there.
pub(super) fn has(bytes: &[u8], at: usize, want: &[u8]) -> Answer {
    let there = bytes.get(at..).unwrap_or_default();
    let there = there.get(..want.len()).unwrap_or(there);
    if !want.starts_with(there) {
        return Some(false);
    }
    (there.len() == want.len()).then_some(true)
}

/// Whether one of `wants` stands at the beginning.
pub(super) fn has_one(bytes: &[u8], wants: &[&[u8]]) -> Answer {
    let mut answer = Some(false);
    for want in wants {
        match has(bytes, 0, want) {
            Some(true) => return Some(true),
            None => answer = None,
            Some(false) => {}
        }
    }
    answer
}

/// All of them: one no is enough for no.
pub(super) fn all<const N: usize>(answers: [Answer; N]) -> Answer {
    if answers.contains(&Some(false)) {
        return Some(false);
    }
    (!answers.contains(&None)).then_some(true)
}

/// Any of them: one yes is enough for yes.
pub(super) fn any<const N: usize>(answers: [Answer; N]) -> Answer {
    if answers.contains(&Some(true)) {
        return Some(true);
    }
    (!answers.contains(&None)).then_some(false)
}

fn number(bytes: &[u8], at: usize, count: usize) -> Option<&[u8]> {
    bytes.get(at..at.checked_add(count)?)
}

/// A 16-bit number, most significant byte first.
pub(super) fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    number(bytes, at, 2)?.try_into().ok().map(u16::from_be_bytes)
}

/// A 32-bit number, most significant byte first.
pub(super) fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    number(bytes, at, 4)?.try_into().ok().map(u32::from_be_bytes)
}

/// A 16-bit number, least significant byte first.
pub(super) fn le16(bytes: &[u8], at: usize) -> Option<u16> {
    number(bytes, at, 2)?.try_into().ok().map(u16::from_le_bytes)
}

/// A 32-bit number, least significant byte first.
pub(super) fn le32(bytes: &[u8], at: usize) -> Option<u32> {
    number(bytes, at, 4)?.try_into().ok().map(u32::from_le_bytes)
}

/// How many values of a byte stand in `bytes`: what is sealed or random has many.
pub(super) fn distinct(bytes: &[u8]) -> usize {
    let mut seen = [false; 256];
    for byte in bytes {
        if let Some(mark) = seen.get_mut(usize::from(*byte)) {
            *mark = true;
        }
    }
    seen.iter().filter(|s| **s).count()
}

/// A length as an index.
pub(super) fn index(length: u32) -> usize {
    usize::try_from(length).unwrap_or(usize::MAX)
}

/// Whether `needle` stands in `bytes`, letters of any case.
pub(super) fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    !needle.is_empty() && bytes.windows(needle.len()).any(|window| window.eq_ignore_ascii_case(needle))
}
