//! Capture files: pcap and pcapng, plain, gzip or zstd, from disk, a pipe or standard input (`-`); several files
//! of a run are merged by time.
//!
//! Within one file the order of the file is kept, also where its clock steps back: the meter judges that. A break
//! in a file ends that file with a gap and leaves the others alone. Limits: [`MAX_FILES`] files, each with a
//! buffer that they share out of `BUFFERS` (it grows to at most 1 MiB for a long block); a zstd stream may ask
//! for at most 128 MiB of window (the library's own limit); two layers of compression.

mod delivery;
mod hasher;
mod input;
mod interface;
mod options;
mod order;
mod pcap;
mod pcapng;
#[cfg(test)]
mod pipe_tests;
mod reader;
#[cfg(test)]
mod tests;
mod told;
#[cfg(test)]
mod told_tests;
mod window;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::path::PathBuf;
use std::sync::Arc;

use self::delivery::{Delivery, Desk};
use self::hasher::Hasher;
use self::reader::{FileReader, Ran};
use super::filter::Filters;
use super::origin::Brought;
use super::{CaptureError, Drops, Frame, LinkType, PacketSource, Pump};
use crate::model::{CaptureName, Gap, ObservationPoint, Timestamp};

/// Most files in one run: all are open at once to be merged, and systems allow about a thousand by default.
pub const MAX_FILES: usize = 4096;
/// Memory for the buffers of all files together, while it suffices for `MIN_BUFFER` each.
const BUFFERS: usize = 64 << 20;
const MAX_BUFFER: usize = 1 << 20;
const MIN_BUFFER: usize = 64 << 10;

/// How files are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileOptions {
    /// A BPF filter; frames that do not pass are counted and not handed over.
    pub filter: Option<String>,
    /// Whether the SHA-256 of each file is computed.
    pub hash: bool,
    /// Whether frames out of a pipe are handed over before more are waited for. A daemon wants it; a result that must come
    /// out the same again does not, for it then hangs (a little) on how the pipe was filled: names that a file gives for
    /// addresses stand before the frames of one call.
    pub prompt: bool,
}

impl Default for FileOptions {
    fn default() -> Self {
        Self { filter: None, hash: true, prompt: false }
    }
}

/// What is known of one capture file; final once the source has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaptureInfo {
    /// The file as it was named; `-` is standard input.
    pub path: PathBuf,
    /// SHA-256 of the stored bytes in lower-case hex, compressed or not; `None` when it was not asked for, the
    /// file could not be read again, or a stream was not read to its end.
    pub sha256: Option<String>,
    /// Frames read, those that did not pass the filter too.
    pub packets: u64,
    /// Link types that it describes, ascending ([`LinkType::name`] has the words).
    pub link_types: Vec<LinkType>,
    /// Earliest time of its frames.
    pub first: Option<Timestamp>,
    /// Latest time of its frames.
    pub last: Option<Timestamp>,
    /// Whether it was read to a clean end.
    pub complete: bool,
    /// Its stored length in bytes; of a stream, what was read of it.
    pub bytes: u64,
    /// What it says beside its packets: their makers, names of addresses.
    pub brought: Brought,
}

/// All capture files of a run, as one source in order of time.
pub struct CaptureFiles {
    files: Vec<FileReader>,
    /// Earliest undelivered time and number of every file that has not ended.
    due: BinaryHeap<Reverse<(Timestamp, usize)>>,
    desk: Desk,
    hasher: Hasher,
}

impl CaptureFiles {
    /// Opens all files and reads their headers.
    ///
    /// # Errors
    /// When a file cannot be opened, is no capture, or the filter is wrong. A file that is broken *behind* its
    /// first four bytes is opened and gives a gap when it is read.
    pub fn open(paths: &[PathBuf], options: &FileOptions) -> Result<Self, CaptureError> {
        if paths.len() > MAX_FILES {
            return Err(CaptureError::TooManyFiles { count: paths.len(), limit: MAX_FILES });
        }
        let mut desk = Desk::default();
        if let Some(filter) = options.filter.as_deref().filter(|filter| !filter.trim().is_empty()) {
            desk.filters = Some(Filters::new(filter)?);
        }
        let buffer = (BUFFERS / paths.len().max(1)).clamp(MIN_BUFFER, MAX_BUFFER);
        let files: Vec<FileReader> = paths
            .iter()
            .map(|path| FileReader::open(path, options, buffer, &mut desk))
            .collect::<Result<_, _>>()?;
        let regular = files.iter().enumerate().filter(|(_, file)| options.hash && file.length.is_some());
        let hasher = Hasher::start(regular.map(|(at, file)| (at, file.path.clone())).collect());
        // No file's first time is known: each begins as the earliest and says better when it is its turn.
        let due = (0..files.len()).map(|at| Reverse((Timestamp::from_nanos(i64::MIN), at))).collect();
        Ok(Self { files, due, desk, hasher })
    }

