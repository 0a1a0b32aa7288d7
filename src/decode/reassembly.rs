//! Datagrams put together out of their fragments, so that inspectors see them whole: a DNS answer, a ClientHello of QUIC or
//! DTLS. Counting leaves this alone: every piece is metered as the packet that it is.
//!
//! Pieces may come in any order. Where two claim the same octets, the first wins and it is counted; of IPv6 the whole
//! datagram is refused instead (RFC 5722 §3). A repeated piece is neither. What is not whole [`PATIENCE`] after its first
//! piece is inspected as far as it goes from the beginning: many captures hold first pieces alone, for a filter by port
//! passes no others.
//!
//! Limits: [`MAX_DATAGRAMS`], [`MAX_PIECES`] of one, [`MAX_BYTES`] of all. UDP and TCP only; a TCP header in several
//! pieces is refused by RFC 3128's advice, and so is what a capture cut short. What is inside a tunnel's fragments
//! stays there: the packets within were not metered, so nothing may be said of them.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

use foldhash::fast::RandomState;

use crate::model::{Protocol, Timestamp};

use super::fragment::DatagramKey;
use super::packet::{Fragment, Packet};

/// A sender hands all pieces to its link at once; one that is missing after this was lost, or was never captured.
const PATIENCE: Duration = Duration::from_secs(1);
/// Datagrams in the making. Beyond it the oldest is inspected as far as it goes.
const MAX_DATAGRAMS: usize = 256;
/// Pieces of one datagram: 64 KiB in the smallest usual ones.
const MAX_PIECES: usize = 64;
/// Octets kept of all datagrams in the making: sixteen of the largest.
const MAX_BYTES: usize = 1 << 20;

/// A datagram out of several packets, or as much as there is of its beginning.
#[derive(Debug)]
pub struct Datagram {
    header: Packet<'static>,
    payload: Vec<u8>,
}

impl Datagram {
    /// As a packet with all of the transport payload. It was metered by its pieces and is only to be inspected.
    pub fn packet(&self) -> Packet<'_> {
        Packet { payload: &self.payload, ..self.header }
    }
}

/// What is there of one datagram. Octets are counted from the beginning of the part that was cut in pieces.
#[derive(Debug, Default)]
struct Pieces {
    since: Timestamp,
    /// When its latest piece came: the time of what is told of it.
    latest: Timestamp,
    /// The first piece's header: its payload begins at `fragment_at`.
    header: Option<Packet<'static>>,
    /// By where they begin; none overlap.
    parts: BTreeMap<usize, Vec<u8>>,
    bytes: usize,
    /// Where the datagram ends, once its last piece was seen.
    end: Option<usize>,
    /// Nothing more is taken: it was told already, or it is refused.
    closed: bool,
}

/// How often a limit was hit.
#[derive(Debug, Default)]
struct Limits {
    full: u64,
    overlaps: u64,
    incomplete: u64,
}

/// Datagrams in the making.
#[derive(Debug, Default)]
pub(super) struct Reassembly {
    datagrams: HashMap<DatagramKey, Pieces, RandomState>,
    /// In order of arrival: the first goes first.
    order: VecDeque<DatagramKey>,
    bytes: usize,
    ready: Vec<Datagram>,
    limits: Limits,
}

impl Reassembly {
    /// Takes a piece; a datagram that it makes whole is ready.
    pub(super) fn add(&mut self, key: DatagramKey, packet: &Packet<'_>) {
        self.expire(packet.time);
        if !is_of_use(packet) {
            return;
        }
        let pieces = self.datagrams.entry(key).or_insert_with(|| {
            self.order.push_back(key);
            Pieces { since: packet.time, ..Pieces::default() }
        });
        if pieces.closed {
            return;
        }
        let before = pieces.bytes;
        let overlaps = pieces.take(packet);
        self.limits.overlaps += u64::from(overlaps);
        if overlaps && packet.source.addr.is_ipv6() {
            pieces.close();
        }
        if pieces.is_whole() {
            self.ready.extend(pieces.tell());
        } else if pieces.parts.len() > MAX_PIECES {
            self.limits.full += 1;
            self.ready.extend(pieces.tell());
        }
        self.bytes = self.bytes.saturating_add(pieces.bytes).saturating_sub(before);
        while self.bytes > MAX_BYTES || self.order.len() > MAX_DATAGRAMS {
            self.limits.full += 1;
            self.give_up_oldest();
        }
    }

    /// Whether time matters: with nothing in the making a packet costs no more than this question.
    pub(super) fn is_waiting(&self) -> bool {
        !self.order.is_empty()
    }

    /// Gives up waiting for what should have come by now.
    pub(super) fn expire(&mut self, now: Timestamp) {
        let is_due = |pieces: &Pieces| now.since(pieces.since) > PATIENCE;
        while self.order.front().is_some_and(|key| self.datagrams.get(key).is_none_or(is_due)) {
            self.give_up_oldest();
        }
    }

    /// Gives up waiting for anything.
    pub(super) fn give_up_all(&mut self) {
        while self.is_waiting() {
            self.give_up_oldest();
        }
    }

