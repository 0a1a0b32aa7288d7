//! One capture file: recognises its format, runs it, and turns its end into a gap where it was not a clean one.

use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::Arc;

use super::FileOptions;
use super::delivery::{Delivery, Desk, Stop, Track};
use super::input::{self, Input, Tally};
use super::pcap::{self, Magic, Pcap};
use super::pcapng::{self, Pcapng};
use super::window::Window;
use crate::capture::CaptureError;
use crate::model::{Gap, Timestamp};

enum Format {
    Pcap(Pcap),
    Pcapng(Pcapng),
    /// A pcap file that ends within its header.
    HeaderCut,
}

/// What a reader came to in one call.
pub(super) enum Ran {
    /// The budget is used up.
    Budget,
    /// The next frame is later than the limit: its time.
    Later(Timestamp),
    /// Nothing more comes from this file.
    Ended,
}

/// One open capture file.
pub(super) struct FileReader {
    /// The file as it was named.
    pub(super) path: PathBuf,
    /// What was counted.
    pub(super) track: Track,
    /// Stored bytes read.
    pub(super) tally: Arc<Tally>,
    /// Stored length, of regular files.
    pub(super) length: Option<u64>,
    /// Whether it was read to a clean end.
    pub(super) complete: bool,
    window: Option<Window>,
    format: Format,
}

impl FileReader {
    /// Opens a file and reads its header.
    pub(super) fn open(
        path: &std::path::Path,
        options: &FileOptions,
        buffer: usize,
        desk: &mut Desk,
    ) -> Result<Self, CaptureError> {
        Self::begin(path, input::open(path, options.hash)?, options, buffer, desk)
    }

    /// Reads the header of what was opened.
    pub(super) fn begin(
        path: &std::path::Path,
        input: Input,
        options: &FileOptions,
        buffer: usize,
        desk: &mut Desk,
    ) -> Result<Self, CaptureError> {
        let mut window = Window::new(input.source, buffer, options.prompt && input.length.is_none());
        let mut track = Track::new(path.to_string_lossy().into());
        let format = recognise(path, &mut window, &mut track, desk)?;
        Ok(Self {
            path: path.to_owned(),
            track,
            tally: input.tally,
            length: input.length,
            complete: false,
            window: Some(window),
            format,
        })
    }

    /// Hands over frames up to the delivery's limit and budget.
    pub(super) fn run(&mut self, delivery: &mut Delivery<'_>) -> Ran {
        let Some(window) = &mut self.window else { return Ran::Ended };
        let stop = match &mut self.format {
            Format::Pcap(pcap) => pcap.run(window, &mut self.track, delivery),
            Format::Pcapng(pcapng) => pcapng.run(window, &mut self.track, delivery),
            Format::HeaderCut => Stop::Cut(0),
        };
        let gap = match stop {
            Stop::Budget => return Ran::Budget,
            Stop::Later(time) => return Ran::Later(time),
            Stop::End => window.fault().map(|fault| fault_gap(fault, window.offset())),
            Stop::Cut(offset) => Some(window.fault().map_or_else(
                || ("truncated", offset, "the file ends within a record".to_owned()),
                |fault| fault_gap(fault, offset),
            )),
            Stop::Corrupt(offset, what) => Some(("corrupt", offset, what)),
        };
        self.complete = gap.is_none();
        // The buffer and the file are given back: other files of the run may go on for hours.
        self.window = None;
        if let Some((kind, offset, what)) = gap {
            let (_, last) = self.track.span();
            delivery.desk.gaps.push(Gap {
                source: self.track.name.to_string(),
                kind,
                offset: Some(offset),
                at: last.map(|_| self.track.latest),
                // Where stands in `offset` alone: every output says it beside the sentence.
                detail: format!(
                    "{what}; the {} packets before it were read, nothing after it",
                    self.track.packets
                ),
            });
        }
        Ran::Ended
    }
}

fn fault_gap(fault: &std::io::Error, offset: u64) -> (&'static str, u64, String) {
    if fault.kind() == ErrorKind::UnexpectedEof {
        ("truncated", offset, format!("the compressed data end early ({fault})"))
    } else {
        ("corrupt", offset, format!("reading failed ({fault})"))
    }
}

fn recognise(
    path: &std::path::Path,
    window: &mut Window,
    track: &mut Track,
    desk: &mut Desk,
) -> Result<Format, CaptureError> {
    window.fill(pcapng::SECTION_HEAD);
    let head = window.data();
    let not_a_capture =
        |head: &[u8]| CaptureError::NotACapture { path: path.to_owned(), found: input::describe(head) };
    let Some(magic) = head.first_chunk::<4>().copied() else {
        return Err(unreadable(path, window).unwrap_or_else(|| not_a_capture(head)));
    };
    if u32::from_le_bytes(magic) == pcapng::SECTION {
        return match pcapng::section_order(head) {
            Some((_, 1, 0 | 2)) => Ok(Format::Pcapng(Pcapng::new())),
            Some((_, major, minor)) => Err(CaptureError::UnsupportedVersion {
                path: path.to_owned(),
                format: "pcapng",
                major,
                minor,
                expected: "version 1.0 or 1.2",
            }),
            None if head.len() < pcapng::SECTION_HEAD => Ok(Format::Pcapng(Pcapng::new())),
            None => Err(not_a_capture(head)),
        };
    }
    let Some(magic) = Magic::recognise(magic) else { return Err(not_a_capture(head)) };
    if window.fill(pcap::HEADER) < pcap::HEADER {
        return Ok(Format::HeaderCut);
    }
    Pcap::open(magic, window, track, desk).map(Format::Pcap)
}

/// A stream that failed before its fourth byte cannot be called anything.
fn unreadable(path: &std::path::Path, window: &Window) -> Option<CaptureError> {
    let fault = window.fault()?;
    let source = std::io::Error::new(fault.kind(), fault.to_string());
    Some(CaptureError::Unreadable { path: path.to_owned(), source })
}
