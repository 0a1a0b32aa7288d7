//! When people are told, and told again.

use super::*;

/// Second, word and documents held back of each document that people are told of.
fn told(out: &Out) -> Vec<(i64, &'static str, u64)> {
    let told = out.iter().filter(|(_, a)| a.telling.told);
    told.map(|(t, a)| (a.telling.last.since(at(0)).as_secs().cast_signed(), t.word(), a.telling.held_back))
        .collect()
}

#[test]
fn people_are_told_of_a_long_alert_at_doubling_intervals_and_of_its_end() {
    let mut book = AlertBook::new(&AlertConfig::default());
    let mut out = Out::new();
    for minute in 0..60 {
        out.extend(raise(&mut book, &record(1, minute * 60)));
    }
    out.extend(advance(&mut book, 4440));
    let (opened, updated, closed) = ("alert-opened", "alert-updated", "alert-closed");
    let wanted =
        [(0, opened, 0), (300, updated, 4), (900, updated, 9), (2100, updated, 19), (4440, closed, 24)];
    assert_eq!(told(&out), wanted);
    assert_eq!(out.len(), 61, "the store has every document");
    assert_eq!(out.last().unwrap().1.bytes.up, 60_000, "and the last one every octet");
}

#[test]
fn a_subject_that_comes_back_every_twenty_minutes_is_told_less_and_less_and_anew_after_long_quiet() {
    let mut book = AlertBook::new(&AlertConfig::default());
    let mut out = Out::new();
    for visit in 0..72 {
        out.extend(raise(&mut book, &record(visit, i64::try_from(visit).unwrap() * 1200)));
        out.extend(advance(&mut book, i64::try_from(visit).unwrap() * 1200 + 900));
    }
    assert_eq!(out.len(), 144);
    let told_of = told(&out);
    assert_eq!(told_of[..4].iter().map(|(s, ..)| *s).collect::<Vec<_>>(), [0, 900, 2100, 3300]);
    assert!(told_of.len() <= 18, "{told_of:?}");
    let of_told: u64 = told_of.iter().map(|(_, _, held_back)| held_back + 1).sum();
    let after = out.iter().rev().take_while(|(_, a)| !a.telling.told).count() as u64;
    assert_eq!(of_told + after, 144, "every document is told, or counted in one that is, or waits to be");
    let quiet = 72 * 1200 + 4 * 3600;
    assert_eq!(told(&raise(&mut book, &record(99, quiet))), [(quiet, "alert-opened", 0)]);
    assert_eq!(told(&raise(&mut book, &record(99, quiet + 240))), []);
    assert_eq!(told(&raise(&mut book, &record(99, quiet + 300))), [(quiet + 300, "alert-updated", 1)]);
}

#[test]
fn a_restart_forgets_no_back_off_and_zero_switches_it_off() {
    let config = AlertConfig::default();
    let mut before = AlertBook::new(&config);
    raise(&mut before, &record(1, 0));
    let mut out = advance(&mut before, 900);
    let closed = out.pop().unwrap().1;
    let mut after = AlertBook::new(&config);
    after.resume(vec![(*closed).clone()]);
    assert_eq!((after.counts().open, told(&raise(&mut after, &record(2, 901)))), (0, vec![]));
    let off = AlertConfig { back_off: HumanDuration(Duration::ZERO), ..config };
    let mut book = AlertBook::new(&off);
    let mut out = Out::new();
    for minute in 0..10 {
        out.extend(raise(&mut book, &record(1, minute * 60)));
    }
    assert_eq!(told(&out).len(), 10);
}