    fn give_up_oldest(&mut self) {
        let Some(mut pieces) = self.order.pop_front().and_then(|key| self.datagrams.remove(&key)) else {
            return;
        };
        self.bytes = self.bytes.saturating_sub(pieces.bytes);
        self.limits.incomplete += u64::from(!pieces.closed);
        self.ready.extend(pieces.tell());
    }

    pub(super) fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    pub(super) fn take_ready(&mut self) -> Vec<Datagram> {
        std::mem::take(&mut self.ready)
    }

    /// Whether what is held is bounded as this module says (for fuzzing).
    pub(super) fn is_within_limits(&self) -> bool {
        let bytes: usize =
            self.datagrams.values().flat_map(|pieces| pieces.parts.values()).map(Vec::len).sum();
        let pieces = self.datagrams.values().map(|pieces| pieces.parts.len()).max().unwrap_or_default();
        bytes == self.bytes
            && bytes <= MAX_BYTES
            && pieces <= MAX_PIECES
            && self.order.len() == self.datagrams.len()
            && self.order.len() <= MAX_DATAGRAMS
    }

    #[cfg(test)]
    pub(super) fn held(&self) -> (usize, usize) {
        (self.datagrams.len(), self.bytes)
    }

    /// Counts of limits, those never hit too.
    pub(super) fn limits(&self) -> [(&'static str, u64); 3] {
        [
            ("fragments_overlap", self.limits.overlaps),
            ("reassembly_full", self.limits.full),
            ("reassembly_incomplete", self.limits.incomplete),
        ]
    }
}

/// Whether a piece can help inspection.
fn is_of_use(packet: &Packet<'_>) -> bool {
    let whole = usize::try_from(packet.payload_len).is_ok_and(|length| length == packet.payload.len());
    match packet.fragment {
        Fragment::No => false,
        Fragment::First => match packet.protocol {
            // As far as it was captured: its end is then where the datagram ends for us.
            Protocol::UDP => true,
            Protocol::TCP => packet.tcp.is_some() && !packet.payload.is_empty(),
            _ => false,
        },
        // In front of the transport header may stand others, of which only the first piece tells (IPv6; AH).
        Fragment::Later => whole && matches!(packet.protocol.0, 0 | 6 | 17 | 43 | 51 | 60),
    }
}

impl Pieces {
    /// Takes what is new of a piece; says whether it claims octets that another gave already, and is no repetition.
    fn take(&mut self, packet: &Packet<'_>) -> bool {
        let mut at = usize::from(packet.fragment_at);
        let mut bytes = packet.payload;
        let end = at + bytes.len();
        let mut overlaps = false;
        self.latest = packet.time;
        if packet.fragment == Fragment::First && self.header.is_none() {
            self.header = Some(Packet { fragment: Fragment::No, ..packet.without_payload() });
        }
        if packet.fragment_last {
            overlaps |= self.end.is_some_and(|known| known != end);
            self.end.get_or_insert(end);
        }
        if self.parts.get(&at).is_some_and(|part| part == bytes) {
            return overlaps;
        }
        while !bytes.is_empty() {
            let before = self.parts.range(..=at).next_back().map(|(from, part)| from + part.len());
            if let Some(taken) = before.filter(|end| *end > at) {
                overlaps = true;
                let skip = (taken - at).min(bytes.len());
                bytes = bytes.get(skip..).unwrap_or_default();
                at += skip;
                continue;
            }
            let next = self.parts.range(at..).next().map_or(usize::MAX, |(from, _)| *from);
            let (now, rest) = bytes.split_at(bytes.len().min(next - at));
            self.bytes += now.len();
            self.parts.insert(at, now.to_vec());
            at += now.len();
            bytes = rest;
        }
        overlaps
    }

    /// The octets without a gap from the beginning of the payload on.
    fn beginning(&self) -> Option<(usize, usize)> {
        let start = usize::from(self.header.as_ref()?.fragment_at);
        let mut end = start;
        for (from, part) in self.parts.range(start..) {
            if *from != end {
                break;
            }
            end += part.len();
        }
        Some((start, end))
    }

    fn is_whole(&self) -> bool {
        !self.closed && self.end.is_some_and(|end| self.beginning().is_some_and(|(_, to)| to == end))
    }

    /// The datagram as far as it goes, once.
    fn tell(&mut self) -> Option<Datagram> {
        let Some(((start, end), header)) = self.beginning().zip(self.header.take()) else {
            self.close();
            return None;
        };
        let parts = self.parts.range(start..end).map(|(_, part)| part.as_slice());
        let payload: Vec<u8> = parts.flatten().copied().collect();
        // Of a datagram that is not whole the length is not known: that of what is there lets it be read as far as it goes.
        let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
        let payload_len = if self.end == Some(end) { length } else { length.max(header.payload_len) };
        self.close();
        Some(Datagram { header: Packet { time: self.latest, payload_len, ..header }, payload })
    }

    fn close(&mut self) {
        self.closed = true;
        self.header = None;
        self.parts.clear();
        self.bytes = 0;
    }
}
