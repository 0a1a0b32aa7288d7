//! The pcapng format (draft-ietf-opsawg-pcapng): sections of either byte order, interfaces of any link type and time
//! resolution, enhanced, simple and obsolete packet blocks. Every other block is skipped, whatever its size.

use crate::model::Timestamp;

use super::file::{Break, Located, Points};
use super::frame::LinkType;
use super::window::Window;
use super::MAX_FRAME;

const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const OBSOLETE_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const ENHANCED_PACKET: u32 = 6;

/// The fixed part of a packet block is at most this long; what lies behind it is the frame.
const PACKET_HEADER: usize = 28;
/// An interface's description with its options; real ones take a few hundred bytes.
const MAX_INTERFACE_BLOCK: usize = 1 << 20;
/// Interfaces in one section; each costs memory.
const MAX_INTERFACES: usize = 4096;

/// Units of an interface's time stamps.
#[derive(Debug, Clone, Copy)]
enum Resolution {
    /// 10^-n seconds.
    Decimal(u8),
    /// 2^-n seconds.
    Binary(u8),
}

#[derive(Debug, Clone, Copy)]
struct Interface {
    link_type: LinkType,
    snaplen: u32,
    resolution: Resolution,
    /// Seconds added to every time stamp.
    offset: i64,
    point: u16,
}

/// The state of the section being read.
pub(super) struct PcapngFile {
    swapped: bool,
    interfaces: Vec<Interface>,
    name: String,
    /// Time of the frame before, for simple packet blocks, which have none.
    last: Timestamp,
}

impl PcapngFile {
    /// Whether the first bytes are of this format.
    pub(super) fn recognises(magic: [u8; 4]) -> bool {
        u32::from_le_bytes(magic) == SECTION_HEADER
    }

    /// The state before the first section header, which [`PcapngFile::advance`] reads.
    pub(super) fn new(name: &str) -> Self {
        Self { swapped: false, interfaces: Vec::new(), name: name.to_owned(), last: Timestamp::EPOCH }
    }

    /// Moves to the next packet block; `Ok(None)` at a clean end.
    pub(super) fn advance(&mut self, window: &mut Window, points: &mut Points) -> Result<Option<Located>, Break> {
        loop {
            let there = window.fill(12).map_err(|e| Break::unreadable(&e))?;
            if there == 0 {
                return Ok(None);
            }
            let Some(head) = window.head::<12>().copied() else {
                return Err(Break::truncated(format!("a block header is cut to {there} bytes")));
            };
            let [k0, k1, k2, k3, l0, l1, l2, l3, b0, b1, b2, b3] = head;
            if u32::from_le_bytes([k0, k1, k2, k3]) == SECTION_HEADER {
                self.begin_section([b0, b1, b2, b3])?;
            }
            let kind = self.number([k0, k1, k2, k3]);
            let total = self.number([l0, l1, l2, l3]);
            if total < 12 || total % 4 != 0 {
                return Err(Break::corrupt(format!("a block of type {kind:#x} claims a length of {total} bytes")));
            }
            let total = usize::try_from(total).unwrap_or(usize::MAX);
            match kind {
                SECTION_HEADER => self.section_header(window, total)?,
                INTERFACE => self.interface(window, total, points)?,
                ENHANCED_PACKET | SIMPLE_PACKET | OBSOLETE_PACKET => {
                    if let Some(located) = self.packet(window, kind, total)? {
                        self.last = located.time;
                        return Ok(Some(located));
                    }
                }
                _ => skip(window, total)?,
            }
        }
    }

    fn number(&self, bytes: [u8; 4]) -> u32 {
        if self.swapped { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
    }

    fn short(&self, bytes: [u8; 2]) -> u16 {
        if self.swapped { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) }
    }

    fn begin_section(&mut self, byte_order: [u8; 4]) -> Result<(), Break> {
        self.swapped = match byte_order {
            [0x4d, 0x3c, 0x2b, 0x1a] => false,
            [0x1a, 0x2b, 0x3c, 0x4d] => true,
            _ => return Err(Break::corrupt("a section header has no byte-order mark".to_owned())),
        };
        self.interfaces.clear();
        Ok(())
    }

    fn section_header(&self, window: &mut Window, total: usize) -> Result<(), Break> {
        window.fill(16).map_err(|e| Break::unreadable(&e))?;
        if let Some([.., v0, v1, _, _]) = window.head::<16>() {
            let version = self.short([*v0, *v1]);
            if version != 1 {
                return Err(Break::corrupt(format!("pcapng format version {version} is not known (1 is)")));
            }
        }
        skip(window, total)
    }

