//! Tests of the file readers, on files that are built here byte by byte.

use std::io::Write;
use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::*;

/// A frame as it was handed over: nanoseconds, bytes, wire length, link type, digits of its point.
type Seen = (i64, Vec<u8>, u32, u16, u8);

pub(super) fn file(name: &str, bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    (folder, path)
}

fn drain(source: &mut CaptureFiles, budget: usize) -> Vec<Seen> {
    let mut seen = Vec::new();
    loop {
        let mut points = Vec::new();
        let pump = source
            .pump(budget, &mut |f| {
                seen.push((f.time.as_nanos(), f.bytes.to_vec(), f.wire_len, f.link_type.0, 0));
                points.push(f.point);
            })
            .unwrap();
        let known = source.points();
        let from = seen.len() - points.len();
        for (frame, point) in seen[from..].iter_mut().zip(points) {
            frame.4 = known[usize::from(point)].time_digits;
        }
        match pump {
            Pump::More => {}
            Pump::End => return seen,
            Pump::Idle(_) => panic!("files are never idle"),
        }
    }
}

fn read(bytes: &[u8]) -> (Vec<Seen>, Vec<Gap>, CaptureInfo) {
    let (_folder, path) = file("a.cap", bytes);
    let mut source = CaptureFiles::open(&[path], &FileOptions::default()).unwrap();
    let seen = drain(&mut source, 3);
    (seen, source.take_gaps(), source.captures().remove(0))
}

fn open_error(bytes: &[u8]) -> String {
    let (_folder, path) = file("a.cap", bytes);
    CaptureFiles::open(&[path], &FileOptions::default()).err().unwrap().to_string()
}

/// Writes integers in one byte order.
#[derive(Clone, Copy)]
pub(super) struct Writer {
    big: bool,
}

impl Writer {
    pub(super) fn u32(self, value: u32) -> [u8; 4] {
        if self.big { value.to_be_bytes() } else { value.to_le_bytes() }
    }

    pub(super) fn u16(self, value: u16) -> [u8; 2] {
        if self.big { value.to_be_bytes() } else { value.to_le_bytes() }
    }

    pub(super) fn pcap_header(self, magic: u32, minor: u16, link: u32) -> Vec<u8> {
        let mut out = self.u32(magic).to_vec();
        out.extend(self.u16(2));
        out.extend(self.u16(minor));
        for word in [0, 0, 64, link] {
            out.extend(self.u32(word));
        }
        out
    }

    pub(super) fn record(self, words: [u32; 4], extra: usize, bytes: &[u8]) -> Vec<u8> {
        let mut out: Vec<u8> = words.iter().flat_map(|word| self.u32(*word)).collect();
        out.extend(vec![0; extra]);
        out.extend(bytes);
        out
    }

    pub(super) fn block(self, kind: u32, body: &[u8]) -> Vec<u8> {
        let padded = body.len().next_multiple_of(4);
        let length = self.u32(u32::try_from(padded + 12).unwrap());
        let mut out = self.u32(kind).to_vec();
        out.extend(length);
        out.extend(body);
        out.extend(vec![0; padded - body.len()]);
        out.extend(length);
        out
    }

    pub(super) fn section(self) -> Vec<u8> {
        let mut body = self.u32(0x1a2b_3c4d).to_vec();
        body.extend(self.u16(1));
        body.extend(self.u16(0));
        body.extend([0xff; 8]);
        self.block(0x0a0d_0d0a, &body)
    }

    pub(super) fn interface(self, link: u16, snaplen: u32, options: &[(u16, &[u8])]) -> Vec<u8> {
        let mut body = self.u16(link).to_vec();
        body.extend([0, 0]);
        body.extend(self.u32(snaplen));
        for (code, value) in options {
            body.extend(self.u16(*code));
            body.extend(self.u16(u16::try_from(value.len()).unwrap()));
            body.extend(*value);
            body.resize(body.len().next_multiple_of(4), 0);
        }
        self.block(1, &body)
    }

    pub(super) fn enhanced(self, interface: u32, units: u64, wire: u32, bytes: &[u8]) -> Vec<u8> {
        let mut body = self.u32(interface).to_vec();
        body.extend(self.u32(u32::try_from(units >> 32).unwrap()));
        body.extend(self.u32(u32::try_from(units & 0xffff_ffff).unwrap()));
        body.extend(self.u32(u32::try_from(bytes.len()).unwrap()));
        body.extend(self.u32(wire));
        body.extend(bytes);
        self.block(6, &body)
    }

