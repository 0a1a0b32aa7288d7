//! A file of JSON lines as a sink: what [`JsonlWriter`] promises, and no line twice after a crash.
//!
//! A crash between the sync of the file and the note of it in the store would bring the same events again. So the end of
//! the file is read at the start, and events that stand there already are not written a second time.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use crate::deliver::format::{Document, Format};
use crate::deliver::{DeliverConfig, JsonlError, JsonlWriter};
use crate::model::Timestamp;
use crate::store::Event;

use super::{Attempt, Sink};

/// More than a group that a crash can leave unnoted: the runner delivers at most [`super::runner::BATCH`] at a time.
const TAIL: u64 = 8 << 20;

/// Appends each event's document to a file.
#[derive(Debug)]
pub struct FileSink {
    writer: JsonlWriter,
    format: Format,
    /// Events that the file held when it was opened: number and alert.
    already: HashSet<(i64, String)>,
    /// The last event that the writer holds or has written.
    accepted: i64,
}

impl FileSink {
    /// Opens the file and reads its end.
    pub fn open(path: &Path, config: &DeliverConfig) -> Result<Self, JsonlError> {
        Self::open_as(path, config, Format::Ecs)
    }

    /// The same with lines in another format, one of the JSON ones.
    pub fn open_as(path: &Path, config: &DeliverConfig, format: Format) -> Result<Self, JsonlError> {
        let writer = JsonlWriter::open(path, config)?;
        // What cannot be read is written again: twice is better than never.
        let already = tail(path).unwrap_or_default();
        Ok(Self { writer, format, already, accepted: i64::MIN })
    }
}

impl Sink for FileSink {
    fn deliver(&mut self, events: &[Event], now: Timestamp) -> Attempt {
        for event in events {
            if event.seq <= self.accepted {
                continue;
            }
            if !self.already.remove(&(event.seq, event.alert.clone()))
                && let Err(error) = self.writer.accept_line(&line(self.format, event))
            {
                // No more can be held: what is held is tried, and this one comes again.
                let _later = self.writer.sync(now);
                return Attempt::later(0, error.to_string());
            }
            self.accepted = event.seq;
        }
        match self.writer.sync(now) {
            Ok(()) => Attempt::all(events.len()),
            Err(error) => Attempt::later(0, error.to_string()),
        }
    }
}

/// The events in the last part of a file.
fn tail(path: &Path) -> std::io::Result<HashSet<(i64, String)>> {
    let mut file = File::open(path)?;
    if !file.metadata()?.is_file() {
        return Ok(HashSet::new());
    }
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
    let mut bytes = Vec::new();
    file.take(TAIL).read_to_end(&mut bytes)?;
    Ok(bytes.split(|b| *b == b'\n').filter_map(event_of).collect())
}

fn line(format: Format, event: &Event) -> Cow<'_, [u8]> {
    if format == Format::Ecs {
        return Cow::Borrowed(&event.document);
    }
    let mut line = format.render(&event.document);
    line.push(b'\n');
    Cow::Owned(line)
}

/// Number and alert of a line in any format; `None` for one that was not written by this program, or is cut.
fn event_of(line: &[u8]) -> Option<(i64, String)> {
    let document = Document::read(line);
    let places = [
        ("/event/sequence", "/event/id"),
        ("/metadata/sequence", "/finding_info/uid"),
        ("/whither/sequence", "/whither/id"),
        ("/metadata/sequence", "/metadata/original_event_uid"),
    ];
    places.iter().find_map(|(sequence, id)| {
        Some((document.value(sequence)?.as_i64()?, document.value(id)?.as_str()?.to_owned()))
    })
}
