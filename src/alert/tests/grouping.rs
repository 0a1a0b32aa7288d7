//! Which findings are one alert.

use super::*;
use crate::model::fixture::app;

type Change = dyn Fn(&mut EnrichedFlow, &mut Finding);

#[test]
fn rule_device_app_role_country_and_operator_each_make_their_own_alert() {
    let base = record(1, 0);
    let mut book = AlertBook::new(&AlertConfig::default());
    raise(&mut book, &base);
    let changes: [&Change; 8] = [
        &|_, f| f.rule = "other".into(),
        &|e, _| e.device.id = "tv".into(),
        &|e, _| e.identification.app = Some(app("tiktok", "TikTok")),
        &|e, _| e.identification.app = None,
        &|_, f| f.role = Role::Owner,
        &|_, f| f.country = country("HK"),
        &|e, _| e.remote.operator.asn = Some(132_203),
        &|e, _| e.remote.operator.asn = None,
    ];
    let mut ids = std::collections::BTreeSet::new();
    for (n, change) in changes.iter().enumerate() {
        let (mut flow, mut finding) = (base.clone(), finding(&base));
        change(&mut flow, &mut finding);
        let mut out = Out::new();
        book.raise(&flow, &finding, &mut out);
        assert_eq!(words(&out), ["alert-opened"], "change {n}");
        ids.insert(out[0].1.id.clone());
        out.clear();
        book.raise(&flow, &finding, &mut out);
        assert!(out.is_empty(), "change {n} groups with itself");
    }
    assert_eq!(ids.len(), changes.len());
    let mut other_remote = base.clone();
    other_remote.remote.addr = "101.32.104.2".parse().unwrap();
    assert!(
        raise(&mut book, &other_remote).is_empty(),
        "another address of the same operator is the same alert"
    );
}

#[test]
fn flows_to_peers_and_to_servers_are_never_one_alert() {
    let mut book = AlertBook::new(&AlertConfig::default());
    let server = raise(&mut book, &record(1, 0));
    let mut out = Out::new();
    let call = record(2, 1);
    book.raise(&call, &Finding { peer: true, ..finding(&call) }, &mut out);
    let [(AlertTransition::Opened, alert)] = out.as_slice() else { panic!("{out:?}") };
    assert_ne!(alert.id, server[0].1.id);
    assert!(alert.peer && alert.flows == 1 && !server[0].1.peer);
    let mut next_life = AlertBook::new(&AlertConfig::default());
    next_life.resume(book.alerts().into_iter().cloned().collect());
    let later = record(3, 2);
    let mut out = Out::new();
    next_life.raise(&later, &Finding { peer: true, ..finding(&later) }, &mut out);
    assert!(out.iter().all(|(t, a)| *t != AlertTransition::Opened && a.peer), "{out:?}");
}

#[test]
fn unsolicited_traffic_of_any_source_is_one_alert_per_rule_role_and_country() {
    let mut book = AlertBook::new(&AlertConfig::default());
    let mut out = Out::new();
    for i in 0..1000_u32 {
        let mut flow = record(u64::from(i), 0);
        flow.remote.addr = std::net::Ipv4Addr::from(0x6520_0000 + i).into();
        flow.remote.operator.asn = Some(i);
        flow.device.id = format!("device-{}", i % 7).into();
        let inbound = Finding { inbound: true, ..finding(&flow) };
        book.raise(&flow, &inbound, &mut out);
    }
    let [(AlertTransition::Opened, alert)] = out.as_slice() else { panic!("{out:?}") };
    assert_eq!((&*alert.device.id, alert.identification.app.is_none()), ("*inbound", true));
    assert!(
        alert.because[0].starts_with("unsolicited inbound traffic is counted together"),
        "{:?}",
        alert.because
    );
    let genuine = raise(&mut book, &record(5000, 1));
    assert_eq!(words(&genuine), ["alert-opened"], "a flow of a device's own is an alert of its own");
    assert_ne!(genuine[0].1.id, alert.id);
    let all: Vec<Alert> = book.alerts().into_iter().cloned().collect();
    assert_eq!(all.iter().map(|a| a.flows).sum::<u64>(), 1001, "nothing is lost");
    let mut next_life = AlertBook::new(&AlertConfig::default());
    next_life.resume(all);
    let flow = record(6000, 2);
    let mut out = Out::new();
    next_life.raise(&flow, &Finding { inbound: true, ..finding(&flow) }, &mut out);
    assert_ne!(words(&out), ["alert-opened"], "it goes on in the next life");
}
