//! Header compression of HTTP/2 (RFC 7541), as far as the first header block of a connection needs it.
//!
//! Nothing was said before the first block, so an index beyond the static table can only mean a field of the same
//! block; such a field repeats a name and a value that were read already, and is stepped over.

use crate::inspect::reader::Reader;

/// Fields in one block.
const MAX_FIELDS: usize = 128;
/// Bytes of one decoded text; an authority or a user agent is shorter.
const MAX_TEXT: usize = 1024;
/// Entries of the static table (RFC 7541 appendix A); names that matter here, by index.
const STATIC_ENTRIES: u64 = 61;
const NAMES: [(u64, &[u8]); 3] = [(1, b":authority"), (38, b"host"), (58, b"user-agent")];

/// Bits of each symbol's code (RFC 7541 appendix B); the code is canonical, so the lengths give it. 256 is the end mark.
const CODE_BITS: [u8; 257] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28,
    28, 28, 28, 28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6,
    6, 6, 7, 8, 15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7,
    8, 13, 19, 13, 14, 6, 15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7,
    15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24,
    23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23,
    23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23, 26, 26, 20, 19, 22, 23, 22, 25, 26,
    26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20,
    21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27,
    27, 27, 26, 30,
];

/// What a header block says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Fields {
    pub(super) authority: Option<Vec<u8>>,
    pub(super) host: Option<Vec<u8>>,
    pub(super) user_agent: Option<Vec<u8>>,
}

/// Reads a header block; fields behind a broken one are left out. Says whether it was sound to its end.
pub(super) fn read(block: &[u8], fields: &mut Fields) -> bool {
    let mut reader = Reader::new(block);
    for _ in 0..MAX_FIELDS {
        if reader.is_empty() {
            return true;
        }
        if field(&mut reader, fields).is_none() {
            return false;
        }
    }
    false
}

/// One representation (RFC 7541 §6).
fn field(reader: &mut Reader<'_>, fields: &mut Fields) -> Option<()> {
    let first = reader.u8()?;
    let index = match first {
        // Indexed: name and value of a table; the static ones say nothing of interest.
        0x80.. => {
            integer(first, 7, reader)?;
            return Some(());
        }
        // A change of the dynamic table's size.
        0x20..=0x3f => {
            integer(first, 5, reader)?;
            return Some(());
        }
        0x40..=0x7f => integer(first, 6, reader)?,
        _ => integer(first, 4, reader)?,
    };
    let name = match index {
        0 => text(reader)?,
        1..=STATIC_ENTRIES => NAMES
            .iter()
            .find(|(number, _)| *number == index)
            .map(|(_, name)| name.to_vec())
            .unwrap_or_default(),
        _ => Vec::new(),
    };
    let value = text(reader)?;
    let place = match name.as_slice() {
        b":authority" => &mut fields.authority,
        b"host" => &mut fields.host,
        b"user-agent" => &mut fields.user_agent,
        _ => return Some(()),
    };
    place.get_or_insert(value);
    Some(())
}

/// An integer with a prefix of `bits` bits (RFC 7541 §5.1); `None` beyond 32 bits.
fn integer(first: u8, bits: u8, reader: &mut Reader<'_>) -> Option<u64> {
    let most = (1_u64 << bits) - 1;
    let prefix = u64::from(first) & most;
    if prefix < most {
        return Some(prefix);
    }
    let mut value = most;
    for shift in [0, 7, 14, 21, 28] {
        let byte = reader.u8()?;
        value += u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// A string literal (RFC 7541 §5.2); a long one is cut, for it is of no use here.
fn text(reader: &mut Reader<'_>) -> Option<Vec<u8>> {
    let first = reader.u8()?;
    let length = usize::try_from(integer(first, 7, reader)?).ok()?;
    let bytes = reader.take(length)?;
    if first & 0x80 != 0 { huffman(bytes) } else { Some(bytes.get(..MAX_TEXT).unwrap_or(bytes).to_vec()) }
}

/// First code, and index of its symbol in code order, by length; and the symbols in that order.
struct Codes {
    first: [u32; 32],
    count: [u32; 32],
    start: [usize; 32],
    symbols: [u16; 257],
}

static CODES: Codes = codes();

#[allow(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "computed at build time, from one table"
)]
const fn codes() -> Codes {
    let mut made = Codes { first: [0; 32], count: [0; 32], start: [0; 32], symbols: [0; 257] };
    let (mut code, mut at, mut bits) = (0_u32, 0, 1);
    while bits < 31 {
        code <<= 1;
        made.first[bits] = code;
        made.start[bits] = at;
        let mut symbol = 0;
        while symbol < CODE_BITS.len() {
            if CODE_BITS[symbol] as usize == bits {
                made.symbols[at] = symbol as u16;
                at += 1;
                code += 1;
                made.count[bits] += 1;
            }
            symbol += 1;
        }
        bits += 1;
    }
    made
}

/// Decodes Huffman-coded text, at most [`MAX_TEXT`] bytes of it; `None` when it is none.
fn huffman(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(bytes.len().min(MAX_TEXT) * 8 / 5);
    let (mut code, mut bits) = (0_u32, 0_usize);
    for bit in bytes.iter().flat_map(|byte| (0..8).rev().map(move |shift| u32::from(byte >> shift & 1))) {
        code = code << 1 | bit;
        bits += 1;
        let offset = code.wrapping_sub(*CODES.first.get(bits)?);
        if offset < *CODES.count.get(bits)? {
            let at = CODES.start.get(bits)?.checked_add(usize::try_from(offset).ok()?)?;
            // The end mark must not stand in the text.
            out.push(u8::try_from(*CODES.symbols.get(at)?).ok()?);
            (code, bits) = (0, 0);
            if out.len() >= MAX_TEXT {
                return Some(out);
            }
        }
    }
    // Padding: fewer than eight bits, all ones.
    (bits < 8 && code == (1 << bits) - 1).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::tests::hex;

    #[test]
    fn the_requests_of_rfc_7541_appendix_c_are_read() {
        for block in ["828684410f7777772e6578616d706c652e636f6d", "828684418cf1e3c2e5f23a6ba0ab90f4ff"] {
            let mut fields = Fields::default();
            assert!(read(&hex(block), &mut fields));
            assert_eq!(fields.authority.as_deref(), Some(&b"www.example.com"[..]));
        }
        assert_eq!(huffman(&hex("a8eb10649cbf")).as_deref(), Some(&b"no-cache"[..]));
        assert_eq!(huffman(&hex("25a849e95bb8e8b4bf")).as_deref(), Some(&b"custom-value"[..]));
    }

    #[test]
    fn endless_integers_and_wrong_padding_end_the_block() {
        for block in ["41ffffffffffffffff", "7fffffffffffffff7f", "4181ff00", "4185ffffffffff", "410f77"] {
            let mut fields = Fields::default();
            assert!(!read(&hex(block), &mut fields), "{block}");
            assert_eq!(fields, Fields::default());
        }
    }
}
