//! Builds frames out of commented hex.

use crate::capture::{Frame, LinkType};
use crate::decode::{DecodeConfig, Decoder, Packet};
use crate::model::{PacketLedger, Timestamp};

/// An inner packet: 192.0.2.1 port 4660 → 198.51.100.2 port 443, TCP, 44 octets.
pub(super) const TCP4: &str = "
    45 00 002c 0001 4000 40 06 0000     # IPv4, 44 octets, don't fragment, TCP
    c0000201 c6336402
    1234 01bb 00000001 00000002         # ports, seq, ack
    50 18 0400 0000 0000                # 20 octets, PSH|ACK
    64617461";

/// An inner packet: 2001:db8::1 port 4660 → 2001:db8::2 port 53, UDP, 52 octets.
pub(super) const UDP6: &str = "
    60000000 000c 11 40                 # IPv6, 12 octets of payload, UDP
    20010db8 00000000 00000000 00000001
    20010db8 00000000 00000000 00000002
    1234 0035 000c 0000                 # ports, length 12
    64617461";

/// Ethernet from 02:00:00:00:00:01 to 02:00:00:00:00:02, without the EtherType.
pub(super) const MACS: &str = "020000000002 020000000001";

/// The bytes that commented hex stands for.
pub(super) fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u32> = hex
        .lines()
        .map(|line| line.split('#').next().unwrap_or(""))
        .flat_map(str::chars)
        .filter(|c| !c.is_whitespace())
        .map(|c| c.to_digit(16).expect("hex"))
        .collect();
    assert_eq!(digits.len() % 2, 0, "odd number of digits in {hex}");
    digits.chunks(2).map(|pair| u8::try_from(pair[0] * 16 + pair[1]).unwrap()).collect()
}

/// An IPv4 packet 10.0.0.1 → 10.0.0.2 around a payload.
pub(super) fn ipv4(protocol: u8, payload: &[u8]) -> Vec<u8> {
    piece4(protocol, 7, 0x4000, payload)
}

/// The same as a piece of a datagram: flags and offset as they stand in the header.
pub(super) fn piece4(protocol: u8, id: u16, flags_offset: u16, payload: &[u8]) -> Vec<u8> {
    let mut packet = bytes("45 00 0000 0000 0000 40 00 0000 0a000001 0a000002");
    packet[2..4].copy_from_slice(&u16::try_from(20 + payload.len()).unwrap().to_be_bytes());
    packet[4..6].copy_from_slice(&id.to_be_bytes());
    packet[6..8].copy_from_slice(&flags_offset.to_be_bytes());
    packet[9] = protocol;
    packet.extend_from_slice(payload);
    packet
}

/// An IPv6 packet 2001:db8::a → 2001:db8::b around a payload.
pub(super) fn ipv6(next: u8, payload: &[u8]) -> Vec<u8> {
    let mut packet =
        bytes("60000000 0000 00 40 20010db8 00000000 00000000 0000000a 20010db8 00000000 00000000 0000000b");
    packet[4..6].copy_from_slice(&u16::try_from(payload.len()).unwrap().to_be_bytes());
    packet[6] = next;
    packet.extend_from_slice(payload);
    packet
}

/// A UDP datagram.
pub(super) fn udp(source: u16, destination: u16, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(8 + payload.len()).unwrap();
    let mut datagram: Vec<u8> =
        [source, destination, length, 0].iter().flat_map(|n| n.to_be_bytes()).collect();
    datagram.extend_from_slice(payload);
    datagram
}

pub(super) fn frame(link: u16, bytes: &[u8]) -> Frame<'_> {
    cut_frame(link, bytes, bytes.len())
}

/// A frame that was longer on the wire.
pub(super) fn cut_frame(link: u16, bytes: &[u8], wire: usize) -> Frame<'_> {
    Frame {
        time: Timestamp::from_parts(1_600_000_000, 0),
        bytes,
        wire_len: u32::try_from(wire).unwrap(),
        link_type: LinkType(link),
        point: 0,
        origin: None,
        relayed: false,
    }
}

pub(super) fn decoder() -> Decoder {
    Decoder::new(&DecodeConfig::default())
}

/// What one frame alone gives, and the ledger after it.
pub(super) fn decode(link: u16, bytes: &[u8]) -> (Option<Packet<'_>>, PacketLedger) {
    let mut decoder = decoder();
    let packet = decoder.decode(&frame(link, bytes));
    let ledger = decoder.ledger();
    assert!(ledger.balances(), "{ledger:?}");
    (packet, ledger)
}

