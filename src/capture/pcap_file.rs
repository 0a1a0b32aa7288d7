//! The pcap format (draft-ietf-opsawg-pcap): microseconds or nanoseconds, either byte order, and Kuznetzov's
//! "modified" variant with longer record headers.

use crate::model::Timestamp;

use super::file::{Break, Located, Points};
use super::frame::LinkType;
use super::window::Window;
use super::MAX_FRAME;

/// What the file header says.
pub(super) struct PcapFile {
    swapped: bool,
    nanos: bool,
    record_header: usize,
    link_type: LinkType,
    point: u16,
}

impl PcapFile {
    /// Length of the file header.
    pub(super) const HEADER: usize = 24;

    /// Whether the first bytes are of this format.
    pub(super) fn recognises(magic: [u8; 4]) -> bool {
        let magic = u32::from_le_bytes(magic);
        [0xa1b2_c3d4, 0xa1b2_3c4d, 0xa1b2_cd34].into_iter().any(|m: u32| magic == m || magic == m.swap_bytes())
    }

    /// Reads the file header; `Err` says what is wrong with it.
    pub(super) fn open(window: &mut Window, points: &mut Points, name: &str) -> Result<Self, String> {
        let header = *window.head::<{ Self::HEADER }>().ok_or("its header is cut short")?;
        let [m0, m1, m2, m3, v0, v1, ..] = header;
        let magic = u32::from_le_bytes([m0, m1, m2, m3]);
        let swapped = ![0xa1b2_c3d4, 0xa1b2_3c4d, 0xa1b2_cd34].contains(&magic);
        let magic = if swapped { magic.swap_bytes() } else { magic };
        let version = if swapped { u16::from_be_bytes([v0, v1]) } else { u16::from_le_bytes([v0, v1]) };
        if version != 2 {
            return Err(format!("pcap format version {version} is not known (2 is)"));
        }
        let [.., n0, n1, n2, n3] = header;
        let network = if swapped { u32::from_be_bytes([n0, n1, n2, n3]) } else { u32::from_le_bytes([n0, n1, n2, n3]) };
        let nanos = magic == 0xa1b2_3c4d;
        window.consume(Self::HEADER);
        // The upper bits hold the length of the frame check sequence, not the link type.
        let link_type = LinkType(u16::try_from(network & 0xffff).unwrap_or(u16::MAX));
        let point = points.add(name, if nanos { 9 } else { 6 });
        Ok(Self { swapped, nanos, record_header: if magic == 0xa1b2_cd34 { 24 } else { 16 }, link_type, point })
    }

    /// Moves to the next record; `Ok(None)` at a clean end.
    pub(super) fn advance(&self, window: &mut Window) -> Result<Option<Located>, Break> {
        let there = window.fill(self.record_header).map_err(|e| Break::unreadable(&e))?;
        if there == 0 {
            return Ok(None);
        }
        let Some(header) = window.head::<16>().filter(|_| there >= self.record_header) else {
            return Err(Break::truncated(format!("a record header of {} bytes is cut to {there}", self.record_header)));
        };
        let word = |at: usize| {
            let bytes = header.get(at..).and_then(|h| h.first_chunk::<4>()).copied().unwrap_or_default();
            if self.swapped { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
        };
        let (seconds, fraction, captured, wire_len) = (word(0), word(4), word(8), word(12));
        let length = usize::try_from(captured).unwrap_or(usize::MAX);
        if length > MAX_FRAME {
            return Err(Break::corrupt(format!("a record claims {captured} bytes, more than any frame has")));
        }
        let there = window.fill(self.record_header + length).map_err(|e| Break::unreadable(&e))?;
        if there < self.record_header + length {
            let got = there.saturating_sub(self.record_header);
            return Err(Break::truncated(format!("a frame of {length} bytes is cut to {got}")));
        }
        let nanos = if self.nanos { fraction } else { fraction.saturating_mul(1000) };
        Ok(Some(Located {
            time: Timestamp::from_parts(i64::from(seconds), nanos),
            at: self.record_header,
            length,
            total: self.record_header + length,
            wire_len: wire_len.max(captured),
            link_type: self.link_type,
            point: self.point,
        }))
    }
}
