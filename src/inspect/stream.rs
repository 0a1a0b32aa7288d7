//! One direction of a byte stream put together again: out of order, repeated, overlapping, cut anywhere.
//!
//! Where bytes overlap, the ones seen first win. What is held is bounded in bytes and pieces; when a bound is hit the
//! stream takes nothing more and says so once.

/// Pieces held apart while earlier bytes are missing.
///
/// Browsers cut a QUIC hello into dozens and mix them; the bytes are bounded by the caller besides.
const MAX_PIECES: usize = 64;
/// A piece this far from what is there belongs to another connection or to nobody.
const MAX_DISTANCE: u32 = 1 << 17;

/// The stream's beginning, as far as it is known.
#[derive(Debug, Default)]
pub(super) struct Stream {
    /// Sequence number of `data`'s first byte.
    base: Option<u32>,
    /// Whether `base` is the stream's true beginning, so that nothing can come before it.
    anchored: bool,
    data: Vec<u8>,
    pieces: Vec<(u32, Vec<u8>)>,
    held: usize,
    full: bool,
}

/// What a piece did to the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pushed {
    /// The front grew; or, when the piece lies before it, is another.
    Grew,
    /// Something was kept that is still apart from the front.
    Held,
    /// Nothing new.
    Same,
    /// A limit was hit now; the stream takes nothing more.
    Full,
}

impl Stream {
    /// A stream whose first byte has number 0.
    pub(super) fn anchored() -> Self {
        Self { base: Some(0), anchored: true, ..Self::default() }
    }

    /// A stream that begins at this sequence number; without one, where its first piece says.
    pub(super) fn beginning(first: Option<u32>) -> Self {
        Self { base: first, anchored: first.is_some(), ..Self::default() }
    }

    /// About how many bytes of memory the pieces take.
    pub(super) fn held(&self) -> usize {
        self.held
            + (self.data.capacity() - self.data.len())
            + self.pieces.capacity() * size_of::<(u32, Vec<u8>)>()
    }

    /// Whether the true beginning is known.
    pub(super) fn is_anchored(&self) -> bool {
        self.anchored
    }

    /// The bytes that are there without a gap, from the earliest on.
    pub(super) fn front(&self) -> &[u8] {
        &self.data
    }

    /// Takes away `count` bytes from the front for good.
    pub(super) fn consume(&mut self, count: usize) {
        let count = count.min(self.data.len());
        self.data.drain(..count);
        self.held -= count;
        self.anchored = true;
        let by = u32::try_from(count).unwrap_or(u32::MAX);
        self.base = self.base.map(|b| b.wrapping_add(by));
    }

    /// Frees the bytes; where the stream begins stays known, so that nothing is taken twice.
    pub(super) fn clear(&mut self) {
        let (base, anchored) = (self.base, self.anchored);
        *self = Self { base, anchored, ..Self::default() };
    }

    /// Adds a piece; `limit` bounds the bytes held.
    pub(super) fn push(&mut self, seq: u32, bytes: &[u8], limit: usize) -> Pushed {
        if bytes.is_empty() && self.base.is_none() {
            // A SYN, or the ACK that ends the handshake, stands where the first byte will be.
            self.base = Some(seq);
            self.anchored = true;
        }
        if self.full || bytes.is_empty() {
            return Pushed::Same;
        }
        let base = *self.base.get_or_insert(seq);
        let distance = seq.wrapping_sub(base).cast_signed();
        if distance.unsigned_abs() > MAX_DISTANCE {
            return Pushed::Same;
        }
        if self.held + bytes.len() > limit || self.pieces.len() >= MAX_PIECES {
            // What still fits at the front may be all that is needed.
            let room = limit.saturating_sub(self.held).min(bytes.len());
            self.full = true;
            self.place(seq, bytes.get(..room).unwrap_or_default());
            return Pushed::Full;
        }
        let pieces = self.pieces.len();
        match self.place(seq, bytes) {
            true => Pushed::Grew,
            false if self.pieces.len() > pieces => Pushed::Held,
            false => Pushed::Same,
        }
    }

