//! Link types, tags, and what is refused by which reason.

use super::frames::{IS_TCP4, IS_UDP6, LINKS, TCP4, UDP6, all, bytes, decode, decoder, frame, summary};
use crate::model::{MacAddr, VlanTags};

#[test]
fn every_link_header_and_tunnel_gives_the_inner_packet() {
    for (name, link, frame) in all() {
        assert_eq!(summary(link, &frame), IS_TCP4, "{name}");
        let (packet, _) = decode(link, &frame);
        let packet = packet.unwrap();
        assert_eq!((packet.payload, packet.payload_len), (&b"data"[..], 4), "{name}");
        let tcp = packet.tcp.unwrap();
        assert_eq!((tcp.seq, tcp.ack, tcp.flags), (1, 2, 0x18), "{name}");
    }
}

#[test]
fn padding_behind_the_packet_is_no_payload() {
    for (name, link, mut frame) in all() {
        frame.extend_from_slice(&[0; 11]);
        let (packet, _) = decode(link, &frame);
        let packet = packet.unwrap();
        assert_eq!((packet.octets, packet.payload), (44, &b"data"[..]), "{name}");
    }
}

#[test]
fn link_headers_carry_ipv6_as_well() {
    for (name, link, head) in LINKS.iter().filter(|(_, _, head)| head.ends_with("0800")) {
        let mut head = bytes(head);
        let at = head.len() - 2;
        head[at..].copy_from_slice(&[0x86, 0xdd]);
        assert_eq!(summary(*link, &[head, bytes(UDP6)].concat()), IS_UDP6, "{name}");
    }
}

#[test]
fn mac_addresses_are_those_of_the_outer_link() {
    let from = MacAddr([2, 0, 0, 0, 0, 1]);
    let to = MacAddr([2, 0, 0, 0, 0, 2]);
    for (name, link, frame) in all() {
        let (packet, _) = decode(link, &frame);
        let packet = packet.expect(&name);
        match link {
            1 | 105 | 119 | 127 | 163 | 192 | 149 | 281..=284 => {
                assert_eq!((packet.source_mac, packet.destination_mac), (Some(from), Some(to)), "{name}");
            }
            113 | 276 if name != "cooked, PPP device" => assert_eq!(packet.source_mac, Some(from), "{name}"),
            _ => assert_eq!(packet.source_mac, None, "{name}"),
        }
    }
}

#[test]
fn the_two_vlan_tags_next_to_the_packet_are_kept() {
    let tags = |name: &str| {
        let (_, link, frame) = all().into_iter().find(|(n, _, _)| n == name).unwrap();
        decode(link, &frame).0.unwrap().vlan
    };
    assert_eq!(tags("802.1Q"), VlanTags { outer: 5, inner: 0 });
    assert_eq!(tags("QinQ"), VlanTags { outer: 100, inner: 5 });
    assert_eq!(tags("three tags"), VlanTags { outer: 100, inner: 5 });
    assert_eq!(tags("VN-Tag between tags"), VlanTags { outer: 5, inner: 6 });
    assert_eq!(tags("VXLAN, Linux's first port"), VlanTags { outer: 6, inner: 0 });
    assert_eq!(tags("ethernet"), VlanTags::default());
}