/// "source > destination protocol octets" of the packet, or "reason" of the ledger.
pub(super) fn summary(link: u16, bytes: &[u8]) -> String {
    let (packet, ledger) = decode(link, bytes);
    if let Some(p) = packet {
        return format!("{} > {} {} {}", p.source, p.destination, p.protocol, p.octets);
    }
    let malformed = ledger.malformed.keys().map(|reason| format!("malformed {reason}"));
    let unsupported = ledger.unsupported.keys().map(|reason| format!("unsupported {reason}"));
    malformed.chain(unsupported).collect::<Vec<_>>().join(", ")
}

/// [`summary`] of [`TCP4`] and [`UDP6`].
pub(super) const IS_TCP4: &str = "192.0.2.1:4660 > 198.51.100.2:443 tcp 44";
pub(super) const IS_UDP6: &str = "[2001:db8::1]:4660 > [2001:db8::2]:53 udp 52";

/// Link type, and the link header in front of an IP packet.
pub(super) const LINKS: &[(&str, u16, &str)] = &[
    ("ethernet", 1, "020000000002 020000000001 0800"),
    ("802.1Q", 1, "020000000002 020000000001 8100 0005 0800"),
    ("QinQ", 1, "020000000002 020000000001 88a8 0064 8100 0005 0800"),
    ("three tags", 1, "020000000002 020000000001 9100 0063 9200 0064 8100 0005 0800"),
    ("VN-Tag between tags", 1, "020000000002 020000000001 8100 0005 8926 00010002 8100 0006 0800"),
    ("802.3 SNAP", 1, "020000000002 020000000001 0034 aaaa03 000000 0800"),
    ("802.3 LLC", 1, "020000000002 020000000001 002f 060603"),
    ("PPPoE", 1, "020000000002 020000000001 8864 11 00 0001 002e 0021"),
    ("MPLS, two labels", 1, "020000000002 020000000001 8847 00064 0 40 00065 1 40"),
    (
        "MPLS pseudowire with control word",
        1,
        "020000000002 020000000001 8847 00064 1 40 00000000 020000000004 020000000003 0800",
    ),
    (
        "MPLS pseudowire without",
        1,
        "020000000002 020000000001 8847 00064 1 40 020000000004 020000000003 0800",
    ),
    ("provider backbone", 1, "020000000002 020000000001 88e7 00000001 020000000004 020000000003 0800"),
    ("FabricPath", 1, "020000000002 020000000001 8903 0001 020000000004 020000000003 0800"),
    ("MACsec, only authenticated", 1, "020000000002 020000000001 88e5 20 00 00000001 0200000000010001 0800"),
    (
        "service header",
        1,
        "020000000002 020000000001 894f 0fc6 01 01 00000000 00000000 00000000 00000000 00000000",
    ),
    ("FDDI", 10, "50 400000000040 400000000080 aaaa03 000000 0800"),
    ("LLC over ATM", 100, "aaaa03 000000 0800"),
    ("enc", 109, "02000000 00000001 00000002"),
    ("pf log", 117, "0d 02 00 00 656d3000 00000000 00 000000"),
    ("FireWire", 138, "0000000000000002 0000000000000001 0800"),
    ("null, little-endian", 0, "02000000"),
    ("null, big-endian", 0, "00000002"),
    ("null with Cisco HDLC", 0, "0f00 0800"),
    ("loop", 108, "00000002"),
    ("null, Linux's IPv6", 0, "0a000000"),
    ("null, NetBSD's IPv6", 0, "18000000"),
    ("null, FreeBSD's IPv6", 0, "1c000000"),
    ("null, Darwin's IPv6", 0, "1e000000"),
    ("loop, IPv6", 108, "0000001e"),
    ("raw", 101, ""),
    ("raw of BSD", 12, ""),
    ("raw of OpenBSD", 14, ""),
    ("raw IPv4", 228, ""),
    ("raw IPv6", 229, ""),
    ("PPP", 9, "ff03 0021"),
    ("PPP, compressed protocol", 9, "21"),
    ("PPP multilink, whole packet", 9, "ff03 003d c0000001 0021"),
    ("PPP in HDLC", 50, "ff03 0021"),
    ("Cisco HDLC as PPP in HDLC", 50, "0f00 0800"),
    ("PPPoE alone", 51, "11 00 0001 002e 0021"),
    ("Cisco HDLC", 104, "0f00 0800"),
    ("PPP with direction", 204, "00 ff03 0021"),
    ("Frame Relay, NLPID", 107, "1841 03 cc"),
    ("Frame Relay, Cisco", 107, "1841 0800"),
    ("Frame Relay, SNAP", 107, "1841 03 00 80 000000 0800"),
    (
        "802.11 data to the access point",
        105,
        "0801 0000 020000000009 020000000001 020000000002 0000 aaaa03 000000 0800",
    ),
    ("802.11 QoS data", 105, "8802 0000 020000000002 020000000009 020000000001 0000 0000 aaaa03 000000 0800"),
    (
        "802.11 four addresses",
        105,
        "0803 0000 020000000008 020000000009 020000000002 0000 020000000001 aaaa03 000000 0800",
    ),
    (
        "802.11 QoS with HT control",
        105,
        "8882 0000 020000000002 020000000009 020000000001 0000 0000 00000000 aaaa03 000000 0800",
    ),
    (
        "802.11 A-MSDU, one subframe",
        105,
        "8802 0000 020000000002 020000000009 020000000001 0000 8000
      020000000002 020000000001 0034 aaaa03 000000 0800",
    ),
    (
        "radiotap",
        127,
        "00 00 0900 02000000 00             # version, length 9, flags only: none
      0801 0000 020000000009 020000000001 020000000002 0000 aaaa03 000000 0800",
    ),
    (
        "radiotap, header padded",
        127,
        "00 00 1100 03000000 0000000000000000 20   # TSFT, flags: padding behind the header
      8801 0000 020000000009 020000000001 020000000002 0000 0000 0000 aaaa03 000000 0800",
    ),
    (
        "prism",
        119,
        "00000041 0c000000 00000000         # message, length 12
      0801 0000 020000000009 020000000001 020000000002 0000 aaaa03 000000 0800",
    ),
    (
        "AVS",
        163,
        "80211001 0000000c 00000000         # magic, length 12
      0801 0000 020000000009 020000000001 020000000002 0000 aaaa03 000000 0800",
    ),
    ("cooked", 113, "0000 0001 0006 020000000001 0000 0800"),
    ("cooked, VLAN", 113, "0000 0001 0006 020000000001 0000 8100 0005 0800"),
    ("cooked, PPP device", 113, "0000 0200 0000 0000000000000000 0021"),
    ("cooked, PPPoE", 113, "0000 0001 0006 020000000001 0000 8864 11 00 0001 002e 0021"),
    (
        "cooked, whole Ethernet frame",
        113,
        "0000 0001 0006 020000000001 0000 0003 020000000002 020000000001 0800",
    ),
    ("cooked 2", 276, "0800 0000 00000002 0001 00 06 020000000001 0000"),
    ("netfilter log, little-endian", 239, "02 00 0000 0800 0100 08000100 3000 0900"),
    ("netfilter log, big-endian", 239, "02 00 0000 0008 0001 08000100 0030 0009"),
    ("netfilter log, big-endian, with the nested mark", 239, "02 00 0000 0008 8001 08000100 0030 8009"),
    ("PKTAP around raw", 258, "0c000000 01000000 0c000000"),
    ("PKTAP as on Darwin, around Ethernet", 149, "0c000000 01000000 01000000 020000000002 020000000001 0800"),
    ("PPI around Ethernet", 192, "00 00 0800 01000000 020000000002 020000000001 0800"),
    ("Broadcom tag", 281, "020000000002 020000000001 00000001 0800"),
    ("Broadcom tag in front", 282, "00000001 020000000002 020000000001 0800"),
    ("Marvell tag", 283, "020000000002 020000000001 c0000000 0800"),
    ("Marvell tag with EtherType", 284, "020000000002 020000000001 dada0000 c0000000 0800"),
];