    fn place(&mut self, seq: u32, bytes: &[u8]) -> bool {
        let Some(base) = self.base else { return false };
        let distance = seq.wrapping_sub(base).cast_signed();
        let changed = if let Ok(at) = usize::try_from(distance) {
            if at > self.data.len() {
                self.hold(seq, bytes.to_vec());
                return false;
            }
            self.append(at, bytes)
        } else {
            self.put_before(seq, distance, bytes)
        };
        if changed {
            self.join_pieces();
        }
        changed
    }

    /// Appends what of `bytes` (which begin `at` bytes behind the base) is new.
    fn append(&mut self, at: usize, bytes: &[u8]) -> bool {
        let known = self.data.len() - at;
        match bytes.get(known..) {
            Some(new) if !new.is_empty() => {
                self.held += new.len();
                self.data.extend_from_slice(new);
                true
            }
            _ => false,
        }
    }

    /// A piece before everything known so far, unless the beginning is known for certain.
    fn put_before(&mut self, seq: u32, distance: i32, bytes: &[u8]) -> bool {
        let missing = usize::try_from(distance.unsigned_abs()).unwrap_or(usize::MAX);
        if self.anchored {
            return match bytes.get(missing..) {
                Some(rest) if !rest.is_empty() => self.append(0, rest),
                _ => false,
            };
        }
        let later = std::mem::replace(&mut self.data, bytes.to_vec());
        let later_at = self.base.unwrap_or(seq);
        self.base = Some(seq);
        if bytes.len() >= missing {
            // The earlier capture wins where they overlap.
            self.data.truncate(missing);
            let tail = bytes.get(missing + later.len()..).unwrap_or_default();
            self.data.extend_from_slice(&later);
            self.data.extend_from_slice(tail);
            self.held = self.held - later.len() + self.data.len();
        } else {
            self.held = self.held - later.len() + bytes.len();
            self.hold(later_at, later);
        }
        true
    }

    fn hold(&mut self, seq: u32, bytes: Vec<u8>) {
        self.held += bytes.len();
        self.pieces.push((seq, bytes));
    }

    /// Moves pieces that touch the front to it, in the order in which they came.
    fn join_pieces(&mut self) {
        let Some(base) = self.base else { return };
        loop {
            let reach = self.data.len();
            let touching = self.pieces.iter().position(|(seq, _)| {
                usize::try_from(seq.wrapping_sub(base).cast_signed()).is_ok_and(|at| at <= reach)
            });
            let Some(at) = touching else { return };
            let (seq, bytes) = self.pieces.remove(at);
            self.held -= bytes.len();
            let offset = usize::try_from(seq.wrapping_sub(base).cast_signed()).unwrap_or(0);
            self.append(offset, &bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(pieces: &[(u32, &[u8])]) -> Vec<u8> {
        let mut stream = Stream::default();
        for (seq, bytes) in pieces {
            stream.push(*seq, bytes, 100);
        }
        stream.front().to_vec()
    }

    #[test]
    fn what_comes_before_is_put_before_and_what_was_there_wins() {
        assert_eq!(after(&[(10, b"KLMNO"), (5, b"FGHIJ")]), b"FGHIJKLMNO");
        assert_eq!(after(&[(10, b"KLMNO"), (5, b"FGHIJ??")]), b"FGHIJKLMNO");
        assert_eq!(after(&[(10, b"KL"), (5, b"FGHIJ??MN")]), b"FGHIJKLMN", "it reaches beyond");
        assert_eq!(after(&[(10, b"KL"), (2, b"CD"), (4, b"EFGHIJ")]), b"CDEFGHIJKL");
        let all: &[(u32, &[u8])] = &[(10, b"KL"), (14, b"OP"), (5, b"FGHIJ"), (10, b"??MN")];
        assert_eq!(after(all), b"FGHIJKLMNOP");
    }

    #[test]
    fn what_is_far_away_is_of_another_connection_and_takes_no_room() {
        let mut stream = Stream::default();
        stream.push(0, b"a", 100);
        for far in [200_000, 0x8000_0000, u32::MAX - 200_000] {
            assert_eq!(stream.push(far, b"z", 100), Pushed::Same, "{far}");
        }
        assert_eq!((stream.held, stream.pieces.len(), stream.front()), (1, 0, &b"a"[..]));
        assert_eq!(stream.push(3, b"d", 100), Pushed::Held);
        assert_eq!((stream.push(1, b"bc", 100), stream.front()), (Pushed::Grew, &b"abcd"[..]));
    }
}
