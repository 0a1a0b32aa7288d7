//! Alerts are compared by what they are about.

use std::sync::Arc;

use super::*;
use crate::model::fixture::{alert, country};
use crate::model::{Bytes, Severity};

fn with(id: &str, change: impl Fn(&mut Alert)) -> Arc<Alert> {
    let mut one = alert(id);
    change(&mut one);
    Arc::new(one)
}

#[test]
fn alerts_of_one_subject_are_summed_and_the_first_is_the_example() {
    let later = with("b", |a| a.opened = a.opened.plus(std::time::Duration::from_secs(9)));
    let first = with("a", |a| a.severity = Severity::Low);
    let told = told([&later, &first]);
    let one = told.values().next().unwrap();
    assert_eq!((told.len(), one.alerts, one.flows), (1, 2, 2));
    assert_eq!(one.bytes, Bytes { up: 2000, down: 4000 });
    assert_eq!((one.severity, &*one.example.id), (Severity::High, "a"));
}

#[test]
fn gained_lost_and_changed_are_told_apart() {
    let old = [with("a", |_| ()), with("b", |a| a.country = country("RU"))];
    let new = [with("c", |a| a.flows = 5), with("d", |a| a.rule = "other".into())];
    let difference = compare(told(&old), told(&new), true);
    let countries: Vec<_> = difference.lost.iter().map(|(s, _)| s.country).collect();
    assert_eq!(countries, [country("RU")]);
    assert_eq!(difference.gained.iter().map(|(s, _)| &*s.rule).collect::<Vec<_>>(), ["other"]);
    assert_eq!(difference.changed.iter().map(|c| c.what.clone()).collect::<Vec<_>>(), [vec!["flows"]]);
    assert_eq!(difference.same, 0);
    let coarse = compare(told(&old), told(&new), false);
    assert_eq!((coarse.changed.len(), coarse.same), (0, 1));
    assert!(compare(told(&old), told(&old), true).is_empty());
}
