//! BPF filters on frames of files: compiled by libpcap once per link type, run on each frame.
//!
//! The filter sees the captured bytes only: `len`, `greater` and `less` mean the captured length.

use pcap::{BpfProgram, Capture, Linktype};

use super::{CaptureError, LinkType};

/// Link types with which a filter is tried when none is known yet: wrong for all of them is wrong.
const TRIED: [LinkType; 4] =
    [LinkType::ETHERNET, LinkType::LINUX_SLL, LinkType::RAW, LinkType::IEEE802_11_RADIOTAP];

/// A filter expression and its programs so far.
pub(super) struct Filters {
    expression: String,
    programs: Vec<(LinkType, Option<BpfProgram>)>,
}

impl Filters {
    /// Checks the expression against the usual link types.
    pub(super) fn new(expression: &str) -> Result<Self, CaptureError> {
        let mut first = None;
        for link in TRIED {
            match compile(expression, link) {
                Ok(_) => return Ok(Self { expression: expression.to_owned(), programs: Vec::new() }),
                Err(message) => first = first.or(Some((link, message))),
            }
        }
        let (link, message) = first.unwrap_or((LinkType::ETHERNET, String::new()));
        Err(bad(expression, link, message))
    }

    /// The program for `link`, compiled at its first use: its number for [`Filters::passes`], and the error if
    /// the filter cannot be asked of such frames, told once (none of them pass then).
    pub(super) fn program(&mut self, link: LinkType) -> (usize, Option<CaptureError>) {
        if let Some(at) = self.programs.iter().position(|(known, _)| *known == link) {
            return (at, None);
        }
        let (program, error) = match compile(&self.expression, link) {
            Ok(program) => (Some(program), None),
            Err(message) => (None, Some(bad(&self.expression, link, message))),
        };
        self.programs.push((link, program));
        (self.programs.len() - 1, error)
    }

    /// Whether program number `program` lets the frame pass.
    pub(super) fn passes(&self, program: usize, bytes: &[u8]) -> bool {
        match self.programs.get(program) {
            Some((_, Some(program))) => program.filter(bytes),
            _ => false,
        }
    }
}

fn bad(expression: &str, link: LinkType, message: String) -> CaptureError {
    CaptureError::BadFilter {
        filter: expression.to_owned(),
        target: format!("link type {} ({})", link.name(), link.0),
        message,
    }
}

fn compile(expression: &str, link: LinkType) -> Result<BpfProgram, String> {
    let dead = Capture::dead(Linktype(link.to_dlt())).map_err(|error| error.to_string())?;
    dead.compile(expression, true).map_err(|error| match error {
        pcap::Error::PcapError(message) => message,
        other => other.to_string(),
    })
}

/// Asks libpcap whether the expression can be compiled at all.
pub(super) fn check(expression: &str) -> Result<(), CaptureError> {
    Filters::new(expression).map(|_| ())
}
