//! Runners against a real store, with sinks that fail as they are told.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};
use tempfile::TempDir;

use super::*;
use crate::deliver::{AlertDocument, DeliverConfig, to_line};
use crate::model::{Alert, AlertTransition, FlowId, Severity, fixture};
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
        self.add_with(Severity::High, events);
    }

    fn add_with(&mut self, severity: Severity, events: usize) {
        let mut alert = fixture::alert("aa11");
        alert.severity = severity;
        self.put(&alert, events, |seq| {
            format!("{{\"event\":{{\"id\":\"aa11\",\"sequence\":{seq}}}}}\n").into_bytes()
        });
    }

    /// Events with whole documents.
    fn add_real(&mut self, events: usize) {
        let alert = fixture::alert("aa11");
        self.put(&alert, events, |seq| {
            let document = AlertDocument::numbered(&alert, AlertTransition::Updated, seq);
            to_line(&document).unwrap()
        });
    }

    fn put(&mut self, alert: &Alert, events: usize, document: impl Fn(i64) -> Vec<u8>) {
        self.store.begin().unwrap();
        for _ in 0..events {
            let seq = self.store.next_event().unwrap();
            let document = document(seq);
            let entry = EventEntry { alert, transition: AlertTransition::Updated, document: &document };
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
            batch: BATCH,
            budget: None,
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
fn a_sink_with_a_budget_passes_over_what_people_are_not_told_of_and_others_do_not() {
    for (budget, wanted) in [(Some(30), vec![1, 3]), (None, vec![1, 2, 3])] {
        let mut bench = Bench::new(0);
        let mut alert = fixture::alert("aa11");
        for told in [true, false, true] {
            alert.telling.told = told;
            let of = alert.clone();
            bench.put(&alert, 1, |seq| {
                to_line(&AlertDocument::numbered(&of, AlertTransition::Updated, seq)).unwrap()
            });
        }
        let got = Arc::new(Mutex::new(Vec::new()));
        let sink = Told { answers: Vec::new(), got: Arc::clone(&got) };
        let (mut runner, _wake, noted) = bench.runner(Box::new(sink), Severity::Info);
        if let Some(limit) = budget {
            runner.test_budget(limit, now);
        }
        runner.deliver_all();
        assert_eq!(*got.lock().unwrap(), wanted);
        for progress in noted.try_iter() {
            bench.store.note_progress(&progress, now()).unwrap();
        }
        let state = bench.state();
        assert_eq!(
            (state.delivered, state.skipped, state.queued),
            (wanted.len() as u64, 3 - wanted.len() as u64, 0)
        );
    }
}

#[test]
fn a_sink_of_flow_records_gets_each_once_and_counts_what_was_forgotten_before() {
    let mut bench = Bench::new(2);
    bench.store.register_sink("flows:told").unwrap();
    let put = |bench: &mut Bench, ids: std::ops::Range<u64>| {
        bench.store.begin().unwrap();
        for id in ids {
            let mut flow = fixture::flow();
            flow.record.id = FlowId(id);
            flow.record.end = now();
            bench.store.put_flow(&flow).unwrap();
        }
        bench.store.commit().unwrap();
    };
    put(&mut bench, 0..3);
    let got = Arc::new(Mutex::new(Vec::new()));
    let (wake, woken) = bounded(1);
    let (progress, noted) = bounded(1024);
    let runner = |cursor| {
        let config = RunnerConfig {
            name: "flows:told".into(),
            min_severity: Severity::Info,
            longest_pause: Duration::from_millis(1),
            batch: BATCH,
            budget: None,
            cursor,
        };
        let sink = Box::new(Told { answers: Vec::new(), got: Arc::clone(&got) });
        let reader = Reader::open(&bench.folder.path().join("s.db")).unwrap();
        Runner::new(config, sink, reader, woken.clone(), progress.clone(), now)
    };
    let mut first = runner(0);
    first.deliver_all();
    assert_eq!(*got.lock().unwrap(), [1, 2, 3]);
    for progress in noted.try_iter() {
        bench.store.note_progress(&progress, now()).unwrap();
    }
    let state =
        |bench: &Bench| Reader::open(bench.store.path()).unwrap().sink("flows:told").unwrap().unwrap();
    assert_eq!((state(&bench).delivered, state(&bench).queued), (3, 0));
    // More come, and all of them but the last two are forgotten before they are delivered.
    put(&mut bench, 3..5);
    bench.store.expire(now().plus(Duration::from_secs(400 * 86_400))).unwrap();
    put(&mut bench, 5..7);
    first.deliver_all();
    assert_eq!(*got.lock().unwrap(), [1, 2, 3, 6, 7], "no number is used twice");
    for progress in noted.try_iter() {
        bench.store.note_progress(&progress, now()).unwrap();
    }
    let state = state(&bench);
    assert_eq!((state.cursor, state.delivered, state.skipped, state.queued), (7, 5, 2, 0));
    drop(wake);
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

/// A certificate of its own for `name`, and its key; `None`, saying so, without openssl.
pub(super) fn certificate(
    folder: &std::path::Path,
    name: &str,
) -> Option<(std::path::PathBuf, std::path::PathBuf)> {
    let (certificate, key) = (folder.join("cert.pem"), folder.join("key.pem"));
    let made = std::process::Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"])
        .args(["-days", "3650", "-subj", "/CN=test", "-addext", &format!("subjectAltName={name}")])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .arg("-keyout")
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .output();
    if made.is_ok_and(|out| out.status.success()) {
        return Some((certificate, key));
    }
    eprintln!("skipped: openssl is not there to make a certificate");
    None
}

/// A TLS server's configuration.
pub(super) fn tls_server(certificate: &std::path::Path, key: &std::path::Path) -> Arc<rustls::ServerConfig> {
    use rustls::pki_types::pem::PemObject;
    let chain = net::certificates(certificate).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::from_pem_file(key).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    Arc::new(config)
}

/// What a sink was given, with the time of the test's clock.
#[derive(Default)]
struct Heard(Arc<Mutex<Vec<Event>>>);

impl Sink for Heard {
    fn deliver(&mut self, events: &[Event], _: Timestamp) -> Attempt {
        self.0.lock().unwrap().extend(events.iter().cloned());
        Attempt::all(events.len())
    }
}

static SECONDS: std::sync::atomic::AtomicI64 = std::sync::atomic::AtomicI64::new(1_000);

fn later() -> Timestamp {
    Timestamp::from_parts(SECONDS.load(std::sync::atomic::Ordering::SeqCst), 0)
}

#[test]
fn a_budget_tells_the_worst_one_by_one_and_the_rest_in_one_digest_and_every_event_is_accounted_for() {
    let mut bench = Bench::new(40);
    bench.add_with(Severity::Critical, 3);
    let heard = Heard::default();
    let got = Arc::clone(&heard.0);
    let (mut runner, _wake, noted) = bench.runner(Box::new(heard), Severity::Low);
    runner.test_budget(10, later);
    runner.deliver_all();
    // Nine of ten: three critical ones first, though they came last, then the oldest of the others.
    let told: Vec<i64> = got.lock().unwrap().iter().map(|e| e.seq).collect();
    assert_eq!(told, [1, 2, 3, 4, 5, 6, 41, 42, 43]);
    assert!(noted.try_recv().is_err(), "nothing is done with while the digest is open");
    runner.deliver_all();
    assert_eq!(got.lock().unwrap().len(), 9, "the budget holds");

    SECONDS.store(1_000 + 3_600, std::sync::atomic::Ordering::SeqCst);
    runner.deliver_all();
    let digest = got.lock().unwrap().last().cloned().unwrap();
    assert_eq!((digest.action.as_str(), digest.alert.as_str()), ("alert-digest", "digest-7-40"));
    let document: serde_json::Value = serde_json::from_slice(&digest.document).unwrap();
    assert_eq!(document["whither"]["digest"]["events"], 34);
    assert_eq!(document["whither"]["digest"]["by_severity"]["high"], 34);
    assert!(document["message"].as_str().unwrap().contains("34 high"), "{document}");
    let progress = noted.try_recv().unwrap();
    assert_eq!((progress.cursor, progress.delivered, progress.skipped, progress.dead.len()), (43, 43, 0, 0));
    bench.store.note_progress(&progress, now()).unwrap();
    let state = bench.state();
    assert_eq!((state.delivered, state.queued, state.dead, state.skipped), (43, 0, 0, 0));
}

#[test]
fn a_digest_does_not_take_the_room_of_what_is_worse_and_could_not_be_told_yet() {
    let mut bench = Bench::new(0);
    for (severity, count) in [(Severity::Low, 1), (Severity::Critical, 5), (Severity::Low, 4)] {
        bench.add_with(severity, count);
    }
    let got = Arc::new(Mutex::new(Vec::new()));
    let sink =
        Told { answers: vec![Attempt::later(0, "dead"), Attempt::later(2, "dead")], got: Arc::clone(&got) };
    let (mut runner, _wake, _noted) = bench.runner(Box::new(sink), Severity::Info);
    runner.test_budget(6, now);
    for _ in 0..3 {
        runner.deliver_all();
    }
    assert_eq!(*got.lock().unwrap(), [2, 3, 4, 5, 6]);
}

#[test]
fn what_waits_for_a_digest_comes_again_after_a_crash() {
    let mut bench = Bench::new(20);
    for _ in 0..2 {
        let heard = Heard::default();
        let got = Arc::clone(&heard.0);
        let (mut runner, _wake, noted) = bench.runner(Box::new(heard), Severity::Info);
        runner.test_budget(4, now);
        runner.deliver_all();
        assert_eq!(got.lock().unwrap().iter().map(|e| e.seq).collect::<Vec<_>>(), [1, 2, 3]);
        assert!(noted.try_recv().is_err());
        assert_eq!(bench.state().queued, 20);
    }
    bench.add(1);
}

#[test]
fn a_quarter_of_the_budget_is_kept_for_what_is_high_and_a_clock_set_back_does_not_close_it() {
    let mut budget = budget::Budget::new(9);
    let event = |seq: i64, severity| Event {
        seq,
        alert: String::new(),
        action: String::new(),
        severity,
        at: now(),
        document: Vec::new(),
    };
    let small: Vec<Event> = (0..20).map(|n| event(n, Severity::Medium)).collect();
    let told = budget.choose(&small, now()).into_iter().filter(|told| *told).count();
    assert_eq!(told, 6);
    budget.spend(told, now());
    let great: Vec<Event> = (20..25).map(|n| event(n, Severity::Critical)).collect();
    assert_eq!(budget.choose(&great, now()).into_iter().filter(|told| *told).count(), 2);
    assert!(!budget.open(Timestamp::from_parts(500, 0)));
    assert!(budget.open(Timestamp::from_parts(500 + 3_600, 0)));
}

fn program(argv: &[&str], more: &str) -> command::Program {
    let argv: Vec<String> = argv.iter().map(|a| format!("{a:?}")).collect();
    let text = format!("name = 'c'\nkind = 'command'\ncommand = [{}]\n{more}", argv.join(","));
    command::Program::open(&toml::from_str(&text).unwrap()).unwrap()
}

fn one(document: &str) -> [Event; 1] {
    [Event {
        seq: 1,
        alert: "aa11".into(),
        action: "alert-opened".into(),
        severity: Severity::High,
        at: now(),
        document: document.as_bytes().to_vec(),
    }]
}

#[test]
fn a_command_reads_the_event_from_its_input_and_no_shell_reads_anything() {
    let folder = tempfile::tempdir().unwrap();
    let (out, touched) = (folder.path().join("out"), folder.path().join("touched"));
    let document = format!("{{\"message\":\"$(touch {0}) `touch {0}`; touch {0}\"}}\n", touched.display());
    let argument = format!("$(touch {})", touched.display());
    let mut sink = program(&["/usr/bin/tee", out.to_str().unwrap(), "--", &argument], "");
    // tee makes a file named like the argument in its folder, which is the root.
    let attempt = sink.deliver(&one(&document), now());
    assert_eq!(std::fs::read_to_string(&out).unwrap(), document, "{attempt:?}");
    assert!(!touched.exists());
}

#[test]
fn a_command_that_fails_is_tried_so_often_and_one_that_hangs_is_killed_with_its_children() {
    let mut sink = program(&["/bin/false"], "attempts = 3");
    for refused in [false, false, true] {
        let attempt = sink.deliver(&one("{}"), now());
        assert_eq!(matches!(attempt.stopped, Some(Trouble::Refused { .. })), refused);
    }
    let mut sink = program(&["/bin/sh", "-c", "sleep 1000 & sleep 1000"], "timeout = '300ms'");
    match sink.deliver(&one("{}"), now()).stopped {
        Some(Trouble::Later { why, .. }) => assert!(why.contains("killed"), "{why}"),
        other => panic!("{other:?}"),
    }
    // Much said, nothing read: neither fills a pipe for ever.
    let mut sink = program(&["/bin/sh", "-c", "head -c 10000000 /dev/zero >&2; exit 0"], "");
    assert_eq!(sink.deliver(&one(&"x".repeat(1 << 20)), now()), Attempt::all(1));
    let mut sink = program(&["/bin/sh", "-c", "printf 'a\\033[31mb' >&2; exit 3"], "");
    match sink.deliver(&one("{}"), now()).stopped {
        Some(Trouble::Later { why, .. }) => assert!(why.ends_with("a\\u{1b}[31mb"), "{why}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn files_in_other_json_formats_have_no_line_twice_either() {
    for format in [crate::deliver::Format::Ocsf, crate::deliver::Format::Eve] {
        let mut bench = Bench::new(0);
        bench.add_real(3);
        let path = bench.folder.path().join("copy.jsonl");
        let events = Reader::open(bench.store.path()).unwrap().events_after(0, 10).unwrap();
        let open = || FileSink::open_as(&path, &DeliverConfig::default(), format).unwrap();
        assert_eq!(open().deliver(&events[..2], now()), Attempt::all(2));
        assert_eq!(open().deliver(&events, now()), Attempt::all(3));
        assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 3, "{format:?}");
    }
}
