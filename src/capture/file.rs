//! Capture files as one source: each read as a stream, several merged by time.
//!
//! A file that is no capture is an error; a file that breaks in the middle gives all frames before the break, and the
//! break goes on record with its offset. Within a file the file's order is kept, whatever its time stamps say.

use std::collections::{BTreeSet, BinaryHeap};
use std::cmp::Reverse;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use ring::digest;

use crate::model::{Gap, ObservationPoint, Timestamp};

use super::filter::Filter;
use super::frame::{Frame, LinkType};
use super::pcap_file::PcapFile;
use super::pcapng_file::PcapngFile;
use super::stored::{self, Hasher, Stored};
use super::window::Window;
use super::{CaptureError, Drops, PacketSource, Pump};

/// How to read files.
#[derive(Debug, Clone, Default)]
pub struct FileOptions {
    /// Only frames that this BPF filter lets through.
    pub filter: Option<String>,
}

/// What was read of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaptureInfo {
    /// The path as given.
    pub path: String,
    /// SHA-256 of the stored bytes, hex.
    pub sha256: Option<String>,
    /// Stored bytes.
    pub bytes: u64,
    /// Frames read (whatever a filter did with them).
    pub packets: u64,
    /// Link types seen.
    pub link_types: Vec<LinkType>,
    /// Earliest frame.
    pub first: Option<Timestamp>,
    /// Latest frame.
    pub last: Option<Timestamp>,
    /// Whether it was read to a clean end.
    pub complete: bool,
}

/// Observation points of all files, numbered in order of appearance.
#[derive(Debug, Default)]
pub(super) struct Points(Vec<Arc<ObservationPoint>>);

impl Points {
    /// Adds one; beyond 65,536 all share the last number.
    pub(super) fn add(&mut self, name: &str, time_digits: u8) -> u16 {
        let Ok(id) = u16::try_from(self.0.len()) else { return u16::MAX };
        self.0.push(Arc::new(ObservationPoint { id, name: name.into(), time_digits }));
        id
    }
}

/// A frame's place in the window, and what its record says.
#[derive(Debug, Clone, Copy)]
pub(super) struct Located {
    pub(super) time: Timestamp,
    /// Where the frame begins behind the window's start.
    pub(super) at: usize,
    pub(super) length: usize,
    /// Length of the whole record.
    pub(super) total: usize,
    pub(super) wire_len: u32,
    pub(super) link_type: LinkType,
    pub(super) point: u16,
}

/// Why reading a file stopped before its end.
#[derive(Debug)]
pub(super) struct Break {
    kind: &'static str,
    detail: String,
}

impl Break {
    pub(super) fn truncated(detail: String) -> Self {
        Self { kind: "truncated", detail }
    }

    pub(super) fn corrupt(detail: String) -> Self {
        Self { kind: "corrupt", detail }
    }

    /// The stored bytes cannot be read or decompressed any further.
    pub(super) fn unreadable(error: &io::Error) -> Self {
        let kind = if error.kind() == io::ErrorKind::UnexpectedEof { "truncated" } else { "corrupt" };
        Self { kind, detail: format!("cannot read on: {error}") }
    }
}

enum Format {
    Pcap(PcapFile),
    Pcapng(PcapngFile),
}

/// One file being read.
struct Reader {
    path: String,
    window: Window,
    format: Format,
    current: Option<Located>,
    packets: u64,
    link_types: BTreeSet<LinkType>,
    span: Option<(Timestamp, Timestamp)>,
    complete: bool,
    read: Arc<AtomicU64>,
    size: Option<u64>,
    hash: Option<Arc<Mutex<digest::Context>>>,
}

