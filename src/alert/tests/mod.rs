//! The life of alerts: rate, quiet, limits, and ids that stay.

mod exchange;
mod grouping;
mod telling;

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::model::fixture::{country, flow};
use crate::model::*;

type Out = Vec<(AlertTransition, Arc<Alert>)>;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_parts(1_600_000_000 + seconds, 0)
}

/// A record of flow `id` that ends at `seconds`.
fn record(id: u64, seconds: i64) -> EnrichedFlow {
    let mut flow = flow();
    flow.record.id = FlowId(id);
    flow.record.start = at(seconds - 10);
    flow.record.end = at(seconds);
    flow
}

fn finding(flow: &EnrichedFlow) -> Finding {
    Finding {
        rule: "r".into(),
        rule_name: "Rule".into(),
        severity: Severity::Medium,
        role: Role::Server,
        country: country("CN"),
        because: vec!["the server stands in CN by dbip 2026-10".into()],
        bytes_up: flow.bytes_up(),
        bytes_down: flow.bytes_down(),
        exchange: Exchange::of(flow),
        at: flow.record.end,
        inbound: false,
        peer: false,
    }
}

fn raise(book: &mut AlertBook, flow: &EnrichedFlow) -> Out {
    let mut out = Out::new();
    book.raise(flow, &finding(flow), &mut out);
    assert!(book.counts().balances());
    out
}

fn advance(book: &mut AlertBook, seconds: i64) -> Out {
    let mut out = Out::new();
    book.advance(at(seconds), &mut out);
    assert!(book.counts().balances());
    out
}

fn words(out: &Out) -> Vec<&'static str> {
    out.iter().map(|(t, _)| t.word()).collect()
}

#[test]
fn the_first_finding_opens_an_alert_that_carries_its_proof() {
    let mut book = AlertBook::new(&AlertConfig::default());
    let out = raise(&mut book, &record(1, 0));
    let [(AlertTransition::Opened, alert)] = out.as_slice() else { panic!("{out:?}") };
    assert_eq!((alert.state, alert.outcome, alert.flows), (AlertState::Open, Outcome::Match, 1));
    assert_eq!(alert.bytes, Bytes { up: 1000, down: 2000 });
    assert_eq!((alert.start, alert.opened, alert.last), (at(-10), at(0), at(0)));
    assert_eq!(alert.evidence[0].value.as_ref(), "short.weixin.qq.com");
    assert_eq!(alert.because[0].as_ref(), "the server stands in CN by dbip 2026-10");
    assert_eq!(alert.remotes, [flow().remote.addr]);
    assert_eq!(alert.id.len(), 16);
}

#[test]
fn a_flood_of_flows_is_one_alert_written_at_a_bounded_rate() {
    let mut book = AlertBook::new(&AlertConfig::default());
    let mut documents = Out::new();
    for i in 0..6000_u64 {
        let flow = record(i, i64::try_from(i / 10).unwrap());
        documents.extend(raise(&mut book, &flow));
    }
    // 600 s of packets at one document a minute.
    assert_eq!(documents.len(), 1 + 9);
    documents.extend(advance(&mut book, 660));
    assert_eq!(documents.len(), 11, "what came after the last document is written when it is due");
    let last = &documents.last().unwrap().1;
    assert_eq!((last.flows, last.bytes.up), (6000, 6_000_000));
    assert_eq!(book.counts(), AlertCounts { findings: 6000, opened: 1, updated: 10, closed: 0, open: 1 });
}

#[test]
fn nothing_is_written_when_nothing_changed_and_quiet_closes() {
    let mut book = AlertBook::new(&AlertConfig::default());
    raise(&mut book, &record(1, 0));
    assert!(advance(&mut book, 60).is_empty() && advance(&mut book, 899).is_empty());
    let out = advance(&mut book, 900);
    assert_eq!(words(&out), ["alert-closed"]);
    assert_eq!(out[0].1.state, AlertState::Closed);
    assert!(advance(&mut book, 5000).is_empty());
    let again = raise(&mut book, &record(2, 5001));
    assert_eq!(words(&again), ["alert-opened"]);
    assert_ne!(again[0].1.id, out[0].1.id, "a new life is a new alert");
    assert_eq!(book.alerts().len(), 2);
}

