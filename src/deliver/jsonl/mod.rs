//! A file of JSON lines that keeps what it was given: appended, synced in groups, mended after a crash.
//!
//! A line is *accepted* when it is held in memory, *durable* when a sync of the file that holds it has succeeded. Lines
//! are held until they are durable. So:
//!
//! - A write that fails (a full disk) loses nothing: what was half written is cut off again, and all is written later.
//! - A sync that fails says nothing about what reached the disk, and a second sync of the same descriptor would wrongly
//!   succeed (fsync(2)): the descriptor is given up, the file opened anew, cut to its last durable length, written again.
//! - A crash can tear only the last group; at the next opening the torn line is cut off and counted. Lines that were
//!   not yet durable may be there or not: whoever redelivers them may double them, under the same id.
//! - A file that was moved away (log rotation) is synced once more and left; the next group goes to a new file.
//! - More than `max-pending` bytes are not held: [`JsonlWriter::accept`] refuses and the caller waits.
//!
//! Files are created for the owner only (0600) and locked against a second writer. Pipes and devices can be written too;
//! they can be neither synced nor cut, so there a line is durable when it is written.

mod disk;
#[cfg(test)]
mod tests;

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::model::Timestamp;

use super::{DeliverConfig, JsonlError, to_line};
use disk::{Disk, Identity, Medium, RealDisk};

/// Appends documents to one file, one per line.
#[derive(Debug)]
pub struct JsonlWriter {
    path: PathBuf,
    config: DeliverConfig,
    disk: Box<dyn Disk>,
    file: Option<Open>,
    /// What the file was when its descriptor had to be given up, and its durable length.
    given_up: Option<(Identity, u64)>,
    /// Lines that are not durable yet; the first `written` bytes are in the file.
    held: Vec<u8>,
    written: usize,
    lines_held: u64,
    lines_durable: u64,
    mended: u64,
    waiting_since: Option<Timestamp>,
}

/// The file as it is open now.
#[derive(Debug)]
struct Open {
    medium: Box<dyn Medium>,
    identity: Identity,
    /// Length up to which the file is known to be on disk.
    durable: u64,
}

impl JsonlWriter {
    /// Opens or creates `path`, and cuts off a torn last line.
    pub fn open(path: &Path, config: &DeliverConfig) -> Result<Self, JsonlError> {
        Self::on(Box::new(RealDisk), path, config)
    }

    fn on(disk: Box<dyn Disk>, path: &Path, config: &DeliverConfig) -> Result<Self, JsonlError> {
        let mut writer = Self {
            path: path.to_owned(),
            config: config.clone(),
            disk,
            file: None,
            given_up: None,
            held: Vec::new(),
            written: 0,
            lines_held: 0,
            lines_durable: 0,
            mended: 0,
            waiting_since: None,
        };
        writer.reopen()?;
        Ok(writer)
    }

    /// Takes one document into memory. When it refuses ([`JsonlError::Full`]), nothing was taken: flush, then try again.
    pub fn accept<T: Serialize + ?Sized>(&mut self, document: &T) -> Result<(), JsonlError> {
        let line = to_line(document).map_err(|source| self.failed(source))?;
        self.hold(&[&line])
    }

    /// Takes one line that is a document already, as [`JsonlWriter::accept`] does. A missing line end is added.
    pub fn accept_line(&mut self, line: &[u8]) -> Result<(), JsonlError> {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        self.hold(&[line, b"\n"])
    }

    /// Writes what is held, as one group, and syncs if that is due at `now`.
    pub fn flush(&mut self, now: Timestamp) -> Result<(), JsonlError> {
        self.leave_moved_file()?;
        self.write_held(now)?;
        let waited = self.waiting_since.is_some_and(|since| {
            // Either way round: a clock set back must not put the sync off.
            now.since(since).max(since.since(now)) >= self.config.sync_interval.0
        });
        let waiting = u64::try_from(self.written).unwrap_or(u64::MAX);
        if waited || waiting >= self.config.sync_bytes.0 { self.sync_file() } else { Ok(()) }
    }

    /// Writes and syncs all that is held; afterwards every accepted line is durable.
    pub fn sync(&mut self, now: Timestamp) -> Result<(), JsonlError> {
        self.leave_moved_file()?;
        self.write_held(now)?;
        self.sync_file()
    }

    /// Lines accepted and not yet durable.
    pub fn pending(&self) -> u64 {
        self.lines_held
    }

    /// Lines durable since the writer was opened.
    pub fn durable(&self) -> u64 {
        self.lines_durable
    }

