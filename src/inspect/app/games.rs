//! Games and the voice beside them: Minecraft, miHoYo, Nintendo's consoles among themselves, Steam in the local network,
//! TeamSpeak, Mumble; and RakNet, which many games are built on and which names none of them.

use super::fingerprint::{Answer, Front, all, be16, be32, has, index, le32};
use super::trace::{Datagram, Trace};

/// What every message of RakNet outside a session carries (its source, `OFFLINE_MESSAGE_DATA_ID`).
const RAKNET: [u8; 16] =
    [0, 0xff, 0xff, 0, 0xfe, 0xfe, 0xfe, 0xfe, 0xfd, 0xfd, 0xfd, 0xfd, 0x12, 0x34, 0x56, 0x78];
/// Where the text of a server's answer stands: kind, time, server id, the mark, and a length before it.
const PONG_LENGTH: usize = 33;
/// Longest handshake of Minecraft: a host name of 255 letters with a mod's mark behind it.
const MAX_HANDSHAKE: usize = 400;
/// A number that no length agrees with.
const ENDLESS: usize = usize::MAX / 4;
/// What miHoYo's games say in the fourth word of their greeting.
const MIHOYO_WORD: u32 = 1_234_567_890;
/// Longest header of Steam's announcements.
const MAX_STEAM_HEADER: u32 = 1024;

/// A number of seven bits a byte (Minecraft's protocol, VarInt), and the place behind it; `None` while bytes lack. One
/// that does not end within five bytes is [`ENDLESS`].
fn varint(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    let mut value = 0;
    for digit in 0..5 {
        let byte = bytes.get(at + digit)?;
        value |= usize::from(byte & 0x7f) << (7 * digit);
        if byte & 0x80 == 0 {
            return Some((value, at + digit + 1));
        }
    }
    Some((ENDLESS, at + 5))
}

/// Minecraft (Java): the handshake's length, its own number, a host name, the port it goes to, and what is wanted.
pub(super) fn minecraft(front: &Front<'_>) -> Answer {
    let bytes = front.bytes;
    let (length, start) = varint(bytes, 0)?;
    if !(7..=MAX_HANDSHAKE).contains(&length) || !has(bytes, start, &[0])? {
        return Some(false);
    }
    let (_, version_end) = varint(bytes, start + 1)?;
    let (letters, host) = varint(bytes, version_end)?;
    // The lengths must agree before anything more is waited for.
    if host + letters + 3 != start + length {
        return Some(false);
    }
    // A mod's mark stands between zeros.
    let written = |name: &[u8]| !name.is_empty() && name.iter().all(|b| b.is_ascii_graphic() || *b == 0);
    all([
        bytes.get(host..host + letters).map(written),
        be16(bytes, host + letters).map(|port| port == front.server.port),
        bytes.get(host + letters + 2).map(|wanted| matches!(wanted, 1..=3)),
    ])
}

/// A ping of RakNet, which the servers of any of its games answer.
fn raknet_ping(bytes: &[u8]) -> bool {
    matches!(bytes.first(), Some(1 | 2)) && bytes.get(9..25) == Some(&RAKNET)
}

fn raknet_pong(bytes: &[u8]) -> bool {
    bytes.first() == Some(&0x1c) && bytes.get(17..33) == Some(&RAKNET)
}

/// Minecraft (Bedrock): a server of RakNet whose answer begins with the game's letters.
pub(super) fn minecraft_bedrock(trace: &Trace<'_>) -> Answer {
    let now = trace.now;
    if raknet_ping(now) {
        return None;
    }
    let text = now.get(PONG_LENGTH + 2..).unwrap_or_default();
    Some(raknet_pong(now) && (text.starts_with(b"MCPE;") || text.starts_with(b"MCEE;")))
}

/// RakNet: the opening of a session, or a server's answer to a ping.
pub(super) fn raknet(trace: &Trace<'_>) -> Answer {
    let now = trace.now;
    if raknet_ping(now) {
        return None;
    }
    Some(raknet_pong(now) || (matches!(now.first(), Some(5..=8)) && now.get(1..17) == Some(&RAKNET)))
}

/// miHoYo's games: twenty bytes that open a KCP session, or grant it.
pub(super) fn mihoyo(trace: &Trace<'_>) -> Answer {
    let now = trace.now;
    let marks = (be32(now, 0), be32(now, 16));
    let greeting = matches!(marks, (Some(0xff), Some(0xffff_ffff)) | (Some(0x145), Some(0x1451_4545)));
    Some(now.len() == 20 && greeting && be32(now, 12) == Some(MIHOYO_WORD))
}

/// Nintendo's consoles among themselves (Pia): the magic, and a version with or without the mark of encryption.
pub(super) fn pia(trace: &Trace<'_>) -> Answer {
    let now = trace.now;
    let version = now.get(4).is_some_and(|v| (1..=31).contains(&(v & 0x7f)));
    Some(now.len() >= 16 && now.starts_with(&[0x32, 0xab, 0x98, 0x64]) && version)
}

/// Steam finds its other machines in the local network: two magic words and the length of a header.
pub(super) fn steam_local(trace: &Trace<'_>) -> Answer {
    let now = trace.now;
    let header = le32(now, 8).is_some_and(|n| n < MAX_STEAM_HEADER && index(n) + 12 <= now.len());
    Some(now.starts_with(&[0xff, 0xff, 0xff, 0xff, 0x21, 0x4c, 0x5f, 0xa0]) && header)
}

/// TeamSpeak 3: what stands in the place of a seal while there is no key, and the number of the first packets.
pub(super) fn teamspeak(trace: &Trace<'_>) -> Answer {
    Some(trace.now.starts_with(b"TS3INIT1\0\x65"))
}

/// Mumble: a server answers a ping of twelve bytes with its version and the same eight.
pub(super) fn mumble(trace: &Trace<'_>) -> Answer {
    let now = trace.now;
    if now.len() == 12 && now.starts_with(&[0; 4]) && now.get(4..) != Some(&[0; 8]) {
        return None;
    }
    let version = matches!(now, [0, 1 | 2, ..]);
    let met = |earlier: &Datagram| {
        let head = earlier.head();
        earlier.length == 12 && head.starts_with(&[0; 4]) && head.get(4..12) == now.get(4..12)
    };
    Some(now.len() == 24 && version && trace.answers(met))
}
