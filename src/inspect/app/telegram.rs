//! MTProto of Telegram: its transports by their marker and the first plain message; the obfuscated one, which is random
//! by design, only at Telegram's own addresses; and the relays of its calls.

use std::net::IpAddr;

use super::fingerprint::{Answer, Front, all, distinct, has, le32};
use super::trace::Trace;

/// Telegram's own networks, as core.telegram.org/resources/cidr.txt lists them and the catalogue repeats: (first bits,
/// length). A test holds both together.
pub(super) const NETWORKS_V4: [([u8; 4], u8); 8] = [
    ([149, 154, 160, 0], 20),
    ([185, 76, 151, 0], 24),
    ([91, 105, 192, 0], 23),
    ([91, 108, 4, 0], 22),
    ([91, 108, 8, 0], 22),
    ([91, 108, 12, 0], 22),
    ([91, 108, 16, 0], 21),
    ([91, 108, 56, 0], 22),
];
const NETWORKS_V6: [(u128, u8); 4] = [
    (0x2001_067c_04e8_0000_0000_0000_0000_0000, 48),
    (0x2001_0b28_f23c_0000_0000_0000_0000_0000, 47),
    (0x2001_0b28_f23f_0000_0000_0000_0000_0000, 48),
    (0x2a0a_f280_0000_0000_0000_0000_0000_0000, 32),
];
/// Ports of Telegram's servers.
const PORTS: [u16; 3] = [443, 80, 5222];
/// Bytes of an obfuscated greeting.
const OBFUSCATED: usize = 64;
/// Distinct values among 64 random bytes: 56 on average; below 40 it is no random text (probability under 10⁻⁹).
const DISTINCT: usize = 40;

/// Whether the address is Telegram's own.
pub(super) fn is_telegram(addr: IpAddr) -> bool {
    match addr.to_canonical() {
        IpAddr::V4(v4) => NETWORKS_V4.iter().any(|(net, length)| {
            let mask = u32::MAX << (32 - u32::from(*length));
            u32::from_be_bytes(*net) == v4.to_bits() & mask
        }),
        IpAddr::V6(v6) => NETWORKS_V6
            .iter()
            .any(|(net, length)| *net == v6.to_bits() & (u128::MAX << (128 - u32::from(*length)))),
    }
}

/// The first plain message: no key yet, a client's message id, and the constructor `req_pq` or `req_pq_multi`.
fn request_pq(bytes: &[u8], at: usize) -> Answer {
    all([
        has(bytes, at, &[0; 8]),
        bytes.get(at + 8).map(|low| low.is_multiple_of(4)),
        le32(bytes, at + 16).map(|length| (20..=64).contains(&length)),
        le32(bytes, at + 20).map(|constructor| matches!(constructor, 0x6046_9778 | 0xbe7e_8ef1)),
    ])
}

/// A transport's marker with the plain request for a key behind it.
pub(super) fn mtproto(front: &Front<'_>) -> Answer {
    let bytes = front.bytes;
    match *bytes.first()? {
        0xef => all([bytes.get(1).map(|words| (6..0x7f).contains(words)), request_pq(bytes, 2)]),
        marker @ (0xee | 0xdd) => all([
            has(bytes, 0, &[marker; 4]),
            le32(bytes, 4).map(|length| (40..=256).contains(&length)),
            request_pq(bytes, 8),
        ]),
        // Full: length, sequence number 0.
        _ => all([
            le32(bytes, 0).map(|length| (40..=256).contains(&length)),
            has(bytes, 2, &[0; 6]),
            request_pq(bytes, 8),
        ]),
    }
}

/// At Telegram's own addresses and ports: a transport's marker, or a greeting that looks random.
pub(super) fn mtproto_at_home(front: &Front<'_>) -> Answer {
    if !is_telegram(front.server.addr) || !PORTS.contains(&front.server.port) {
        return Some(false);
    }
    let bytes = front.bytes;
    if bytes.starts_with(&[0xee; 4]) || bytes.starts_with(&[0xdd; 4]) || bytes.first() == Some(&0xef) {
        return Some(true);
    }
    // TLS and HTTP are never random; the obfuscated transport avoids their beginnings (and a zero second word).
    if matches!(bytes, [22, 3, ..] | [20..=23, 3, 0..=4, ..] | [b'A'..=b'Z', b'A'..=b'Z', ..]) {
        return Some(false);
    }
    Some(distinct(bytes.get(..OBFUSCATED)?) >= DISTINCT)
}

/// A relay of calls answers its peer's tag: 16 bytes, then twelve of `ff`.
pub(super) fn relay(trace: &Trace<'_>) -> Answer {
    if trace.now.len() < 32 || trace.now.get(16..28) != Some(&[0xff; 12]) {
        return Some(false);
    }
    let tag = trace.now.get(..16)?;
    if tag.iter().all(|b| Some(b) == tag.first()) {
        return Some(false);
    }
    let echo = trace.answers(|earlier| {
        earlier.head().get(..16) == Some(tag) && earlier.head().get(16..28) == Some(&[0xff; 12])
    });
    echo.then_some(true)
}
