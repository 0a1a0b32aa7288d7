//! Tunnels: ids, depth, and guesses that fail.

use super::frames::{
    IS_TCP4, IS_UDP6, TCP4, UDP6, all, bytes, decode, decoder, frame, ipv4, ipv6, summary, udp,
};
use crate::model::Tunnel;

#[test]
fn a_tunnel_that_separates_address_spaces_gives_its_id() {
    for (name, link, frame) in all() {
        let tunnel = decode(link, &frame).0.unwrap().tunnel;
        let expected = match name.split(',').next().unwrap() {
            "VXLAN" | "VXLAN-GPE" => Tunnel::Vxlan(123),
            "GENEVE" => Tunnel::Geneve(123),
            "GRE" if name.contains("key") || name.contains("Ethernet") => Tunnel::GreKey(123),
            _ => Tunnel::None,
        };
        assert_eq!(tunnel, expected, "{name}");
    }
}

#[test]
fn four_and_six_carry_each_other() {
    let (tcp4, udp6) = (bytes(TCP4), bytes(UDP6));
    assert_eq!(summary(101, &ipv4(41, &udp6)), IS_UDP6);
    assert_eq!(summary(101, &ipv6(4, &tcp4)), IS_TCP4);
    assert_eq!(summary(101, &ipv6(41, &udp6)), IS_UDP6);
    assert_eq!(summary(101, &ipv6(47, &[bytes("0000 0800"), tcp4].concat())), IS_TCP4);
}

#[test]
fn teredo_is_known_by_its_addresses() {
    let payload = |prefix: &str| {
        bytes(&format!(
            "60000000 000c 11 40 {prefix} 00000000 00000000 00000001 20010db8 00000000 00000000 00000002
             1234 0035 000c 0000 64617461"
        ))
    };
    let inner = "[2001::1]:4660 > [2001:db8::2]:53 udp 52";
    let teredo = |head: &str, prefix| ipv4(17, &udp(50_000, 3544, &[bytes(head), payload(prefix)].concat()));
    assert_eq!(summary(101, &teredo("", "20010000")), inner);
    assert_eq!(summary(101, &teredo("0000 afc8 f4ff fffe", "20010000")), inner, "origin");
    assert_eq!(summary(101, &teredo("0001 0000 0000000000000000 00", "20010000")), inner, "authentication");
    assert_eq!(summary(101, &teredo("0001 0000 0000000000000000 00 0000 afc8 f4ff fffe", "20010000")), inner);
    assert_eq!(
        summary(101, &teredo("", "26000000")),
        "10.0.0.1:50000 > 10.0.0.2:3544 udp 80",
        "not Teredo's"
    );
}

#[test]
fn a_guess_that_fails_leaves_the_outer_packet() {
    for (name, port, hex) in [
        ("VXLAN without its flag", 4789, "00000000 00007b00 020000000004 020000000003 0800"),
        ("VXLAN with ARP", 4789, "08000000 00007b00 ffffffffffff 020000000003 0806 0001 0800"),
        ("VXLAN cut in the inner header", 4789, "08000000 00007b00 020000000004 020000000003 0800 4500 002c"),
        (
            "VXLAN whose packet is longer",
            4789,
            "08000000 00007b00 020000000004 020000000003 0800 45 00 0100 0001 4000 40 06 0000 c0000201 c6336402",
        ),
        ("GENEVE version 1", 6081, "40 00 0800 00007b00"),
        ("GTP-U echo", 2152, "32 01 0004 00000000 0001 0000"),
        ("GTP-U, extension of no length", 2152, "34 ff 0038 00000001 0000 00 85 00 1000 85"),
        ("L2TP control", 1701, "c802 000c 0001 0000 0000 0000"),
        ("L2TP with LCP", 1701, "0002 0001 0001 ff03 c021 0101"),
        ("not L2TP: a reserved bit", 1701, &format!("0012 0001 0001 ff03 0021 {TCP4}")),
        ("CAPWAP keep-alive", 5247, "00 10 00 08 00000000 0016 0004 0023 0000"),
        ("CAPWAP under DTLS", 5247, "01 000000 16 feff 0000"),
        ("TZSP keep-alive", 37008, "01 04 0001 01"),
        ("AYIYA beat", 5072, "44 52 11 3b 00000000"),
        ("nothing", 4789, ""),
    ] {
        let payload = bytes(hex);
        let expected = format!("10.0.0.1:55555 > 10.0.0.2:{port} udp {}", 28 + payload.len());
        assert_eq!(summary(101, &ipv4(17, &udp(55_555, port, &payload))), expected, "{name}");
    }
    for (name, protocol, hex) in [
        ("GRE with an unknown protocol", 47, "0000 1234 00000000"),
        ("GRE version 7", 47, "0007 0800 00000000"),
        ("PPTP acknowledgement", 47, "2081 880b 0000 0001 00000001"),
        ("IP in IP of another version", 4, "15000000 00000000"),
        ("EtherIP of another version", 97, "2000 0000"),
        ("AH alone", 51, "3b 04 0000 00000001 00000001 000000000000000000000000"),
    ] {
        let found = summary(101, &ipv4(protocol, &bytes(hex)));
        assert!(found.starts_with("10.0.0.1:0 > 10.0.0.2:0 "), "{name}: {found}");
    }
}

#[test]
fn a_failed_guess_leaves_no_trace_in_the_outer_packet() {
    let payload = bytes("08000000 00007b00 020000000004 020000000003 8100 0009 0806 0001");
    let frame =
        [bytes("020000000002 020000000001 8100 0005 0800"), ipv4(17, &udp(1, 4789, &payload))].concat();
    let packet = decode(1, &frame).0.unwrap();
    assert_eq!((packet.vlan.outer, packet.tunnel, packet.tunnel_depth), (5, Tunnel::None, 0));
    assert_eq!(packet.payload, payload);
}

#[test]
fn endless_tunnels_end_at_the_limit_with_the_innermost_packet_so_far() {
    let mut packet = bytes(TCP4);
    for _ in 0..20 {
        packet = ipv4(4, &packet);
    }
    let (found, ledger) = decode(101, &packet);
    assert_eq!(found.unwrap().tunnel_depth, 15);
    assert_eq!(ledger.decoded, 1);
    let mut decoder = decoder();
    decoder.decode(&frame(101, &packet));
    assert_eq!(decoder.limits()["too_many_layers"], 1, "what was not looked at is told");
}

#[test]
fn depth_counts_ip_packets_around() {
    let nested = ipv4(4, &ipv4(47, &[bytes("0000 0800"), ipv4(4, &bytes(TCP4))].concat()));
    let packet = decode(101, &nested).0.unwrap();
    assert_eq!(packet.tunnel_depth, 3);
    assert_eq!(packet.destination.port, 443);
}

#[test]
fn what_an_icmp_error_quotes_is_not_a_packet() {
    let error = ipv4(1, &[bytes("0301 0000 00000000"), bytes(TCP4)].concat());
    let packet = decode(101, &error).0.unwrap();
    assert_eq!((packet.icmp_type, packet.source.port, packet.octets), (Some(3), 0, 72));
}