impl Reader {
    fn open(path: &Path, points: &mut Points, total: &Arc<AtomicU64>) -> Result<Self, CaptureError> {
        let name = if path == Path::new(stored::STDIN) { "stdin".to_owned() } else { path.display().to_string() };
        let not = |found: String| CaptureError::NotACapture { path: name.clone(), found };
        let Stored { input, read, size, hash } = Stored::open(path, total)?;
        let mut window = Window::new(input);
        let there = window.fill(PcapFile::HEADER).map_err(|e| not(format!("it cannot be read: {e}")))?;
        let Some(magic) = window.head::<4>().copied() else {
            return Err(not(if there == 0 { "it is empty".into() } else { format!("it has only {there} bytes") }));
        };
        let format = if PcapFile::recognises(magic) {
            Format::Pcap(PcapFile::open(&mut window, points, &name).map_err(not)?)
        } else if PcapngFile::recognises(magic) {
            Format::Pcapng(PcapngFile::new(&name))
        } else {
            return Err(not(format!("it begins with {}", stored::hex(&magic))));
        };
        Ok(Self {
            path: name,
            window,
            format,
            current: None,
            packets: 0,
            link_types: BTreeSet::new(),
            span: None,
            complete: false,
            read,
            size,
            hash,
        })
    }

    /// Moves to the next frame. `Ok(false)`: the file is at its end.
    fn advance(&mut self, points: &mut Points) -> Result<bool, Break> {
        if let Some(done) = self.current.take() {
            self.window.consume(done.total);
        }
        let located = match &mut self.format {
            Format::Pcap(format) => format.advance(&mut self.window)?,
            Format::Pcapng(format) => format.advance(&mut self.window, points)?,
        };
        let Some(located) = located else {
            self.complete = true;
            return Ok(false);
        };
        self.packets += 1;
        if self.packets == 1 || self.last_link_type() != Some(located.link_type) {
            self.link_types.insert(located.link_type);
        }
        let (first, last) = self.span.unwrap_or((located.time, located.time));
        self.span = Some((first.min(located.time), last.max(located.time)));
        self.current = Some(located);
        Ok(true)
    }

    /// The link type, while there has been only one.
    fn last_link_type(&self) -> Option<LinkType> {
        if self.link_types.len() == 1 { self.link_types.first().copied() } else { None }
    }

    /// The frame that the reader stands at.
    fn frame(&self) -> Option<Frame<'_>> {
        let located = self.current.as_ref()?;
        Some(Frame {
            time: located.time,
            bytes: self.window.bytes(located.at, located.length)?,
            wire_len: located.wire_len,
            link_type: located.link_type,
            point: located.point,
        })
    }
}

/// Files as one source of frames.
pub struct CaptureFiles {
    readers: Vec<Reader>,
    /// Readers that stand at a frame, earliest first; readers of equal time in the order they were given.
    queue: BinaryHeap<Reverse<(Timestamp, usize)>>,
    /// The reader whose frame was lent last and that has to move on.
    moving: Option<usize>,
    points: Points,
    gaps: Vec<Gap>,
    filter: Option<Filter>,
    bytes: Arc<AtomicU64>,
    hasher: Hasher,
}

impl CaptureFiles {
    /// Opens all files.
    ///
    /// # Errors
    /// A file that cannot be opened or is no capture, and a filter that cannot be compiled.
    pub fn open(paths: &[PathBuf], options: &FileOptions) -> Result<Self, CaptureError> {
        let bytes = Arc::new(AtomicU64::new(0));
        let mut points = Points::default();
        let mut readers = Vec::with_capacity(paths.len());
        for path in paths {
            readers.push(Reader::open(path, &mut points, &bytes)?);
        }
        let filter = options.filter.as_deref().map(Filter::new).transpose()?;
        let again = |(path, reader): (&PathBuf, &Reader)| reader.hash.is_none().then(|| path.clone());
        let hasher = Hasher::start(paths.iter().zip(&readers).map(again).collect());
        let mut files =
            Self { readers, queue: BinaryHeap::new(), moving: None, points, gaps: Vec::new(), filter, bytes, hasher };
        for number in 0..files.readers.len() {
            files.advance(number);
        }
        Ok(files)
    }

