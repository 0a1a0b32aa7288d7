//! Every capture of other people through the whole library, and some through the program: nothing panics, every packet
//! and flow is accounted for, and the same bytes come out twice. Then the same of captures that are cut anywhere.
//!
//! A guard ends the process when a file takes minutes, so that a hang is a failure with a name; it asserts no speed.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use whither::capture::{CaptureError, CaptureFiles, FileOptions};
use whither::decode::{DecodeConfig, Decoder};
use whither::enrich::{EnrichConfig, Networks};
use whither::inspect::{InspectConfig, Inspector};
use whither::meter::{Meter, MeterConfig, Observation};
use whither::model::{Counters, Ledger};
use whither::pipeline::observer::{Observer, Step};

use super::reading::{self, Read};

/// A file that is not done by now hangs: the slowest takes less than a second.
const HANGS: Duration = Duration::from_secs(180);

/// Runs `work`; ends the process, naming `what`, if it does not come back.
fn guarded<R>(what: &Path, work: impl FnOnce() -> R) -> R {
    let (done, wait) = crossbeam_channel::bounded::<()>(0);
    let name = what.display().to_string();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            if wait.recv_timeout(HANGS) == Err(crossbeam_channel::RecvTimeoutError::Timeout) {
                eprintln!("{name}: hangs");
                std::process::exit(101);
            }
        });
        let result = work();
        drop(done);
        result
    })
}

/// The identities of a ledger, and that records say what was counted.
fn check_ledger(what: &Path, ledger: &Ledger) {
    let name = what.display();
    assert!(ledger.packets.balances(), "{name}: packets do not add up: {:?}", ledger.packets);
    assert!(ledger.flows.balances(), "{name}: flows do not add up: {:?}", ledger.flows);
    assert_eq!(ledger.flows.active, 0, "{name}: flows are left open");
}

fn check_read(what: &Path, read: &Read) {
    check_ledger(what, &read.ledger);
    let sum = read
        .flows
        .iter()
        .fold(Counters::default(), |sum, flow| sum.plus(flow.record.forward).plus(flow.record.reverse));
    assert_eq!(sum.packets, read.ledger.packets.decoded, "{}: packets in records", what.display());
    let last = read.flows.iter().filter(|flow| flow.record.is_final()).count();
    assert_eq!(u64::try_from(last).unwrap(), read.ledger.flows.created, "{}: last records", what.display());
    for flow in &read.flows {
        assert!(flow.record.start <= flow.record.end, "{}: {:?}", what.display(), flow.record);
    }
    let frames: u64 = read.captures.iter().map(|capture| capture.packets).sum();
    assert_eq!(frames, read.ledger.packets.read, "{}: frames", what.display());
}

/// Reads a file twice and checks both.
fn check_file(path: &PathBuf) {
    guarded(path, || {
        let read = match reading::read(std::slice::from_ref(path)) {
            Ok(read) => read,
            // Not being a capture is an answer too; it has to be the same one again.
            Err(error) => {
                let again = reading::read(std::slice::from_ref(path)).err().map(|e| e.to_string());
                assert_eq!(again, Some(error.to_string()), "{}", path.display());
                return;
            }
        };
        check_read(path, &read);
        let again = reading::read(std::slice::from_ref(path)).unwrap();
        assert!(read.lines == again.lines, "{}: other bytes the second time", path.display());
        assert_eq!(read.ledger, again.ledger, "{}: another ledger the second time", path.display());
        assert_eq!(read.captures, again.captures, "{}", path.display());
    });
}

#[test]
fn every_open_capture_is_accounted_for_twice_the_same() {
    let Some(folder) = reading::shared("open") else { return };
    reading::each(&reading::captures_in(&folder), check_file);
}

#[test]
fn every_hostile_capture_is_accounted_for_twice_the_same() {
    let Some(folder) = reading::shared("hostile") else { return };
    reading::each(&reading::captures_in(&folder), check_file);
}

/// The packet path alone, which is all that cut bytes can reach: capture, decode, inspect, meter.
fn packet_path(path: &Path) -> Result<(Ledger, Counters), CaptureError> {
    let files =
        CaptureFiles::open(&[path.to_owned()], &FileOptions { hash: false, ..FileOptions::default() })?;
    let local = Networks::new(&EnrichConfig::default()).local();
    // A small table: making a large one is most of the work on a small file.
    let config = MeterConfig { max_flows: 4096, ..MeterConfig::default() };
    let meter = Meter::new(&config, local, Inspector::new(&InspectConfig::default()));
    let mut observer = Observer::new(files, Decoder::new(&DecodeConfig::default()), meter);
    let mut sum = Counters::default();
    loop {
        let step = observer.step()?;
        for observation in observer.take_observations() {
            if let Observation::Flow(record) = observation {
                sum = sum.plus(record.forward).plus(record.reverse);
            }
        }
        if step == Step::End {
            return Ok((observer.ledger(), sum));
        }
    }
}

