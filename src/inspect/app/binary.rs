//! Protocols of anybody with headers of bytes: RDP, SMB, BitTorrent, MQTT, WireGuard, OpenVPN, NTP, DHCP, SNMP, CoAP…

use super::fingerprint::{Answer, Front, all, any, be16, be32, has, has_one, index};
use super::trace::{Datagram, Trace};

/// RDP's connection request or confirmation in TPKT (MS-RDPBCGR 2.2.1.1, RFC 1006).
pub(super) fn rdp(front: &Front<'_>) -> Answer {
    let bytes = front.bytes;
    let length = bytes.get(4).map(|li| u16::from(*li) + 5);
    all([
        has(bytes, 0, &[3, 0]),
        any([be16(bytes, 2).map(|total| Some(total) == length)]),
        bytes.get(5).map(|kind| matches!(kind, 0xe0 | 0xd0)),
        has(bytes, 6, &[0, 0]),
        any([has(bytes, 11, b"Cookie: mst"), rdp_negotiation(bytes)]),
    ])
}

fn rdp_negotiation(bytes: &[u8]) -> Answer {
    all([bytes.get(11).map(|kind| matches!(kind, 1 | 2)), has(bytes, 13, &[8, 0])])
}

/// SMB over TCP (MS-SMB2 2.1): a session frame whose message begins with the magic.
pub(super) fn smb(front: &Front<'_>) -> Answer {
    let bytes = front.bytes;
    all([
        has(bytes, 0, &[0]),
        be32(bytes, 0).map(|length| (32..1 << 24).contains(&length)),
        bytes.get(4).map(|magic| matches!(magic, 0xff | 0xfe)),
        has(bytes, 5, b"SMB"),
    ])
}

/// BitTorrent's handshake (BEP 3).
pub(super) fn bittorrent(front: &Front<'_>) -> Answer {
    has(front.bytes, 0, b"\x13BitTorrent protocol")
}

/// BitTorrent's table of peers (BEP 5), µTP's handshake (BEP 29), or a tracker's (BEP 15).
pub(super) fn bittorrent_datagram(trace: &Trace<'_>) -> Answer {
    let now = trace.now;
    if has_one(now, &[b"d1:ad2:id20:", b"d1:rd2:id20:", b"d1:rd2:ip6:", b"d2:ip6:"]) == Some(true) {
        return Some(true);
    }
    if be32(now, 0) == Some(0x0417) && be32(now, 4) == Some(0x2710_1980) && be32(now, 8) == Some(0) {
        return Some(true);
    }
    match now {
        [0x41, 0..=2, ..] if now.len() >= 20 => None,
        [0x21, 0..=2, ..] if now.len() >= 20 => {
            // The state packet has the connection id of the opening one and acknowledges its number.
            let met = |earlier: &Datagram| {
                let head = earlier.head();
                head.first() == Some(&0x41)
                    && head.get(2..4) == now.get(2..4)
                    && head.get(16..18) == now.get(18..20)
            };
            trace.answers(met).then_some(true).or(Some(false))
        }
        _ => Some(false),
    }
}

/// MQTT's CONNECT (MQTT 3.1.1 §3.1, 5.0 §3.1).
pub(super) fn mqtt(front: &Front<'_>) -> Answer {
    let bytes = front.bytes;
    if !has(bytes, 0, &[0x10])? {
        return Some(false);
    }
    // The remaining length takes one to four bytes.
    let digits = bytes.get(1..)?.iter().take(4).position(|b| b & 0x80 == 0);
    let Some(digits) = digits else { return if bytes.len() > 5 { Some(false) } else { None } };
    let name = digits + 2;
    any([
        all([has(bytes, name, b"\0\x04MQTT"), bytes.get(name + 6).map(|level| matches!(level, 4 | 5))]),
        all([has(bytes, name, b"\0\x06MQIsdp"), bytes.get(name + 8).map(|level| *level == 3)]),
    ])
}

/// WireGuard's first message (148 bytes, nothing in the second MAC), or its answer that names the asker's index.
pub(super) fn wireguard(trace: &Trace<'_>) -> Answer {
    let now = trace.now;
    if now.len() == 148 && now.starts_with(&[1, 0, 0, 0]) && trace.ends_with(&[0; 16]) {
        return Some(true);
    }
    if now.len() == 92 && now.starts_with(&[2, 0, 0, 0]) {
        let met = |earlier: &Datagram| {
            earlier.length == 148
                && earlier.head().starts_with(&[1, 0, 0, 0])
                && earlier.head().get(4..8) == now.get(8..12)
        };
        return Some(trace.answers(met));
    }
    if now.len() == 148 && now.starts_with(&[1, 0, 0, 0]) { None } else { Some(false) }
}

