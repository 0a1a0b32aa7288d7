//! Google's QUIC before the IETF's (versions up to Q046): the CHLO message goes in the clear, its tag `SNI` is the name.

use crate::model::HostName;

/// What a CHLO in the clear says.
#[derive(Debug)]
pub(super) struct Chlo<'a> {
    pub(super) version: u32,
    /// The client's id for the connection, which its later packets carry too.
    pub(super) connection_id: &'a [u8],
    pub(super) server_name: Option<HostName>,
}

/// Tags in one message; Chrome sends about thirty.
const MAX_TAGS: usize = 128;
/// How far behind the start a CHLO may begin: headers, message hash and stream frame.
const MAX_HEADERS: usize = 96;

/// Whether a datagram begins with a public header of a version up to Q046.
pub(super) fn recognise(datagram: &[u8]) -> bool {
    version(datagram).is_some()
}

/// The version in either header form: after an 8-byte connection id, or (Q046) in an IETF-like long header.
fn version(datagram: &[u8]) -> Option<u32> {
    let bytes: [u8; 4] = match datagram {
        [first, rest @ ..] if first & 0x80 != 0 => *rest.first_chunk()?,
        // Public flags: version present (1), 8-byte connection id (8).
        [flags, _, _, _, _, _, _, _, _, rest @ ..] if flags & 0x09 == 0x09 => *rest.first_chunk()?,
        _ => return None,
    };
    let [b'Q', b'0', b'0'..=b'4', b'0'..=b'9'] = bytes else { return None };
    Some(u32::from_be_bytes(bytes))
}

/// The CHLO of a client's first datagram.
pub(super) fn client_hello(datagram: &[u8]) -> Option<Chlo<'_>> {
    let version = version(datagram)?;
    let at = datagram.windows(4).take(MAX_HEADERS).position(|w| w == b"CHLO")?;
    // Behind the flags, or behind version and lengths of the later header form.
    let id_at = if datagram.first()? & 0x80 == 0 { 1 } else { 6 };
    let connection_id = datagram.get(id_at..id_at + 8)?;
    Some(Chlo { version, connection_id, server_name: parse_chlo(datagram.get(at..)?)? })
}

/// The `SNI` tag of a CHLO message; `None` when it is none or cut before its tags end, `Some(None)` without a name.
#[allow(clippy::option_option, reason = "not readable, readable but of no use, and of use are three answers")]
pub(super) fn parse_chlo(message: &[u8]) -> Option<Option<HostName>> {
    let rest = message.strip_prefix(b"CHLO")?;
    let ([low, high, _, _], rest) = rest.split_first_chunk::<4>()?;
    let tags = usize::from(u16::from_le_bytes([*low, *high]));
    if tags > MAX_TAGS {
        return Some(None);
    }
    let (index, values) = rest.split_at_checked(tags * 8)?;
    let mut begin = 0;
    for entry in index.as_chunks::<8>().0 {
        let [a, b, c, d, e0, e1, e2, e3] = *entry;
        let end = usize::try_from(u32::from_le_bytes([e0, e1, e2, e3])).ok()?;
        if [a, b, c, d] == *b"SNI\0" {
            return Some(HostName::from_wire(values.get(begin..end)?));
        }
        begin = end;
    }
    Some(None)
}