    fn obsolete(self, interface: u16, units: u32, bytes: &[u8]) -> Vec<u8> {
        let mut body = self.u16(interface).to_vec();
        body.extend(self.u16(0xffff));
        for word in [0, units, u32::try_from(bytes.len()).unwrap(), 60] {
            body.extend(self.u32(word));
        }
        body.extend(bytes);
        self.block(2, &body)
    }

    fn simple(self, wire: u32, bytes: &[u8]) -> Vec<u8> {
        let mut body = self.u32(wire).to_vec();
        body.extend(bytes);
        self.block(3, &body)
    }
}

pub(super) const LE: Writer = Writer { big: false };
pub(super) const BE: Writer = Writer { big: true };

/// A pcap file with frames at these microseconds, each with its number as its only byte.
fn pcap_at(micros: &[u32]) -> Vec<u8> {
    let mut out = LE.pcap_header(0xa1b2_c3d4, 4, 1);
    for (number, at) in micros.iter().enumerate() {
        out.extend(LE.record([at / 1_000_000, at % 1_000_000, 1, 60], 0, &[u8::try_from(number).unwrap()]));
    }
    out
}

/// A pcapng file with every kind of block that is read, and some that are not.
fn rich_pcapng() -> Vec<u8> {
    let mut out = LE.section();
    out.extend(LE.interface(1, 0, &[(2, b"eth0"), (9, &[9])]));
    out.extend(LE.interface(101, 2, &[(9, &[0x8a]), (14, &100_i64.to_le_bytes()), (0, b"")]));
    out.extend(LE.enhanced(0, 1_000_000_007, 60, b"abc"));
    out.extend(LE.block(5, &[0; 12]));
    out.extend(LE.enhanced(1, 1536, 2, b"de"));
    out.extend(LE.simple(5, b"fghij"));
    out.extend(LE.block(0xbad, b"custom block"));
    out.extend(BE.section());
    out.extend(BE.interface(276, 3, &[(2, b"wlan0")]));
    out.extend(BE.enhanced(0, 7, 9, b"k"));
    out.extend(BE.simple(9, b"lmn"));
    out.extend(BE.obsolete(0, 8, b"pq"));
    out
}

fn rich_frames() -> Vec<Seen> {
    vec![
        (1_000_000_007, b"abc".to_vec(), 60, 1, 9),
        (101_500_000_000, b"de".to_vec(), 2, 101, 4),
        (101_500_000_000, b"fghij".to_vec(), 5, 1, 9),
        (7_000, b"k".to_vec(), 9, 276, 6),
        (7_000, b"lmn".to_vec(), 9, 276, 6),
        (8_000, b"pq".to_vec(), 60, 276, 6),
    ]
}

#[test]
fn pcap_is_read_in_both_byte_orders_with_both_resolutions_and_modified() {
    for writer in [LE, BE] {
        for (magic, extra, scale, digits) in
            [(0xa1b2_c3d4, 0, 1000, 6), (0xa1b2_3c4d, 0, 1, 9), (0xa1b2_cd34, 8, 1000, 6)]
        {
            let mut bytes = writer.pcap_header(magic, 4, 0x2400_0001);
            bytes.extend(writer.record([10, 20, 3, 70], extra, b"abc"));
            // More captured than the snapshot length of 64, and more than there was on the wire.
            bytes.extend(writer.record([4_000_000_000, 21, 100, 5], extra, &[7; 100]));
            let (seen, gaps, info) = read(&bytes);
            assert_eq!(gaps, []);
            assert_eq!(seen[0], (10_000_000_000 + 20 * scale, b"abc".to_vec(), 70, 1, digits));
            assert_eq!(seen[1].0, 4_000_000_000_000_000_000 + 21 * scale);
            assert_eq!((seen[1].1.len(), seen[1].2), (100, 100));
            assert!(info.complete && info.packets == 2 && info.link_types == [LinkType::ETHERNET]);
            assert_eq!(info.bytes, bytes.len() as u64);
        }
    }
}

#[test]
fn before_version_2_3_the_wire_length_stands_first() {
    for (minor, words) in [(2, [1, 2, 60, 3]), (3, [1, 2, 60, 3]), (3, [1, 2, 3, 60])] {
        let mut bytes = LE.pcap_header(0xa1b2_c3d4, minor, 1);
        bytes.extend(LE.record(words, 0, b"abc"));
        let (seen, gaps, _) = read(&bytes);
        assert_eq!((seen[0].1.as_slice(), seen[0].2, gaps.len()), (b"abc".as_slice(), 60, 0));
    }
}

