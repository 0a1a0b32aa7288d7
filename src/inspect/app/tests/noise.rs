//! Random bytes are nobody's, and so are sparse ones: mostly zeros and small numbers, as the headers of binary protocols
//! are. Every fingerprint is asked alone, at each port that a guard knows, so that one which
//! stands behind another in the table is not hidden by it, and a port does not pass for proof.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::*;

/// Fronts and datagrams tried; what takes less than some 20 bits by chance is met.
const ROUNDS: usize = 100_000;
/// What a reader of streams holds at most of what is random here.
const FRONT: usize = 4096;
/// Ports of guards, and one of nobody's.
const PORTS: [u16; 22] = [
    443, 1024, 4001, 4070, 4244, 5222, 5242, 6445, 7000, 8000, 8801, 9999, 17_500, 20_002, 20_086, 21_027,
    25_565, 27_036, 37_020, 54_321, 56_700, 33_333,
];

/// Random bytes, the same on every run (splitmix64).
fn random(seed: u64, count: usize) -> Vec<u8> {
    let mut state = seed;
    let mut word = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    std::iter::repeat_with(|| word().to_le_bytes()).flatten().take(count).collect()
}

/// The same, of few values and half of them zeros.
fn sparse(seed: u64, count: usize) -> Vec<u8> {
    const VALUES: [u8; 16] = [0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 8, 0x10, 0x20, 0xff];
    let value = |byte: u8| VALUES.get(usize::from(byte & 15)).copied().unwrap();
    random(seed, count).into_iter().map(value).collect()
}

fn end(addr: [u8; 4], port: u16) -> Endpoint {
    Endpoint::new(IpAddr::from(addr), port)
}

/// Adds the names of all fingerprints that one piece of random bytes meets: as the front of a stream, as a datagram
/// alone, and as the answer to another.
fn ask(bytes: &[u8], lengths: (usize, usize), port: u16, met: &mut BTreeMap<&'static str, usize>) {
    let server = end([192, 0, 2, 1], port);
    let client = end([10, 0, 0, 1], 40_000);
    let front = Front { bytes, server };
    let (first, second) = bytes.split_at(bytes.len() / 2);
    let (asked, now) = (first.get(..lengths.0).unwrap(), second.get(..lengths.1).unwrap());
    let before = [Datagram::new(true, asked)];
    for fingerprint in FINGERPRINTS {
        let trace = |before| Trace { before, now, forward: false, client, server };
        let said = match fingerprint.test {
            Test::Stream(test) => test(&front) == Some(true),
            Test::Datagrams(test) => test(&trace(&[])) == Some(true) || test(&trace(&before)) == Some(true),
        };
        if said {
            *met.entry(fingerprint.name).or_default() += 1;
        }
    }
}

/// What fingerprints of applications meet in `rounds` pieces of what `draw` gives.
fn met_in(rounds: usize, draw: impl Fn(u64, usize) -> Vec<u8>) -> BTreeMap<&'static str, usize> {
    let mut met = BTreeMap::new();
    // One draw serves as many fronts as it has bytes: each begins one byte further on.
    for turn in 0..rounds.div_ceil(ROUNDS) {
        let bytes = draw(0x5eed + u64::try_from(turn).unwrap(), ROUNDS + FRONT);
        for (round, front) in bytes.windows(FRONT).take(rounds.min(ROUNDS)).enumerate() {
            let lengths = (1 + (round * 13) % 64, 1 + (round * 7) % 400);
            ask(front, lengths, *PORTS.get(round % PORTS.len()).unwrap(), &mut met);
        }
    }
    met.retain(|name, _| FINGERPRINTS.iter().any(|f| f.name == *name && matches!(f.owner, Owner::App(_))));
    met
}

/// More rounds for who has the time.
fn rounds() -> usize {
    std::env::var("NOISE_ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(ROUNDS)
}

#[test]
fn random_bytes_are_no_applications_protocol() {
    assert_eq!(met_in(rounds(), random), BTreeMap::new());
}

#[test]
fn sparse_bytes_are_no_applications_protocol() {
    let mut met = met_in(rounds(), sparse);
    // At its own two ports Viber's stream is known by a small number that counts up where one frame ends: that is all there
    // is, and small numbers are what sparse bytes have.
    met.remove("viber");
    assert_eq!(met, BTreeMap::new());
}
