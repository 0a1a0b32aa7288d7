//! Tools: TeamViewer, Tailscale, Syncthing and Ookla's measurements.

use super::fingerprint::{Answer, Front, any, has, le16};
use super::trace::Trace;

/// Syncthing announces itself here.
const SYNCTHING_PORT: u16 = 21027;
/// Longest first frame of TeamViewer that is believed.
const MAX_FRAME: u16 = 4096;
/// Longest greeting of Ookla's servers.
const GREETING: usize = 64;

/// TeamViewer: two frames, the second where the first ends. The other side may answer with frames of the newer kind.
pub(super) fn teamviewer(front: &Front<'_>) -> Answer {
    let bytes = front.bytes;
    if !has(bytes, 0, &[0x17, 0x24])? {
        return Some(false);
    }
    let length = le16(bytes, 3)?;
    if !(1..=MAX_FRAME).contains(&length) {
        return Some(false);
    }
    let next = 5 + usize::from(length);
    any([has(bytes, next, &[0x17, 0x24]), has(bytes, next, &[0x11, 0x30])])
}

/// Tailscale's messages that find a way between two machines: six letters, two keys' worth of bytes, a seal.
pub(super) fn tailscale(trace: &Trace<'_>) -> Answer {
    Some(trace.now.starts_with("TS\u{1f4ac}".as_bytes()) && trace.now.len() >= 6 + 32 + 24 + 16)
}

/// Syncthing announces itself in the local network: the magic of its protocol, then its id of 32 bytes.
pub(super) fn syncthing(trace: &Trace<'_>) -> Answer {
    Some(trace.port(&[SYNCTHING_PORT]) && trace.now.starts_with(&[0x2e, 0xa7, 0xd9, 0x0b, 0x0a, 0x20]))
}

/// Ookla: a client's greeting with its number, or with a command behind it; or a server's with version and date.
pub(super) fn ookla(front: &Front<'_>) -> Answer {
    let bytes = front.bytes;
    match bytes.first()? {
        b'H' if has(bytes, 0, b"HI") != Some(false) => any([ookla_number(bytes), ookla_command(bytes)]),
        b'H' => {
            if !has(bytes, 0, b"HELLO ")? {
                return Some(false);
            }
            let line = match bytes.iter().position(|b| *b == b'\n') {
                Some(end) => bytes.get(..end.min(GREETING))?,
                None => bytes.get(..GREETING)?,
            };
            let version = matches!(line.get(6..9), Some([b'0'..=b'9', b'.', b'0'..=b'9']));
            Some(version && line.windows(11).any(|w| shape(w, b" 9999-99-99")))
        }
        _ => Some(false),
    }
}

/// `HI`, and in the next line a command.
fn ookla_command(bytes: &[u8]) -> Answer {
    if !has(bytes, 0, b"HI\n")? {
        return Some(false);
    }
    let commands: [&[u8]; 5] = [b"PING ", b"GETIP\n", b"CAPABILITIES\n", b"DOWNLOAD ", b"UPLOAD "];
    any(commands.map(|command| has(bytes, 3, command)))
}

/// `HI ` and a number as RFC 9562 writes it, which ends the line.
fn ookla_number(bytes: &[u8]) -> Answer {
    const LINE: &[u8] = b"HI xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx\n";
    let there = bytes.get(..LINE.len()).unwrap_or(bytes);
    if !shape(there, LINE.get(..there.len()).unwrap_or(LINE)) {
        return Some(false);
    }
    (there.len() == LINE.len()).then_some(true)
}

/// Whether `text` has the shape of `form`: `9` is a digit, `x` a hexadecimal one, anything else itself.
fn shape(text: &[u8], form: &[u8]) -> bool {
    text.len() == form.len()
        && text.iter().zip(form).all(|(letter, want)| match want {
            b'9' => letter.is_ascii_digit(),
            b'x' => letter.is_ascii_hexdigit(),
            want => letter == want,
        })
}