#[test]
fn pcapng_sections_interfaces_resolutions_and_all_packet_blocks_are_read() {
    let (seen, gaps, info) = read(&rich_pcapng());
    assert_eq!(gaps, []);
    assert_eq!(seen, rich_frames());
    assert_eq!(info.link_types, [LinkType::ETHERNET, LinkType::RAW, LinkType::LINUX_SLL2]);
    assert_eq!(info.first, Some(Timestamp::from_nanos(7_000)));
    assert_eq!(info.last, Some(Timestamp::from_nanos(101_500_000_000)));
    assert!(info.complete);
}

#[test]
fn times_beyond_the_range_are_clamped() {
    let mut bytes = LE.section();
    bytes.extend(LE.interface(1, 0, &[(9, &[0]), (14, &i64::MAX.to_le_bytes())]));
    bytes.extend(LE.interface(1, 0, &[(14, &i64::MIN.to_le_bytes())]));
    bytes.extend(LE.interface(1, 0, &[(9, &[127])]));
    bytes.extend(LE.interface(1, 0, &[(9, &[255])]));
    for interface in 0..4 {
        bytes.extend(LE.enhanced(interface, u64::MAX, 1, b"a"));
    }
    let (seen, gaps, _) = read(&bytes);
    assert_eq!(gaps, []);
    let times: Vec<i64> = seen.iter().map(|frame| frame.0).collect();
    assert_eq!(times, [i64::MAX, i64::MIN, 0, 0]);
}

#[test]
fn a_file_cut_at_any_byte_gives_all_frames_before_the_cut_and_a_gap() {
    for whole in [pcap_at(&[5, 6, 7]), rich_pcapng()] {
        let (all, _, _) = read(&whole);
        for cut in 4..whole.len() {
            let (_folder, path) = file("cut.cap", &whole[..cut]);
            let mut source = CaptureFiles::open(&[path], &FileOptions::default()).unwrap();
            let seen = drain(&mut source, 2);
            assert_eq!(seen, all[..seen.len()]);
            let gaps = source.take_gaps();
            let info = source.captures().remove(0);
            assert_eq!(info.complete, gaps.is_empty());
            assert!(gaps.iter().all(|gap| gap.kind == "truncated" && gap.offset.unwrap() < cut as u64));
        }
        for cut in 0..4 {
            assert!(open_error(&whole[..cut]).contains("no capture"));
        }
    }
    let whole = pcap_at(&[5, 6, 7]);
    let (seen, gaps, _) = read(&whole[..whole.len() - 1]);
    assert_eq!((seen.len(), gaps[0].offset), (2, Some(24 + 2 * 17)));
}

#[test]
fn an_absurd_length_ends_the_file_with_its_offset_and_leaves_others_alone() {
    let mut broken = pcap_at(&[1_000_000]);
    let offset = broken.len() as u64;
    broken.extend(LE.record([3, 0, 262_145, 60], 0, b"x"));
    let (_a, broken) = file("broken.pcap", &broken);
    let (_b, sound) = file("sound.pcap", &pcap_at(&[2_000_000, 9_000_000]));
    let mut source = CaptureFiles::open(&[broken.clone(), sound], &FileOptions::default()).unwrap();
    assert_eq!(drain(&mut source, 100).len(), 3);
    let gaps = source.take_gaps();
    assert_eq!((gaps.len(), gaps[0].kind, gaps[0].offset), (1, "corrupt", Some(offset)));
    assert_eq!(gaps[0].source, broken.to_string_lossy());
    assert_eq!(gaps[0].at, Some(Timestamp::from_nanos(1_000_000_000)));
    assert!(source.take_gaps().is_empty());
}

#[test]
fn broken_pcapng_blocks_are_corrupt_at_their_offset() {
    let mut start = LE.section();
    start.extend(LE.interface(1, 0, &[]));
    let mut unequal = LE.enhanced(0, 1, 1, b"a");
    *unequal.last_mut().unwrap() = 9;
    let mut unequal_unknown = LE.block(0x55, &[0; 40]);
    *unequal_unknown.last_mut().unwrap() = 9;
    let mut zeros = vec![0; 64];
    zeros[0] = 6;
    for bad in [unequal, unequal_unknown, zeros, LE.enhanced(1, 1, 1, b"a"), LE.block(6, b"short")] {
        let bytes = [start.clone(), LE.enhanced(0, 1, 1, b"a"), bad].concat();
        let (seen, gaps, info) = read(&bytes);
        assert_eq!((seen.len(), gaps.len(), info.complete), (1, 1, false));
        assert_eq!((gaps[0].kind, gaps[0].offset), ("corrupt", Some(start.len() as u64 + 36)));
    }
}

