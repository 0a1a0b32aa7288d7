//! A sliding window over a byte stream: frames are lent from it without copying.
//!
//! One buffer, refilled by moving the unread rest to its front. It grows only when a caller needs more than it
//! holds, and callers bound what they need. Reading stops for good at the first error, which is kept.

use std::io::{self, ErrorKind, Read};

/// The stream under a window.
pub(super) type Source = Box<dyn Read + Send>;

/// The window.
pub(super) struct Window {
    source: Source,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// Stream offset of `buffer[start]`.
    offset: u64,
    ended: bool,
    fault: Option<io::Error>,
    /// Whether more may be long in coming: a pipe into which somebody captures.
    slow: bool,
}

impl Window {
    /// A window of `size` bytes; `slow` when more may be long in coming.
    pub(super) fn new(source: Source, size: usize, slow: bool) -> Self {
        Self { source, buffer: vec![0; size], start: 0, end: 0, offset: 0, ended: false, fault: None, slow }
    }

    /// Whether more would have to be waited for.
    pub(super) fn would_wait(&self) -> bool {
        self.slow && !self.ended
    }

    /// The unread bytes at hand.
    pub(super) fn data(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    /// Where the unread bytes begin in the stream.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Why reading stopped, if not by the end of the stream.
    pub(super) fn fault(&self) -> Option<&io::Error> {
        self.fault.as_ref()
    }

    /// Makes at least `need` bytes available if the stream has them; gives what is available.
    pub(super) fn fill(&mut self, need: usize) -> usize {
        if self.end - self.start >= need || self.ended {
            return self.end - self.start;
        }
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        if self.buffer.len() < need {
            self.buffer.resize(need, 0);
        }
        while self.end < need && !self.ended {
            self.read_once();
        }
        self.end
    }

    fn read_once(&mut self) {
        let Some(room) = self.buffer.get_mut(self.end..) else {
            self.ended = true;
            return;
        };
        match self.source.read(room) {
            Ok(0) => self.ended = true,
            Ok(count) => self.end += count.min(room.len()),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => {
                self.ended = true;
                self.fault = Some(error);
            }
        }
    }

    /// Passes over `count` bytes that are at hand.
    pub(super) fn consume(&mut self, count: usize) {
        let count = count.min(self.end - self.start);
        self.start += count;
        self.offset += count as u64;
    }

    /// Passes over `count` bytes, reading on as needed; false when the stream ends before.
    pub(super) fn skip(&mut self, mut count: u64) -> bool {
        loop {
            let at_hand = self.end - self.start;
            let step = usize::try_from(count).unwrap_or(usize::MAX).min(at_hand);
            self.consume(step);
            count -= step as u64;
            if count == 0 {
                return true;
            }
            if self.fill(1) == 0 {
                return false;
            }
        }
    }
}
