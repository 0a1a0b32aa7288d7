//! Devices speak for themselves, and for nobody else. The messages are built here, byte by byte.

use std::net::IpAddr;
use std::time::Duration;

use super::*;
use crate::model::DeviceOrigin;

const CARD: MacAddr = MacAddr([0, 0x11, 0x22, 0x33, 0x44, 0x55]);
const OTHER: MacAddr = MacAddr([0, 0x11, 0x22, 0x33, 0x44, 0x66]);

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn datagram<'a>(from: (&str, u16), to: (&str, u16), payload: &'a [u8]) -> Datagram<'a> {
    Datagram {
        at: Timestamp::from_parts(1_000, 0),
        from: Endpoint::new(ip(from.0), from.1),
        to: Endpoint::new(ip(to.0), to.1),
        from_mac: Some(CARD),
        to_mac: Some(OTHER),
        payload,
    }
}

fn dhcp(op: u8, card: MacAddr, client: [u8; 4], yours: [u8; 4], options: &[u8]) -> Vec<u8> {
    let mut message = vec![op, 1, 6, 0, 1, 2, 3, 4, 0, 0, 0, 0];
    message.extend(client);
    message.extend(yours);
    message.extend([0; 8]);
    message.extend(card.0);
    message.resize(236, 0);
    message.extend([99, 130, 83, 99]);
    message.extend(options);
    message.push(255);
    message
}

const REQUEST: [u8; 24] =
    [53, 1, 3, 12, 5, b'p', b'h', b'o', b'n', b'e', 55, 3, 1, 3, 6, 60, 4, b'M', b'S', b'F', b'T', 0, 0, 0];

fn seen(watch: &mut DeviceWatch, datagram: &Datagram<'_>) -> Vec<DeviceObservation> {
    let mut out = Vec::new();
    watch.datagram(datagram, &mut out);
    out
}

#[test]
fn a_dhcp_client_tells_its_name_and_fingerprint_and_an_answer_its_address() {
    let mut watch = DeviceWatch::default();
    let request = dhcp(1, CARD, [0; 4], [0; 4], &REQUEST);
    let told = seen(&mut watch, &datagram(("0.0.0.0", 68), ("255.255.255.255", 67), &request));
    let [told] = &told[..] else { panic!("{told:?}") };
    let text = |t: &Option<crate::model::DeviceText>| t.as_ref().unwrap().to_string();
    assert_eq!((told.mac, told.addr, text(&told.name)), (Some(CARD), None, "phone".into()));
    assert_eq!((text(&told.fingerprint), text(&told.vendor_class)), ("1,3,6".into(), "MSFT".into()));

    let ack = dhcp(2, CARD, [0; 4], [192, 168, 1, 7], &[53, 1, 5, 51, 4, 0, 0, 0, 60]);
    let told = seen(&mut watch, &datagram(("192.168.1.1", 67), ("192.168.1.7", 68), &ack));
    assert_eq!((told[0].mac, told[0].addr), (Some(CARD), Some(ip("192.168.1.7"))));
    assert_eq!(told[0].until, Some(Timestamp::from_parts(1_060, 0)));
}

#[test]
fn nobody_is_given_an_address_that_he_did_not_ask_for_nor_speaks_for_another_card() {
    let mut watch = DeviceWatch::default();
    let ack = dhcp(2, CARD, [0; 4], [192, 168, 1, 7], &[53, 1, 5]);
    assert!(seen(&mut watch, &datagram(("192.168.1.1", 67), ("192.168.1.7", 68), &ack)).is_empty());
    let forged = dhcp(1, OTHER, [0; 4], [0; 4], &REQUEST);
    assert!(seen(&mut watch, &datagram(("0.0.0.0", 68), ("255.255.255.255", 67), &forged)).is_empty());
    assert_eq!(watch.limits()["device_foreign"], 2);
}

/// An mDNS response with one record.
fn response(owner: &[&str], kind: u16, data: &[u8]) -> Vec<u8> {
    let mut message = vec![0, 0, 0x84, 0, 0, 0, 0, 1, 0, 0, 0, 0];
    for label in owner {
        message.push(u8::try_from(label.len()).unwrap());
        message.extend(label.bytes());
    }
    message.push(0);
    message.extend(kind.to_be_bytes());
    message.extend([0x80, 1, 0, 0, 0, 120]);
    message.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
    message.extend(data);
    message
}

#[test]
fn an_mdns_name_counts_with_the_senders_own_address_only() {
    let mut watch = DeviceWatch::default();
    let own = response(&["Lucas-iPhone", "local"], 1, &[192, 168, 1, 7]);
    let told = seen(&mut watch, &datagram(("192.168.1.7", 5353), ("224.0.0.251", 5353), &own));
    assert_eq!(told[0].name.as_ref().unwrap().as_str(), "lucas-iphone");
    assert_eq!((told[0].origin, told[0].mac), (DeviceOrigin::Mdns, Some(CARD)));
    let of_another = response(&["victim", "local"], 1, &[192, 168, 1, 8]);
    assert!(
        seen(&mut watch, &datagram(("192.168.1.7", 5353), ("224.0.0.251", 5353), &of_another)).is_empty()
    );
    let browser = response(&["b7d1f3a2-1111-4222-8333-444455556666", "local"], 1, &[192, 168, 1, 7]);
    assert!(seen(&mut watch, &datagram(("192.168.1.7", 5353), ("224.0.0.251", 5353), &browser)).is_empty());
}