#[test]
fn what_came_just_before_the_end_is_in_the_closing_document() {
    let mut book = AlertBook::new(&AlertConfig::default());
    raise(&mut book, &record(1, 0));
    assert!(raise(&mut book, &record(2, 5)).is_empty());
    let mut out = Out::new();
    book.finish(&mut out);
    assert_eq!(words(&out), ["alert-closed"]);
    assert_eq!((out[0].1.flows, out[0].1.bytes.up), (2, 2000));
    assert_eq!(book.counts(), AlertCounts { findings: 2, opened: 1, updated: 0, closed: 1, open: 0 });
}

#[test]
fn records_of_one_flow_count_once() {
    let mut book = AlertBook::new(&AlertConfig::default());
    for i in 0..10 {
        let mut flow = record(1, i);
        flow.record.sequence = u32::try_from(i).unwrap();
        raise(&mut book, &flow);
        raise(&mut book, &record(100 + u64::try_from(i).unwrap(), i));
    }
    let alert = book.alerts()[0];
    assert_eq!((alert.flows, alert.bytes.up), (11, 20_000));
}

#[test]
fn reading_the_same_records_again_gives_the_same_ids() {
    let run = || {
        let mut book = AlertBook::new(&AlertConfig::default());
        let mut out = Out::new();
        for i in 0..50_u64 {
            let mut flow = record(i, i64::try_from(i * 20).unwrap());
            flow.device.id = format!("device-{}", i % 7).into();
            out.extend(raise(&mut book, &flow));
        }
        book.finish(&mut out);
        out
    };
    assert_eq!(run(), run());
    // Users keep ids: they may not change with the program's version. Computed apart, by hand, from `Group::id`'s rule.
    assert_eq!(run()[0].1.id.as_ref(), "7e71cb196088fc19");
}

#[test]
fn beyond_the_limit_findings_are_counted_in_an_overflow_alert_that_accuses_no_device() {
    let config = AlertConfig { max_open: 2, ..AlertConfig::default() };
    let mut book = AlertBook::new(&config);
    for i in 0..10_u64 {
        let mut flow = record(i, 0);
        flow.device.id = format!("device-{i}").into();
        raise(&mut book, &flow);
    }
    let alerts = book.alerts();
    assert_eq!(alerts.len(), 3);
    let overflow = alerts.iter().find(|a| a.device.id.as_ref() == "*").unwrap();
    assert_eq!((overflow.flows, overflow.bytes.up), (8, 8000));
    assert!(overflow.device.addr.is_unspecified() && overflow.device.mac.is_none());
    assert!(overflow.identification.app.is_none() && overflow.evidence.is_empty());
    assert!(overflow.because[0].contains("`alert.max-open`"));
    assert_eq!(book.limits()["alert_findings_overflowed"], 8);
    let total: u64 = alerts.iter().map(|a| a.bytes.up).sum();
    assert_eq!(total, 10_000, "nothing is lost");
    advance(&mut book, 2000);
    let mut flow = record(20, 2000);
    flow.device.id = "device-9".into();
    let out = raise(&mut book, &flow);
    assert_eq!(words(&out), ["alert-opened"]);
    assert_eq!(out[0].1.device.id.as_ref(), "device-9", "closed alerts make room");
}

#[test]
fn closed_alerts_are_remembered_up_to_the_limit() {
    let mut book = AlertBook::new(&AlertConfig { keep_closed: 1, ..AlertConfig::default() });
    for i in 0..3 {
        raise(&mut book, &record(1, i * 10_000));
        advance(&mut book, i * 10_000 + 1000);
    }
    assert_eq!(book.alerts().len(), 1);
    assert_eq!(book.limits()["alert_closed_forgotten"], 2);
    assert_eq!(book.counts(), AlertCounts { findings: 3, opened: 3, updated: 0, closed: 3, open: 0 });
}

#[test]
fn a_clock_set_back_leaves_no_alert_open_for_ever() {
    let mut book = AlertBook::new(&AlertConfig::default());
    raise(&mut book, &record(1, 1_000_000_000));
    assert!(advance(&mut book, 0).is_empty());
    assert!(raise(&mut book, &record(2, 1)).is_empty());
    assert_eq!(words(&advance(&mut book, 70)), ["alert-updated"]);
    assert_eq!(words(&advance(&mut book, 910)), ["alert-closed"]);
}

#[test]
fn the_ends_of_time_neither_hang_nor_lose_an_alert() {
    let mut book = AlertBook::new(&AlertConfig::default());
    let mut flow = record(1, 0);
    for nanos in [i64::MAX, i64::MIN, i64::MAX] {
        flow.record.end = Timestamp::from_nanos(nanos);
        raise(&mut book, &flow);
        book.advance(Timestamp::from_nanos(nanos), &mut Out::new());
    }
    book.finish(&mut Out::new());
    assert_eq!(book.counts().open, 0);
    assert_eq!(book.counts().findings, 3);
}

