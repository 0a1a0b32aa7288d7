//! Voice and video: Zoom's media servers, RTP and RTCP, WebRTC left alone (it is DTLS and STUN).

use super::fingerprint::{Answer, be16, be32};
use super::trace::{Datagram, Trace};

/// Zoom's media servers listen here.
const ZOOM_PORTS: std::ops::RangeInclusive<u16> = 8801..=8810;
/// RTP packets of one side that must follow one another.
const RTP_RUN: usize = 4;

/// Zoom: the server answers a greeting with the same sixteen bytes behind the next type.
pub(super) fn zoom(trace: &Trace<'_>) -> Answer {
    let now = trace.now;
    let port = ZOOM_PORTS.contains(&trace.server.port) || ZOOM_PORTS.contains(&trace.client.port);
    if !port || !matches!(now, [1 | 2, 0, 2 | 3, ..]) || now.len() < 36 {
        return Some(false);
    }
    let met = |earlier: &Datagram| {
        let head = earlier.head();
        head.first() == Some(&1) && now.first() == Some(&2) && head.get(1..19) == now.get(1..19)
    };
    trace.answers(met).then_some(true)
}

/// Payload type, sequence number and source of an RTP header (RFC 3550 §5.1).
fn rtp_header(bytes: &[u8], length: usize) -> Option<(u8, u16, u32)> {
    let (first, second) = (*bytes.first()?, *bytes.get(1)?);
    let kind = second & 0x7f;
    let known = kind <= 34 || kind >= 96;
    let header = 12 + 4 * usize::from(first & 15);
    (first >> 6 == 2 && known && length >= header).then_some((kind, be16(bytes, 2)?, be32(bytes, 8)?))
}

/// RTP: a run of packets of one source whose numbers follow one another (RFC 3550 §A.1 asks for two).
pub(super) fn rtp(trace: &Trace<'_>) -> Answer {
    let Some((kind, number, source)) = rtp_header(trace.now, trace.now.len()) else { return Some(false) };
    let mut expected = number;
    let mut run = 1;
    let earlier: Vec<&Datagram> = trace.same_side().collect();
    for datagram in earlier.into_iter().rev() {
        expected = expected.wrapping_sub(1);
        if rtp_header(datagram.head(), datagram.length) != Some((kind, expected, source)) {
            break;
        }
        run += 1;
    }
    if run >= RTP_RUN { Some(true) } else { None }
}

/// RTCP (RFC 3550 §6.1): report first, and the lengths of the compound packet end where the datagram ends; twice.
pub(super) fn rtcp(trace: &Trace<'_>) -> Answer {
    let now = trace.now;
    let shape = |bytes: &[u8]| matches!(bytes, [0x80..=0x9f, 200 | 201, ..]);
    if !shape(now) || now.len() < 8 || !now.len().is_multiple_of(4) {
        return Some(false);
    }
    let mut at = 0;
    while at < now.len() {
        let (Some(first), Some(words)) = (now.get(at), be16(now, at + 2)) else { return Some(false) };
        if first >> 6 != 2 {
            return Some(false);
        }
        at += 4 + 4 * usize::from(words);
    }
    if at != now.len() {
        return Some(false);
    }
    let same = |earlier: &Datagram| shape(earlier.head()) && earlier.head().get(4..8) == now.get(4..8);
    if trace.same_side().any(same) { Some(true) } else { None }
}
