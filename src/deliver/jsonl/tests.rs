//! The promises of the file writer, each with the fault that would break it.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::{Arc, Mutex};

use proptest::prelude::*;
use serde_json::json;

use super::disk::{Disk, Identity, Medium, RealDisk};
use super::*;
use crate::model::{HumanDuration, HumanSize};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_parts(seconds, 0)
}

fn config() -> DeliverConfig {
    DeliverConfig::default()
}

fn open(path: &Path) -> JsonlWriter {
    JsonlWriter::open(path, &config()).unwrap()
}

fn document(n: u64) -> serde_json::Value {
    json!({"n": n, "text": "x".repeat(usize::try_from(n % 50).unwrap())})
}

/// The numbers of all lines of the file; every line must be whole.
fn numbers(path: &Path) -> Vec<u64> {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.is_empty() || text.ends_with('\n'), "torn: {text:?}");
    text.lines()
        .map(|l| serde_json::from_str::<serde_json::Value>(l).unwrap()["n"].as_u64().unwrap())
        .collect()
}

/// What is to fail next.
#[derive(Debug, Default)]
struct Faults {
    /// So many bytes still fit on the disk.
    room: Option<u64>,
    sync_fails: bool,
    cut_fails: bool,
    /// A failed sync throws away what was not durable, as some file systems do.
    lose_on_failed_sync: bool,
    syncs: u64,
}

#[derive(Debug, Clone, Default)]
struct FaultyDisk(Arc<Mutex<Faults>>);

#[derive(Debug)]
struct FaultyFile {
    inner: Box<dyn Medium>,
    faults: Arc<Mutex<Faults>>,
    durable: u64,
    failed: bool,
}

impl Disk for FaultyDisk {
    fn open(&mut self, path: &Path) -> Result<Box<dyn Medium>, JsonlError> {
        let inner = RealDisk.open(path)?;
        let durable = inner.length().unwrap();
        Ok(Box::new(FaultyFile { inner, faults: Arc::clone(&self.0), durable, failed: false }))
    }
    fn identity(&self, path: &Path) -> Option<Identity> {
        RealDisk.identity(path)
    }
}

impl Medium for FaultyFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut faults = self.faults.lock().unwrap();
        let Some(room) = &mut faults.room else { return self.inner.append(bytes) };
        if *room == 0 {
            return Err(ErrorKind::StorageFull.into());
        }
        let n = bytes.len().min(usize::try_from(*room).unwrap());
        *room -= n as u64;
        self.inner.append(&bytes[..n])
    }
    fn sync(&mut self) -> io::Result<()> {
        assert!(!self.failed, "a descriptor whose sync failed may never be synced again");
        let mut faults = self.faults.lock().unwrap();
        if faults.sync_fails {
            self.failed = true;
            if faults.lose_on_failed_sync {
                self.inner.cut(self.durable).unwrap();
            }
            return Err(io::Error::other("EIO"));
        }
        faults.syncs += 1;
        self.durable = self.inner.length()?;
        self.inner.sync()
    }
    fn cut(&mut self, length: u64) -> io::Result<()> {
        if self.faults.lock().unwrap().cut_fails {
            return Err(io::Error::other("EIO"));
        }
        self.inner.cut(length)
    }
    fn length(&self) -> io::Result<u64> {
        self.inner.length()
    }
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.inner.read_at(buffer, offset)
    }
    fn identity(&self) -> Identity {
        self.inner.identity()
    }
    fn is_regular(&self) -> bool {
        self.inner.is_regular()
    }
}

fn faulty(path: &Path) -> (JsonlWriter, FaultyDisk) {
    let disk = FaultyDisk::default();
    (JsonlWriter::on(Box::new(disk.clone()), path, &config()).unwrap(), disk)
}

#[test]
fn lines_are_appended_for_the_owner_only_and_durable_after_a_sync() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("alerts.jsonl");
    let mut writer = open(&path);
    writer.accept(&document(1)).unwrap();
    assert_eq!((writer.pending(), writer.durable()), (1, 0));
    writer.sync(at(0)).unwrap();
    assert_eq!((writer.pending(), writer.durable()), (0, 1));
    drop(writer);
    let mut writer = open(&path);
    writer.accept(&document(2)).unwrap();
    writer.sync(at(0)).unwrap();
    assert_eq!(numbers(&path), [1, 2]);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn syncs_come_in_groups_by_time_and_by_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let (mut writer, disk) = faulty(&folder.path().join("a.jsonl"));
    writer.config = DeliverConfig { sync_bytes: HumanSize(1000), ..config() };
    let syncs = || disk.0.lock().unwrap().syncs;
    for n in 0..5 {
        writer.accept(&document(n)).unwrap();
        writer.flush(at(10)).unwrap();
    }
    assert_eq!((syncs(), writer.pending()), (0, 5), "written, but no sync is due");
    writer.flush(at(11)).unwrap();
    assert_eq!((syncs(), writer.pending()), (1, 0));
    writer.flush(at(99)).unwrap();
    assert_eq!(syncs(), 1, "nothing new, no sync");
    writer.accept(&json!({"n": 1, "text": "x".repeat(2000)})).unwrap();
    writer.flush(at(99)).unwrap();
    assert_eq!((syncs(), writer.pending()), (2, 0));
    writer.accept(&document(1)).unwrap();
    writer.flush(at(100)).unwrap();
    writer.flush(at(50)).unwrap();
    assert_eq!(syncs(), 3, "a clock set back does not put the sync off");
}

