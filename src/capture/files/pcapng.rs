//! The pcapng format (draft-ietf-opsawg-pcapng): sections of either byte order, interfaces of any link type,
//! enhanced, simple and obsolete packet blocks, and those that tell who made packets (`told`). All other blocks, secrets
//! for decryption among them, are passed over without being held in memory.
//!
//! The section length is ignored (writers leave it unknown or wrong). A simple packet block has no time: its
//! frame takes that of the frame before it in the file, and does not count for the file's first and last time.

use super::delivery::{Delivery, Stop, Track};
use super::interface::Interface;
use super::options::Options;
use super::order::Order;
use super::told::{self, Said, Told};
use super::window::Window;
use crate::capture::MAX_FRAME;
use crate::model::Timestamp;

/// Type of a section header block, the same in both byte orders.
pub(super) const SECTION: u32 = 0x0a0d_0d0a;
const BYTE_ORDER: u32 = 0x1a2b_3c4d;
const INTERFACE: u32 = 1;
const OBSOLETE_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const NAME_RESOLUTION: u32 = 4;
const ENHANCED_PACKET: u32 = 6;
const SECRETS: u32 = 10;
/// Custom blocks, which may be copied or not.
const CUSTOM: [u32; 2] = [0x0bad, 0x4000_0bad];
/// Process block of Apple's tcpdump.
const APPLE_PROCESS: u32 = 0x8000_0001;

/// Block type, two total lengths.
const FRAMING: usize = 12;
/// Block type, total length, byte-order magic, version.
pub(super) const SECTION_HEAD: usize = 16;
const MIN_SECTION: usize = 28;
/// A longer section header is passed over; its options are some lines of text.
const MAX_SECTION_HELD: usize = 1 << 16;
/// Largest block that is held whole (packets, interfaces, and those that tell of makers and names): a frame of [`MAX_FRAME`] and long comments.
const MAX_BLOCK: usize = 1 << 20;
/// Interfaces of one section; real captures have a few, a hostile one must not fill the memory.
const MAX_INTERFACES: usize = 65_536;

/// A file's present section.
#[derive(Debug)]
pub(super) struct Pcapng {
    order: Order,
    interfaces: Vec<Interface>,
    told: Told,
}

/// What the inner loop needs from the window.
enum Want {
    /// This many bytes at hand.
    Bytes(usize),
    /// A block of this length passed over.
    Skip(usize),
    /// Nothing: stop.
    Stop(Stop),
}

/// The byte order and the version that a section header's first bytes state.
pub(super) fn section_order(head: &[u8]) -> Option<(Order, u16, u16)> {
    let magic = *head.get(8..)?.first_chunk::<4>()?;
    let order = [Order::Little, Order::Big].into_iter().find(|order| order.u32(magic) == BYTE_ORDER)?;
    Some((order, order.u16_at(head, 12)?, order.u16_at(head, 14)?))
}

impl Pcapng {
    /// A file of which no section was read yet.
    pub(super) fn new() -> Self {
        Self { order: Order::Little, interfaces: Vec::new(), told: Told::default() }
    }

    /// Hands over frames until something stops it.
    pub(super) fn run(
        &mut self,
        window: &mut Window,
        track: &mut Track,
        delivery: &mut Delivery<'_>,
    ) -> Stop {
        loop {
            let offset = window.offset();
            let (used, want) = self.walk(window.data(), offset, track, delivery);
            window.consume(used);
            let offset = window.offset();
            match want {
                Want::Stop(stop) => return stop,
                Want::Bytes(_) if window.would_wait() && delivery.has_handed() => return Stop::Budget,
                Want::Bytes(need) => {
                    if window.fill(need) < need {
                        return if window.data().is_empty() { Stop::End } else { Stop::Cut(offset) };
                    }
                }
                Want::Skip(length) => {
                    if !window.skip(length as u64 - 4) || window.fill(4) < 4 {
                        return Stop::Cut(offset);
                    }
                    if self.order.u32_at(window.data(), 0) != u32::try_from(length).ok() {
                        return Stop::Corrupt(offset, "a block's two total lengths differ".to_owned());
                    }
                    window.consume(4);
                }
            }
        }
    }

