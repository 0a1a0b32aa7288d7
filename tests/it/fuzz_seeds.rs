//! The seeds of the fuzz targets of `decode` and `capture`, made by the builder of this test. `UPDATE_EXPECT=1` writes
//! them. (Those of `inspect` are made beside its unit tests.)

use std::collections::BTreeMap;
use std::path::Path;

use whither::{capture, decode};

use crate::builder::file::{self, Frame, block, option};
use crate::builder::net::{self, Wire, local, remote};

/// Parts of an input: a first byte, two of length, the bytes.
fn parts(all: &[(u8, &[u8])]) -> Vec<u8> {
    let part = |(first, bytes): &(u8, &[u8])| {
        [&[*first][..], &u16::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat()
    };
    all.iter().flat_map(part).collect()
}

/// A piece of a datagram as the target `fragments` takes it.
fn piece(flags: u8, at: u16, payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len()).unwrap();
    [&[flags][..], &at.to_be_bytes(), &[length], payload].concat()
}

fn packet() -> Vec<u8> {
    let (from, to) = (local("192.168.1.23"), remote("101.226.90.1"));
    let body = net::udp((from.ip, 40_000), (to.ip, 53), b"a question, and some more to cut");
    net::ip(from.ip, to.ip, 17, &body)
}

fn frame(wire: Wire) -> Vec<u8> {
    wire.frame(local("192.168.1.23"), remote("101.226.90.1"), &packet())
}

/// The last 32 octets of a frame by PCAPdroid, without their checksum.
fn trailer() -> Vec<u8> {
    let name = b"WeChat\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    [&[0x01, 0x07, 0x20, 0x21][..], &10_123_u32.to_be_bytes(), name, &[0; 4]].concat()
}

/// Apple's header in front of a packet.
fn pktap() -> Vec<u8> {
    let mut header = vec![0; 108];
    (header[0], header[4], header[8], header[52], header[84]) = (108, 1, 101, 90, 7);
    header[56..60].copy_from_slice(b"curl");
    header[88..94].copy_from_slice(b"WeChat");
    [header, packet()].concat()
}

/// A pcapng file with every kind of block that is read.
fn blocks() -> Vec<u8> {
    let frame = Frame { time: 1_700_000_000_000_000_000, bytes: frame(Wire::Ethernet) };
    let names = b"\x01\0\x0e\0\xcb\0\x71\x09a.example\0\0\0\0\0\0\0";
    let process = [&90_u32.to_le_bytes()[..], &option(2, b"curl"), &option(0, b"")].concat();
    let custom = [&62_652_u32.to_le_bytes()[..], &10_123_u32.to_be_bytes(), b"WeChat\0\0"].concat();
    let length = u32::try_from(frame.bytes.len()).unwrap().to_le_bytes();
    [
        file::pcapng_section(&["en0", "lo0"], &[(0, &frame), (1, &frame)]),
        block(4, names),
        block(0x8000_0001, &process),
        block(0x0bad, &custom),
        block(10, b"secrets."),
        block(3, &[&length[..], &frame.bytes].concat()),
        file::unknown_block(),
    ]
    .concat()
}

fn seeds() -> BTreeMap<(&'static str, &'static str), Vec<u8>> {
    let wires =
        [Wire::Vlan(7), Wire::QinQ(1, 2), Wire::Pppoe(3), Wire::Gre(4), Wire::Vxlan(5), Wire::GtpU(6)];
    let tunnels: Vec<Vec<u8>> = wires.into_iter().map(frame).collect();
    let all: Vec<(u8, &[u8])> = tunnels.iter().map(|f| (0, f.as_slice())).collect();
    let pieces: Vec<Vec<u8>> = net::fragments(&packet(), 9, 16);
    let cut: Vec<(u8, &[u8])> = pieces.iter().map(|f| (1, f.as_slice())).collect();
    let udp = b"\x9c\x40\x00\x35\x00\x28\0\0a question, and s";
    let whole = [piece(1, 0, udp), piece(0, 3, b"ome more to cut.")].concat();
    let reversed = [piece(10, 3, b"ome more to cut."), piece(11, 0, udp)].concat();
    let overlapping =
        [piece(1, 0, udp), piece(1, 1, b"otherwise"), piece(64, 200, b"late"), piece(129, 9, b"long")];
    let ethernet = [&[0; 12][..], &[8, 0], &packet()[..], &[0; 2], &trailer()].concat();
    let log =
        [&[2, 0, 0, 5][..], &[8, 0, 11, 0, 0, 0, 0x27, 0x8b], &[0x20, 0, 9, 0], &packet()[..28]].concat();
    let frames = [Frame { time: 1_700_000_000_123_456_789, bytes: frame(Wire::Ethernet) }];
    BTreeMap::from([
        (("frames", "tunnels"), parts(&all)),
        (("frames", "fragments"), parts(&cut)),
        (("frames", "raw"), parts(&[(1, &packet()), (2, &[&[2, 0, 0, 0], &packet()[..]].concat())])),
        (("fragments", "whole"), whole),
        (("fragments", "reversed"), reversed),
        (("fragments", "overlapping"), overlapping.concat()),
        (("capture", "pcap"), file::pcap(&frames)),
        (("capture", "nanos-gzip"), file::gzip(&file::pcap_nanos(&frames))),
        (("capture", "big-endian-zstd"), file::zstd(&file::pcap_big_endian(&frames))),
        (("capture", "blocks"), blocks()),
        (("origin", "trailer"), parts(&[(0x80, &ethernet), (0, &packet())])),
        (("origin", "headers"), parts(&[(2, &pktap()), (3, &log), (1, &packet())])),
    ])
}

#[test]
fn the_corpora_hold_what_the_builders_make_and_every_target_takes_its_own() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    let seeds = seeds();
    for (name, entry) in decode::fuzz::TARGETS.iter().chain(capture::fuzz::TARGETS) {
        let own: Vec<_> = seeds.iter().filter(|((target, _), _)| target == name).collect();
        assert!(!own.is_empty(), "{name} has no seed");
        for ((_, seed), bytes) in own {
            let path = root.join(name).join(seed);
            if std::env::var_os("UPDATE_EXPECT").is_some() {
                std::fs::create_dir_all(root.join(name)).unwrap();
                std::fs::write(&path, bytes).unwrap();
            }
            let kept = std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            assert!(
                kept == *bytes,
                "{} is not what the builder makes; UPDATE_EXPECT=1 writes it",
                path.display()
            );
            entry(bytes);
        }
    }
}
