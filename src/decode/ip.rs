//! IPv4 (RFC 791) and IPv6 (RFC 8200): the header makes a candidate packet, its protocol says what comes next.

use std::net::IpAddr;

use etherparse::{Ipv4HeaderSlice, Ipv6HeaderSlice};

use crate::model::{Endpoint, Protocol};

use super::packet::{Fragment, Packet};
use super::reason::Reason;
use super::walk::{Next, Walk};
use super::{transport, udp_tunnel};

/// Extension headers in one packet; RFC 8200 expects each kind once, two of one kind at most.
const MAX_EXTENSIONS: usize = 12;

/// What either version's header says.
struct Header {
    source: IpAddr,
    destination: IpAddr,
    protocol: Protocol,
    octets: u32,
    fragment: Fragment,
    /// Identification, for fragments.
    id: u32,
    /// Where in the datagram a fragment stands, in octets.
    at: u16,
    /// Whether it is the last one.
    last: bool,
    /// Octets of the part of the datagram that was cut in pieces, in this packet.
    piece: u32,
}

pub(super) fn enter(walk: &mut Walk<'_>) -> Result<Next, Reason> {
    match walk.byte(0).map(|b| b >> 4) {
        Some(4) => ipv4(walk),
        Some(6) => ipv6(walk),
        Some(_) => Err(Reason::Malformed("bad_ip_version")),
        None => Err(Reason::Malformed("truncated_ip")),
    }
}

fn ipv4(walk: &mut Walk<'_>) -> Result<Next, Reason> {
    let mut first = [0; 20];
    let (header, length) = match Ipv4HeaderSlice::from_slice(walk.rest) {
        Ok(header) => (header, header.slice().len()),
        Err(_) => (without_options(walk, &mut first)?, usize::from(first_length(walk))),
    };
    let total = u32::from(header.total_len());
    let header_len = u32::try_from(length).unwrap_or(u32::MAX);
    // Zero is what segmentation offload leaves behind: then the wire length counts.
    let octets = if total == 0 { walk.wire } else { total };
    if octets < header_len {
        return Err(Reason::Malformed("bad_ipv4_total_length"));
    }
    // Inside a tunnel the length must also fit, or the tunnel was only guessed.
    if walk.depth > 0 && octets > walk.wire {
        return Err(Reason::Malformed("bad_inner_ipv4_length"));
    }
    let number = header.protocol().0;
    let fragment = match (header.fragments_offset().value(), header.more_fragments()) {
        (0, false) => Fragment::No,
        (0, true) => Fragment::First,
        _ => Fragment::Later,
    };
    let parsed = Header {
        source: header.source_addr().into(),
        destination: header.destination_addr().into(),
        protocol: Protocol(number),
        octets,
        fragment,
        // A datagram is known by its protocol field too (RFC 791 §3.2), which AH hides from the packet.
        id: u32::from(number) << 16 | u32::from(header.identification()),
        at: header.fragments_offset().byte_offset(),
        last: !header.more_fragments(),
        piece: octets - header_len,
    };
    limit(walk, octets);
    walk.skip(length);
    let protocol =
        if fragment == Fragment::Later { parsed.protocol } else { authenticated(walk, parsed.protocol) };
    found(walk, &Header { protocol, ..parsed })
}

/// The header's first 20 bytes where its options were cut off by the capture: they have all that is needed.
fn without_options<'b>(walk: &Walk<'_>, first: &'b mut [u8; 20]) -> Result<Ipv4HeaderSlice<'b>, Reason> {
    let length = first_length(walk);
    if walk.rest.len() >= 20 && length < 20 {
        return Err(Reason::Malformed("bad_ipv4_header_length"));
    }
    *first = *walk.peek::<20>("truncated_ipv4")?;
    if u32::from(length) > walk.wire {
        return Err(Reason::Malformed("truncated_ipv4"));
    }
    first[0] = 0x45;
    Ipv4HeaderSlice::from_slice(first).map_err(|_| Reason::Malformed("truncated_ipv4"))
}

/// Header length by the first byte.
fn first_length(walk: &Walk<'_>) -> u8 {
    walk.byte(0).unwrap_or(0) % 16 * 4
}

/// Whether the rest begins with an IP header whose length fits what is there.
pub(super) fn plausible(walk: &Walk<'_>) -> bool {
    match walk.byte(0) {
        Some(first @ 0x45..0x50) => walk
            .word(2)
            .is_some_and(|total| total >= u16::from(first % 16) * 4 && u32::from(total) <= walk.wire),
        Some(first) if first >> 4 == 6 => {
            walk.word(4).is_some_and(|payload| u32::from(payload) + 40 <= walk.wire)
        }
        _ => false,
    }
}

/// IPv4's only extension header: AH (RFC 4302), whose contents are in the clear.
fn authenticated(walk: &mut Walk<'_>, protocol: Protocol) -> Protocol {
    if protocol.0 != 51 {
        return protocol;
    }
    let (Some(next), Some(words)) = (walk.byte(0), walk.byte(1)) else { return protocol };
    walk.skip((usize::from(words) + 2) * 4);
    Protocol(next)
}