    /// One file that is these bytes (for fuzzing).
    pub(super) fn of_bytes(bytes: Vec<u8>) -> Result<Self, CaptureError> {
        let (options, mut desk) = (FileOptions { hash: false, ..FileOptions::default() }, Desk::default());
        let input = input::of_bytes(bytes)?;
        let file = FileReader::begin(std::path::Path::new("-"), input, &options, MIN_BUFFER, &mut desk)?;
        let due = BinaryHeap::from([Reverse((Timestamp::from_nanos(i64::MIN), 0))]);
        Ok(Self { files: vec![file], due, desk, hasher: Hasher::start(Vec::new()) })
    }

    /// What is known of each file, in the order in which they were named. Waits for the files' digests.
    pub fn captures(&mut self) -> Vec<CaptureInfo> {
        let digests = self.hasher.finish();
        let infos = self.files.iter().enumerate().map(|(at, file)| {
            let (first, last) = file.track.span();
            CaptureInfo {
                path: file.path.clone(),
                sha256: digests.get(&at).cloned().or_else(|| file.tally.sha256()),
                packets: file.track.packets,
                link_types: file.track.links.iter().copied().collect(),
                first,
                last,
                complete: file.complete,
                bytes: file.length.unwrap_or_else(|| file.tally.bytes()),
                brought: file.track.brought.clone(),
            }
        });
        infos.collect()
    }

    /// Frames read that did not pass the filter.
    pub fn filtered(&self) -> u64 {
        self.desk.filtered
    }

    /// Stored bytes read so far.
    pub fn bytes_read(&self) -> u64 {
        self.files.iter().map(|file| file.tally.bytes()).sum()
    }

    /// Stored bytes of all files; `None` when one is a stream of unknown length.
    pub fn bytes_total(&self) -> Option<u64> {
        self.files.iter().map(|file| file.length).sum()
    }
}

impl PacketSource for CaptureFiles {
    fn points(&self) -> Vec<Arc<ObservationPoint>> {
        self.desk.points.clone()
    }

    fn pump(&mut self, budget: usize, sink: &mut dyn FnMut(&Frame<'_>)) -> Result<Pump, CaptureError> {
        let limit = Timestamp::from_nanos(i64::MAX);
        let budget = budget.max(1);
        let mut delivery = Delivery { desk: &mut self.desk, sink, budget, left: budget, limit };
        while let Some(Reverse((time, at))) = self.due.pop() {
            delivery.limit = match self.due.peek() {
                None => limit,
                // Of two frames of one time, that of the file named first goes first.
                Some(Reverse((next, other))) if at < *other => *next,
                Some(Reverse((next, _))) => Timestamp::from_nanos(next.as_nanos().saturating_sub(1)),
            };
            let Some(file) = self.files.get_mut(at) else { continue };
            match file.run(&mut delivery) {
                // Its next frame is not before what it delivered last within this turn's limit.
                Ran::Budget => {
                    self.due.push(Reverse((time, at)));
                    return Ok(Pump::More);
                }
                Ran::Later(time) => self.due.push(Reverse((time, at))),
                Ran::Ended => {}
            }
        }
        Ok(Pump::End)
    }

    fn drops(&mut self) -> Drops {
        Drops::default()
    }

    fn take_gaps(&mut self) -> Vec<Gap> {
        std::mem::take(&mut self.desk.gaps)
    }

    fn take_names(&mut self) -> Vec<CaptureName> {
        std::mem::take(&mut self.desk.names)
    }

    fn limits(&self) -> BTreeMap<String, u64> {
        let origins = &self.desk.origins;
        let counts = [
            ("origins_not_kept", origins.full),
            ("pcapdroid_trailers_broken", origins.bad_trailers),
            ("capture_names_full", self.desk.names_full),
        ];
        counts.into_iter().filter(|(_, n)| *n > 0).map(|(name, n)| (name.to_owned(), n)).collect()
    }
}
