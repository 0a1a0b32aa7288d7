//! Who made a frame, where a frame says so itself: PCAPdroid's trailer, Apple's PKTAP header, netfilter's log header.
//! (What pcapng blocks say stands in `files::blocks`.)
//!
//! Each maker is kept once and lent with every frame of it. What belongs to the capturing program and not to the
//! packet (a trailer) is taken off the frame. Limit: [`MOST`] makers; further ones are not told, and counted.

mod brought;
mod headers;
mod pcapdroid;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use foldhash::fast::RandomState;

pub use brought::Brought;
pub(super) use pcapdroid::{android, is_program as is_pcapdroid};

use super::LinkType;
use crate::model::{Label, OriginSource, ProcessRef};

/// Different makers that one source tells of; a device has hundreds.
pub(super) const MOST: usize = 16_384;

/// PKTAP under its DLT number on Darwin.
const PKTAP_USER2: LinkType = LinkType(149);

/// A maker as a frame names it: a number and a name of at most 20 octets.
type Key = (OriginSource, Option<u32>, [u8; 20]);

/// The makers that frames of one source name.
#[derive(Debug, Default)]
pub(super) struct Origins {
    known: HashMap<Key, Arc<ProcessRef>, RandomState>,
    /// Frames whose maker was not kept because there were too many.
    pub(super) full: u64,
    /// Frames with what looks like a trailer but is none: its checksum is wrong, it stands inside the packet, or in a
    /// file with frames of other origin. They are left as they are.
    pub(super) bad_trailers: u64,
}

/// A frame without what the capturing program added to it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bare<'f, 'o> {
    pub(super) link: LinkType,
    pub(super) bytes: &'f [u8],
    pub(super) wire: u32,
    pub(super) origin: Option<&'o Arc<ProcessRef>>,
    pub(super) relayed: bool,
}

impl Origins {
    /// Reads what a frame says of its maker. `brought` belongs to the frame's file or interface.
    #[inline]
    pub(super) fn read<'f, 'o>(
        &'o mut self,
        brought: &mut Brought,
        link: LinkType,
        bytes: &'f [u8],
        wire: u32,
    ) -> Bare<'f, 'o> {
        let bare = Bare { link, bytes, wire, origin: None, relayed: false };
        match link {
            LinkType::ETHERNET => pcapdroid::ethernet(self, brought, bare),
            LinkType::RAW | LinkType::IPV4 | LinkType::IPV6 => {
                let relayed = pcapdroid::through_vpn(bytes);
                brought.relayed += u64::from(relayed);
                Bare { relayed, ..bare }
            }
            _ => Bare { origin: self.of_header(link, bytes), ..bare },
        }
    }

    /// The maker that a header of the capturing system names. All that is believed of a live interface: what stands
    /// behind a header there came from the network.
    #[inline]
    pub(super) fn of_header(&mut self, link: LinkType, bytes: &[u8]) -> Option<&Arc<ProcessRef>> {
        match link {
            LinkType::PKTAP | PKTAP_USER2 => headers::pktap(self, bytes),
            LinkType::NFLOG => headers::nflog(self, bytes),
            _ => None,
        }
    }

    /// The maker of that number and name, kept once.
    fn intern(
        &mut self,
        source: OriginSource,
        number: Option<u32>,
        name: [u8; 20],
    ) -> Option<&Arc<ProcessRef>> {
        let room = self.known.len() < MOST;
        match self.known.entry((source, number, name)) {
            Entry::Occupied(known) => Some(known.into_mut()),
            Entry::Vacant(_) if !room => {
                self.full += 1;
                None
            }
            Entry::Vacant(place) => {
                let mut origin = ProcessRef { name: Label::new(&name), ..ProcessRef::unknown(source) };
                match source {
                    OriginSource::Pktap => origin.pid = number,
                    _ => origin.uid = number,
                }
                Some(place.insert(Arc::new(origin)))
            }
        }
    }
}