/// A client's reset (P_CONTROL_HARD_RESET_CLIENT_V2 or V3, key 0).
fn openvpn_reset(bytes: &[u8]) -> bool {
    matches!(bytes.first(), Some(0x38 | 0x50)) && bytes.len() >= 14
}

/// OpenVPN over UDP: the server's reset repeats the client's session.
pub(super) fn openvpn(trace: &Trace<'_>) -> Answer {
    let now = trace.now;
    if matches!(now.first(), Some(0x40)) {
        let met = |earlier: &Datagram| {
            let head = earlier.head();
            let session = head.get(1..9).filter(|session| session.iter().any(|b| *b != 0));
            openvpn_reset(head)
                && session.is_some_and(|s| now.get(9..).is_some_and(|rest| rest.windows(8).any(|w| w == s)))
        };
        return Some(trace.answers(met));
    }
    if openvpn_reset(now) { None } else { Some(false) }
}

/// OpenVPN over TCP without a key of its own: length, reset, no acknowledgement, packet 0.
pub(super) fn openvpn_stream(front: &Front<'_>) -> Answer {
    let bytes = front.bytes;
    let length = be16(bytes, 0)?;
    if !(14..=512).contains(&length) || !has(bytes, 2, &[0x38])? {
        return Some(false);
    }
    let end = 2 + usize::from(length);
    all([has(bytes, end - 5, &[0; 5]), Some(matches!(length, 14 | 42 | 54 | 86))])
}

/// NTP (RFC 5905 §7.3): its port, a version and a mode, the length of its header.
pub(super) fn ntp(trace: &Trace<'_>) -> Answer {
    let flags = trace.now.first().copied().unwrap_or(0);
    let shape = matches!(flags >> 3 & 7, 1..=4) && matches!(flags & 7, 1..=5);
    Some(trace.port(&[123]) && trace.now.len() >= 48 && trace.now.len().is_multiple_of(4) && shape)
}

/// DHCP (RFC 2131 §3): the magic cookie behind the fixed header.
pub(super) fn dhcp(trace: &Trace<'_>) -> Answer {
    Some(matches!(trace.now, [1 | 2, ..]) && has(trace.now, 236, &[0x63, 0x82, 0x53, 0x63]) == Some(true))
}

/// DHCPv6 (RFC 8415 §8): its ports, a message type, and a first option that ends inside.
pub(super) fn dhcpv6(trace: &Trace<'_>) -> Answer {
    let now = trace.now;
    let option = be16(now, 6).is_some_and(|length| 8 + usize::from(length) <= now.len());
    Some(trace.port(&[547]) && trace.port(&[546]) && matches!(now, [1..=11, ..]) && option)
}

/// SNMP (RFC 3416, 1157): a sequence that ends with the datagram, and a version.
pub(super) fn snmp(trace: &Trace<'_>) -> Answer {
    let now = trace.now;
    let body = match now {
        [0x30, length @ 0..=0x7f, ..] if usize::from(*length) + 2 == now.len() => 2,
        [0x30, 0x81, length, ..] if usize::from(*length) + 3 == now.len() => 3,
        [0x30, 0x82, ..] if be16(now, 2).map(|l| usize::from(l) + 4) == Some(now.len()) => 4,
        _ => return Some(false),
    };
    let version = matches!(now.get(body..), Some([2, 1, 0 | 1 | 3, ..]));
    Some(trace.port(&[161, 162]) && version)
}

/// NetBIOS name service (RFC 1002 §4.2): its port at both ends, and one encoded name.
pub(super) fn netbios(trace: &Trace<'_>) -> Answer {
    let now = trace.now;
    let name = now.get(12) == Some(&0x20)
        && now.get(13..45).is_some_and(|name| name.iter().all(|b| matches!(b, b'A'..=b'P')));
    Some(trace.port(&[137]) && name)
}

/// NetBIOS datagrams (RFC 1002 §4.4).
pub(super) fn netbios_datagram(trace: &Trace<'_>) -> Answer {
    Some(trace.port(&[138]) && matches!(trace.now, [0x10..=0x16, ..]) && trace.now.len() >= 14)
}

