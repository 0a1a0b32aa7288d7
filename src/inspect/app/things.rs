//! Cameras, plugs and other things: miIO, Tuya, Dahua, Hikvision, Reolink, TP-Link.

use super::fingerprint::{Answer, Front, all, any, be16, be32, contains, has, has_one, index, le16, le32};
use super::trace::Trace;

/// miIO listens here.
const MIIO_PORT: u16 = 54321;
/// Hikvision's SDK listens here.
const HIKVISION_PORT: u16 = 8000;
/// Hikvision's discovery.
const SADP_PORT: u16 = 37020;
/// Kasa devices listen here.
const KASA_PORT: u16 = 9999;
/// TP-Link's newer devices are asked for here.
const TPLINK_NEWER_PORT: u16 = 20002;
/// LIFX lamps listen here.
const LIFX_PORT: u16 = 56700;
/// Govee's devices are asked here, answer here, and take commands here.
const GOVEE_PORTS: [u16; 3] = [4001, 4002, 4003];
/// Gree's appliances listen here.
const GREE_PORT: u16 = 7000;
/// Midea's appliances listen here.
const MIDEA_PORTS: [u16; 2] = [6445, 20086];
/// First key of the Kasa cipher, an autokey XOR (published by softScheck, 2016).
const KASA_KEY: u8 = 171;
/// Longest frame that is believed.
const MAX_FRAME: u32 = 1 << 16;

/// Xiaomi's miIO: magic, the datagram's own length, and the word that only a greeting fills with ones.
pub(super) fn miio(trace: &Trace<'_>) -> Answer {
    let now = trace.now;
    let length = be16(now, 2).is_some_and(|length| usize::from(length) == now.len());
    let shaped = now.len() >= 32 && now.starts_with(&[0x21, 0x31]) && length;
    let greeting = now.len() == 32 && now.get(4..) == Some(&[0xff; 28]);
    let addressed = be32(now, 4) == Some(0) && trace.port(&[MIIO_PORT]);
    Some(shaped && (greeting || addressed))
}

/// Tuya's local frames, old: `55aa` at the beginning, `aa55` at the end, and the length between them agrees.
fn tuya_frame(bytes: &[u8]) -> Answer {
    if has(bytes, 0, &[0, 0, 0x55, 0xaa])? {
        let length = be32(bytes, 12)?;
        if !(8..MAX_FRAME).contains(&length) {
            return Some(false);
        }
        return has(bytes, 16 + index(length) - 4, &[0, 0, 0xaa, 0x55]);
    }
    if has(bytes, 0, &[0, 0, 0x66, 0x99])? {
        // New (3.5): 18 bytes of header, the end behind the counted bytes.
        let length = be32(bytes, 14)?;
        if !(28..MAX_FRAME).contains(&length) {
            return Some(false);
        }
        return has(bytes, 18 + index(length), &[0, 0, 0x99, 0x66]);
    }
    Some(false)
}

/// Tuya in the local network, over TCP.
pub(super) fn tuya(front: &Front<'_>) -> Answer {
    tuya_frame(front.bytes)
}

/// Tuya in the local network, as announcements.
pub(super) fn tuya_datagram(trace: &Trace<'_>) -> Answer {
    Some(
        tuya_frame(trace.now) == Some(true)
            && any([Some(trace.ends_with(&[0, 0, 0xaa, 0x55])), Some(trace.ends_with(&[0, 0, 0x99, 0x66]))])
                == Some(true),
    )
}

/// Dahua's DHIP header, and the older login with its trailer.
fn dahua_bytes(bytes: &[u8]) -> Answer {
    match bytes.first()? {
        0x20 => has(bytes, 0, b"\x20\0\0\0DHIP"),
        0xa0 => all([
            any([has(bytes, 1, &[0, 0, 0x60]), has(bytes, 1, &[5, 0, 0x60]), has(bytes, 1, &[1, 0, 0x60])]),
            has(bytes, 26, &[0, 0, 0, 0, 0xa1, 0xaa]),
        ]),
        _ => Some(false),
    }
}

/// Dahua over TCP.
pub(super) fn dahua(front: &Front<'_>) -> Answer {
    dahua_bytes(front.bytes)
}

/// Dahua's discovery.
pub(super) fn dahua_datagram(trace: &Trace<'_>) -> Answer {
    Some(trace.now.starts_with(b"\x20\0\0\0DHIP"))
}

/// Hikvision's SDK: a header of 32 bytes that says so, the command, and nothing else.
pub(super) fn hikvision(front: &Front<'_>) -> Answer {
    if front.server.port != HIKVISION_PORT {
        return Some(false);
    }
    has(front.bytes, 0, b"\0\0\0\x20\x63\0\0\0\0\0\0\0\0\0\0\0")
}

