//! PCAPdroid (Android): its trailer in pcap files, its user ids, and its VPN mode.
//!
//! Layout by its documentation (docs/dump_extensions.md) and writer: an Ethernet header of zeros, the IP packet, zeros up
//! to a multiple of four, then 32 octets: magic, user id (both big-endian), application name of 20 octets, and the CRC-32
//! of all before it in the phone's byte order (little-endian on all Android devices).
//!
//! A trailer is believed only behind an IP packet, with a right checksum, and in a file in which no frame before it has
//! Ethernet addresses: in a capture of a network, whoever sends frames could write one.
//!
//! Without root it is a VPN that ends connections on the phone and opens its own: times, TTL, window and MSS in such a
//! file are the relay's. A trailer does not say whether the phone was rooted, so every file with trailers counts as
//! relayed; a missing round trip is better than a wrong one.

use std::net::{Ipv4Addr, Ipv6Addr};

use flate2::Crc;

use super::headers::up_to_nul;
use super::{Bare, Brought, Origins};
use crate::capture::LinkType;
use crate::model::{AndroidUid, OriginSource, ProcessRef};

/// First octets of a trailer.
const MAGIC: [u8; 4] = 0x0107_2021_u32.to_be_bytes();
const TRAILER: usize = 32;
const ETHERNET_HEADER: usize = 14;
/// The phone's address inside the VPN, the same in all versions and on all phones.
const VPN_V4: Ipv4Addr = Ipv4Addr::new(10, 215, 173, 1);
const VPN_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 2, 0xfd00, 1, 0xfd00, 1, 0xfd00, 1);

/// Whether the program that a pcapng section names is PCAPdroid.
pub(in crate::capture) fn is_program(name: &[u8]) -> bool {
    name.starts_with(b"PCAPdroid")
}

/// A maker by its Android user id: the system's ids are shared by many packages, so none of them is the one.
pub(in crate::capture) fn android(origin: ProcessRef) -> ProcessRef {
    let single = origin.uid.is_some_and(|uid| AndroidUid::of(uid).is_application());
    let package = origin.package.filter(|_| single);
    ProcessRef { package, ..origin }
}

/// An Ethernet frame, which may be one of PCAPdroid's.
#[inline]
pub(super) fn ethernet<'f, 'o>(
    origins: &'o mut Origins,
    brought: &mut Brought,
    bare: Bare<'f, 'o>,
) -> Bare<'f, 'o> {
    // Loopback has no addresses either, but no trailer.
    if bare.bytes.first_chunk::<12>() == Some(&[0; 12]) {
        return trailer(origins, brought, bare);
    }
    if brought.ethernet {
        return bare;
    }
    let whole = is_whole_ip(bare.bytes, bare.wire);
    if whole && brought.pcapdroid {
        // Where the trailer would not fit, the writer leaves out the Ethernet header too.
        brought.relayed += 1;
        return Bare { link: LinkType::RAW, relayed: true, ..bare };
    }
    brought.ethernet = !whole;
    bare
}

fn trailer<'f, 'o>(origins: &'o mut Origins, brought: &mut Brought, bare: Bare<'f, 'o>) -> Bare<'f, 'o> {
    let split = bare.bytes.len().checked_sub(TRAILER).and_then(|at| bare.bytes.split_at_checked(at));
    let Some((bytes, trailer)) = split.filter(|(_, trailer)| trailer.starts_with(&MAGIC)) else {
        let relayed = brought.pcapdroid;
        brought.relayed += u64::from(relayed);
        return Bare { relayed, ..bare };
    };
    let Some((sum, checked)) = bare.bytes.split_last_chunk::<4>().map(|(rest, sum)| (*sum, rest)) else {
        return bare;
    };
    let mut crc = Crc::new();
    crc.update(checked);
    let behind_packet = ip_length(bytes.get(ETHERNET_HEADER..).unwrap_or_default())
        .is_some_and(|length| ETHERNET_HEADER + length <= bytes.len());
    if crc.sum() != u32::from_le_bytes(sum) || brought.ethernet || !behind_packet {
        origins.bad_trailers += 1;
        return bare;
    }
    brought.pcapdroid = true;
    brought.relayed += 1;
    let uid =
        trailer.get(4..).and_then(|t| t.first_chunk::<4>()).map_or(u32::MAX, |b| u32::from_be_bytes(*b));
    let name = trailer.get(8..).and_then(|t| t.first_chunk::<20>()).copied().unwrap_or_default();
    // Without a user (-1) the name is a word for "unknown".
    let uid = i32::try_from(uid).ok().map(i32::unsigned_abs);
    let origin =
        uid.and_then(|uid| origins.intern(OriginSource::PcapdroidTrailer, Some(uid), up_to_nul(name)));
    let wire = bare.wire.saturating_sub(32);
    Bare { bytes, wire, origin, relayed: true, ..bare }
}

/// Length of an IP packet by its own header.
fn ip_length(bytes: &[u8]) -> Option<usize> {
    let field = |at: usize| bytes.get(at..)?.first_chunk::<2>().map(|b| usize::from(u16::from_be_bytes(*b)));
    match bytes.first() {
        Some(0x45..0x50) => field(2),
        Some(0x60..0x70) => field(4).map(|payload| payload + 40),
        _ => None,
    }
}

/// Whether this is an IP packet and nothing else.
fn is_whole_ip(bytes: &[u8], wire: u32) -> bool {
    ip_length(bytes).is_some_and(|length| u32::try_from(length) == Ok(wire))
}

/// Whether an IP packet comes out of PCAPdroid's VPN, or goes into it.
#[inline]
pub(super) fn through_vpn(bytes: &[u8]) -> bool {
    match bytes.first() {
        Some(0x45..0x50) => {
            let vpn = VPN_V4.octets();
            [12, 16].iter().any(|at| bytes.get(*at..*at + 4) == Some(&vpn))
        }
        Some(0x60..0x70) => {
            let vpn = VPN_V6.octets();
            [8, 24].iter().any(|at| bytes.get(*at..*at + 16) == Some(&vpn))
        }
        _ => false,
    }
}