#[test]
fn a_torn_last_line_is_cut_and_counted_at_opening() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.jsonl");
    let whole = "{\"n\":1}\n{\"n\":2}\n";
    for torn in ["{", "{\"n\":3", "{\"n\":3}", "\0\0\0\0"] {
        fs::write(&path, format!("{whole}{torn}")).unwrap();
        let mut writer = open(&path);
        assert_eq!(writer.mended(), torn.len() as u64);
        writer.accept(&document(4)).unwrap();
        writer.sync(at(0)).unwrap();
        assert_eq!(numbers(&path), [1, 2, 4], "{torn:?}");
    }
    fs::write(&path, "{\"n\":").unwrap();
    assert_eq!(open(&path).mended(), 5, "the very first line can be torn too");
    let long = format!("{whole}{{\"text\":\"{}", "x".repeat(200_000));
    fs::write(&path, long).unwrap();
    assert_eq!(open(&path).mended(), 200_009);
    assert_eq!(numbers(&path), [1, 2]);
}

#[test]
fn a_file_of_somebody_else_is_left_untouched() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.txt");
    fs::write(&path, "first\nsecond without an end").unwrap();
    let error = JsonlWriter::open(&path, &config()).unwrap_err();
    assert!(error.to_string().contains("notes.txt` ends in a line that is no JSON"), "{error}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "first\nsecond without an end");
}

#[test]
fn a_second_writer_of_the_same_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.jsonl");
    let _first = open(&path);
    assert!(matches!(JsonlWriter::open(&path, &config()), Err(JsonlError::Busy { .. })));
}

#[test]
fn a_missing_folder_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let error = JsonlWriter::open(&folder.path().join("no/a.jsonl"), &config()).unwrap_err();
    assert!(error.to_string().contains("no/a.jsonl` for appending"), "{error}");
}

#[test]
fn a_full_disk_tears_nothing_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.jsonl");
    let (mut writer, disk) = faulty(&path);
    writer.accept(&document(0)).unwrap();
    writer.flush(at(0)).unwrap();
    for room in [0, 1, 7, 20] {
        disk.0.lock().unwrap().room = Some(room);
        writer.accept(&document(room)).unwrap();
        let error = writer.flush(at(0)).unwrap_err();
        assert!(error.to_string().contains("lines are held until it can be written again"), "{error}");
        assert_eq!(numbers(&path), [0], "what was half written is cut off again");
    }
    assert_eq!((writer.pending(), writer.durable()), (5, 0));
    disk.0.lock().unwrap().room = None;
    writer.sync(at(1)).unwrap();
    assert_eq!(numbers(&path), [0, 0, 1, 7, 20]);
    assert_eq!((writer.pending(), writer.durable()), (0, 5));
}

#[test]
fn a_full_disk_that_cannot_even_be_cut_is_mended_later() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.jsonl");
    let (mut writer, disk) = faulty(&path);
    writer.accept(&document(1)).unwrap();
    writer.sync(at(0)).unwrap();
    *disk.0.lock().unwrap() = Faults { room: Some(5), cut_fails: true, ..Faults::default() };
    writer.accept(&document(2)).unwrap();
    assert!(writer.flush(at(0)).is_err());
    assert!(writer.flush(at(0)).is_err());
    *disk.0.lock().unwrap() = Faults::default();
    writer.sync(at(0)).unwrap();
    assert_eq!(numbers(&path), [1, 2]);
}

#[test]
fn after_a_failed_sync_the_file_is_opened_anew_and_nothing_is_lost_or_doubled() {
    for lose in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.jsonl");
        let (mut writer, disk) = faulty(&path);
        writer.accept(&document(1)).unwrap();
        writer.sync(at(0)).unwrap();
        *disk.0.lock().unwrap() = Faults { sync_fails: true, lose_on_failed_sync: lose, ..Faults::default() };
        for n in 2..5 {
            writer.accept(&document(n)).unwrap();
            assert!(writer.sync(at(0)).is_err());
            assert_eq!((writer.pending(), writer.durable()), (n - 1, 1), "not acknowledged");
        }
        disk.0.lock().unwrap().sync_fails = false;
        writer.sync(at(0)).unwrap();
        assert_eq!(numbers(&path), [1, 2, 3, 4]);
        assert_eq!((writer.pending(), writer.durable()), (0, 4));
    }
}

