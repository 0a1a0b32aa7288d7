//! A file of JSON lines: whole lines only, appended and synced in groups.
//!
//! A kill in the middle of a write can leave a torn last line; it is cut off when the file is opened again (its bytes
//! are counted). Lines that cannot be written are kept and tried again, in order, up to a limit. When the file is moved
//! away (rotation), the next flush makes a new one.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Bytes of lines kept while the disk refuses them; enough for an hour of a busy gateway's alerts.
const MAX_KEPT: usize = 64 << 20;
/// A line is at most this long; a torn tail is looked for no further back.
const MAX_LINE: u64 = 1 << 20;

/// Why lines cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum JsonlError {
    /// The file cannot be opened, read or written.
    #[error("{path}: {what}: {error}")]
    File {
        /// The file.
        path: String,
        /// What was tried.
        what: &'static str,
        /// Why it failed.
        error: io::Error,
    },
    /// A thread cannot be started.
    #[error("cannot start a thread: {0}")]
    Thread(io::Error),
}

impl JsonlError {
    /// A thread that cannot be started.
    pub fn thread(error: io::Error) -> Self {
        Self::Thread(error)
    }
}

/// Appends lines to a file.
#[derive(Debug)]
pub struct JsonlWriter {
    path: PathBuf,
    file: File,
    /// Length of the file up to its last whole line.
    good: u64,
    waiting: VecDeque<Vec<u8>>,
    waiting_bytes: usize,
    refused: u64,
    mended: u64,
}

impl JsonlWriter {
    /// Opens (or makes) the file, readable by its owner only, and cuts off a torn last line.
    pub fn open(path: &Path) -> Result<Self, JsonlError> {
        let fail = |what| move |error| JsonlError::File { path: path.display().to_string(), what, error };
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .mode(0o600)
            .open(path)
            .map_err(fail("cannot open"))?;
        let length = file.metadata().map_err(fail("cannot read"))?.len();
        let good = end_of_last_line(&mut file, length).map_err(fail("cannot read"))?;
        if good < length {
            file.set_len(good).map_err(fail("cannot cut off a torn line"))?;
            tracing::warn!(path = %path.display(), bytes = length - good, "a line torn by an earlier kill was cut off");
        }
        Ok(Self {
            path: path.to_owned(),
            file,
            good,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            refused: 0,
            mended: length - good,
        })
    }

    /// Takes a line (with its newline). Beyond the limit it is refused and counted; nothing taken is dropped.
    pub fn push(&mut self, line: Vec<u8>) {
        if self.waiting_bytes + line.len() > MAX_KEPT {
            self.refused += 1;
            return;
        }
        self.waiting_bytes += line.len();
        self.waiting.push_back(line);
    }

    /// Writes and syncs all that waits; gives the number of lines now durable. On an error everything stays waiting,
    /// and the file is as it was.
    pub fn flush(&mut self) -> Result<u64, JsonlError> {
        if self.waiting.is_empty() {
            return Ok(0);
        }
        self.follow_rotation()?;
        let mut group = Vec::with_capacity(self.waiting_bytes);
        for line in &self.waiting {
            group.extend_from_slice(line);
        }
        let written = self.file.write_all(&group).and_then(|()| self.file.sync_data());
        if let Err(error) = written {
            // Part of the group may be in the file; it must not stay there as a torn or doubled line.
            let undone = self.file.set_len(self.good);
            let what = if undone.is_ok() { "cannot write" } else { "cannot write, nor undo a part" };
            return Err(JsonlError::File { path: self.path.display().to_string(), what, error });
        }
        self.good += group.len() as u64;
        let count = self.waiting.len() as u64;
        self.waiting.clear();
        self.waiting_bytes = 0;
        Ok(count)
    }

    /// Lines taken and not yet durable.
    pub fn pending(&self) -> usize {
        self.waiting.len()
    }

    /// Lines refused because too much waited.
    pub fn refused(&self) -> u64 {
        self.refused
    }

    /// Bytes of a torn line that were cut off at the start.
    pub fn mended(&self) -> u64 {
        self.mended
    }

    /// Opens the path again when it is not the file that is open any more.
    fn follow_rotation(&mut self) -> Result<(), JsonlError> {
        let here = std::fs::metadata(&self.path).ok().map(|m| (m.dev(), m.ino()));
        let open = self.file.metadata().ok().map(|m| (m.dev(), m.ino()));
        if here.is_some() && here == open {
            return Ok(());
        }
        let fresh = Self::open(&self.path)?;
        self.file = fresh.file;
        self.good = fresh.good;
        Ok(())
    }
}

/// Where the last whole line ends.
fn end_of_last_line(file: &mut File, length: u64) -> io::Result<u64> {
    let from = length.saturating_sub(MAX_LINE);
    file.seek(SeekFrom::Start(from))?;
    let mut tail = Vec::new();
    file.take(MAX_LINE).read_to_end(&mut tail)?;
    Ok(match tail.iter().rposition(|b| *b == b'\n') {
        Some(at) => from + at as u64 + 1,
        // No line end in sight: a single torn line, or (longer than any line) not our file; then nothing is cut.
        None if from == 0 => 0,
        None => length,
    })
}