/// Cuts in the headers at the front, at places all over the file, and just before its end.
fn cuts(length: usize) -> Vec<usize> {
    let mut cuts: Vec<usize> = (5..length.min(64)).step_by(29).collect();
    let stride = (length / 3).max(1) | 1;
    cuts.extend((64..length).step_by(stride));
    cuts.extend(length.checked_sub(1));
    cuts
}

fn check_cuts(path: &PathBuf) {
    let bytes = fs::read(path).unwrap();
    let scratch = tempfile::tempdir().unwrap();
    let cut = scratch.path().join(path.file_name().unwrap());
    let mut packets = Vec::new();
    for length in cuts(bytes.len()) {
        fs::write(&cut, &bytes[..length]).unwrap();
        let at = PathBuf::from(format!("{} cut at {length}", path.display()));
        guarded(&at, || {
            let Ok((ledger, sum)) = packet_path(&cut) else { return };
            check_ledger(&at, &ledger);
            assert_eq!(sum.packets, ledger.packets.decoded, "{}", at.display());
            packets.push((length, ledger.packets.read));
        });
    }
    // More bytes never hold fewer packets.
    packets.sort_unstable();
    assert!(packets.is_sorted_by_key(|(_, read)| *read), "{}: {packets:?}", path.display());
}

#[test]
fn a_capture_cut_anywhere_keeps_every_packet_before_the_cut() {
    let Some(folder) = reading::shared("open") else { return };
    reading::each(&reading::captures_in(&folder), check_cuts);
}

#[test]
fn a_hostile_capture_cut_anywhere_does_no_harm() {
    let Some(folder) = reading::shared("hostile") else { return };
    reading::each(&reading::captures_in(&folder), check_cuts);
}

fn whither() -> Command {
    Command::new(env!("CARGO_BIN_EXE_whither"))
}

/// The program with a gibibyte of address space and a megabyte of stack a thread.
fn confined() -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", r#"ulimit -v 1048576 -s 1024; exec "$0" "$@""#, env!("CARGO_BIN_EXE_whither")]);
    command
}

#[test]
fn the_program_reads_captures_as_the_library_does() {
    let (Some(open), Some(hostile)) = (reading::shared("open"), reading::shared("hostile")) else { return };
    let sample =
        |folder: &Path, every| reading::captures_in(folder).into_iter().step_by(every).collect::<Vec<_>>();
    let files = [sample(&open, 20), sample(&hostile, 40)].concat();
    reading::each(&files, |path| {
        guarded(path, || {
            let run = || {
                confined()
                    .args(["read", "-q", "--flag", "CN,RU,US", "--format", "json", "--flows", "-"])
                    .arg(path)
                    .output()
                    .unwrap()
            };
            let (first, second) = (run(), run());
            // 2: it is no capture.
            assert!(matches!(first.status.code(), Some(0 | 2)), "{}: {first:?}", path.display());
            assert!(first == second, "{}: other bytes the second time", path.display());
            let library = reading::read(std::slice::from_ref(path));
            assert_eq!(library.is_ok(), first.status.code() == Some(0), "{}", path.display());
        });
    });
}

#[test]
fn a_capture_through_a_pipe_is_the_same_as_from_a_file() {
    let Some(open) = reading::shared("open") else { return };
    let path = open.join("ndpi__wechat.pcap");
    let bytes = fs::read(&path).unwrap();
    let mut child = whither()
        .args(["read", "-q", "--flows", "-", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || input.write_all(&bytes).unwrap());
    let piped = child.wait_with_output().unwrap();
    writer.join().unwrap();
    let file = whither().args(["read", "-q", "--flows", "-"]).arg(&path).output().unwrap();
    let named = |out: &[u8]| String::from_utf8(out.to_vec()).unwrap().replace(path.to_str().unwrap(), "-");
    assert_eq!(named(&piped.stdout), named(&file.stdout));
    assert!(piped.status.success() && !piped.stdout.is_empty());
}
