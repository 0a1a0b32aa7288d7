//! Whether data was sent or only tried: what an alert says of it, and when.

use super::*;

/// An attempt that nobody answers: SYNs and no more.
fn attempt(id: u64, seconds: i64) -> EnrichedFlow {
    let mut flow = record(id, seconds);
    flow.record.tcp = Some(TcpSummary { forward_flags: 2, ..TcpSummary::default() });
    flow.record.forward = Counters { packets: 3, octets: 180 };
    flow.record.reverse = Counters::default();
    (flow.record.forward_total, flow.record.reverse_total) = (flow.record.forward, flow.record.reverse);
    flow
}

#[test]
fn an_alert_that_opens_on_an_attempt_says_in_its_next_document_that_data_went() {
    let mut book = AlertBook::new(&AlertConfig::default());
    let mut out = Out::new();
    for i in 0..9 {
        out.extend(raise(&mut book, &attempt(i, 0)));
    }
    out.extend(advance(&mut book, 60));
    let [(_, opened), (_, tried)] = out.as_slice() else { panic!("{out:?}") };
    assert_eq!(opened.note().unwrap(), "nothing answered: 1 attempt, no data sent");
    assert_eq!(tried.note().unwrap(), "nothing answered: 9 attempts, no data sent");
    assert!(tried.is_without_data() && !tried.telling.told, "nothing new, so it waits");
    assert_eq!(tried.severity, opened.severity, "an attempt is told as loudly");
    let out = raise(&mut book, &record(20, 120));
    let [(AlertTransition::Updated, sent)] = out.as_slice() else { panic!("{out:?}") };
    assert_eq!((sent.verb(), sent.note(), sent.flows), ("exchanged data with", None, 10));
    assert!(sent.telling.told, "data does not wait for the back-off");
    assert_eq!(sent.telling.held_back, 1);
    assert!(!raise(&mut book, &record(21, 180))[0].1.telling.told, "only the first time");
}

#[test]
fn a_flow_in_pieces_counts_once_and_as_it_stands_by_its_last_record() {
    let mut book = AlertBook::new(&AlertConfig::default());
    raise(&mut book, &attempt(1, 0));
    raise(&mut book, &attempt(1, 10));
    raise(&mut book, &attempt(2, 10));
    let seen = |book: &AlertBook| book.alerts()[0].exchanges.unwrap();
    assert_eq!(seen(&book), Exchanges { unanswered: 2, ..Exchanges::default() });
    for seconds in [20, 30] {
        let mut answered = attempt(1, seconds);
        answered.record.tcp =
            Some(TcpSummary { forward_flags: 0x1a, reverse_flags: 0x12, ..TcpSummary::default() });
        raise(&mut book, &answered);
    }
    assert_eq!(seen(&book), Exchanges { sent: 1, unanswered: 1, ..Exchanges::default() });
}

#[test]
fn a_restart_does_not_tell_again_that_data_went_but_tells_that_it_goes_now() {
    let next_life = |flow: &EnrichedFlow| {
        let mut before = AlertBook::new(&AlertConfig::default());
        let (_, open) = raise(&mut before, flow).pop().unwrap();
        let mut after = AlertBook::new(&AlertConfig::default());
        after.resume(vec![(*open).clone()]);
        let mut out = raise(&mut after, &record(2, 61));
        out.pop().unwrap().1
    };
    assert!(next_life(&attempt(1, 0)).telling.told);
    assert!(!next_life(&record(1, 0)).telling.told);
}

#[test]
fn an_alert_from_before_exchanges_were_counted_claims_nothing_about_them() {
    let mut before = AlertBook::new(&AlertConfig::default());
    let (_, open) = raise(&mut before, &record(1, 0)).pop().unwrap();
    let mut old = serde_json::to_value(&*open).unwrap();
    old.as_object_mut().unwrap().remove("exchanges");
    let mut book = AlertBook::new(&AlertConfig::default());
    book.resume(vec![serde_json::from_value(old).unwrap()]);
    let alert = raise(&mut book, &attempt(2, 61)).pop().unwrap().1;
    assert_eq!((alert.came(), alert.note(), alert.is_without_data()), (None, None, false));
}