#[test]
fn what_is_refused_has_an_exact_reason() {
    for (link, hex, reason) in [
        (1, "", "malformed truncated_ethernet"),
        (1, "020000000002 020000000001 08", "malformed truncated_ethernet"),
        (1, "020000000002 020000000001 0800", "malformed truncated_ip"),
        (1, "020000000002 020000000001 0800 4500", "malformed truncated_ipv4"),
        (1, "020000000002 020000000001 86dd 6000", "malformed truncated_ipv6"),
        (1, "020000000002 020000000001 8100 00", "malformed truncated_vlan"),
        (1, "020000000002 020000000001 8847 0006", "malformed truncated_mpls"),
        (1, "020000000002 020000000001 0806 0001", "unsupported arp"),
        (1, "020000000002 020000000001 8035 0001", "unsupported rarp"),
        (1, "020000000002 020000000001 88cc 0001", "unsupported lldp"),
        (1, "020000000002 020000000001 888e 0001", "unsupported eapol"),
        (1, "020000000002 020000000001 8863 1109 00000000", "unsupported pppoe_discovery"),
        (1, "020000000002 020000000001 8864 2100 00000000", "malformed bad_pppoe_version"),
        (1, "020000000002 020000000001 88e5 2c00 00000000", "unsupported macsec"),
        (1, "020000000002 020000000001 1234 0001", "unsupported ethertype_0x1234"),
        (1, "020000000002 020000000001 0026 424203 0000", "unsupported stp"),
        (1, "020000000002 020000000001 0026 e0e003 0000", "unsupported ipx"),
        (1, "020000000002 020000000001 0026 aaaa03 00000c 2000", "unsupported cisco_snap_0x2000"),
        (1, "020000000002 020000000001 0026 3c3c03 0000", "unsupported llc_0x003c"),
        (1, "020000000002 020000000001 0026 aaaa", "malformed truncated_llc"),
        (0, "020000", "malformed truncated_loopback"),
        (0, "07000000 00", "unsupported loopback_family_7"),
        (9, "ff03 c021 0101", "unsupported ppp_lcp"),
        (9, "ff03 8057 0101", "unsupported ppp_protocol_0x8057"),
        (9, "ff03 003d 80000001 0021", "unsupported ppp_multilink_fragment"),
        (105, "8000 0000", "unsupported wifi_management"),
        (105, "d400 0000", "unsupported wifi_control"),
        (105, "4801 0000", "unsupported wifi_no_data"),
        (105, "0841 0000", "unsupported wifi_encrypted"),
        (105, "0801 0000 0200", "malformed truncated_wifi"),
        (127, "01 00 0800 00000000", "malformed bad_radiotap_version"),
        (127, "00 00 0700 00000000", "malformed bad_radiotap_length"),
        (113, "0000 0338 0000 0000000000000000 0000", "unsupported netlink"),
        (113, "0000 0118 0000 0000000000000000 000c", "unsupported can"),
        (239, "02 00 0000 0800 0100 08000100", "unsupported nflog_without_packet"),
        (239, "02 00 0000 0300 0100 08000100", "malformed bad_nflog_tlv"),
        (239, "11 00 0000 0800 0900 08000100", "unsupported nflog_family_17"),
        (258, "ffffffff 01000000 0c000000", "malformed bad_pktap_length"),
        (258, "0c000000 01000000 02010000", "malformed bad_pktap_link_type"),
        (192, "00 00 0800 c0000000 00", "malformed bad_ppi_link_type"),
        (147, "00", "unsupported unsupported_link_type_147"),
        (101, "15000000", "malformed bad_ip_version"),
        (101, "44 00 0014 0000 0000 40 06 0000 00000000 00000000", "malformed bad_ipv4_header_length"),
        (101, "45 00 0013 0000 0000 40 06 0000 00000000 00000000", "malformed bad_ipv4_total_length"),
        (101, "46 00 0018 0000 0000 40 06 0000 00000000 00000000", "malformed truncated_ipv4"),
    ] {
        assert_eq!(summary(link, &bytes(hex)), reason, "link type {link}, {hex}");
    }
}

#[test]
fn endless_tags_end_at_the_limit() {
    let tags = "8100 0005".repeat(40);
    let hex = format!("020000000002 020000000001 {tags} 0800 {TCP4}");
    assert_eq!(summary(1, &bytes(&hex)), "malformed too_many_layers");
}

#[test]
fn random_kinds_do_not_grow_the_ledger_without_bound() {
    let mut decoder = decoder();
    for kind in 0x7000_u16..0x7100 {
        let bytes = [bytes("020000000002 020000000001"), kind.to_be_bytes().to_vec()].concat();
        assert!(decoder.decode(&frame(1, &bytes)).is_none());
    }
    let ledger = decoder.ledger();
    assert!(ledger.balances());
    assert_eq!(ledger.unsupported.len(), 65);
    assert_eq!(ledger.unsupported.get("other"), Some(&192));
}
