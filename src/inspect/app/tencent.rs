//! Tencent: MMTLS of WeChat, OICQ and MSF of QQ, the frames of its game platform.

use super::fingerprint::{Answer, Front, all, any, be16, be32, contains, has, has_one, index};
use super::trace::Trace;

/// Bytes of an HTTP head in which a User-Agent is looked for.
const HEAD: usize = 1024;
/// QQ's clients speak to this port of its servers.
const OICQ_PORT: u16 = 8000;
/// First byte of every OICQ datagram.
const OICQ_BEGIN: u8 = 2;
/// Last byte of every OICQ datagram.
const OICQ_END: u8 = 3;
/// Longest first frame of a QQ connection.
const MSF_FRAME: std::ops::RangeInclusive<u32> = 21..=1 << 20;

/// An MMTLS record header, and what its kind fixes behind it.
fn mmtls_record(bytes: &[u8]) -> Answer {
    let kind = *bytes.first()?;
    if !matches!(kind, 0x15..=0x17 | 0x19) {
        return Some(false);
    }
    all([
        has(bytes, 1, &[0xf1]),
        bytes.get(2).map(|version| matches!(version, 3 | 4)),
        be16(bytes, 3).map(|length| length > 0),
    ])
}

/// MMTLS: a hello whose two lengths agree, an alert, or two records in a chain.
pub(super) fn mmtls(front: &Front<'_>) -> Answer {
    mmtls_bytes(front.bytes)
}

fn mmtls_bytes(bytes: &[u8]) -> Answer {
    if !mmtls_record(bytes)? {
        return Some(false);
    }
    let length = u32::from(be16(bytes, 3)?);
    match bytes.first()? {
        0x16 | 0x19 => {
            // A hello; a handshake in the middle is followed by another record.
            let hello = all([
                be32(bytes, 5).map(|inner| inner.checked_add(4) == Some(length)),
                bytes.get(9).map(|kind| matches!(kind, 1 | 2)),
                any([has(bytes, 10, &[3, 0xf1]), has(bytes, 10, &[4, 0xf1])]),
            ]);
            any([hello, mmtls_chain(bytes, length)])
        }
        0x15 => all([has(bytes, 3, &[0, 7, 0, 0, 0, 3])]),
        _ => mmtls_chain(bytes, length),
    }
}

/// The record behind the first one has the same version.
fn mmtls_chain(bytes: &[u8], length: u32) -> Answer {
    let next = bytes.get(5 + index(length)..).filter(|rest| !rest.is_empty())?;
    all([mmtls_record(next), has(next, 1, bytes.get(1..3)?)])
}

/// MMTLS as the body of an HTTP request: path and User-Agent of WeChat's network library.
pub(super) fn mmtls_http(front: &Front<'_>) -> Answer {
    const METHOD: &[u8] = b"POST /mmtls/";
    if !has(front.bytes, 0, METHOD)? {
        return Some(false);
    }
    let path = front.bytes.get(METHOD.len()..)?;
    let name = path.iter().position(|b| *b == b' ').unwrap_or(path.len());
    let hex = path.get(..name)?;
    if !hex.iter().all(u8::is_ascii_hexdigit) || hex.len() > 16 {
        return Some(false);
    }
    let head = front.bytes.get(..HEAD).unwrap_or(front.bytes);
    let end = head.windows(4).position(|w| w == b"\r\n\r\n");
    let agent = contains(head.get(..end.unwrap_or(head.len()))?, b"MicroMessenger Client");
    if agent && hex.len() >= 8 {
        return Some(true);
    }
    (end.is_some() || head.len() >= HEAD).then_some(false)
}

/// What two OICQ datagrams of one exchange share: version, command and account.
fn oicq_shape(bytes: &[u8], end: Option<u8>) -> bool {
    let command = be16(bytes, 3).is_some_and(|command| (1..0x0400).contains(&command));
    bytes.first() == Some(&OICQ_BEGIN) && bytes.len() >= 20 && end.is_none_or(|e| e == OICQ_END) && command
}

/// OICQ to its port, with a version seen before; or both sides with the same version, command and account.
pub(super) fn oicq(trace: &Trace<'_>) -> Answer {
    if !oicq_shape(trace.now, trace.now.last().copied()) || !trace.port(&[OICQ_PORT]) {
        return Some(false);
    }
    if matches!(be16(trace.now, 1), Some(0x3b0b | 0x3b47)) {
        return Some(true);
    }
    let echo = trace.answers(|earlier| {
        oicq_shape(earlier.head(), None)
            && earlier.head().get(1..5) == trace.now.get(1..5)
            && earlier.head().get(7..11) == trace.now.get(7..11)
    });
    echo.then_some(true)
}

/// MSF, QQ's connection to its servers: length, the number 20140601, and the marker in the greeting.
pub(super) fn msf(front: &Front<'_>) -> Answer {
    let bytes = front.bytes;
    all([
        has(bytes, 0, &[0]),
        be32(bytes, 0).map(|length| MSF_FRAME.contains(&length)),
        has(bytes, 4, &[0x01, 0x33, 0x52, 0x39]),
        has(bytes, 12, b"\x04MSF\x05"),
    ])
}

/// The frames of Tencent's game platform (GCloud): three magics with what each fixes behind them.
pub(super) fn gcloud(front: &Front<'_>) -> Answer {
    let bytes = front.bytes;
    if !has_one(bytes, &[b"\x33\x66\0\x0b\0\x0b", b"\x43\x66\xaa\0", b"\x42\x15\xf7\x87\x03"])? {
        return Some(false);
    }
    match bytes.get(1)? {
        0x15 => be32(bytes, 6).map(|length| length < 1 << 20),
        _ if bytes.first() == Some(&0x33) => Some(true),
        _ => has(bytes, 7, &[0x15, 0, 0]),
    }
}
