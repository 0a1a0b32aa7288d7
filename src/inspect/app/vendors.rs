//! Connections of Alibaba, DingTalk, Xiaomi; Spotify, Steam and Dropbox in the local network.

use super::fingerprint::{Answer, Front, all, be32, contains, has, index, le32};
use super::trace::Trace;

/// Longest frame that is believed.
const MAX_FRAME: u32 = 1 << 20;
/// Spotify's access points.
const SPOTIFY_PORT: u16 = 4070;
/// Dropbox announces itself here.
const DROPBOX_PORT: u16 = 17500;

/// Alibaba Cloud's accelerated connection: magic, and a length in the order of the machine.
pub(super) fn alicloud(front: &Front<'_>) -> Answer {
    all([
        has(front.bytes, 0, &[0xce, 0xfa, 0xbe, 0xba]),
        le32(front.bytes, 4).map(|length| (1..MAX_FRAME).contains(&length)),
    ])
}

/// DingTalk's greeting.
pub(super) fn dingtalk(front: &Front<'_>) -> Answer {
    let bytes = front.bytes;
    all([has(bytes, 0, &[0x10]), has(bytes, 2, b"\x87\x80\x01\x00\x01\x00\x02\x00\x02dk\x03")])
}

/// Xiaomi's push service: magic and version, length, and either the connection's blob header or sealed text.
pub(super) fn xiaomi_push(front: &Front<'_>) -> Answer {
    let bytes = front.bytes;
    all([
        has(bytes, 0, &[0xc2, 0xfe, 0, 5]),
        be32(bytes, 4).map(|length| (1..MAX_FRAME).contains(&length)),
        // A blob in clear says its own length inside; sealed text has none.
        be32(bytes, 8).and_then(|blob| {
            if blob == 0x0002_0016 { Some(be32(bytes, 12)? < be32(bytes, 4)?) } else { Some(true) }
        }),
    ])
}

/// Spotify's greeting to an access point: its length, and the first fields of the message.
pub(super) fn spotify(front: &Front<'_>) -> Answer {
    let bytes = front.bytes;
    if front.server.port != SPOTIFY_PORT {
        return Some(false);
    }
    all([
        has(bytes, 0, &[0, 4]),
        be32(bytes, 2).map(|length| (32..2048).contains(&length)),
        has(bytes, 6, &[0x52]),
        has(bytes, 8, &[0x50]),
        bytes.get(7).map(|length| usize::from(*length) < index(2048)),
    ])
}

/// Spotify finds its players in the local network.
pub(super) fn spotify_local(trace: &Trace<'_>) -> Answer {
    Some(trace.now.starts_with(b"SpotUdp0"))
}

/// Steam's datagrams.
pub(super) fn steam(trace: &Trace<'_>) -> Answer {
    Some(trace.now.starts_with(b"VS01") && trace.now.len() >= 36)
}

/// Dropbox announces its folders in the local network.
pub(super) fn dropbox_local(trace: &Trace<'_>) -> Answer {
    let head = trace.now.get(..512).unwrap_or(trace.now);
    Some(
        trace.port(&[DROPBOX_PORT])
            && head.starts_with(b"{\"")
            && contains(head, b"\"host_int\"")
            && contains(head, b"\"namespaces\""),
    )
}
