//! The captures of a result, and what they bring along.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::capture::{Brought, CaptureInfo};
use crate::model::Label;

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct CaptureDocument {
    path: String,
    sha256: Option<String>,
    bytes: u64,
    packets: u64,
    link_types: Vec<String>,
    first: Option<String>,
    last: Option<String>,
    complete: bool,
    /// What the file says beside its packets; left out where it says nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    origin: Option<OriginDocument>,
}

/// What a capture brings along: who made its packets, names of addresses.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct OriginDocument {
    /// By what means makers of packets were told (`pcapdroid_trailer`, `pktap`…).
    kind: Vec<&'static str>,
    /// Frames with a maker.
    frames: u64,
    uids: BTreeSet<u32>,
    packages: Vec<String>,
    names: Vec<String>,
    /// Frames that a relay on the device made up: no round trip is taken from their flows.
    relayed: u64,
    /// Addresses that the file itself names.
    addresses_named: u64,
    /// Blocks of secrets for decryption, passed over.
    secrets_blocks: u64,
    /// Packets with a process id in a comment, not used.
    pid_comments: u64,
}

impl OriginDocument {
    fn new(brought: &Brought) -> Option<Self> {
        let texts = |labels: &BTreeSet<Label>| labels.iter().map(ToString::to_string).collect();
        (!brought.is_empty()).then(|| Self {
            kind: brought.sources.iter().map(|s| s.word()).collect(),
            frames: brought.frames,
            uids: brought.uids.clone(),
            packages: texts(&brought.packages),
            names: texts(&brought.names),
            relayed: brought.relayed,
            addresses_named: brought.addresses_named,
            secrets_blocks: brought.secrets_blocks,
            pid_comments: brought.pid_comments,
        })
    }
}

pub(super) fn capture(info: &CaptureInfo, digits: u8) -> CaptureDocument {
    CaptureDocument {
        path: info.path.display().to_string(),
        sha256: info.sha256.clone(),
        bytes: info.bytes,
        packets: info.packets,
        link_types: info.link_types.iter().map(|l| l.name()).collect(),
        first: info.first.map(|t| t.to_rfc3339(digits)),
        last: info.last.map(|t| t.to_rfc3339(digits)),
        complete: info.complete,
        origin: OriginDocument::new(&info.brought),
    }
}
