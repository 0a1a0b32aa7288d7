//! Runners against a real store, with sinks that fail as they are told.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};
use tempfile::TempDir;

use super::*;
use crate::deliver::DeliverConfig;
use crate::model::{AlertTransition, Severity, fixture};
use crate::store::{EventEntry, Progress, Reader, Store, StoreConfig};

/// Answers attempts one after the other; then delivers everything.
struct Told {
    answers: Vec<Attempt>,
    got: Arc<Mutex<Vec<i64>>>,
}

impl Sink for Told {
    fn deliver(&mut self, events: &[Event], _: Timestamp) -> Attempt {
        let attempt =
            if self.answers.is_empty() { Attempt::all(events.len()) } else { self.answers.remove(0) };
        self.got.lock().unwrap().extend(events.iter().take(attempt.done).map(|e| e.seq));
        attempt
    }
}

struct Bench {
    folder: TempDir,
    store: Store,
}

fn now() -> Timestamp {
    Timestamp::from_parts(1_000, 0)
}

impl Bench {
    fn new(events: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (mut store, _) =
            Store::open(&folder.path().join("s.db"), &StoreConfig::default(), now()).unwrap();
        store.register_sink("told").unwrap();
        let mut bench = Self { folder, store };
        bench.add(events);
        bench
    }

    fn add(&mut self, events: usize) {
        let alert = fixture::alert("aa11");
        self.store.begin().unwrap();
        for _ in 0..events {
            let seq = self.store.next_event().unwrap();
            let document = format!("{{\"event\":{{\"id\":\"aa11\",\"sequence\":{seq}}}}}\n");
            let entry = EventEntry {
                alert: &alert,
                transition: AlertTransition::Updated,
                document: document.as_bytes(),
            };
            assert_eq!(self.store.put_event(&entry, now()).unwrap(), seq);
        }
        self.store.commit().unwrap();
    }

    fn runner(
        &self,
        sink: Box<dyn Sink>,
        min_severity: Severity,
    ) -> (Runner, Sender<()>, Receiver<Progress>) {
        let (wake, woken) = bounded(1);
        let (progress, noted) = bounded(1024);
        let config = RunnerConfig {
            name: "told".into(),
            min_severity,
            longest_pause: Duration::from_millis(1),
            cursor: 0,
        };
        let reader = Reader::open(&self.folder.path().join("s.db")).unwrap();
        (Runner::new(config, sink, reader, woken, progress, now), wake, noted)
    }

    /// Runs a sink over all events, as a program does that stops at once, and notes its progress.
    fn run(&mut self, answers: Vec<Attempt>, min_severity: Severity, rounds: usize) -> Vec<i64> {
        let got = Arc::new(Mutex::new(Vec::new()));
        let sink = Told { answers, got: Arc::clone(&got) };
        let (mut runner, _wake, noted) = self.runner(Box::new(sink), min_severity);
        for _ in 0..rounds {
            runner.deliver_all();
        }
        drop(runner);
        for progress in noted.try_iter() {
            self.store.note_progress(&progress, now()).unwrap();
        }
        got.lock().unwrap().clone()
    }

    fn state(&self) -> crate::store::SinkState {
        Reader::open(self.store.path()).unwrap().sink("told").unwrap().unwrap()
    }
}

#[test]
fn what_fails_is_tried_again_and_everything_arrives_in_order_once() {
    let mut bench = Bench::new(600);
    let answers =
        vec![Attempt::later(10, "no answer"), Attempt::later(0, "no answer"), Attempt::later(200, "slow")];
    let got = bench.run(answers, Severity::Info, 4);
    assert_eq!(got, (1..=600).collect::<Vec<_>>());
    let state = bench.state();
    assert_eq!((state.delivered, state.queued, state.dead, state.skipped), (600, 0, 0, 0));
}

#[test]
fn what_is_refused_becomes_a_dead_letter_and_the_rest_goes_on() {
    let mut bench = Bench::new(5);
    let got = bench.run(vec![Attempt::refused(2, "bad request")], Severity::Info, 1);
    assert_eq!(got, [1, 2, 4, 5]);
    let state = bench.state();
    assert_eq!((state.delivered, state.dead, state.queued), (4, 1, 0));
}

#[test]
fn events_below_the_sinks_severity_are_passed_over_and_counted() {
    let mut bench = Bench::new(3);
    assert!(bench.run(Vec::new(), Severity::Critical, 1).is_empty());
    let state = bench.state();
    assert_eq!((state.delivered, state.skipped, state.queued), (0, 3, 0));
}

#[test]
fn a_running_sink_hears_of_new_events_and_stops_with_nothing_left() {
    let mut bench = Bench::new(1);
    let got = Arc::new(Mutex::new(Vec::new()));
    let sink = Told { answers: Vec::new(), got: Arc::clone(&got) };
    let (runner, wake, noted) = bench.runner(Box::new(sink), Severity::Info);
    let thread = std::thread::spawn(move || runner.run());
    wake.send(()).unwrap();
    assert_eq!(noted.recv().unwrap().cursor, 1);
    bench.add(2);
    drop(wake);
    thread.join().unwrap();
    assert_eq!(*got.lock().unwrap(), [1, 2, 3]);
}

#[test]
fn a_file_has_no_line_twice_when_a_crash_forgot_what_was_delivered() {
    let bench = Bench::new(4);
    let path = bench.folder.path().join("alerts.jsonl");
    let events = Reader::open(bench.store.path()).unwrap().events_after(0, 10).unwrap();
    let open = || FileSink::open(&path, &DeliverConfig::default()).unwrap();
    assert_eq!(open().deliver(&events[..3], now()), Attempt::all(3));
    // The store never heard of it: all come again.
    assert_eq!(open().deliver(&events, now()), Attempt::all(4));
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text.lines().count(), 4, "{text}");
}

#[test]
fn a_file_of_another_store_does_not_swallow_events_of_this_one() {
    let bench = Bench::new(2);
    let path = bench.folder.path().join("alerts.jsonl");
    std::fs::write(&path, "{\"event\":{\"id\":\"ffff\",\"sequence\":1}}\n").unwrap();
    let events = Reader::open(bench.store.path()).unwrap().events_after(0, 10).unwrap();
    let mut sink = FileSink::open(&path, &DeliverConfig::default()).unwrap();
    assert_eq!(sink.deliver(&events, now()), Attempt::all(2));
    assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 3);
}
