//! Where nothing but the network speaks: a service's own network names it where it serves, and nowhere else.

use std::collections::BTreeSet;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use tempfile::TempDir;
use whither::appid::Catalogue;
use whither::config::Config;
use whither::enrich::Enricher;
use whither::model::EnrichedFlow;

use super::builder::file;
use super::builder::net::{Host, local, remote};
use super::builder::scene::Scene;
use super::builder::tcp::{ACK, Connection, SYN, Who};
use super::reading;

/// Apple's (AS714), which serves nobody else.
const APPLE: &str = "17.248.146.144";
/// Twitter's (AS13414), among those that resolvers give who lie about blocked names.
const TWITTER: &str = "199.59.148.229";

/// The last record of the only flow of a scene.
fn last_of(scene: &Scene) -> EnrichedFlow {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("input.pcap");
    fs::write(&path, file::pcap(&scene.frames)).unwrap();
    reading::read(&[path]).unwrap().flows.pop().expect("a flow")
}

/// A connection that says nothing of itself.
fn connection(client: Host, server: Host, port: u16) -> Scene {
    let mut scene = Scene::new();
    let mut tcp = Connection::open(&mut scene, (client, 40_101), (server, port), 40);
    tcp.say(&mut scene, Who::Client, &[0xa5; 90]);
    tcp.say(&mut scene, Who::Server, &[0x5a; 300]);
    tcp.close(&mut scene);
    scene
}

fn app(flow: &EnrichedFlow) -> Option<&str> {
    flow.identification.app.as_ref().map(|app| &*app.id)
}

#[test]
fn a_network_names_what_it_serves_and_neither_its_clients_nor_its_neighbours() {
    let phone = local("192.168.1.23");
    let served = last_of(&connection(phone, remote(APPLE), 5223));
    assert_eq!(app(&served), Some("apple"));

    let crawler = last_of(&connection(remote(APPLE), phone, 80));
    assert_eq!(crawler.remote.operator.asn, Some(714));
    assert!(!crawler.device_is_source);
    assert_eq!(app(&crawler), None, "it came as a client");

    let house = last_of(&connection(local("17.248.146.1"), remote(APPLE), 1720));
    assert_eq!(house.remote.operator.asn, Some(714));
    assert_eq!(app(&house), None, "from within");
}

#[test]
fn an_address_that_never_answered_is_nobodys_service() {
    let mut scene = Scene::new();
    let tcp = Connection::underway((local("192.168.1.23"), 40_101), (remote(TWITTER), 443), 40);
    tcp.send(&mut scene, Who::Client, SYN, 0, b"");
    let unanswered = last_of(&scene);
    assert_eq!(unanswered.remote.operator.asn, Some(13_414));
    assert_eq!(app(&unanswered), None);
    tcp.send(&mut scene, Who::Server, SYN | ACK, 0, b"");
    assert_eq!(app(&last_of(&scene)), Some("twitter"));
}

/// `count` addresses of a network, evenly spread.
fn spread(net: ipnet::IpNet, count: u32) -> impl Iterator<Item = IpAddr> {
    (0..count).map(move |i| match net {
        ipnet::IpNet::V4(net) => {
            let size = 1_u64 << (32 - net.prefix_len());
            let step = u32::try_from(size * u64::from(i) / u64::from(count)).unwrap();
            Ipv4Addr::from(net.network().to_bits() + step).into()
        }
        ipnet::IpNet::V6(net) => {
            let step = (u128::MAX >> net.prefix_len()) / u128::from(count) * u128::from(i);
            Ipv6Addr::from(net.network().to_bits() + step).into()
        }
    })
}

#[test]
fn a_prefix_of_one_service_is_announced_by_one_organisation() {
    let catalogue = Catalogue::embedded().unwrap();
    let enricher = Enricher::load(&Config::default().enrich).unwrap();
    let mut prefixes = 0;
    for app in catalogue.list() {
        for fact in catalogue.show(&app.id).unwrap().prefixes.iter().filter(|p| p.own_service) {
            prefixes += 1;
            let names: BTreeSet<_> =
                spread(fact.prefix, 256).filter_map(|addr| enricher.remote(addr).operator.as_name).collect();
            assert!(names.len() <= 1, "{} of {} was given away in part: {names:?}", fact.prefix, app.id);
        }
    }
    assert!(prefixes > 10, "{prefixes}");
}
