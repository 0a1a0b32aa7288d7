//! The whole of `enrich` against the data that is shipped: a table of known addresses, so that a bad rebuild is seen.

use std::net::IpAddr;
use std::sync::Arc;

use super::*;
use crate::model::{Certainty, Role};

fn enricher() -> Enricher {
    Enricher::load(&EnrichConfig::default()).unwrap()
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn answer(context: &RemoteContext, role: Role) -> (String, Certainty) {
    let answer = context.roles.get(role).unwrap();
    (answer.country.map_or_else(|| "-".to_owned(), |c| c.to_string()), answer.certainty)
}

#[test]
fn known_addresses_have_their_known_operator_and_place() {
    let enricher = enricher();
    // address, AS, location by the first source, operator, owner
    for (addr, asn, place, operator, owner) in [
        ("162.62.52.1", 132_203, "DE", "CN", "CN"), // Tencent Cloud, Frankfurt
        ("47.254.128.1", 45_102, "DE", "CN", "CN"), // Alibaba Cloud, Frankfurt
        ("119.29.29.29", 132_203, "", "CN", "CN"),  // DNSPod: anycast
        ("130.44.212.1", 396_986, "US", "US", "CN"), // Bytedance Inc.
        ("101.32.1.1", 132_203, "HK", "CN", "CN"),  // Tencent Cloud, Hong Kong
        ("114.114.114.114", 21_859, "CN", "US", "US"), // 114DNS, announced by Zenlayer
        ("149.154.167.50", 62_041, "", "AE", "AE"), // Telegram
        ("5.9.0.1", 24_940, "DE", "DE", "DE"),      // Hetzner
        ("52.95.110.1", 16_509, "", "US", "US"),    // Amazon
        ("31.13.64.1", 32_934, "", "US", "US"),     // Meta
        ("2a02:6b8::1", 13_238, "RU", "RU", "RU"),  // Yandex
        ("2408:8000::1", 4_837, "CN", "CN", "CN"),  // China Unicom
    ] {
        let context = enricher.remote(ip(addr));
        let shown = format!("{addr}: {context:#?}");
        assert_eq!(context.scope, NetworkScope::Global, "{shown}");
        if !addr.starts_with('2') {
            assert_eq!(context.operator.asn, Some(asn), "{shown}");
        }
        if !place.is_empty() {
            assert_eq!(answer(&context, Role::Server).0, place, "{shown}");
        }
        assert_eq!(answer(&context, Role::Operator).0, operator, "{shown}");
        assert_eq!(answer(&context, Role::Owner).0, owner, "{shown}");
    }
}

#[test]
fn anycast_and_cdn_are_disputed_and_say_so() {
    let enricher = enricher();
    for addr in [
        "1.1.1.1",
        "9.9.9.9",
        "2606:4700:4700::1111",
        "2620:fe::fe",
        "208.67.222.222",
        "151.101.1.140",
        "119.29.29.29",
        "2001:4860:4860::8888",
    ] {
        let context = enricher.remote(ip(addr));
        assert!(context.anycast, "{addr}: {context:#?}");
        assert_eq!(context.roles.server.certainty, Certainty::Disputed, "{addr}");
        assert_eq!(
            context.roles.server.note.as_deref(),
            Some("anycast: location is not meaningful"),
            "{addr}"
        );
    }
    let akamai = enricher.remote(ip("23.32.0.1"));
    assert!(akamai.operator.cdn && akamai.roles.server.certainty == Certainty::Disputed, "{akamai:#?}");
}

#[test]
fn two_agreeing_sources_are_high_and_differing_ones_disputed_with_both_claims() {
    let enricher = enricher();
    let baidu = enricher.remote(ip("110.242.68.66"));
    assert_eq!(answer(&baidu, Role::Server), ("CN".to_owned(), Certainty::High), "{baidu:#?}");
    assert_eq!(baidu.roles.server.claims.len(), 2);
    assert!(baidu.roles.server.claims.iter().all(|c| c.date.is_some()));
    let alibaba = enricher.remote(ip("47.254.128.1"));
    assert_eq!(answer(&alibaba, Role::Server), ("DE".to_owned(), Certainty::Disputed), "{alibaba:#?}");
    assert!(alibaba.roles.server.note.unwrap().contains("ipfire US"));
}

#[test]
fn yandex_prefixes_are_yandex_whatever_as_announces_them() {
    let report = enricher().explain(ip("77.88.8.8"));
    assert_eq!(answer(&report.remote, Role::Operator), ("RU".to_owned(), Certainty::Medium), "{report:#?}");
    assert_eq!(answer(&report.remote, Role::Registrant).0, "RU");
    assert_eq!(report.remote.operator.asn, Some(208_398));
    assert!(report.row.is_some() && !report.databases.is_empty());
}

#[test]
fn the_owner_of_tiktoks_american_network_depends_on_the_day() {
    let mut enricher = enricher();
    let bytedance = ip("130.44.212.1");
    assert_eq!(answer(&enricher.remote(bytedance), Role::Owner), ("CN".to_owned(), Certainty::Disputed));
    assert_eq!(answer(&enricher.remote(bytedance), Role::Operator), ("US".to_owned(), Certainty::Medium));
    let at = |seconds| {
        let remote = enricher.remote_at(bytedance, Timestamp::from_parts(seconds, 0));
        answer(&remote, Role::Owner).1
    };
    // 2026-01-21 and the day after, in both orders: what is remembered must not leak from one to the other.
    for (seconds, certainty) in [
        (1_768_953_600 + 86_399, Certainty::High),
        (1_768_953_600 + 86_400, Certainty::Disputed),
        (1_768_953_600, Certainty::High),
        // A clock that was never set says nothing of ownership.
        (86_400, Certainty::Disputed),
    ] {
        assert_eq!(at(seconds), certainty, "{seconds}");
    }
    enricher.judge_by(Some("2024-05-01".parse().unwrap()));
    assert_eq!(answer(&enricher.remote(bytedance), Role::Owner), ("CN".to_owned(), Certainty::High));
}

#[test]
fn local_and_special_addresses_have_no_place() {
    let enricher = enricher();
    for (addr, scope) in [
        ("192.168.1.1", NetworkScope::Local),
        ("::ffff:10.0.0.1", NetworkScope::Local),
        ("224.0.0.251", NetworkScope::Special("multicast")),
        ("192.0.2.1", NetworkScope::Special("documentation")),
        ("64:ff9b::c0a8:101", NetworkScope::Special("private")),
        ("2002:c0a8:101::1", NetworkScope::Special("private")),
        ("ff02::1", NetworkScope::Special("multicast")),
    ] {
        let context = enricher.remote(ip(addr));
        assert_eq!(context.scope, scope, "{addr}");
        assert_eq!(context.roles, RoleAnswers::default(), "{addr}");
        assert_eq!(context.operator.asn, None, "{addr}");
    }
}

#[test]
fn transition_addresses_are_looked_up_by_the_address_they_carry() {
    let enricher = enricher();
    let plain = enricher.remote(ip("162.62.52.1"));
    // 162.62.52.1 is a23e:3401; inverted 5dc1:cbfe.
    for (outer, mechanism) in [
        ("64:ff9b::a23e:3401", "nat64"),
        ("2002:a23e:3401::1", "6to4"),
        ("2001:0:1:2:3:4:5dc1:cbfe", "teredo"),
    ] {
        let report = enricher.explain(ip(outer));
        assert_eq!(report.transition, Some(mechanism));
        assert_eq!(report.remote.looked_up, ip("162.62.52.1"), "{outer}");
        assert_eq!(report.remote.addr, ip(outer));
        assert_eq!(report.remote.roles, plain.roles, "{outer}");
    }
}

#[test]
fn the_shipped_database_is_sound_and_tells_its_date() {
    let bytes = include_bytes!("../../geoip/whither-geo.mmdb.zst");
    let raw = zstd::bulk::decompress(bytes, 64 << 20).unwrap();
    let reader = maxminddb::Reader::from_source(raw.as_slice()).unwrap();
    reader.verify().unwrap();
    let newest = embedded_sources().into_iter().map(|s| s.date).max().unwrap();
    let builds = enricher().builds();
    assert_eq!((&*builds[0].name, &*builds[0].build), ("whither-geo", newest.as_str()));
    assert!(builds.iter().any(|b| &*b.name == "operators.toml"));
}

#[test]
fn every_as_of_the_operator_table_with_a_country_of_its_own_differs_from_its_owner() {
    let table = OperatorTable::load(&EnrichConfig::default()).unwrap();
    let abroad =
        table.by_asn().filter(|(_, r)| r.owner_country.is_some_and(|c| Some(c) != r.country)).count();
    assert!(abroad >= 50, "the rows that no automatic signal finds: {abroad}");
}

#[test]
fn a_reload_takes_effect_and_a_failed_one_keeps_the_old_set() {
    let enricher = enricher();
    let before = enricher.remote(ip("5.9.0.1"));
    let broken = EnrichConfig { databases: vec!["/nonexistent/x.mmdb".into()], ..EnrichConfig::default() };
    let error = enricher.geo().reload(&broken).unwrap_err();
    assert!(error.to_string().contains("/nonexistent/x.mmdb"), "{error}");
    assert_eq!(enricher.remote(ip("5.9.0.1")), before);
    enricher.geo().reload(&EnrichConfig { embedded_database: false, ..EnrichConfig::default() }).unwrap();
    assert_eq!(enricher.remote(ip("5.9.0.1")).operator.asn, None);
    assert!(enricher.geo().load().databases().is_empty());
}

#[test]
fn a_remembered_answer_is_the_same_as_a_fresh_one() {
    let small = EnrichConfig { cache_entries: 2, ..EnrichConfig::default() };
    let (forgetful, other) = (Enricher::load(&small).unwrap(), enricher());
    for round in 0..3 {
        for i in 1..=40_u8 {
            let addr = IpAddr::from([i, 8, 8, 8]);
            assert_eq!(forgetful.remote(addr), other.remote(addr), "{round} {addr}");
        }
    }
    let shared: Arc<GeoHandle> = Arc::clone(other.geo());
    assert_eq!(shared.load().builds().len(), 1);
}
