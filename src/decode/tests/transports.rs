//! Transport headers, IPv6 extension headers, and lengths that lie or are missing.

use super::frames::{TCP4, bytes, cut_frame, decode, decoder, ipv4, ipv6, summary};

#[test]
fn ports_are_read_of_every_protocol_that_has_them() {
    for (protocol, word, rest) in [
        (6, "tcp", "00000001 00000002 50 02 0400 0000 0000"),
        (17, "udp", "0008 0000"),
        (33, "dccp", "0300 0000 00000000 00000000"),
        (132, "sctp", "00000001 00000000"),
        (136, "udplite", "0008 0000"),
    ] {
        let payload = bytes(&format!("1234 01bb {rest}"));
        let octets = 20 + payload.len();
        let expected = format!("10.0.0.1:4660 > 10.0.0.2:443 {word} {octets}");
        assert_eq!(summary(101, &ipv4(protocol, &payload)), expected);
    }
}

#[test]
fn icmp_has_a_type_and_no_ports() {
    let packet4 = ipv4(1, &bytes("0800 0000 0001 0001"));
    let packet6 = ipv6(58, &bytes("8700 0000 0001 0001"));
    for (bytes, kind) in [(packet4, 8), (packet6, 135)] {
        let packet = decode(101, &bytes).0.unwrap();
        assert_eq!((packet.icmp_type, packet.source.port, packet.destination.port), (Some(kind), 0, 0));
    }
    assert_eq!(decode(101, &ipv4(2, &bytes("1600 0000"))).0.unwrap().icmp_type, None);
}

#[test]
fn ipv6_extension_headers_lead_to_the_upper_protocol() {
    let udp = "1234 0035 0008 0000";
    for (name, first, chain) in [
        ("none", 17, ""),
        ("hop-by-hop", 0, "11 00 010400000000"),
        ("routing, sixteen octets", 43, "11 01 0000 00000000 0000000000000000"),
        ("destination options", 60, "11 00 010400000000"),
        ("AH", 51, "11 04 0000 00000001 00000001 000000000000000000000000"),
        ("mobility", 135, "11 00 000000000000"),
        ("HIP", 139, "11 00 000000000000"),
        ("shim6", 140, "11 00 000000000000"),
        ("whole in a fragment header", 44, "11 00 0000 00000009"),
        ("all at once", 0, "3c 00 010400000000 2b 00 010400000000 2c 00 000000000000 11 00 0000 00000009"),
    ] {
        let payload = bytes(&format!("{chain} {udp}"));
        let expected = format!("[2001:db8::a]:4660 > [2001:db8::b]:53 udp {}", 40 + payload.len());
        assert_eq!(summary(101, &ipv6(first, &payload)), expected, "{name}");
    }
}

#[test]
fn ipv6_without_next_header_is_a_packet_of_its_own_kind() {
    let mut frame = bytes("020000000002 020000000001 86dd");
    frame.extend(ipv6(59, &[]));
    // Padded to the least Ethernet frame: the padding is no payload.
    frame.extend([0; 6]);
    let packet = decode(1, &frame).0.unwrap();
    assert_eq!((packet.protocol.0, packet.octets, packet.payload_len), (59, 40, 0));
}

#[test]
fn a_length_of_zero_means_the_wire_length() {
    let mut four = bytes(TCP4);
    four[2..4].copy_from_slice(&[0, 0]);
    let mut six = ipv6(6, &four[20..]);
    six[4..6].copy_from_slice(&[0, 0]);
    assert_eq!(decode(101, &four).0.unwrap().octets, 44);
    assert_eq!(decode(101, &six).0.unwrap().octets, 64);
    let mut decoder = decoder();
    let cut = cut_frame(101, &four, 65_000);
    let packet = decoder.decode(&cut).unwrap();
    assert_eq!((packet.octets, packet.payload_len, packet.payload.len()), (65_000, 64_960, 4));
}

#[test]
fn a_transport_header_that_was_cut_gives_what_is_there() {
    let whole = bytes(TCP4);
    for kept in 20..whole.len() {
        let mut decoder = decoder();
        let frame = cut_frame(101, &whole[..kept], whole.len());
        let packet = decoder.decode(&frame).unwrap();
        assert_eq!(packet.octets, 44);
        assert_eq!(packet.payload_len, 4, "{kept}");
        assert_eq!(packet.destination.port, if kept < 24 { 0 } else { 443 }, "{kept}");
        assert_eq!(packet.tcp.is_some(), kept >= 34, "{kept}");
    }
}

#[test]
fn options_that_were_cut_leave_the_addresses() {
    let mut packet = bytes("46 00 0030 0001 4000 40 06 0000 c0000201 c6336402");
    let mut decoder = decoder();
    let frame = cut_frame(101, &packet, 48);
    let found = decoder.decode(&frame).unwrap();
    assert_eq!((found.octets, found.source.port, found.payload_len), (48, 0, 4));
    packet[0] = 0x4f;
    let frame = cut_frame(101, &packet, 48);
    assert!(decoder.decode(&frame).is_none(), "header longer than the packet");
}

#[test]
fn a_transport_header_that_lies_leaves_the_packet() {
    let mut offset = bytes(TCP4);
    offset[32] = 0x10;
    let packet = decode(101, &offset).0.unwrap();
    assert_eq!(
        (packet.destination.port, packet.tcp.unwrap().flags, packet.payload),
        (443, 0x18, &b"data"[..])
    );
    offset[32] = 0xf0;
    let packet = decode(101, &offset).0.unwrap();
    assert_eq!((packet.destination.port, packet.payload_len), (443, 0));
    // UDP lengths: shorter than the IP payload, longer, and less than its own header.
    for (length, payload) in [(10, 2), (400, 4), (3, 4), (0, 4)] {
        let mut datagram = bytes("1234 0035 0000 0000 64617461");
        datagram[4..6].copy_from_slice(&u16::to_be_bytes(length));
        let bytes = ipv4(17, &datagram);
        let packet = decode(101, &bytes).0.unwrap();
        assert_eq!((packet.source.port, packet.payload_len), (0x1234, payload), "length {length}");
    }
    assert_eq!(summary(101, &ipv4(17, &bytes("12"))), "10.0.0.1:0 > 10.0.0.2:0 udp 21");
}