#[test]
fn models_and_services_are_read() {
    let mut watch = DeviceWatch::default();
    let info = response(&["x", "_device-info", "_tcp", "local"], 16, b"\x11model=AppleTV11,1");
    let told = seen(&mut watch, &datagram(("192.168.1.7", 5353), ("224.0.0.251", 5353), &info));
    assert_eq!(told[0].model.as_ref().unwrap().as_str(), "AppleTV11,1");
    let printer = response(&["_ipp", "_tcp", "local"], 12, b"\x01x\0");
    let told = seen(&mut watch, &datagram(("192.168.1.7", 5353), ("224.0.0.251", 5353), &printer));
    assert_eq!(told[0].services[0].as_str(), "_ipp._tcp");
}

#[test]
fn a_station_that_registers_its_netbios_name_is_called_so() {
    let mut name = vec![32];
    for byte in b"WORKSTATION    \0" {
        name.extend([b'A' + (byte >> 4), b'A' + (byte & 15)]);
    }
    name.push(0);
    let registration = |addr: [u8; 4]| {
        let mut message = vec![0, 1, 0x29, 0x10, 0, 1, 0, 0, 0, 0, 0, 1];
        message.extend(&name);
        message.extend([0, 0x20, 0, 1, 0xc0, 12, 0, 0x20, 0, 1, 0, 0, 0, 0, 0, 6, 0, 0]);
        message.extend(addr);
        message
    };
    let mut watch = DeviceWatch::default();
    let own = registration([192, 168, 1, 7]);
    let told = seen(&mut watch, &datagram(("192.168.1.7", 137), ("192.168.1.255", 137), &own));
    assert_eq!(told[0].name.as_ref().unwrap().as_str(), "WORKSTATION");
    let others = registration([192, 168, 1, 8]);
    assert!(seen(&mut watch, &datagram(("192.168.1.7", 137), ("192.168.1.255", 137), &others)).is_empty());
}

#[test]
fn arp_and_neighbour_discovery_bind_an_address_to_the_card_that_sent_them() {
    let mut arp = vec![0, 1, 8, 0, 6, 4, 0, 2];
    arp.extend(CARD.0);
    arp.extend([192, 168, 1, 7]);
    arp.extend([0; 10]);
    let mut watch = DeviceWatch::default();
    let at = Timestamp::from_parts(1_000, 0);
    let mut out = Vec::new();
    watch.arp(&arp, Some(OTHER), at, &mut out);
    assert!(out.is_empty(), "it speaks for another card");
    watch.arp(&arp, Some(CARD), at, &mut out);
    assert_eq!((out[0].mac, out[0].addr), (Some(CARD), Some(ip("192.168.1.7"))));

    let IpAddr::V6(addr) = ip("2001:db8::7") else { unreachable!() };
    let mut advertisement = vec![0x60, 0, 0, 0];
    advertisement.extend(addr.octets());
    advertisement.extend([2, 1]);
    advertisement.extend(CARD.0);
    let mut packet = datagram(("fe80::1", 0), ("ff02::1", 0), &advertisement);
    watch.neighbour(neighbour::ADVERTISEMENT, &packet, &mut out);
    assert_eq!((out[1].mac, out[1].addr), (Some(CARD), Some(ip("2001:db8::7"))));
    packet.from_mac = Some(OTHER);
    watch.neighbour(neighbour::ADVERTISEMENT, &packet, &mut out);
    assert_eq!(out.len(), 2);
}

#[test]
fn what_is_repeated_within_a_minute_is_told_once() {
    let mut watch = DeviceWatch::default();
    let own = response(&["tv", "local"], 1, &[192, 168, 1, 7]);
    let mut packet = datagram(("192.168.1.7", 5353), ("224.0.0.251", 5353), &own);
    assert_eq!(seen(&mut watch, &packet).len(), 1);
    assert_eq!(seen(&mut watch, &packet).len(), 0);
    packet.at = packet.at.plus(Duration::from_secs(61));
    assert_eq!(seen(&mut watch, &packet).len(), 1);
}

#[test]
fn requests_that_wait_are_bounded_and_counted() {
    let mut watch = DeviceWatch::default();
    for i in 0..2000_u32 {
        watch.requests.ask(i, CARD);
    }
    assert_eq!(watch.limits()["device_requests_full"], 2000 - MAX_REQUESTS as u64);
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_read_without_harm(
        bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..400),
        port in proptest::sample::select(vec![67_u16, 137, 546, 1900, 5353, 5355]),
        valid_head in proptest::bool::ANY,
    ) {
        let mut bytes = bytes;
        if valid_head && bytes.len() > 240 {
            bytes[..4].copy_from_slice(&[1, 1, 6, 0]);
            bytes[236..240].copy_from_slice(&[99, 130, 83, 99]);
        }
        let mut watch = DeviceWatch::default();
        let other = match port { 67 => 68, 546 => 547, p => p };
        let _ = seen(&mut watch, &datagram(("192.168.1.7", port), ("192.168.1.8", other), &bytes));
        let mut out = Vec::new();
        watch.arp(&bytes, Some(CARD), Timestamp::EPOCH, &mut out);
        watch.neighbour(neighbour::SOLICITATION, &datagram(("fe80::1", 0), ("ff02::1", 0), &bytes), &mut out);
    }
}