/// Tunnel over UDP: destination port, its header.
pub(super) const UDP_TUNNELS: &[(&str, u16, &str)] = &[
    ("VXLAN", 4789, "08000000 00007b00 020000000004 020000000003 0800"),
    ("VXLAN, Linux's first port", 8472, "08000000 00007b00 020000000004 020000000003 8100 0006 0800"),
    ("VXLAN-GPE, Ethernet", 4790, "0c000003 00007b00 020000000004 020000000003 0800"),
    ("VXLAN-GPE, service header", 4790, "0c000004 00007b00 0fc2 01 01 00000000"),
    ("VXLAN-GPE, IP", 4790, "0c000001 00007b00"),
    ("GENEVE, Ethernet, one option", 6081, "01 00 6558 00007b00 01020300 020000000004 020000000003 0800"),
    ("GENEVE, IP", 6081, "00 00 0800 00007b00"),
    ("GTP-U", 2152, "30 ff 002c 00000001"),
    ("GTP-U, sequence number", 2152, "32 ff 0030 00000001 0001 00 00"),
    ("GTP-U, two extension headers", 2152, "34 ff 0038 00000001 0000 00 85 01 1000 85 01 1000 00"),
    ("L2TP", 1701, "0002 0001 0001 ff03 0021"),
    ("L2TP, length, sequence, offset", 1701, "4a02 0040 0001 0001 0000 0000 0002 ffff ff03 0021"),
    ("CAPWAP, 802.3", 5247, "00 10 02 00 00000000 020000000004 020000000003 0800"),
    (
        "CAPWAP, 802.11",
        5247,
        "00 10 03 00 00000000 0801 0000 020000000009 020000000001 020000000002 0000 aaaa03 000000 0800",
    ),
    (
        "CAPWAP, 802.11 as Cisco sends it",
        5247,
        "00 10 03 00 00000000 0108 0000 020000000009 020000000001 020000000002 0000 aaaa03 000000 0800",
    ),
    ("MPLS in UDP", 6635, "00064 1 40"),
    ("TZSP, Ethernet", 37008, "01 00 0001 0a 01 2d 00 01 020000000004 020000000003 0800"),
];

