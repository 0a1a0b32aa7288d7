//! WhatsApp, Viber, KakaoTalk, LINE, Zalo, Discord.

use super::fingerprint::{Answer, Front, all, any, be16, distinct, has, index, le16, le32};
use super::trace::{Datagram, Trace};

/// Viber's servers listen here.
const VIBER_PORTS: [u16; 4] = [4244, 5242, 5243, 9785];
/// Distinct values among 256 sealed bytes: 162 on average, with a deviation of 7.
const LOCO_DISTINCT: usize = 100;
/// Lengths of a Zalo call's greeting (libprotoident).
const ZALO_LENGTHS: [usize; 4] = [26, 27, 34, 42];

fn be24(bytes: &[u8], at: usize) -> Option<u32> {
    let low = be16(bytes, at + 1)?;
    bytes.get(at).map(|high| u32::from(*high) << 16 | u32::from(low))
}

/// WhatsApp's Noise greeting: `WA`, a version and a framed ClientHello; before it, an edge's routing information may
/// stand (`ED`, version 0.1, a framed message). The older binary protocol has a stream header (`f8`) in its first frame.
pub(super) fn whatsapp(front: &Front<'_>) -> Answer {
    let bytes = front.bytes;
    match bytes.first()? {
        b'E' => {
            if !has(bytes, 0, b"ED\x00\x01")? {
                return Some(false);
            }
            let routing = be24(bytes, 4)?;
            if routing > 256 {
                return Some(false);
            }
            wa_header(bytes, 7 + index(routing))
        }
        b'W' => wa_header(bytes, 0),
        _ => Some(false),
    }
}

fn wa_header(bytes: &[u8], at: usize) -> Answer {
    let hello = all([
        bytes.get(at + 7).map(|tag| *tag == 0x12),
        be24(bytes, at + 4).map(|length| (0x24..0x1000).contains(&length)),
    ]);
    let stream = all([
        bytes.get(at + 7).map(|tag| *tag == 0xf8),
        be24(bytes, at + 4).map(|length| (4..0x100).contains(&length)),
    ]);
    all([
        has(bytes, at, b"WA"),
        bytes.get(at + 2).map(|major| (1..=6).contains(major)),
        bytes.get(at + 3).map(|minor| *minor <= 0x10),
        any([hello, stream]),
    ])
}

/// Viber's stream: frames whose lengths chain and whose numbers count up; or a greeting that names its session twice.
pub(super) fn viber(front: &Front<'_>) -> Answer {
    let bytes = front.bytes;
    if !VIBER_PORTS.contains(&front.server.port) {
        return Some(false);
    }
    let length = le16(bytes, 0)?;
    if !(16..=4096).contains(&length) {
        return Some(false);
    }
    if le32(bytes, 2)? < 0x1000 && !has(bytes, 6, &[0xfc, 0xff])? {
        // The greeting is answered; only the next frame of this side shows the count.
        let next = usize::from(length);
        let counted = le32(bytes, 2)?.checked_add(1);
        return all([
            le16(bytes, next).map(|length| length >= 16),
            le32(bytes, next + 2).map(|number| Some(number) == counted),
        ]);
    }
    let session = bytes.get(2..6)?;
    all([has(bytes, 6, &[0xfc, 0xff, 3, 0x80]), has(bytes, 14, &[0; 6]), has(bytes, 20, session)])
}

/// The eight bytes that name a call, in a message of the long or the short `types`; the long one has a fixed number.
fn viber_id(bytes: &[u8], types: [u8; 2], fixed: [u8; 2]) -> Option<&[u8]> {
    let [long, short] = types;
    match bytes.get(2..4)? {
        [kind, 0] if *kind == long && bytes.get(4..6) == Some(&fixed) => bytes.get(6..14),
        [kind, 0] if *kind == short => bytes.get(4..12),
        _ => None,
    }
}

/// Viber's media relay: the answer repeats the call's eight bytes, in a message of the matching type.
pub(super) fn viber_media(trace: &Trace<'_>) -> Answer {
    fn ask(bytes: &[u8]) -> Option<&[u8]> {
        viber_id(bytes, [0x01, 0x19], [5, 0])
    }
    let kind = |bytes: &[u8]| bytes.get(2).map(|kind| kind & 0x10);
    let same = |a: &[u8], b: &[u8]| a.get(..2) == b.get(..2) && kind(a) == kind(b);
    if let Some(id) = viber_id(trace.now, [0x0c, 0x1a], [1, 0]) {
        let met = |earlier: &Datagram| {
            let head = earlier.head();
            same(head, trace.now) && ask(head) == Some(id)
        };
        return trace.answers(met).then_some(true);
    }
    // Other messages of the call may lie between the two.
    if ask(trace.now).is_some() || trace.before.iter().any(|earlier| ask(earlier.head()).is_some()) {
        return None;
    }
    Some(false)
}

/// LOCO of KakaoTalk: an RSA-encrypted key of 256 bytes with the numbers of its two ciphers.
pub(super) fn loco(front: &Front<'_>) -> Answer {
    let bytes = front.bytes;
    all([
        has(bytes, 0, &[0, 1, 0, 0]),
        le32(bytes, 4).map(|cipher| (1..=20).contains(&cipher)),
        le32(bytes, 8).map(|cipher| (1..=4).contains(&cipher)),
        bytes.get(12..268).map(|sealed| distinct(sealed) >= LOCO_DISTINCT),
        le32(bytes, 268).map(|length| (16..1 << 16).contains(&length)),
    ])
}

/// LINE's calls: both sides begin with a nibble `d` and the type 6.2 behind two numbers.
pub(super) fn line_call(trace: &Trace<'_>) -> Answer {
    let shape = |bytes: &[u8]| {
        bytes.len() >= 64 && bytes.first().is_some_and(|b| b >> 4 == 0xd) && bytes.get(4..6) == Some(&[6, 2])
    };
    if !shape(trace.now) {
        return Some(false);
    }
    trace.answers(|earlier| shape(earlier.head())).then_some(true)
}

/// Zalo's calls: the same four bytes and one of four lengths on both sides.
pub(super) fn zalo_call(trace: &Trace<'_>) -> Answer {
    if !has(trace.now, 0, &[1, 1, 0, 0]).unwrap_or(false) || !ZALO_LENGTHS.contains(&trace.now.len()) {
        return Some(false);
    }
    let met = |earlier: &Datagram| {
        ZALO_LENGTHS.contains(&earlier.length) && earlier.head().starts_with(&[1, 1, 0, 0])
    };
    trace.answers(met).then_some(true)
}

/// Discord's voice servers: the sign of life is repeated with its number, the address lookup with its stream id.
pub(super) fn discord(trace: &Trace<'_>) -> Answer {
    let now = trace.now;
    let alive = now.len() == 8 && now.starts_with(&[0x13, 0x37, 0xca, 0xfe]);
    let lookup = matches!(now.len(), 70 | 74) && matches!(now, [0, 1 | 2, 0, 0x42 | 0x46, ..]);
    if !alive && !lookup {
        return Some(false);
    }
    let met = |earlier: &Datagram| {
        let head = earlier.head();
        earlier.length == now.len()
            && if alive {
                head == now
            } else {
                head.get(4..8) == now.get(4..8) && head.get(1) == Some(&1) && now.get(1) == Some(&2)
            }
    };
    trace.answers(met).then_some(true)
}
