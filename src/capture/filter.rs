//! BPF filters on files, compiled by libpcap for each link type that occurs.

use std::collections::BTreeMap;

use pcap::{BpfProgram, Capture, Linktype};

use super::frame::{Frame, LinkType};
use super::CaptureError;

/// A filter and its programs.
pub(super) struct Filter {
    text: String,
    /// `None`: the filter has no meaning on that link type (`port` on 802.11 control frames…), so nothing passes.
    programs: BTreeMap<LinkType, Option<BpfProgram>>,
    held_back: u64,
}

impl Filter {
    /// Checks the filter's grammar on Ethernet.
    pub(super) fn new(text: &str) -> Result<Self, CaptureError> {
        let program = compile(text, LinkType::ETHERNET)
            .map_err(|message| CaptureError::Filter { filter: text.to_owned(), message })?;
        let programs = BTreeMap::from([(LinkType::ETHERNET, Some(program))]);
        Ok(Self { text: text.to_owned(), programs, held_back: 0 })
    }

    /// Whether a frame passes.
    pub(super) fn passes(&mut self, frame: &Frame<'_>) -> bool {
        let text = &self.text;
        let program = self.programs.entry(frame.link_type).or_insert_with(|| {
            compile(text, frame.link_type)
                .inspect_err(|message| {
                    tracing::warn!(link_type = frame.link_type.0, message, "the filter lets nothing of this link type through");
                })
                .ok()
        });
        let passes = program.as_ref().is_some_and(|p| p.filter(frame.bytes));
        self.held_back += u64::from(!passes);
        passes
    }

    pub(super) fn held_back(&self) -> u64 {
        self.held_back
    }
}

fn compile(text: &str, link_type: LinkType) -> Result<BpfProgram, String> {
    // In files raw IP is 101, in libpcap's own numbering 12 (DLT_RAW on Linux).
    let number = if link_type == LinkType::RAW { 12 } else { i32::from(link_type.0) };
    let dead = Capture::dead(Linktype(number)).map_err(|e| e.to_string())?;
    dead.compile(text, true).map_err(|e| e.to_string())
}