fn ipv6(walk: &mut Walk<'_>) -> Result<Next, Reason> {
    let header = Ipv6HeaderSlice::from_slice(walk.rest).map_err(|_| Reason::Malformed("truncated_ipv6"))?;
    let payload = u32::from(header.payload_length());
    // Zero: a jumbogram (RFC 2675) or offload; then the wire length counts. Other protocols may come without payload.
    let unsaid = payload == 0 && matches!(header.next_header().0, 0 | 6 | 17);
    let octets = if unsaid { walk.wire.max(40) } else { payload + 40 };
    if walk.depth > 0 && octets > walk.wire {
        return Err(Reason::Malformed("bad_inner_ipv6_length"));
    }
    let parsed = Header {
        source: header.source_addr().into(),
        destination: header.destination_addr().into(),
        protocol: Protocol(header.next_header().0),
        octets,
        fragment: Fragment::No,
        id: 0,
        at: 0,
        last: true,
        piece: 0,
    };
    limit(walk, octets);
    walk.skip(40);
    let parsed = extensions(walk, parsed);
    found(walk, &parsed)
}

/// Follows the extension headers to the upper-layer protocol, as far as they were captured.
fn extensions(walk: &mut Walk<'_>, mut header: Header) -> Header {
    for _ in 0..MAX_EXTENSIONS {
        let (Some(next), Some(length)) = (walk.byte(0), walk.byte(1)) else { break };
        match header.protocol.0 {
            // Hop-by-hop, routing, destination options: length in 8 octets, not counting the first.
            0 | 43 | 60 => walk.skip((usize::from(length) + 1) * 8),
            // Mobility, HIP, shim6 end the chain unless they say otherwise (RFC 6275 §6.1.1, 7401 §5.1, 5533 §5.1).
            135 | 139 | 140 if next != 59 => walk.skip((usize::from(length) + 1) * 8),
            // AH: length in 4 octets, minus 2.
            51 => walk.skip((usize::from(length) + 2) * 4),
            44 => {
                let Some([_, _, hi, lo, a, b, c, d]) = walk.rest.first_chunk::<8>().copied() else { break };
                let field = u16::from_be_bytes([hi, lo]);
                header.id = u32::from_be_bytes([a, b, c, d]);
                header.fragment = match (field >> 3, field & 1) {
                    (0, 0) => Fragment::No,
                    (0, _) => Fragment::First,
                    _ => Fragment::Later,
                };
                walk.skip(8);
                (header.at, header.last, header.piece) = (field & 0xfff8, field & 1 == 0, walk.wire);
                header.protocol = Protocol(next);
                if header.fragment == Fragment::Later {
                    break;
                }
                continue;
            }
            _ => break,
        }
        header.protocol = Protocol(next);
    }
    header
}

/// Cuts what is behind the packet (link padding, trailers).
fn limit(walk: &mut Walk<'_>, octets: u32) {
    let octets_here = usize::try_from(octets).unwrap_or(usize::MAX);
    walk.rest = walk.rest.get(..octets_here).unwrap_or(walk.rest);
    walk.wire = octets;
}

/// A sound IP packet: the new candidate. Then its protocol decides whether there is more inside.
fn found(walk: &mut Walk<'_>, header: &Header) -> Result<Next, Reason> {
    walk.depth += 1;
    let mut packet = Packet {
        time: walk.frame.time,
        point: walk.frame.point,
        source: Endpoint::new(header.source, 0),
        destination: Endpoint::new(header.destination, 0),
        protocol: header.protocol,
        octets: header.octets,
        source_mac: walk.source_mac,
        destination_mac: walk.destination_mac,
        vlan: walk.vlan,
        tunnel: walk.tunnel,
        tunnel_depth: walk.depth - 1,
        tcp: None,
        icmp_type: None,
        fragment: header.fragment,
        fragment_id: header.id,
        fragment_at: header.at,
        fragment_last: header.last,
        payload: walk.rest,
        payload_len: walk.wire,
        origin: walk.frame.origin,
        relayed: walk.frame.relayed,
    };
    if header.fragment == Fragment::Later {
        walk.candidate = Some(packet);
        return Ok(Next::Done);
    }
    let before = walk.wire;
    transport::fill(&mut packet, walk);
    if header.fragment == Fragment::First {
        // A UDP header's length may cut the payload at its end, so what was taken off its front is said by the protocol.
        let transport = if packet.protocol == Protocol::UDP { 8 } else { before.saturating_sub(walk.wire) };
        let headers = header.piece.saturating_sub(before).saturating_add(transport);
        packet.fragment_at = u16::try_from(headers).unwrap_or(u16::MAX);
    }
    walk.candidate = Some(packet);
    if header.fragment == Fragment::First {
        // What is inside cannot be whole; the pieces belong together under the outer addresses.
        return Ok(Next::Done);
    }
    match header.protocol.0 {
        17 => udp_tunnel::enter(walk, packet.source.port, packet.destination.port),
        4 | 41 => Ok(Next::Ip),
        47 => Ok(Next::Gre),
        // EtherIP (RFC 3378): version 3, twelve zero bits, a frame.
        97 if walk.word(0) == Some(0x3000) => {
            walk.skip(2);
            Ok(Next::Ethernet)
        }
        137 => Ok(Next::Mpls),
        _ => Ok(Next::Done),
    }
}
