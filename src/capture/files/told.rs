//! What the blocks of a pcapng section say of the makers of its packets, and of names of addresses.
//!
//! | block | what it says | how packets refer to it |
//! |---|---|---|
//! | custom, PCAPdroid's enterprise number | user id → package, application | comment `u-<id>` |
//! | custom, Wireshark's | a process (its Process Information Block) | option 8: process and thread id |
//! | 0x80000001 | a process of Apple's tcpdump | options 32769, 32771: its place in the section |
//! | name resolution | names of addresses | by address |
//!
//! Codes as in Wireshark's `epan/file-pcapng.c` and its tests of process information; PCAPdroid's as its `pcap_dump.c`
//! writes them. A `PID=` comment (etl2pcapng) is only counted: by that program's own warning it is the process that
//! happened to run when the packet was logged. Secrets for decryption are never looked at.
//! Limit: as many makers in one section as a source may tell of; further ones are counted.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::sync::Arc;

use super::delivery::{Desk, Track};
use super::options::Options;
use super::order::Order;
use crate::capture::origin::{self, MOST};
use crate::model::{CaptureName, HostName, Label, OriginSource, ProcessRef};

/// Option of a section header: the program that wrote it.
const SECTION_PROGRAM: u16 = 4;
/// Options of packets.
const COMMENT: u16 = 1;
const FLAGS: u16 = 2;
const PROCESS_AND_THREAD: u16 = 8;
const APPLE_PROCESS: u16 = 32_769;
const APPLE_EFFECTIVE_PROCESS: u16 = 32_771;

/// Options of process blocks.
const NAME: u16 = 2;
const PROCESS_PATH: u16 = 3;
const PROCESS_USER: u16 = 6;

/// Enterprise numbers (IANA) that custom blocks begin with.
const PCAPDROID: u32 = 62_652;
const WIRESHARK: u32 = 32_622;
const WIRESHARK_PROCESS: u32 = 3;

/// Names taken of one address; a resolver gives one or two.
const MAX_NAMES_OF_ADDRESS: usize = 8;

/// What a packet's options say.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Said<'a> {
    /// Its maker.
    pub(super) origin: Option<&'a Arc<ProcessRef>>,
    /// Whether a relay on the device made it up.
    pub(super) relayed: bool,
}

/// The makers of one section.
#[derive(Debug, Default)]
pub(super) struct Told {
    android: HashMap<u32, Arc<ProcessRef>>,
    processes: HashMap<u32, Arc<ProcessRef>>,
    apple: Vec<Arc<ProcessRef>>,
}

impl Told {
    /// A section header's options: which program wrote it. What was told in the section before is forgotten.
    pub(super) fn section(&mut self, mut options: Options<'_>, track: &mut Track) {
        *self = Self::default();
        if options.any(|(code, value)| code == SECTION_PROGRAM && origin::is_pcapdroid(value)) {
            track.brought.pcapdroid = true;
        }
    }

    /// A custom block.
    pub(super) fn custom(&mut self, body: &[u8], order: Order, track: &mut Track, desk: &mut Desk) {
        match order.u32_at(body, 0) {
            Some(PCAPDROID) => {
                track.brought.pcapdroid = true;
                let Some((uid, mut maker)) = pcapdroid_uid(body, order) else { return };
                if self.android.get(&uid).is_some_and(|known| known.package != maker.package) {
                    // Two packages of one user id: neither is the one.
                    maker.package = None;
                }
                put(&mut self.android, uid, maker, &mut desk.origins.full);
            }
            Some(WIRESHARK) => {
                if let Some((pid, maker)) = wireshark_process(body) {
                    put(&mut self.processes, pid, maker, &mut desk.origins.full);
                }
            }
            _ => {}
        }
    }

    /// A process block of Apple's tcpdump: process id, then options with its name. Packets name it by its place, so a
    /// block that says nothing takes a place too.
    pub(super) fn apple(&mut self, body: &[u8], order: Order, desk: &mut Desk) {
        if self.apple.len() >= MOST {
            desk.origins.full += 1;
            return;
        }
        let mut maker = ProcessRef::unknown(OriginSource::AppleBlock);
        maker.pid = order.u32_at(body, 0).filter(|pid| *pid != u32::MAX);
        let mut options = Options::new(body.get(4..).unwrap_or_default(), order);
        maker.name = options.find_map(|(code, value)| if code == NAME { Label::new(value) } else { None });
        self.apple.push(Arc::new(maker));
    }

