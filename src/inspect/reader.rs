//! A cursor over bytes that ends instead of panicking, and texts out of bytes.

use std::sync::Arc;

/// Reads big-endian numbers and slices; `None` when there is not enough left.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(super) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(head)
    }

    /// At most `count` bytes, fewer at the end.
    pub(super) fn take_up_to(&mut self, count: usize) -> &'a [u8] {
        let (head, rest) = self.rest.split_at_checked(count).unwrap_or((self.rest, &[]));
        self.rest = rest;
        head
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        let (head, rest) = self.rest.split_first_chunk::<2>()?;
        self.rest = rest;
        Some(u16::from_be_bytes(*head))
    }

    pub(super) fn u24(&mut self) -> Option<u32> {
        let (head, rest) = self.rest.split_first_chunk::<3>()?;
        self.rest = rest;
        let [a, b, c] = *head;
        Some(u32::from_be_bytes([0, a, b, c]))
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        let (head, rest) = self.rest.split_first_chunk::<4>()?;
        self.rest = rest;
        Some(u32::from_be_bytes(*head))
    }

    /// A slice whose length stands before it in one byte.
    pub(super) fn vec8(&mut self) -> Option<&'a [u8]> {
        let length = self.u8()?;
        self.take(usize::from(length))
    }

    /// A slice whose length stands before it in two bytes.
    pub(super) fn vec16(&mut self) -> Option<&'a [u8]> {
        let length = self.u16()?;
        self.take(usize::from(length))
    }

    /// A QUIC variable-length integer (RFC 9000 §16).
    pub(super) fn varint(&mut self) -> Option<u64> {
        let first = *self.rest.first()?;
        let bytes = self.take(1 << (first >> 6))?;
        Some(bytes.iter().skip(1).fold(u64::from(first & 0x3f), |n, b| n << 8 | u64::from(*b)))
    }
}

/// Bytes of the wire as text safe to print: what is not printable ASCII, and the backslash itself, as `\\xNN`, `\\n`, `\\\\`.
pub(super) fn printable(bytes: &[u8]) -> Arc<str> {
    let mut text = String::with_capacity(bytes.len());
    for byte in bytes {
        match byte {
            // Quotation marks need no escape here: who writes JSON sees to that.
            b'\'' | b'"' => text.push(char::from(*byte)),
            _ => text.extend(byte.escape_ascii().map(char::from)),
        }
    }
    text.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotation_marks_stay_and_what_could_harm_a_terminal_goes() {
        assert_eq!(&*printable(b"Coturn-4.6.1 'Gorst'"), "Coturn-4.6.1 'Gorst'");
        assert_eq!(&*printable(b"a\"b\\c\x1b[m\xff\n"), "a\"b\\\\c\\x1b[m\\xff\\n");
    }
}