    /// Goes over all whole blocks in `data`; gives how many bytes it is done with, and what it wants next.
    fn walk(
        &mut self,
        data: &[u8],
        offset: u64,
        track: &mut Track,
        delivery: &mut Delivery<'_>,
    ) -> (usize, Want) {
        let mut at = 0;
        loop {
            if delivery.left == 0 {
                return (at, Want::Stop(Stop::Budget));
            }
            let rest = data.get(at..).unwrap_or_default();
            let corrupt = |what: &str| Want::Stop(Stop::Corrupt(offset + at as u64, what.to_owned()));
            let (Some(kind), Some(length)) = (self.order.u32_at(rest, 0), self.order.u32_at(rest, 4)) else {
                return (at, Want::Bytes(8));
            };
            if kind == SECTION {
                if rest.len() < SECTION_HEAD {
                    return (at, Want::Bytes(SECTION_HEAD));
                }
                match self.enter_section(rest) {
                    Ok(length) if length <= MAX_SECTION_HELD && rest.len() < length => {
                        return (at, Want::Bytes(length));
                    }
                    Ok(length) => {
                        let options = rest.get(24..length - 4).unwrap_or_default();
                        self.told.section(Options::new(options, self.order), track);
                        return (at, Want::Skip(length));
                    }
                    Err(what) => return (at, corrupt(what)),
                }
            }
            let length = length as usize;
            if length < FRAMING || !length.is_multiple_of(4) {
                return (at, corrupt("a block's total length is impossible"));
            }
            let needed = matches!(kind, INTERFACE | OBSOLETE_PACKET | SIMPLE_PACKET | ENHANCED_PACKET);
            if needed && length > MAX_BLOCK {
                return (at, corrupt("a packet or interface block is longer than 1 MiB"));
            }
            // What is not read is passed over; a short one that is at hand without a round through the window.
            let read = needed || (tells(kind) && length <= MAX_BLOCK);
            if !read && rest.len() < length {
                track.brought.secrets_blocks += u64::from(kind == SECRETS);
                return (at, Want::Skip(length));
            }
            let Some(block) = rest.get(..length) else { return (at, Want::Bytes(length)) };
            if self.order.u32_at(block, length - 4) != self.order.u32_at(block, 4) {
                return (at, corrupt("a block's two total lengths differ"));
            }
            let body = block.get(8..length - 4).unwrap_or_default();
            let outcome = match kind {
                INTERFACE => self.add_interface(body, track, delivery),
                ENHANCED_PACKET | OBSOLETE_PACKET => self.packet(kind, body, track, delivery),
                SIMPLE_PACKET => self.simple_packet(body, track, delivery),
                _ => {
                    self.tell(kind, body, track, delivery);
                    Ok(())
                }
            };
            match outcome {
                Ok(()) => at += length,
                Err(Refusal::Later(time)) => return (at, Want::Stop(Stop::Later(time))),
                Err(Refusal::Corrupt(what)) => return (at, corrupt(what)),
            }
        }
    }