#[test]
fn more_than_the_limit_is_refused_and_taken_once_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let (mut writer, disk) = faulty(&folder.path().join("a.jsonl"));
    writer.config = DeliverConfig { max_pending: HumanSize(100), ..config() };
    disk.0.lock().unwrap().room = Some(0);
    let mut taken = 0;
    let error = loop {
        match writer.accept(&document(taken)) {
            Ok(()) => taken += 1,
            Err(e) => break e,
        }
    };
    assert!(matches!(error, JsonlError::Full { pending, .. } if pending == taken), "{error}");
    assert!(writer.flush(at(0)).is_err());
    disk.0.lock().unwrap().room = None;
    writer.sync(at(0)).unwrap();
    writer.accept(&document(taken)).unwrap();
    writer.sync(at(0)).unwrap();
    assert_eq!(numbers(writer.path()), (0..=taken).collect::<Vec<_>>());
}

#[test]
fn a_moved_file_keeps_its_lines_and_the_next_go_to_a_new_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.jsonl");
    let moved = folder.path().join("a.jsonl.1");
    let mut writer = open(&path);
    writer.accept(&document(1)).unwrap();
    writer.flush(at(0)).unwrap();
    fs::rename(&path, &moved).unwrap();
    writer.accept(&document(2)).unwrap();
    writer.flush(at(0)).unwrap();
    writer.sync(at(0)).unwrap();
    assert_eq!((numbers(&moved), numbers(&path)), (vec![1], vec![2]));
    fs::remove_file(&path).unwrap();
    writer.accept(&document(3)).unwrap();
    writer.sync(at(0)).unwrap();
    assert_eq!(numbers(&path), [3]);
    assert_eq!(writer.durable(), 3);
}

#[test]
fn a_file_emptied_in_place_is_gone_on_with() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.jsonl");
    let (mut writer, disk) = faulty(&path);
    writer.accept(&document(1)).unwrap();
    writer.sync(at(0)).unwrap();
    fs::write(&path, "").unwrap();
    writer.accept(&document(2)).unwrap();
    writer.sync(at(0)).unwrap();
    disk.0.lock().unwrap().room = Some(3);
    writer.accept(&document(3)).unwrap();
    assert!(writer.flush(at(0)).is_err());
    disk.0.lock().unwrap().room = None;
    writer.sync(at(0)).unwrap();
    assert_eq!(numbers(&path), [2, 3]);
}

#[test]
fn a_device_can_be_written_though_not_synced() {
    let mut writer = open(Path::new("/dev/null"));
    writer.accept(&document(1)).unwrap();
    writer.sync(at(0)).unwrap();
    assert_eq!((writer.pending(), writer.durable()), (0, 1));
    let mut full = open(Path::new("/dev/full"));
    full.accept(&document(1)).unwrap();
    assert!(full.sync(at(0)).is_err());
    assert_eq!((full.pending(), full.durable()), (1, 0));
}

#[test]
fn values_out_of_range_are_named_by_key() {
    let mut problems = Vec::new();
    config().validate(&mut problems);
    assert_eq!(problems, []);
    let bad = DeliverConfig {
        sync_interval: HumanDuration::from_secs(7200),
        sync_bytes: HumanSize(2 << 20),
        max_pending: HumanSize(1),
        ..DeliverConfig::default()
    };
    bad.validate(&mut problems);
    let keys: Vec<_> = problems.iter().map(|p| p.key.as_str()).collect();
    assert_eq!(keys, ["deliver.sync-interval", "deliver.max-pending", "deliver.sync-bytes"]);
}

proptest! {
    /// Killed at any byte of a run: what was acknowledged is there, no line is torn or doubled, and the order holds.
    #[test]
    fn killed_at_any_moment_no_acknowledged_line_is_missing(
        steps in prop::collection::vec((0_u8..4, 0_u64..300), 1..40),
        tear in 0_u64..200,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.jsonl");
        let (mut writer, disk) = faulty(&path);
        let mut accepted = 0;
        for (step, room) in steps {
            match step {
                0 | 1 => {
                    writer.accept(&document(accepted)).unwrap();
                    accepted += 1;
                }
                2 => drop(writer.flush(at(0))),
                _ => {
                    let fails = room % 3 == 0;
                    *disk.0.lock().unwrap() = Faults {
                        room: (room % 2 == 0).then_some(room),
                        sync_fails: fails,
                        lose_on_failed_sync: fails && room % 5 == 0,
                        ..Faults::default()
                    };
                    drop(writer.sync(at(0)));
                }
            }
        }
        let durable = writer.durable();
        drop(writer);
        // The kill tears what was not yet durable at any byte.
        let length = fs::metadata(&path).unwrap().len();
        let text = fs::read_to_string(&path).unwrap();
        let kept: usize = text.split_inclusive('\n').take(usize::try_from(durable).unwrap()).map(str::len).sum();
        let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
        file.set_len(length.saturating_sub(tear).max(kept as u64)).unwrap();
        drop(file);
        drop(open(&path));
        let found = numbers(&path);
        prop_assert!(found.len() as u64 >= durable);
        prop_assert_eq!(&found, &(0..found.len() as u64).collect::<Vec<_>>());
    }
}
