//! What one file brought along beside its packets, for its summary.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::model::{Label, OriginSource, ProcessRef};

/// User ids and packages listed of one file; a device has hundreds, a hostile file millions.
const MOST_LISTED: usize = 1024;

/// What a capture says beside its packets.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Brought {
    /// By what means makers of packets were told.
    pub sources: BTreeSet<OriginSource>,
    /// User ids told, at most 1,024.
    pub uids: BTreeSet<u32>,
    /// Packages told, at most 1,024.
    pub packages: BTreeSet<Label>,
    /// Process and application names told, at most 1,024.
    pub names: BTreeSet<Label>,
    /// Frames with a maker.
    pub frames: u64,
    /// Frames that a relay on the device made up: their times are not the network's.
    pub relayed: u64,
    /// Addresses that the file itself names (pcapng name resolution blocks).
    pub addresses_named: u64,
    /// Blocks of decryption secrets; they are passed over and never kept.
    pub secrets_blocks: u64,
    /// Packets with a `PID=` in a comment (etl2pcapng). Not used: it is the process that ran when the packet was logged,
    /// often not the packet's own.
    pub pid_comments: u64,
    /// Whether the file is PCAPdroid's.
    pub(in crate::capture) pcapdroid: bool,
    /// Whether it has Ethernet frames with addresses, as PCAPdroid never writes them.
    pub(in crate::capture) ethernet: bool,
    /// The maker counted last: most frames repeat it.
    last: Option<Arc<ProcessRef>>,
}

impl Brought {
    /// Whether there was anything.
    pub fn is_empty(&self) -> bool {
        let Self { frames, relayed, addresses_named, secrets_blocks, pid_comments, .. } = self;
        [frames, relayed, addresses_named, secrets_blocks, pid_comments].iter().all(|count| **count == 0)
    }

    /// Counts a frame's maker.
    #[inline]
    pub(in crate::capture) fn note(&mut self, origin: &Arc<ProcessRef>) {
        self.frames += 1;
        if !self.last.as_ref().is_some_and(|last| Arc::ptr_eq(last, origin)) {
            self.list(origin);
            self.last = Some(Arc::clone(origin));
        }
    }

    fn list(&mut self, origin: &ProcessRef) {
        self.sources.insert(origin.source);
        if let Some(uid) = origin.uid.filter(|_| self.uids.len() < MOST_LISTED) {
            self.uids.insert(uid);
        }
        if let Some(package) = origin.package.as_ref().filter(|_| self.packages.len() < MOST_LISTED) {
            self.packages.insert(package.clone());
        }
        if let Some(name) = origin.name.as_ref().filter(|_| self.names.len() < MOST_LISTED) {
            self.names.insert(name.clone());
        }
    }
}