    /// Begins a section; gives the length of its header block.
    fn enter_section(&mut self, head: &[u8]) -> Result<usize, &'static str> {
        let (order, major, minor) = section_order(head).ok_or("a section header has no byte-order magic")?;
        // 1.2 was written by mistake and is 1.0 (draft-ietf-opsawg-pcapng, section 4.1); nobody defined others.
        if (major, minor) != (1, 0) && (major, minor) != (1, 2) {
            return Err("a section is of an unknown version");
        }
        let length = order.u32_at(head, 4).unwrap_or_default() as usize;
        if length < MIN_SECTION || !length.is_multiple_of(4) {
            return Err("a section header's total length is impossible");
        }
        self.order = order;
        self.interfaces.clear();
        Ok(length)
    }

    fn add_interface(
        &mut self,
        body: &[u8],
        track: &mut Track,
        delivery: &mut Delivery<'_>,
    ) -> Result<(), Refusal> {
        if self.interfaces.len() >= MAX_INTERFACES {
            return Err(Refusal::Corrupt("a section describes more than 65536 interfaces"));
        }
        let interface = Interface::parse(body, self.order, track, delivery.desk)
            .ok_or(Refusal::Corrupt("an interface block is too short"))?;
        self.interfaces.push(interface);
        Ok(())
    }

    /// A block that says something beside the packets.
    fn tell(&mut self, kind: u32, body: &[u8], track: &mut Track, delivery: &mut Delivery<'_>) {
        match kind {
            NAME_RESOLUTION => told::names(body, self.order, track, delivery.desk),
            APPLE_PROCESS => self.told.apple(body, self.order, delivery.desk),
            SECRETS => track.brought.secrets_blocks += 1,
            kind if CUSTOM.contains(&kind) => self.told.custom(body, self.order, track, delivery.desk),
            _ => {}
        }
    }

    /// An enhanced or obsolete packet block: they differ in the first four bytes only.
    #[inline]
    fn packet(
        &mut self,
        kind: u32,
        body: &[u8],
        track: &mut Track,
        delivery: &mut Delivery<'_>,
    ) -> Result<(), Refusal> {
        let Some((head, rest)) = body.split_first_chunk::<20>() else {
            return Err(Refusal::Corrupt("a packet block is too short"));
        };
        let [i0, i1, i2, i3, h0, h1, h2, h3, l0, l1, l2, l3, c0, c1, c2, c3, w0, w1, w2, w3] = *head;
        let order = self.order;
        let number = if kind == ENHANCED_PACKET {
            order.u32([i0, i1, i2, i3])
        } else {
            u32::from(order.u16([i0, i1]))
        };
        let Some(interface) = self.interfaces.get(number as usize) else {
            return Err(Refusal::Corrupt("a packet is of an interface that was not described"));
        };
        let captured = order.u32([c0, c1, c2, c3]) as usize;
        let Some(bytes) = rest.get(..captured).filter(|_| captured <= MAX_FRAME) else {
            return Err(Refusal::Corrupt("a packet's captured length does not fit its block or the limit"));
        };
        let time = interface.time(order.u32([h0, h1, h2, h3]), order.u32([l0, l1, l2, l3]));
        if time > delivery.limit {
            return Err(Refusal::Later(time));
        }
        let (route, wire) = (interface.route, order.u32([w0, w1, w2, w3]));
        let options = rest.get(captured.next_multiple_of(4)..).unwrap_or_default();
        let said = if options.is_empty() && !track.brought.pcapdroid {
            Said::default()
        } else {
            self.told.packet(Options::new(options, order), order, track)
        };
        delivery.hand(track, route, time, true, wire, bytes, said);
        Ok(())
    }

    fn simple_packet(
        &self,
        body: &[u8],
        track: &mut Track,
        delivery: &mut Delivery<'_>,
    ) -> Result<(), Refusal> {
        let Some((wire, rest)) = body.split_first_chunk::<4>() else {
            return Err(Refusal::Corrupt("a packet block is too short"));
        };
        let Some(interface) = self.interfaces.first() else {
            return Err(Refusal::Corrupt("a packet is of an interface that was not described"));
        };
        let wire = self.order.u32(*wire);
        let kept = if interface.snaplen == 0 { wire } else { wire.min(interface.snaplen) };
        let Some(bytes) =
            rest.get(..(kept as usize).min(rest.len())).filter(|bytes| bytes.len() <= MAX_FRAME)
        else {
            return Err(Refusal::Corrupt("a packet is longer than the limit"));
        };
        let time = track.latest;
        if time > delivery.limit {
            return Err(Refusal::Later(time));
        }
        delivery.hand(track, interface.route, time, false, wire, bytes, Said::default());
        Ok(())
    }
}

/// Whether a block tells of makers or names.
fn tells(kind: u32) -> bool {
    matches!(kind, NAME_RESOLUTION | APPLE_PROCESS) || CUSTOM.contains(&kind)
}

/// Why a block was not taken.
enum Refusal {
    /// Its frame is later than the limit.
    Later(Timestamp),
    /// It makes no sense.
    Corrupt(&'static str),
}