/// CoAP (RFC 7252 §3): its port, and an answer with the question's message id and token.
pub(super) fn coap(trace: &Trace<'_>) -> Answer {
    let now = trace.now;
    let [first, code, ..] = now else { return Some(false) };
    let token = usize::from(first & 15);
    if first >> 6 != 1 || token > 8 || !trace.port(&[5683]) || now.len() < 4 + token {
        return Some(false);
    }
    if matches!(code, 1..=7) {
        return None;
    }
    let met = |earlier: &Datagram| earlier.head().get(2..4 + token) == now.get(2..4 + token);
    Some(matches!(code, 0x40..=0xa5) && trace.answers(met))
}

/// IKE (RFC 7296 §3.1): a version, an exchange, and the length of the datagram; behind port 4500 four zero bytes.
pub(super) fn ike(trace: &Trace<'_>) -> Answer {
    let now = trace.now.strip_prefix(&[0; 4]).unwrap_or(trace.now);
    let version = matches!(now.get(17), Some(0x10 | 0x20));
    let exchange = matches!(now.get(18), Some(2..=6 | 32..=37));
    let length = be32(now, 24).is_some_and(|length| index(length) == now.len());
    Some(trace.port(&[500, 4500]) && version && exchange && length)
}

/// NAT-PMP and PCP (RFC 6886, 6887): the gateway's port, a version and a question or its answer.
pub(super) fn nat_pmp(trace: &Trace<'_>) -> Answer {
    let shape = match trace.now {
        [0, 0] => true,
        [0, 1 | 2, 0, 0, ..] => trace.now.len() == 12,
        [0, 128..=130, 0, ..] => matches!(trace.now.len(), 12 | 16),
        [2, 0..=2 | 128..=130, 0, ..] => trace.now.len() >= 24 && trace.now.len().is_multiple_of(4),
        _ => false,
    };
    Some(trace.port(&[5351]) && shape)
}

/// The query that servers of the Source engine answer (A2S_INFO).
pub(super) fn source_engine(trace: &Trace<'_>) -> Answer {
    Some(trace.now.starts_with(b"\xff\xff\xff\xffTSource Engine Query\0"))
}

/// Services that announce themselves to the local network (WS-Discovery).
pub(super) fn ws_discovery(trace: &Trace<'_>) -> Answer {
    let head = trace.now.get(..1024).unwrap_or(trace.now);
    Some(
        trace.port(&[3702])
            && super::fingerprint::contains(head, b"schemas.xmlsoap.org/ws/2005/04/discovery"),
    )
}

/// PostgreSQL's request for TLS: its length, and a number that is no version.
pub(super) const POSTGRESQL_TLS: &[u8] = &[0, 0, 0, 8, 4, 0xd2, 0x16, 0x2f];

/// PostgreSQL: the request for TLS, or a yes with TLS behind it.
pub(super) fn postgresql(front: &Front<'_>) -> Answer {
    any([has(front.bytes, 0, POSTGRESQL_TLS), has(front.bytes, 0, b"S\x16\x03")])
}

/// MySQL: the server's greeting (protocol 10, a version that begins with a digit and a dot), or the request for TLS.
pub(super) fn mysql(front: &Front<'_>) -> Answer {
    let bytes = front.bytes;
    let greeting = all([
        bytes.first().map(|length| *length >= 40),
        has(bytes, 1, &[0, 0, 0, 10]),
        bytes.get(5).map(u8::is_ascii_digit),
        any([has(bytes, 6, b"."), has(bytes, 7, b".")]),
    ]);
    let request = all([
        has(bytes, 0, &[32, 0, 0, 1]),
        bytes.get(5).map(|abilities| abilities & 8 != 0),
        has(bytes, 13, &[0; 23]),
    ]);
    any([greeting, request])
}

/// The last of the object identifier of LDAP's StartTLS.
pub(super) const LDAP_START_TLS: &[u8] = b"1.3.6.1.4.1.1466.20037";

/// LDAP's StartTLS: the request by its name, or an answer that is all success.
pub(super) fn ldap(front: &Front<'_>) -> Answer {
    let bytes = front.bytes;
    let message = |operation: u8| {
        all([
            has(bytes, 0, &[0x30]),
            bytes.get(1).map(|l| *l < 0x80),
            has(bytes, 2, &[2, 1]),
            has(bytes, 5, &[operation]),
        ])
    };
    let request = all([message(0x77), has(bytes, 7, &[0x80, 22]), has(bytes, 9, LDAP_START_TLS)]);
    any([request, all([message(0x78), has(bytes, 7, &[10, 1, 0, 4, 0, 4])])])
}