    /// Bytes of torn lines cut off at opening.
    pub fn mended(&self) -> u64 {
        self.mended
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Holds one line, given in pieces, if there is room for it.
    fn hold(&mut self, pieces: &[&[u8]]) -> Result<(), JsonlError> {
        let length: usize = pieces.iter().map(|p| p.len()).sum();
        let limit = usize::try_from(self.config.max_pending.0).unwrap_or(usize::MAX);
        if !self.held.is_empty() && self.held.len().saturating_add(length) > limit {
            return Err(JsonlError::Full { path: self.path.clone(), pending: self.lines_held });
        }
        for piece in pieces {
            self.held.extend_from_slice(piece);
        }
        self.lines_held += 1;
        Ok(())
    }

    fn failed(&self, source: io::Error) -> JsonlError {
        JsonlError::Write { path: self.path.clone(), source, pending: self.lines_held }
    }

    /// Opens the file; after a failed sync it is first cut to what is surely on disk, so that nothing is there twice.
    fn reopen(&mut self) -> Result<&mut Open, JsonlError> {
        let mut medium = self.disk.open(&self.path)?;
        let identity = medium.identity();
        if medium.is_regular() {
            if let Some((before, durable)) = self.given_up
                && before == identity
            {
                let length = medium.length().map_err(|e| self.failed(e))?;
                medium.cut(length.min(durable)).map_err(|e| self.failed(e))?;
            }
            self.mended += disk::mend(medium.as_mut(), &self.path)?;
        }
        let durable = medium.length().map_err(|e| self.failed(e))?;
        self.given_up = None;
        self.written = 0;
        Ok(self.file.insert(Open { medium, identity, durable }))
    }

    /// If the path no longer names the open file, makes sure of what is in that one and lets go of it.
    fn leave_moved_file(&mut self) -> Result<(), JsonlError> {
        let Some(open) = &self.file else { return Ok(()) };
        if !open.medium.is_regular() || self.disk.identity(&self.path) == Some(open.identity) {
            return Ok(());
        }
        // Lines in the moved file that cannot be synced are written again to the new one: twice is better than never.
        let synced = self.sync_file();
        self.file = None;
        self.given_up = None;
        self.written = 0;
        synced
    }

    fn write_held(&mut self, now: Timestamp) -> Result<(), JsonlError> {
        if self.written >= self.held.len() {
            return Ok(());
        }
        if self.file.is_none() {
            self.reopen()?;
        }
        let Some(open) = &mut self.file else { return Ok(()) };
        let before = open.durable + self.written as u64;
        let regular = open.medium.is_regular();
        if regular {
            // Somebody emptied the file in place: go on from where it ends now.
            match open.medium.length() {
                Ok(length) if length < before => open.durable = length.saturating_sub(self.written as u64),
                _ => {}
            }
        }
        let begun = self.written;
        let result =
            write_group(open.medium.as_mut(), self.held.get(begun..).unwrap_or_default(), &mut self.written);
        let Err(source) = result else {
            self.waiting_since.get_or_insert(now);
            return Ok(());
        };
        if regular && self.written > begun {
            self.written = begun;
            let whole = open.durable + begun as u64;
            if open.medium.cut(whole).is_err() {
                self.give_up();
            }
        }
        Err(self.failed(source))
    }

    fn sync_file(&mut self) -> Result<(), JsonlError> {
        if self.written == 0 {
            return Ok(());
        }
        let Some(open) = &mut self.file else { return Ok(()) };
        if let Err(source) = open.medium.sync() {
            self.give_up();
            return Err(self.failed(source));
        }
        open.durable += self.written as u64;
        let lines = self.held.drain(..self.written).filter(|b| *b == b'\n').count() as u64;
        self.written = 0;
        self.lines_held = self.lines_held.saturating_sub(lines);
        self.lines_durable += lines;
        self.waiting_since = None;
        Ok(())
    }

    /// Lets go of a descriptor that cannot be trusted any more; what it held since the last sync is written anew.
    fn give_up(&mut self) {
        if let Some(open) = self.file.take() {
            self.given_up = Some((open.identity, open.durable));
        }
        self.written = 0;
    }
}

/// Writes all of `group`, moving `written` on by what got through.
fn write_group(medium: &mut dyn Medium, group: &[u8], written: &mut usize) -> io::Result<()> {
    let mut rest = group;
    while !rest.is_empty() {
        match medium.append(rest) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(n) => {
                *written += n;
                rest = rest.get(n..).unwrap_or_default();
            }
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}
