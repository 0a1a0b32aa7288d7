//! Each flow once, by its totals and under its last name.

use super::*;
use crate::model::{Counters, FlowEndReason, FlowId, Identification, Tier, fixture};

/// Two records of one flow: the first without a name, the second with its totals.
fn records(id: u64, identification: &Identification) -> [EnrichedFlow; 2] {
    let mut interim = fixture::flow();
    interim.record.id = FlowId(id);
    interim.identification = Identification::default();
    let mut last = interim.clone();
    last.record.sequence = 1;
    last.record.end_reason = Some(FlowEndReason::IdleTimeout);
    last.record.forward_total = Counters { packets: 30, octets: 4000 };
    last.record.reverse_total = Counters { packets: 30, octets: 5000 };
    last.identification = identification.clone();
    [interim, last]
}

#[test]
fn octets_by_tier_and_by_method_are_those_of_whole_flows_and_sum_to_all() {
    let named = fixture::flow().identification;
    let by_dns =
        Identification { tier: Some(Tier::C), method: Some("dns_answer"), ..Identification::default() };
    let mut summary = Summary::default();
    for flow in
        [records(1, &named), records(2, &by_dns), records(3, &Identification::default()), records(4, &named)]
            .iter()
            .flatten()
    {
        summary.flow(flow);
    }
    assert_eq!(summary.totals.octets(), 4 * 9000, "each flow once, by its totals and not its deltas");
    let tiers: Vec<_> = summary.bytes_by_tier.iter().map(|(t, n)| (*t, *n)).collect();
    assert_eq!(tiers, [("B", 18_000), ("C", 9000), ("none", 9000)]);
    let methods: Vec<_> = summary.bytes_by_method.iter().map(|(m, n)| (*m, *n)).collect();
    assert_eq!(methods, [("dns_answer", 9000), ("none", 9000), ("tls_sni", 18_000)]);
    assert_eq!(summary.bytes_unnamed, 18_000);
    let by_application = summary.applications.values().flat_map(|a| a.by_method.values()).sum::<u64>();
    assert_eq!(by_application, summary.totals.octets());
}

#[test]
fn other_users_devices_are_no_destination_of_the_application() {
    let named = fixture::flow().identification;
    let [_, server] = records(1, &named);
    let mut call = server.clone();
    call.record.id = FlowId(2);
    call.record.facts = Arc::new(crate::model::Facts { peer: true, ..Default::default() });
    let mut summary = Summary::default();
    for flow in [&server, &call] {
        summary.flow(flow);
    }
    let app = summary.applications.values().next().unwrap();
    let kinds: Vec<_> = app.destinations.iter().map(|(key, d)| (key.peer, d.tally.flows)).collect();
    assert_eq!(kinds, [(false, 1), (true, 1)]);
}