/// Tunnel over IP: protocol, its header.
pub(super) const IP_TUNNELS: &[(&str, u8, &str)] = &[
    ("IP in IP", 4, ""),
    ("AH, then IP in IP", 51, "04 04 0000 00000001 00000001 000000000000000000000000"),
    ("GRE", 47, "0000 0800"),
    ("GRE, checksum, key, sequence number", 47, "b000 0800 00000000 0000007b 00000001"),
    ("GRE, Ethernet", 47, "2000 6558 0000007b 020000000004 020000000003 0800"),
    ("GRE, MPLS", 47, "0000 8847 00064 1 40"),
    ("ERSPAN I", 47, "0000 88be 020000000004 020000000003 0800"),
    ("ERSPAN II", 47, "1000 88be 00000001 10000001 00000000 020000000004 020000000003 0800"),
    ("ERSPAN III", 47, "1000 22eb 00000001 20000001 00000000 00000000 020000000004 020000000003 0800"),
    (
        "ERSPAN III, platform header",
        47,
        "1000 22eb 00000001 20000001 00000000 00000001 0000000000000000 020000000004 020000000003 0800",
    ),
    ("PPTP", 47, "3081 880b 0030 0001 00000001 00000001 ff03 0021"),
    ("PPTP without acknowledgement", 47, "3001 880b 002e 0001 00000001 21"),
    (
        "GRE of an access point, 802.11",
        47,
        "0000 8200 0801 0000 020000000009 020000000001 020000000002 0000 aaaa03 000000 0800",
    ),
    ("EtherIP", 97, "3000 020000000004 020000000003 0800"),
    ("MPLS in IP", 137, "00064 1 40"),
];

/// One frame of each row of the tables above, with its link type and what is to come out.
pub(super) fn all() -> Vec<(String, u16, Vec<u8>)> {
    let inner = bytes(TCP4);
    let with = |head: &str| [bytes(head), inner.clone()].concat();
    let ethernet = |packet: Vec<u8>| [bytes(MACS), bytes("0800"), packet].concat();
    let links = LINKS.iter().map(|(name, link, head)| ((*name).to_owned(), *link, with(head)));
    let over_udp = UDP_TUNNELS.iter().map(|(name, port, head)| {
        ((*name).to_owned(), 1, ethernet(ipv4(17, &udp(55_555, *port, &with(head)))))
    });
    let over_ip = IP_TUNNELS
        .iter()
        .map(|(name, protocol, head)| ((*name).to_owned(), 1, ethernet(ipv4(*protocol, &with(head)))));
    links.chain(over_udp).chain(over_ip).collect()
}