#[test]
fn the_summary_is_worst_first_then_by_time() {
    let mut book = AlertBook::new(&AlertConfig::default());
    for (n, severity) in
        [Severity::Low, Severity::Critical, Severity::Medium, Severity::Critical].into_iter().enumerate()
    {
        let flow = record(n as u64, i64::try_from(n).unwrap());
        let finding = Finding { rule: format!("r{n}").into(), severity, ..finding(&flow) };
        book.raise(&flow, &finding, &mut Out::new());
    }
    let order: Vec<_> = book.alerts().iter().map(|a| a.rule.to_string()).collect();
    assert_eq!(order, ["r1", "r3", "r2", "r0"]);
}

#[test]
fn values_out_of_range_are_named_by_key() {
    let mut problems = Vec::new();
    AlertConfig::default().validate(&mut problems);
    assert_eq!(problems, []);
    let bad = AlertConfig {
        update_interval: HumanDuration(Duration::ZERO),
        quiet: HumanDuration(Duration::ZERO),
        max_open: 0,
        back_off: HumanDuration(Duration::from_millis(10)),
        longest_back_off: HumanDuration(Duration::ZERO),
        keep_closed: usize::MAX,
    };
    bad.validate(&mut problems);
    let keys: Vec<_> = problems.iter().map(|p| p.key.as_str()).collect();
    assert_eq!(
        keys,
        [
            "alert.update-interval",
            "alert.back-off",
            "alert.longest-back-off",
            "alert.max-open",
            "alert.keep-closed"
        ]
    );
}

proptest! {
    /// Whatever comes in whatever order: no octet is lost, no document comes too early, and every alert ends once.
    #[test]
    fn octets_and_lives_are_conserved(
        steps in prop::collection::vec((0_u64..6, 0_i64..5000, prop::bool::ANY), 1..80),
        max_open in 1_usize..4,
    ) {
        let mut book = AlertBook::new(&AlertConfig { max_open, ..AlertConfig::default() });
        let (mut out, mut raised) = (Out::new(), 0_u64);
        for (device, seconds, pass) in steps {
            if pass {
                book.advance(at(seconds), &mut out);
            } else {
                let mut flow = record(device, seconds);
                flow.device.id = format!("device-{device}").into();
                book.raise(&flow, &finding(&flow), &mut out);
                raised += flow.bytes_up();
            }
            prop_assert!(book.counts().balances());
        }
        book.finish(&mut out);
        let closed: Vec<_> = out.iter().filter(|(t, _)| *t == AlertTransition::Closed).collect();
        prop_assert_eq!(closed.iter().map(|(_, a)| a.bytes.up).sum::<u64>(), raised);
        let counts = book.counts();
        prop_assert_eq!((counts.open, counts.opened, counts.closed), (0, counts.opened, counts.opened));
        prop_assert_eq!(closed.len() as u64, counts.opened);
    }
}

#[test]
fn an_alert_that_was_open_at_a_stop_goes_on_under_its_id_and_counts_further() {
    let mut before = AlertBook::new(&AlertConfig::default());
    raise(&mut before, &record(1, 0));
    let mut out = raise(&mut before, &record(2, 1));
    before.suspend(&mut out);
    let [(AlertTransition::Updated, last)] = out.as_slice() else { panic!("{out:?}") };
    assert_eq!(last.state, AlertState::Open);
    let mut after = AlertBook::new(&AlertConfig::default());
    after.resume(vec![(**last).clone()]);
    let mut out = raise(&mut after, &record(3, 2));
    after.finish(&mut out);
    let (AlertTransition::Closed, alert) = out.last().unwrap() else { panic!("{out:?}") };
    assert_eq!((&alert.id, alert.flows, alert.bytes.up), (&last.id, 3, 3 * record(1, 0).bytes_up()));
    assert!(out.iter().all(|(t, _)| *t != AlertTransition::Opened), "no new alert");
}

#[test]
fn an_alert_that_went_quiet_while_the_program_did_not_run_closes_at_once() {
    let mut before = AlertBook::new(&AlertConfig::default());
    let (_, open) = raise(&mut before, &record(1, 0)).pop().unwrap();
    let mut book = AlertBook::new(&AlertConfig::default());
    book.resume(vec![(*open).clone()]);
    assert_eq!(words(&advance(&mut book, 3600)), ["alert-closed"]);
}
