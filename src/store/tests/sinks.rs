//! Every sink's place in the order of events.

use super::*;

#[test]
fn a_new_sink_begins_with_what_comes_after_it() {
    let mut fresh = Fresh::new();
    fresh.put_alert(&alert("aa", 100, AlertState::Open), AlertTransition::Opened, at(101));
    let state = fresh.store.register_sink("file").unwrap();
    assert_eq!((state.cursor, state.queued), (1, 0));
    fresh.put_alert(&alert("aa", 110, AlertState::Open), AlertTransition::Updated, at(111));
    assert_eq!(fresh.reader().sink("file").unwrap().unwrap().queued, 1);
    assert_eq!(fresh.store.register_sink("file").unwrap().cursor, 1, "known already: its place stays");
}

#[test]
fn delivered_queued_and_dead_are_all_there_is() {
    let mut fresh = Fresh::new();
    fresh.store.register_sink("hook").unwrap();
    for second in 0..5 {
        fresh.put_alert(&alert("aa", second, AlertState::Open), AlertTransition::Updated, at(second));
    }
    let events = fresh.reader().events_after(0, 2).unwrap();
    assert_eq!(events.iter().map(|e| e.seq).collect::<Vec<_>>(), [1, 2]);
    assert_eq!((events[0].action.as_str(), events[0].severity), ("alert-updated", Severity::High));
    let mut done = Progress { sink: "hook".into(), cursor: 2, delivered: 1, skipped: 1, dead: Vec::new() };
    fresh.store.note_progress(&done, at(8)).unwrap();
    done = Progress { cursor: 3, delivered: 0, skipped: 0, dead: vec![(3, "refused".to_owned())], ..done };
    fresh.store.note_progress(&done, at(9)).unwrap();
    let state = fresh.reader().sink("hook").unwrap().unwrap();
    assert_eq!((state.delivered, state.skipped, state.queued, state.dead), (1, 1, 2, 1));
    fresh.store.note_progress(&Progress { cursor: 1, dead: Vec::new(), ..done }, at(10)).unwrap();
    assert_eq!(fresh.reader().sink("hook").unwrap().unwrap().cursor, 3, "a place never goes back");
}

#[test]
fn sinks_that_are_no_longer_configured_are_forgotten() {
    let mut fresh = Fresh::new();
    fresh.store.register_sink("old").unwrap();
    fresh.store.register_sink("new").unwrap();
    fresh.store.retain_sinks(&["new"]).unwrap();
    let names: Vec<String> = fresh.reader().sinks().unwrap().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["new"]);
}

#[test]
fn numbers_of_events_are_never_used_twice() {
    let mut fresh = Fresh::with(&StoreConfig::default());
    fresh.put_alert(&alert("aa", 100, AlertState::Closed), AlertTransition::Closed, at(101));
    fresh.store.expire(at(900 * 86_400)).unwrap();
    assert_eq!(fresh.reader().totals().unwrap().events, 0);
    assert_eq!(fresh.store.register_sink("late").unwrap().cursor, 1);
    let seq = fresh.put_alert(&alert("bb", 200, AlertState::Open), AlertTransition::Opened, at(201));
    assert_eq!(seq, 2);
    assert_eq!(fresh.store.next_event().unwrap(), 3);
}