/// Hikvision's discovery (SADP).
pub(super) fn sadp(trace: &Trace<'_>) -> Answer {
    let head = trace.now.get(..256).unwrap_or(trace.now);
    Some(trace.port(&[SADP_PORT]) && contains(head, b"<Probe") && contains(head, b"<Uuid>"))
}

/// Baichuan (Reolink): magic, a length, and a class that is one of four.
pub(super) fn baichuan(front: &Front<'_>) -> Answer {
    let bytes = front.bytes;
    all([
        any([has(bytes, 0, &[0xf0, 0xde, 0xbc, 0x0a]), has(bytes, 0, &[0xa0, 0xcd, 0xef, 0x0f])]),
        le32(bytes, 8).map(|length| length < 1 << 24),
        le16(bytes, 18).map(|class| matches!(class, 0x6514 | 0x6614 | 0x6414 | 0)),
    ])
}

/// Baichuan over datagrams: magic with the kind, and the length of the rest.
pub(super) fn baichuan_datagram(trace: &Trace<'_>) -> Answer {
    let now = trace.now;
    let magic = |kind: u8| now.starts_with(&[kind, 0xcf, 0x87, 0x2a]);
    let rest = |at: usize| le32(now, at).is_some_and(|length| index(length) + 20 == now.len());
    Some((magic(0x3a) && rest(4)) || (magic(0x10) && rest(16)))
}

/// TP-Link Kasa: the first bytes in clear are JSON with a module's name.
fn kasa_bytes(bytes: &[u8]) -> Answer {
    let mut key = KASA_KEY;
    let mut clear = [0_u8; 10];
    let sealed = bytes.get(..clear.len())?;
    for (plain, byte) in clear.iter_mut().zip(sealed) {
        *plain = byte ^ key;
        key = *byte;
    }
    has_one(&clear, &[b"{\"system\":", b"{\"emeter\":", b"{\"smartlif", b"{\"schedule", b"{\"context\""])
}

/// Kasa over TCP: a length before it.
pub(super) fn kasa(front: &Front<'_>) -> Answer {
    if front.server.port != KASA_PORT {
        return Some(false);
    }
    all([
        be32(front.bytes, 0).map(|length| (10..MAX_FRAME).contains(&length)),
        kasa_bytes(front.bytes.get(4..).unwrap_or_default()),
    ])
}

/// Kasa over UDP.
pub(super) fn kasa_datagram(trace: &Trace<'_>) -> Answer {
    Some(trace.port(&[KASA_PORT]) && kasa_bytes(trace.now) == Some(true))
}

/// TP-Link's newer devices (Tapo and Kasa) are asked for with these sixteen bytes.
pub(super) fn tplink_newer(trace: &Trace<'_>) -> Answer {
    const ASK: [u8; 16] = [2, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0x46, 0x3c, 0xb5, 0xd3];
    Some(trace.port(&[TPLINK_NEWER_PORT]) && trace.now == ASK)
}

/// LIFX in the local network: the datagram's own length, the protocol's number, and the end of an address unused.
pub(super) fn lifx(trace: &Trace<'_>) -> Answer {
    let now = trace.now;
    let length = le16(now, 0).is_some_and(|length| usize::from(length) == now.len());
    let number = le16(now, 2).is_some_and(|frame| frame & 0x1fff == 0x1400);
    Some(trace.port(&[LIFX_PORT]) && now.len() >= 36 && length && number && now.get(14..16) == Some(&[0, 0]))
}

/// Broadlink: the eight bytes that begin every command.
pub(super) fn broadlink(trace: &Trace<'_>) -> Answer {
    Some(trace.now.starts_with(&[0x5a, 0xa5, 0xaa, 0x55, 0x5a, 0xa5, 0xaa, 0x55]) && trace.now.len() >= 56)
}

/// Govee in the local network: its ports, and a command in JSON.
pub(super) fn govee(trace: &Trace<'_>) -> Answer {
    Some(
        trace.port(&GOVEE_PORTS)
            && has_one(trace.now, &[b"{\"msg\":{\"cmd\":\"", b"{\"msg\": {\"cmd\": \""]) == Some(true),
    )
}

/// Gree asks its local network for appliances.
pub(super) fn gree(trace: &Trace<'_>) -> Answer {
    let now = trace.now.strip_suffix(b"\n").unwrap_or(trace.now);
    Some(trace.port(&[GREE_PORT]) && (now == b"{\"t\":\"scan\"}" || now == b"{\"t\": \"scan\"}"))
}

/// Midea in the local network: the mark, a version, and the datagram's own length.
pub(super) fn midea(trace: &Trace<'_>) -> Answer {
    let length = le16(trace.now, 4).is_some_and(|length| usize::from(length) == trace.now.len());
    Some(trace.port(&MIDEA_PORTS) && trace.now.starts_with(&[0x5a, 0x5a, 1]) && length)
}