    /// Stored bytes read so far.
    pub fn bytes_read(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Stored bytes in all; `None` when a pipe is among the files.
    pub fn bytes_total(&self) -> Option<u64> {
        self.readers.iter().map(|r| r.size).sum()
    }

    /// Frames that the filter held back.
    pub fn filtered(&self) -> u64 {
        self.filter.as_ref().map_or(0, Filter::held_back)
    }

    /// What was read of each file; waits for checksums that are still being taken.
    pub fn captures(&mut self) -> Vec<CaptureInfo> {
        let mut list = Vec::with_capacity(self.readers.len());
        for (number, reader) in self.readers.iter().enumerate() {
            let sha256 = match &reader.hash {
                Some(hash) => {
                    let context = hash.lock().unwrap_or_else(PoisonError::into_inner).clone();
                    Some(stored::hex(context.finish().as_ref()))
                }
                None => self.hasher.get(number),
            };
            list.push(CaptureInfo {
                path: reader.path.clone(),
                sha256,
                bytes: reader.size.unwrap_or_else(|| reader.read.load(Ordering::Relaxed)),
                packets: reader.packets,
                link_types: reader.link_types.iter().copied().collect(),
                first: reader.span.map(|(first, _)| first),
                last: reader.span.map(|(_, last)| last),
                complete: reader.complete,
            });
        }
        list
    }

    /// Moves a reader to its next frame and queues it; a break goes on record.
    fn advance(&mut self, number: usize) {
        let Some(reader) = self.readers.get_mut(number) else { return };
        match reader.advance(&mut self.points) {
            Ok(true) => {
                if let Some(located) = &reader.current {
                    self.queue.push(Reverse((located.time, number)));
                }
            }
            Ok(false) => {}
            Err(at) => self.gaps.push(broken(reader, &at)),
        }
    }

    /// A single file needs no queue: the tight loop.
    fn pump_one(&mut self, budget: usize, sink: &mut dyn FnMut(&Frame<'_>)) -> Pump {
        let known = self.points.0.len();
        for _ in 0..budget {
            if self.queue.is_empty() {
                return Pump::End;
            }
            let Some(reader) = self.readers.first_mut() else { return Pump::End };
            if let Some(frame) = reader.frame() {
                if self.filter.as_mut().is_none_or(|f| f.passes(&frame)) {
                    sink(&frame);
                }
            }
            match reader.advance(&mut self.points) {
                Ok(true) => {}
                Ok(false) => {
                    self.queue.clear();
                    return Pump::End;
                }
                Err(at) => {
                    self.queue.clear();
                    self.gaps.push(broken(reader, &at));
                    return Pump::End;
                }
            }
            if self.points.0.len() != known {
                break;
            }
        }
        Pump::More
    }

    fn pump_merged(&mut self, budget: usize, sink: &mut dyn FnMut(&Frame<'_>)) -> Pump {
        let known = self.points.0.len();
        for _ in 0..budget {
            if let Some(number) = self.moving.take() {
                self.advance(number);
            }
            if self.points.0.len() != known {
                break;
            }
            let Some(Reverse((_, number))) = self.queue.pop() else { return Pump::End };
            self.moving = Some(number);
            if let Some(frame) = self.readers.get(number).and_then(Reader::frame) {
                if self.filter.as_mut().is_none_or(|f| f.passes(&frame)) {
                    sink(&frame);
                }
            }
        }
        Pump::More
    }
}

/// A break as it goes on record.
fn broken(reader: &Reader, at: &Break) -> Gap {
    Gap {
        source: reader.path.clone(),
        kind: at.kind,
        offset: Some(reader.window.offset()),
        at: reader.span.map(|(_, last)| last),
        detail: format!("{}; the {} packets before it were read", at.detail, reader.packets),
    }
}

impl PacketSource for CaptureFiles {
    fn points(&self) -> Vec<Arc<ObservationPoint>> {
        self.points.0.clone()
    }

    fn pump(&mut self, budget: usize, sink: &mut dyn FnMut(&Frame<'_>)) -> Result<Pump, CaptureError> {
        Ok(if self.readers.len() == 1 { self.pump_one(budget, sink) } else { self.pump_merged(budget, sink) })
    }

    fn drops(&mut self) -> Drops {
        Drops::default()
    }

    fn take_gaps(&mut self) -> Vec<Gap> {
        std::mem::take(&mut self.gaps)
    }
}
