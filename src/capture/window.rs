//! A sliding window over a byte stream: records are parsed and frames lent where they were read, without a copy.

use std::io::{self, Read};

/// Read at a time; large enough that system calls and moving the rest do not matter.
const READ: usize = 1 << 20;

/// The window.
pub(super) struct Window {
    input: Box<dyn Read + Send>,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// Stream offset of `start`.
    offset: u64,
    ended: bool,
}

impl Window {
    pub(super) fn new(input: Box<dyn Read + Send>) -> Self {
        Self { input, buffer: vec![0; 2 * READ], start: 0, end: 0, offset: 0, ended: false }
    }

    /// Offset of the next byte in the (decompressed) stream.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Makes at least `count` bytes available, fewer only at the end of the stream; says how many there are.
    pub(super) fn fill(&mut self, count: usize) -> io::Result<usize> {
        if self.end - self.start < count && !self.ended {
            self.refill(count)?;
        }
        Ok(self.end - self.start)
    }

    #[cold]
    fn refill(&mut self, count: usize) -> io::Result<()> {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        if self.buffer.len() < count + READ {
            self.buffer.resize(count + READ, 0);
        }
        while self.end < count && !self.ended {
            let room = self.buffer.get_mut(self.end..).unwrap_or_default();
            match self.input.read(room) {
                Ok(0) => self.ended = true,
                Ok(n) => self.end += n.min(room.len()),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => {
                    // What was read before the error is still good; after it there is nothing.
                    self.ended = true;
                    return Err(e);
                }
            }
        }
        Ok(())
    }

    /// `count` bytes from `at` behind the start, if they are there.
    pub(super) fn bytes(&self, at: usize, count: usize) -> Option<&[u8]> {
        let from = self.start.checked_add(at)?;
        let to = from.checked_add(count)?;
        if to > self.end { None } else { self.buffer.get(from..to) }
    }

    /// The first `N` bytes, if they are there.
    pub(super) fn head<const N: usize>(&self) -> Option<&[u8; N]> {
        self.bytes(0, N)?.first_chunk::<N>()
    }

    /// Moves on by `count` bytes that are there.
    pub(super) fn consume(&mut self, count: usize) {
        let count = count.min(self.end - self.start);
        self.start += count;
        self.offset += count as u64;
    }

    /// Moves on by `count` bytes, there or not; says how many were missing at the end of the stream.
    pub(super) fn skip(&mut self, mut count: u64) -> io::Result<u64> {
        while count > 0 {
            let there = self.fill(1)?;
            if there == 0 {
                break;
            }
            let step = there.min(usize::try_from(count).unwrap_or(usize::MAX));
            self.consume(step);
            count -= step as u64;
        }
        Ok(count)
    }
}
