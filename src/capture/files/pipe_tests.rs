//! Tests of pipes into which somebody still captures.

use std::fs::OpenOptions;
use std::io::Write;
use std::process::Command;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use super::tests::LE;
use super::*;

/// The longest that the writer waits to be told to go on. A guard against hanging, not a measure.
const PATIENCE: Duration = Duration::from_secs(20);

fn frame(second: u32) -> Vec<u8> {
    LE.record([second, 0, 3, 3], 0, b"abc")
}

/// Pumps a pipe whose writer goes on only after the first pump; gives what the first one and the rest read, and whether
/// the writer had to lose its patience.
fn pumped(first: Vec<u8>, then: Vec<u8>) -> (Pump, usize, usize, bool) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    let (go_on, told) = sync_channel::<()>(1);
    let writer = std::thread::spawn({
        let path = path.clone();
        move || {
            let mut pipe = OpenOptions::new().write(true).open(path).unwrap();
            pipe.write_all(&first).unwrap();
            let impatient = told.recv_timeout(PATIENCE).is_err();
            pipe.write_all(&then).unwrap();
            impatient
        }
    });
    let options = FileOptions { prompt: true, ..FileOptions::default() };
    let mut source = CaptureFiles::open(&[path], &options).unwrap();
    let (mut before, mut after) = (0, 0);
    let pump = source.pump(1000, &mut |_| before += 1).unwrap();
    let _gone = go_on.send(());
    while source.pump(1000, &mut |_| after += 1).unwrap() != Pump::End {}
    (pump, before, after, writer.join().unwrap())
}

#[test]
fn what_a_stalled_pipe_has_given_is_handed_over_before_more_is_waited_for() {
    let header = LE.pcap_header(0xa1b2_c3d4, 4, 1);
    let (mut first, mut then) = ([header, frame(1), frame(2)].concat(), frame(3));
    assert_eq!(pumped(first.clone(), then.clone()), (Pump::More, 2, 1, false));
    // A record cut in two by the pipe is waited for.
    let rest = then.split_off(7);
    first.extend(then);
    assert_eq!(pumped(first, rest), (Pump::More, 2, 1, false));
}

#[test]
fn a_stalled_pipe_of_blocks_is_the_same() {
    let packet = |micros: u64| LE.enhanced(0, micros, 60, b"abc");
    let first = [LE.section(), LE.interface(1, 64, &[]), packet(1), packet(2)].concat();
    assert_eq!(pumped(first, packet(3)), (Pump::More, 2, 1, false));
}