#[test]
fn a_huge_unknown_block_is_passed_over() {
    let mut bytes = LE.section();
    bytes.extend(LE.interface(1, 0, &[]));
    bytes.extend(LE.block(0x4000_0bad, &vec![3; 5 << 20]));
    bytes.extend(LE.enhanced(0, 1, 1, b"a"));
    let (seen, gaps, _) = read(&bytes);
    assert_eq!((seen.len(), gaps.len()), (1, 0));
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

#[test]
fn compressed_captures_are_read_and_hashed_as_stored() {
    let plain = rich_pcapng();
    let (front, back) = plain.split_at(100);
    let stored = [
        gzip(&plain),
        [gzip(front), gzip(back)].concat(),
        zstd::encode_all(plain.as_slice(), 1).unwrap(),
        zstd::encode_all(gzip(&plain).as_slice(), 1).unwrap(),
    ];
    for bytes in stored {
        let (seen, gaps, info) = read(&bytes);
        assert_eq!((seen, gaps.len()), (rich_frames(), 0));
        let digest = ring::digest::digest(&ring::digest::SHA256, &bytes);
        let hex = input::hex(digest.as_ref());
        assert_eq!((info.sha256, info.bytes), (Some(hex), bytes.len() as u64));
    }
}

#[test]
fn a_broken_compressed_stream_gives_what_came_before() {
    let times: Vec<u32> = (0..200).collect();
    let plain = pcap_at(&times);
    let zipped = gzip(&plain);
    let (seen, gaps, info) = read(&zipped[..zipped.len() / 2]);
    assert!(!info.complete && seen.len() < 200);
    assert_eq!((gaps.len(), gaps[0].kind), (1, "truncated"));
    let mut bad_sum = zipped.clone();
    let at = bad_sum.len() - 6;
    bad_sum[at] ^= 1;
    let (seen, gaps, _) = read(&bad_sum);
    assert_eq!((seen.len(), gaps.len(), gaps[0].kind), (200, 1, "corrupt"));
    // zstd gives nothing of a block before its end: several blocks of at most 128 KiB are needed.
    let long: Vec<u8> = [plain.clone(), LE.record([1, 2, 200_000, 200_000], 0, &vec![7; 200_000])].concat();
    let squeezed = zstd::encode_all(long.as_slice(), 1).unwrap();
    let (seen, gaps, _) = read(&squeezed[..squeezed.len() - 3]);
    assert_eq!((seen.len(), gaps.len(), gaps[0].kind), (200, 1, "truncated"));
    // Nothing at all came out: nobody can say that it was a capture.
    assert!(open_error(&zipped[..12]).contains("cannot read capture"));
}

#[test]
fn files_are_merged_by_time_and_ties_go_to_the_file_named_first() {
    let files = [pcap_at(&[10, 40, 40, 90]), pcap_at(&[20, 30, 40, 35, 100]), rich_pcapng()];
    let kept: Vec<_> = files.iter().map(|bytes| file("x.cap", bytes)).collect();
    let paths: Vec<PathBuf> = kept.iter().map(|(_, path)| path.clone()).collect();
    for budget in [1, 2, 1000] {
        let mut source = CaptureFiles::open(&paths[..2], &FileOptions::default()).unwrap();
        let order: Vec<i64> = drain(&mut source, budget).iter().map(|frame| frame.0 / 1000).collect();
        assert_eq!(order, [10, 20, 30, 40, 40, 40, 35, 90, 100]);
        let points = source.points();
        assert_eq!(points.iter().map(|point| point.id).collect::<Vec<_>>(), [0, 1]);
        assert_eq!(source.bytes_read(), source.bytes_total().unwrap());
    }
    let mut source = CaptureFiles::open(&paths, &FileOptions::default()).unwrap();
    assert_eq!(drain(&mut source, 2).len(), 15);
}

#[test]
fn a_filter_lets_pass_what_it_names_and_counts_the_rest() {
    let udp = [&[0_u8; 12][..], &[8, 0, 0x45], &[0; 8], &[17], &[0; 20]].concat();
    let mut bytes = LE.pcap_header(0xa1b2_c3d4, 4, 1);
    bytes.extend(LE.record([1, 0, u32::try_from(udp.len()).unwrap(), 60], 0, &udp));
    bytes.extend(LE.record([2, 0, 3, 60], 0, b"abc"));
    let (_folder, path) = file("a.pcap", &bytes);
    let options = |filter: &str| FileOptions { filter: Some(filter.to_owned()), hash: false, prompt: false };
    let mut source = CaptureFiles::open(std::slice::from_ref(&path), &options("udp")).unwrap();
    assert_eq!(drain(&mut source, 10).len(), 1);
    assert_eq!((source.filtered(), source.captures()[0].packets), (1, 2));
    assert_eq!(source.captures()[0].sha256, None);
    let error = CaptureFiles::open(&[path], &options("udp andd tcp")).err().unwrap().to_string();
    assert!(error.contains("`udp andd tcp`") && error.contains("syntax"), "{error}");
}

#[test]
fn what_is_no_capture_is_refused_with_what_it_is() {
    assert!(open_error(b"").contains("an empty file"));
    assert!(open_error(b"PK\x03\x04zip").contains("zip"));
    assert!(open_error(b"\x7fELF and more of it").contains("7f 45 4c 46"));
    assert!(open_error(&gzip(b"hello world, no capture")).contains("68 65 6c 6c"));
    let mut version = pcap_at(&[1]);
    version[4] = 99;
    assert!(open_error(&version).contains("version 99.4"));
    let missing = CaptureFiles::open(&[PathBuf::from("/nowhere/x.pcap")], &FileOptions::default());
    assert!(missing.err().unwrap().to_string().contains("/nowhere/x.pcap"));
    let folder = tempfile::tempdir().unwrap();
    assert!(CaptureFiles::open(&[folder.path().to_owned()], &FileOptions::default()).is_err());
}

#[test]
fn ten_thousand_interfaces_share_a_bounded_number_of_points() {
    let mut bytes = LE.section();
    for number in 0..10_000 {
        bytes.extend(LE.interface(1, 0, &[(2, format!("if{number}").as_bytes())]));
    }
    bytes.extend(LE.enhanced(9_999, 1, 1, b"a"));
    let (_folder, path) = file("many.pcapng", &bytes);
    let mut source = CaptureFiles::open(&[path], &FileOptions::default()).unwrap();
    assert_eq!(drain(&mut source, 10).len(), 1);
    assert_eq!(source.points().len(), delivery::MAX_POINTS_PER_FILE);
}

#[test]
fn every_shared_capture_opens_or_says_why_not() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/captures");
    if !root.is_dir() {
        eprintln!("skipped: no {}", root.display());
        return;
    }
    for folder in ["open", "hostile"] {
        for entry in std::fs::read_dir(root.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|ending| ending == "tsv") {
                continue;
            }
            let options = FileOptions { filter: None, hash: false, prompt: false };
            let result = CaptureFiles::open(std::slice::from_ref(&path), &options).map(|mut source| {
                let mut frames = 0_u64;
                while source.pump(1000, &mut |_| frames += 1).unwrap() != Pump::End {}
                let gaps: Vec<String> = source.take_gaps().into_iter().map(|gap| gap.detail).collect();
                (frames, gaps.join("; "))
            });
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            match result {
                Ok((frames, gaps)) => println!("COUNT\t{folder}/{name}\t{frames}\t{gaps}"),
                Err(error) => {
                    assert!(folder == "hostile", "{error}");
                    println!("COUNT\t{folder}/{name}\terror\t{error}");
                }
            }
        }
    }
}

fn mangled() -> impl Strategy<Value = Vec<u8>> {
    let seeds = prop_oneof![Just(pcap_at(&[1, 2, 3])), Just(rich_pcapng()), Just(gzip(&rich_pcapng()))];
    let edits = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6);
    (seeds, edits).prop_map(|(mut bytes, edits)| {
        for (at, value) in edits {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        bytes
    })
}

proptest! {
    #[test]
    fn any_bytes_end_without_panic(
        bytes in prop_oneof![mangled(), prop::collection::vec(any::<u8>(), 0..300)]
    ) {
        let (_folder, path) = file("any.cap", &bytes);
        if let Ok(mut source) = CaptureFiles::open(&[path], &FileOptions::default()) {
            let frames = drain(&mut source, 4).len() as u64;
            prop_assert_eq!(frames, source.captures()[0].packets);
        }
    }
}
