//! Names, kinds and addresses of devices, and what nobody can do to another.

use super::*;
use crate::model::DeviceText;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn mac(last: u8) -> MacAddr {
    MacAddr([0x28, 0x37, 0x37, 0, 0x6d, last])
}

fn says(origin: DeviceOrigin, mac: Option<MacAddr>, addr: Option<&str>, at: i64) -> DeviceObservation {
    let mut seen = DeviceObservation::new(origin, Timestamp::from_parts(at, 0));
    (seen.mac, seen.addr) = (mac, addr.map(ip));
    seen
}

fn named(origin: DeviceOrigin, who: MacAddr, name: &str) -> DeviceObservation {
    let mut seen = says(origin, Some(who), None, 0);
    seen.name = DeviceText::from_wire(name.as_bytes());
    seen
}

fn devices() -> Devices {
    Devices::new(["TV".to_owned()])
}

fn learn(devices: &mut Devices, seen: &DeviceObservation) {
    devices.learn(seen, |addr| ip("192.168.0.0") <= addr && addr <= ip("192.168.255.255"));
}

fn name(devices: &mut Devices, who: MacAddr) -> (String, Option<&'static str>) {
    let (name, about) = devices.about(Some(who), ip("192.168.1.1"));
    (name.map_or_else(String::new, |n| n.to_string()), about.name_source)
}

#[test]
fn the_lease_goes_before_dhcp_and_dhcp_before_multicast_dns() {
    let mut d = devices();
    assert_eq!(name(&mut d, mac(1)), ("Apple-006d01".into(), Some("vendor")));
    learn(&mut d, &named(DeviceOrigin::Mdns, mac(1), "by-mdns"));
    assert_eq!(name(&mut d, mac(1)), ("by-mdns".into(), Some("mdns")));
    learn(&mut d, &named(DeviceOrigin::Dhcp, mac(1), "by-dhcp"));
    learn(&mut d, &named(DeviceOrigin::Mdns, mac(1), "again-mdns"));
    assert_eq!(name(&mut d, mac(1)), ("by-dhcp".into(), Some("dhcp")));
    learn(&mut d, &named(DeviceOrigin::Lease, mac(1), "by-lease"));
    assert_eq!(name(&mut d, mac(1)), ("by-lease".into(), Some("lease")));
    learn(&mut d, &named(DeviceOrigin::Lease, mac(2), "localhost"));
    assert_eq!(name(&mut d, mac(2)).1, Some("vendor"), "an empty name is none");
}

#[test]
fn two_devices_of_one_name_are_told_apart_and_a_configured_name_is_not_to_be_had() {
    let mut d = devices();
    learn(&mut d, &named(DeviceOrigin::Dhcp, mac(1), "iPhone"));
    learn(&mut d, &named(DeviceOrigin::Dhcp, mac(2), "iphone"));
    learn(&mut d, &named(DeviceOrigin::Dhcp, mac(3), "tv"));
    assert_eq!(name(&mut d, mac(1)).0, "iPhone");
    assert_eq!(name(&mut d, mac(2)).0, "iphone (006d02)");
    assert_eq!(name(&mut d, mac(3)).0, "tv (006d03)");
}

#[test]
fn an_address_is_its_last_cards_while_that_is_believed() {
    let mut d = devices();
    let at = |secs: i64| Timestamp::from_parts(secs, 0);
    learn(&mut d, &says(DeviceOrigin::Arp, Some(mac(1)), Some("192.168.1.7"), 1_000));
    assert_eq!(d.holder(ip("192.168.1.7"), at(2_000)), Some(mac(1)));
    assert_eq!(d.holder(ip("192.168.1.7"), at(1_000 + 90_000)), None, "a day later nobody knows");
    learn(&mut d, &says(DeviceOrigin::Arp, Some(mac(2)), Some("192.168.1.7"), 3_000));
    assert_eq!(d.holder(ip("192.168.1.7"), at(3_001)), Some(mac(2)));
    let mut lease = says(DeviceOrigin::Lease, Some(mac(3)), Some("192.168.1.8"), 0);
    lease.until = Some(at(10_000_000));
    learn(&mut d, &lease);
    assert_eq!(d.holder(ip("192.168.1.8"), at(9_990_000)), Some(mac(3)));
    assert_eq!(d.holder(ip("192.168.1.8"), at(10_000_001)), None, "the lease has ended");
    assert_eq!(
        d.holder(ip("192.168.1.8"), at(1_000)),
        None,
        "a lease of today says nothing of an old capture"
    );
}

#[test]
fn words_from_afar_are_not_heard() {
    let mut d = devices();
    let mut far = says(DeviceOrigin::Mdns, None, Some("8.8.8.8"), 0);
    far.name = DeviceText::from_wire(b"gateway");
    learn(&mut d, &far);
    assert_eq!(d.about(None, ip("8.8.8.8")).0, None);
}

#[test]
fn a_made_up_address_is_said_to_be_one_and_has_no_maker() {
    let mut d = devices();
    let (name, about) = d.about(Some(MacAddr([0xda, 0x37, 0x37, 1, 2, 3])), ip("192.168.1.1"));
    assert!(name.is_none() && about.randomised && about.vendor.is_none());
}

#[test]
fn a_thing_with_one_purpose_licenses_its_app_unless_something_says_otherwise() {
    let vacuum = MacAddr([0xb0, 0x4a, 0x39, 0, 0, 1]);
    assert!(oui::vendor(vacuum).is_some_and(|v| v.contains("Roborock")));
    let mut d = devices();
    let class = |d: &mut Devices| d.about(Some(vacuum), ip("192.168.1.1")).1.class.unwrap();
    assert_eq!((&*class(&mut d).class, class(&mut d).app.as_deref()), ("vacuum", Some("roborock")));
    let mut windows = says(DeviceOrigin::Dhcp, Some(vacuum), None, 0);
    windows.vendor_class = DeviceText::from_wire(b"MSFT 5.0");
    learn(&mut d, &windows);
    assert_eq!((&*class(&mut d).class, class(&mut d).app.as_deref()), ("computer", None));
}

#[test]
fn a_flood_of_cards_is_bounded_and_counted() {
    let mut d = devices();
    for i in 0..40_000_u32 {
        let [_, a, b, c] = i.to_be_bytes();
        learn(&mut d, &named(DeviceOrigin::Dhcp, MacAddr([2, 0, 0, a, b, c]), "x"));
    }
    let mut limits = BTreeMap::new();
    d.limits(&mut limits);
    assert!(limits["devices_forgotten"] >= 40_000 - MAX_CARDS as u64);
}