    /// A packet's options.
    #[inline]
    pub(super) fn packet(&mut self, options: Options<'_>, order: Order, track: &mut Track) -> Said<'_> {
        let (mut direction, mut android, mut pid) = (false, None, None);
        let (mut apple, mut effective) = (None, None);
        for (code, value) in options {
            let number = || order.u32_at(value, 0);
            match code {
                COMMENT if track.brought.pcapdroid => {
                    android = android.or_else(|| decimal(value.strip_prefix(b"u-")?));
                }
                COMMENT => track.brought.pid_comments += u64::from(value.starts_with(b"PID=")),
                FLAGS => direction = number().is_some_and(|flags| flags & 3 != 0),
                PROCESS_AND_THREAD => pid = number(),
                APPLE_PROCESS => apple = number(),
                APPLE_EFFECTIVE_PROCESS => effective = number(),
                _ => {}
            }
        }
        // Only with root does PCAPdroid see the network's own packets, and then it notes their direction.
        let relayed = track.brought.pcapdroid && !direction;
        // Daemons fetch for applications: whom they act for comes first.
        let apple = effective.or(apple).and_then(|at| usize::try_from(at).ok());
        let origin = match (apple, android, pid) {
            (Some(at), ..) => self.apple.get(at),
            (None, Some(uid), _) => self.android_uid(uid),
            (None, None, Some(pid)) => self.process(pid),
            _ => None,
        };
        Said { origin: origin.filter(|maker| maker.says_anything()), relayed }
    }

    /// The maker of a user id, also where its block is missing.
    fn android_uid(&mut self, uid: u32) -> Option<&Arc<ProcessRef>> {
        let maker = || ProcessRef { uid: Some(uid), ..ProcessRef::unknown(OriginSource::PcapdroidBlock) };
        found(&mut self.android, uid, maker)
    }

    fn process(&mut self, pid: u32) -> Option<&Arc<ProcessRef>> {
        let maker = || ProcessRef { pid: Some(pid), ..ProcessRef::unknown(OriginSource::ProcessBlock) };
        found(&mut self.processes, pid, maker)
    }
}

type Makers = HashMap<u32, Arc<ProcessRef>>;

fn put(makers: &mut Makers, number: u32, maker: ProcessRef, full: &mut u64) {
    if makers.len() >= MOST && !makers.contains_key(&number) {
        *full += 1;
        return;
    }
    makers.insert(number, Arc::new(maker));
}

fn found(makers: &mut Makers, number: u32, maker: impl FnOnce() -> ProcessRef) -> Option<&Arc<ProcessRef>> {
    let room = makers.len() < MOST;
    match makers.entry(number) {
        Entry::Occupied(known) => Some(known.into_mut()),
        Entry::Vacant(place) if room => Some(place.insert(Arc::new(maker()))),
        Entry::Vacant(_) => None,
    }
}

/// PCAPdroid's block of a user id: enterprise number, version, type, padding, user id, two lengths, two names.
fn pcapdroid_uid(body: &[u8], order: Order) -> Option<(u32, ProcessRef)> {
    let (version, kind) = (order.u16_at(body, 4)?, *body.get(6)?);
    if version != 1 || kind != 1 {
        return None;
    }
    // -1: nobody knows.
    let uid = order.u32_at(body, 8).filter(|uid| i32::try_from(*uid).is_ok())?;
    let [package, name] = *body.get(12..)?.first_chunk::<2>()?;
    let (package, name) = (usize::from(package), usize::from(name));
    let names = body.get(14..)?;
    let maker = ProcessRef {
        package: Label::new(names.get(..package)?),
        name: Label::new(names.get(package..package + name)?),
        uid: Some(uid),
        ..ProcessRef::unknown(OriginSource::PcapdroidBlock)
    };
    Some((uid, origin::android(maker)))
}

/// Wireshark's process information: kind and length of an entry, process id, options; little-endian in every section.
fn wireshark_process(body: &[u8]) -> Option<(u32, ProcessRef)> {
    let little = Order::Little;
    if little.u32_at(body, 4)? != WIRESHARK_PROCESS {
        return None;
    }
    let length = usize::try_from(little.u32_at(body, 8)?).ok()?;
    let entry = body.get(12..)?.get(..length)?;
    let pid = little.u32_at(entry, 0)?;
    let mut maker = ProcessRef { pid: Some(pid), ..ProcessRef::unknown(OriginSource::ProcessBlock) };
    for (code, value) in Options::new(entry.get(4..)?, little) {
        match code {
            NAME => maker.name = Label::new(value),
            PROCESS_PATH => maker.executable = Label::new(value),
            PROCESS_USER => maker.uid = little.u32_at(value, 0),
            _ => {}
        }
    }
    Some((pid, maker))
}

/// A name resolution block: records of an address and names, each ended by a zero.
pub(super) fn names(body: &[u8], order: Order, track: &mut Track, desk: &mut Desk) {
    let mut rest = body;
    // Each record takes four bytes of a block of bounded length.
    while let (Some(kind), Some(length)) = (order.u16_at(rest, 0), order.u16_at(rest, 2)) {
        let length = usize::from(length);
        let Some(record) = rest.get(4..4 + length) else { return };
        let addr_and_names = match kind {
            0 => return,
            1 => record.split_first_chunk::<4>().map(|(a, names)| (IpAddr::from(*a), names)),
            2 => record.split_first_chunk::<16>().map(|(a, names)| (IpAddr::from(*a), names)),
            _ => None,
        };
        if let Some((addr, names)) = addr_and_names {
            track.brought.addresses_named += 1;
            let texts = names.split(|b| *b == 0).filter_map(HostName::from_wire);
            for name in texts.filter(HostName::is_valid).take(MAX_NAMES_OF_ADDRESS) {
                desk.name(CaptureName { addr: addr.to_canonical(), name });
            }
        }
        rest = rest.get(4 + length.next_multiple_of(4)..).unwrap_or_default();
    }
}

/// A whole number in decimal and nothing else.
fn decimal(text: &[u8]) -> Option<u32> {
    std::str::from_utf8(text).ok()?.parse().ok()
}
