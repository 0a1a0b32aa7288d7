//! Entries for fuzzing: each takes any bytes and must come back without a panic, in bounded time and memory.
//!
//! The targets under `fuzz/` call these, and so does a test of every ordinary run, for each file of the corpora and for
//! past crashes (`tests/it/fuzz_replay.rs`). No part of the public contract.

#[cfg(test)]
mod seeds;

use crate::model::{DnsObservation, Endpoint, Facts, Protocol, Timestamp};

use super::{InspectConfig, Inspector, Progress, Segment};

/// A target's name and entry.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: &[Target] = &[
    ("stream", |data| run(data, Protocol::TCP, 8443)),
    ("datagrams", |data| run(data, Protocol::UDP, 8443)),
    ("tls", |data| run(data, Protocol::TCP, 443)),
    ("client_hello", super::tls::fuzz_client_hello),
    ("certificate", super::tls::fuzz_certificate),
    ("quic", |data| run(data, Protocol::UDP, 443)),
    ("quic_frames", super::quic::fuzz_frames),
    ("dtls", |data| run(data, Protocol::UDP, 4433)),
    ("dns", |data| run(data, Protocol::UDP, 53)),
    ("dns_stream", |data| run(data, Protocol::TCP, 53)),
    ("http", |data| run(data, Protocol::TCP, 80)),
    ("http2", |data| run(data, Protocol::TCP, 8080)),
    ("hpack", super::http2::fuzz_block),
    ("socks", |data| run(data, Protocol::TCP, 1080)),
    ("stun", |data| run(data, Protocol::UDP, 3478)),
];

/// The entry of that name.
pub fn target(name: &str) -> Option<fn(&[u8])> {
    TARGETS.iter().find(|(known, _)| *known == name).map(|(_, entry)| *entry)
}

/// Segments of one flow, as an input is made of them: a byte of flags (1: from the server), two of length, the payload.
fn segments(mut data: &[u8]) -> impl Iterator<Item = (bool, &[u8])> {
    std::iter::from_fn(move || {
        let [flags, high, low, rest @ ..] = data else { return None };
        let length = usize::from(u16::from_be_bytes([*high, *low])).min(rest.len());
        let (payload, after) = rest.split_at(length);
        data = after;
        Some((flags & 1 == 0, payload))
    })
}

/// Feeds a whole flow to new inspectors, as the meter would.
fn run(data: &[u8], protocol: Protocol, port: u16) {
    let mut inspector = Inspector::new(&InspectConfig::default());
    let client = Endpoint::new(std::net::Ipv4Addr::new(10, 0, 0, 1).into(), 40_000);
    let server = Endpoint::new(std::net::Ipv4Addr::new(192, 0, 2, 1).into(), port);
    let Some(mut state) = inspector.begin(protocol, [None, None]) else { return };
    let (mut facts, mut dns): (Facts, Vec<DnsObservation>) = (Facts::default(), Vec::new());
    let mut seqs = [1_u32, 1];
    for (number, (forward, payload)) in segments(data).enumerate() {
        let [up, down] = &mut seqs;
        let seq = if forward { up } else { down };
        let (from, to) = if forward { (client, server) } else { (server, client) };
        let payload_len = u32::try_from(payload.len()).unwrap_or(u32::MAX);
        let segment = Segment {
            time: Timestamp::from_parts(i64::try_from(number).unwrap_or(i64::MAX) / 100, 0),
            protocol,
            from,
            to,
            forward,
            seq: (protocol == Protocol::TCP).then_some(*seq),
            payload,
            payload_len,
        };
        *seq = seq.wrapping_add(payload_len);
        let progress = inspector.feed(&mut state, &segment, &mut facts, &mut dns);
        assert!(facts.names.len() <= Facts::MAX_NAMES, "names are bounded");
        if progress == Progress::Settled {
            break;
        }
    }
    let _ = inspector.limits();
}