    fn interface(&mut self, window: &mut Window, total: usize, points: &mut Points) -> Result<(), Break> {
        if total > MAX_INTERFACE_BLOCK || self.interfaces.len() >= MAX_INTERFACES {
            return Err(Break::corrupt("more or larger interface descriptions than any capture has".to_owned()));
        }
        let body = whole(window, total)?.to_vec();
        let Some([l0, l1, _, _, s0, s1, s2, s3]) = body.first_chunk::<8>().copied() else {
            return Err(Break::corrupt("an interface description is too short".to_owned()));
        };
        let mut interface = Interface {
            link_type: LinkType(self.short([l0, l1])),
            snaplen: self.number([s0, s1, s2, s3]),
            resolution: Resolution::Decimal(6),
            offset: 0,
            point: 0,
        };
        let mut name = None;
        let mut options = body.get(8..).unwrap_or_default();
        while let Some([c0, c1, n0, n1]) = options.first_chunk::<4>().copied() {
            let (code, length) = (self.short([c0, c1]), usize::from(self.short([n0, n1])));
            let Some(value) = options.get(4..4 + length) else { break };
            match (code, value) {
                (0, _) => break,
                (2, text) => name = crate::model::HostName::from_wire(text).map(|n| n.to_string()),
                (9, [r, ..]) if r & 0x80 == 0 => interface.resolution = Resolution::Decimal(*r),
                (9, [r, ..]) => interface.resolution = Resolution::Binary(r & 0x7f),
                (14, [a, b, c, d, e, f, g, h]) => {
                    let bytes = [*a, *b, *c, *d, *e, *f, *g, *h];
                    interface.offset =
                        if self.swapped { i64::from_be_bytes(bytes) } else { i64::from_le_bytes(bytes) };
                }
                _ => {}
            }
            options = options.get(4 + length.next_multiple_of(4)..).unwrap_or_default();
        }
        let digits = match interface.resolution {
            Resolution::Decimal(0..=6) => 6,
            _ => 9,
        };
        let label = name.map_or_else(|| self.name.clone(), |name| format!("{}:{name}", self.name));
        interface.point = points.add(&label, digits);
        self.interfaces.push(interface);
        window.consume(total);
        Ok(())
    }

    /// A packet block of any of the three kinds; `None`: it was skipped.
    fn packet(&self, window: &mut Window, kind: u32, total: usize) -> Result<Option<Located>, Break> {
        if total > MAX_FRAME + (1 << 20) {
            return Err(Break::corrupt(format!("a packet block claims {total} bytes, more than any frame has")));
        }
        let body = whole(window, total)?;
        let mut head = [0; PACKET_HEADER - 8];
        for (to, from) in head.iter_mut().zip(body) {
            *to = *from;
        }
        let word = |at: usize| self.number(head.get(at..).and_then(|h| h.first_chunk::<4>()).copied().unwrap_or_default());
        let (interface, time, captured, wire_len, at): (u32, Option<(u32, u32)>, u32, u32, usize) = match kind {
            ENHANCED_PACKET => (word(0), Some((word(4), word(8))), word(12), word(16), 20),
            OBSOLETE_PACKET => {
                let [i0, i1, ..] = head;
                (u32::from(self.short([i0, i1])), Some((word(4), word(8))), word(12), word(16), 20)
            }
            _ => {
                let room = u32::try_from(body.len().saturating_sub(4)).unwrap_or(0);
                let snaplen = self.interfaces.first().map_or(0, |i| i.snaplen);
                let limit = if snaplen == 0 { room } else { snaplen.min(room) };
                (0, None, word(0).min(limit), word(0), 4)
            }
        };
        let Some(interface) = usize::try_from(interface).ok().and_then(|i| self.interfaces.get(i)) else {
            return Err(Break::corrupt(format!("a packet of interface {interface}, which was never described")));
        };
        let length = usize::try_from(captured).unwrap_or(usize::MAX);
        if length > MAX_FRAME || body.len() < at.saturating_add(length) {
            return Err(Break::corrupt(format!("a packet of {captured} bytes in a block of {total}")));
        }
        let time = time.map_or(self.last, |(high, low)| interface.time(u64::from(high) << 32 | u64::from(low)));
        Ok(Some(Located {
            time,
            at: 8 + at,
            length,
            total,
            wire_len: wire_len.max(captured),
            link_type: interface.link_type,
            point: interface.point,
        }))
    }
}

impl Interface {
    /// A time stamp in the interface's units, as nanoseconds since the epoch; clamped to the range.
    fn time(&self, units: u64) -> Timestamp {
        let units = i128::from(units);
        let nanos = match self.resolution {
            Resolution::Decimal(n @ 0..=9) => units * 10_i128.pow(u32::from(9 - n)),
            Resolution::Decimal(n) => 10_i128.checked_pow(u32::from(n - 9)).map_or(0, |scale| units / scale),
            Resolution::Binary(n @ 0..=63) => (units * 1_000_000_000) >> n,
            Resolution::Binary(_) => 0,
        };
        let nanos = nanos + i128::from(self.offset) * 1_000_000_000;
        let clamped = nanos.clamp(i128::from(i64::MIN), i128::from(i64::MAX));
        Timestamp::from_nanos(i64::try_from(clamped).unwrap_or(0))
    }
}

/// The body of a block that must be there as a whole; its trailing length must agree, or the place in the file is lost.
fn whole(window: &mut Window, total: usize) -> Result<&[u8], Break> {
    let there = window.fill(total).map_err(|e| Break::unreadable(&e))?;
    if there < total {
        return Err(Break::truncated(format!("a block of {total} bytes is cut to {there}")));
    }
    let (leading, trailing) = (window.bytes(4, 4), window.bytes(total - 4, 4));
    if leading != trailing {
        return Err(Break::corrupt("the two lengths of a block differ".to_owned()));
    }
    window.bytes(8, total - 12).ok_or_else(|| Break::truncated("a block is cut".to_owned()))
}

fn skip(window: &mut Window, total: usize) -> Result<(), Break> {
    match window.skip(total as u64).map_err(|e| Break::unreadable(&e))? {
        0 => Ok(()),
        missing => Err(Break::truncated(format!("a block of {total} bytes lacks its last {missing}"))),
    }
}
