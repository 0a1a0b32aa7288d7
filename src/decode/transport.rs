//! Transport headers: ports, TCP fields, ICMP type. A header that is cut or lies leaves the IP packet sound; what
//! can be read is read.

use etherparse::{TcpHeaderSlice, UdpHeaderSlice};

use crate::model::Protocol;

use super::packet::{Packet, TcpSegment};
use super::walk::Walk;

/// UDP-Lite and DCCP have ports where UDP has them.
const UDP_LITE: Protocol = Protocol(136);
const DCCP: Protocol = Protocol(33);

/// Fills in ports and transport fields, and moves the walk to the transport payload.
pub(super) fn fill<'f>(packet: &mut Packet<'f>, walk: &mut Walk<'f>) {
    match packet.protocol {
        Protocol::TCP => tcp(packet, walk),
        Protocol::UDP => udp(packet, walk),
        Protocol::SCTP => {
            ports(packet, walk);
            walk.skip(12);
        }
        UDP_LITE | DCCP => {
            ports(packet, walk);
            walk.skip(8);
        }
        Protocol::ICMP | Protocol::ICMPV6 => {
            packet.icmp_type = walk.byte(0);
            // Neighbour discovery tells whose an address is; no other ICMP payload is of use to anyone.
            if packet.protocol == Protocol::ICMPV6 && matches!(packet.icmp_type, Some(135 | 136)) {
                packet.payload = walk.rest.get(4..).unwrap_or_default();
                packet.payload_len = walk.wire.saturating_sub(4);
            }
            return;
        }
        _ => return,
    }
    packet.payload = walk.rest;
    packet.payload_len = walk.wire;
}

fn ports(packet: &mut Packet<'_>, walk: &Walk<'_>) {
    if let (Some(source), Some(destination)) = (walk.word(0), walk.word(2)) {
        packet.source.port = source;
        packet.destination.port = destination;
    }
}

fn tcp(packet: &mut Packet<'_>, walk: &mut Walk<'_>) {
    if let Ok(header) = TcpHeaderSlice::from_slice(walk.rest) {
        packet.source.port = header.source_port();
        packet.destination.port = header.destination_port();
        let [.., flags, _, _, _, _, _, _] = *header.slice().first_chunk::<20>().unwrap_or(&[0; 20]);
        packet.tcp =
            Some(TcpSegment { seq: header.sequence_number(), ack: header.acknowledgment_number(), flags });
        walk.skip(header.slice().len());
        return;
    }
    // Cut by the snap length, or a data offset that lies.
    ports(packet, walk);
    if let Some(header) = walk.rest.first_chunk::<14>() {
        packet.tcp = Some(TcpSegment {
            seq: u32::from_be_bytes([header[4], header[5], header[6], header[7]]),
            ack: u32::from_be_bytes([header[8], header[9], header[10], header[11]]),
            flags: header[13],
        });
        walk.skip(usize::from(header[12] >> 4).max(5) * 4);
        return;
    }
    walk.skip(20);
}

fn udp(packet: &mut Packet<'_>, walk: &mut Walk<'_>) {
    let Ok(header) = UdpHeaderSlice::from_slice(walk.rest) else {
        ports(packet, walk);
        walk.skip(8);
        return;
    };
    packet.source.port = header.source_port();
    packet.destination.port = header.destination_port();
    let length = u32::from(header.length());
    walk.skip(8);
    // The datagram may be shorter than the IP payload (RFC 768 allows it); never longer, and 0 means "all".
    if length >= 8 && length - 8 < walk.wire {
        walk.wire = length - 8;
        let here = usize::try_from(length - 8).unwrap_or(usize::MAX);
        walk.rest = walk.rest.get(..here).unwrap_or(walk.rest);
    }
}
