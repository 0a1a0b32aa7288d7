//! What all files of a run share while frames are handed over: observation points, the filter, gaps, and the
//! sink with its budget; and what is counted per file.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::told::Said;
use crate::capture::filter::Filters;
use crate::capture::origin::{Brought, Origins};
use crate::capture::{Frame, LinkType};
use crate::model::{CaptureName, Gap, ObservationPoint, Timestamp};

/// Interfaces of one file that get an observation point of their own; further ones share the file's first. Real
/// captures have a handful; a hostile one can describe millions.
pub(super) const MAX_POINTS_PER_FILE: usize = 64;
/// Names of addresses that wait to be taken; they are taken after each call, and a block has at most some thousands.
const MAX_NAMES: usize = 65_536;
/// Link types to which a filter cannot be applied that are told one by one.
const MAX_FILTER_NOTES: usize = 16;

/// Shared by all files of a run.
#[derive(Default)]
pub(super) struct Desk {
    /// The filter, if one is set.
    pub(super) filters: Option<Filters>,
    /// Frames read that did not pass it.
    pub(super) filtered: u64,
    /// All observation points so far.
    pub(super) points: Vec<Arc<ObservationPoint>>,
    /// Gaps not yet taken.
    pub(super) gaps: Vec<Gap>,
    /// Makers of frames.
    pub(super) origins: Origins,
    /// Names of addresses not yet taken.
    pub(super) names: Vec<CaptureName>,
    /// Names that were given up because too many waited.
    pub(super) names_full: u64,
    filter_notes: usize,
}

/// Where the frames of one interface of one file go.
#[derive(Debug, Clone, Copy)]
pub(super) struct Route {
    /// How they begin.
    pub(super) link: LinkType,
    /// Index of their observation point.
    pub(super) point: u16,
    /// Number of their filter program.
    pub(super) program: usize,
}

/// What is known of one file.
#[derive(Debug)]
pub(super) struct Track {
    /// The file as it was named.
    pub(super) name: Arc<str>,
    /// Frames read.
    pub(super) packets: u64,
    /// Link types described.
    pub(super) links: BTreeSet<LinkType>,
    /// Time of the last frame in file order.
    pub(super) latest: Timestamp,
    /// What it says beside its packets.
    pub(super) brought: Brought,
    first: Timestamp,
    last: Timestamp,
    timed: bool,
    points: Vec<u16>,
}

impl Track {
    /// A file of which nothing was read yet.
    pub(super) fn new(name: Arc<str>) -> Self {
        Self {
            name,
            packets: 0,
            links: BTreeSet::new(),
            latest: Timestamp::EPOCH,
            brought: Brought::default(),
            first: Timestamp::from_nanos(i64::MAX),
            last: Timestamp::from_nanos(i64::MIN),
            timed: false,
            points: Vec::new(),
        }
    }

    /// Earliest and latest time of all frames that have one.
    pub(super) fn span(&self) -> (Option<Timestamp>, Option<Timestamp>) {
        if self.timed { (Some(self.first), Some(self.last)) } else { (None, None) }
    }

    /// The way of one more interface: link type, name, digits of its time stamps.
    pub(super) fn route(
        &mut self,
        desk: &mut Desk,
        link: LinkType,
        label: Option<&str>,
        digits: u8,
    ) -> Route {
        self.links.insert(link);
        let program = desk.program(&self.name, link);
        Route { link, point: self.point(desk, label, digits), program }
    }

    fn point(&mut self, desk: &mut Desk, label: Option<&str>, digits: u8) -> u16 {
        let name = label.map_or_else(|| self.name.to_string(), |label| format!("{}:{label}", self.name));
        let known = self.points.iter().copied().find(|id| {
            desk.points.get(usize::from(*id)).is_some_and(|p| *p.name == *name && p.time_digits == digits)
        });
        if let Some(id) = known {
            return id;
        }
        let shared = self.points.first().copied();
        let Ok(id) = u16::try_from(desk.points.len()) else { return shared.unwrap_or(0) };
        if let Some(shared) = shared.filter(|_| self.points.len() >= MAX_POINTS_PER_FILE) {
            return shared;
        }
        desk.points.push(Arc::new(ObservationPoint { id, name: name.into(), time_digits: digits }));
        self.points.push(id);
        id
    }
}

impl Desk {
    /// Keeps a name until it is taken.
    pub(super) fn name(&mut self, name: CaptureName) {
        if self.names.len() < MAX_NAMES {
            self.names.push(name);
        } else {
            self.names_full += 1;
        }
    }

    fn program(&mut self, source: &str, link: LinkType) -> usize {
        let Some(filters) = &mut self.filters else { return 0 };
        let (program, error) = filters.program(link);
        if let Some(error) = error.filter(|_| self.filter_notes < MAX_FILTER_NOTES) {
            self.filter_notes += 1;
            self.gaps.push(Gap {
                source: source.to_owned(),
                kind: "filter",
                offset: None,
                at: None,
                detail: format!("frames of link type {} are left out: {error}", link.name()),
            });
        }
        program
    }
}

/// One call of `pump`, as a file sees it.
pub(super) struct Delivery<'a> {
    /// Shared by all files.
    pub(super) desk: &'a mut Desk,
    /// Where frames go.
    pub(super) sink: &'a mut dyn FnMut(&Frame<'_>),
    /// Frames that may be read in this call.
    pub(super) budget: usize,
    /// How many of them may still be read.
    pub(super) left: usize,
    /// Frames later than this must wait: another file's are due.
    pub(super) limit: Timestamp,
}

impl Delivery<'_> {
    /// Whether frames were read in this call.
    pub(super) fn has_handed(&self) -> bool {
        self.left < self.budget
    }

    /// Hands over one frame, if the filter lets it pass; `timed` is false where the file gives no time, `said` is what
    /// the file says of it beside its bytes.
    #[inline]
    #[expect(clippy::too_many_arguments, reason = "one call per frame; a struct would only name them twice")]
    pub(super) fn hand(
        &mut self,
        track: &mut Track,
        route: Route,
        time: Timestamp,
        timed: bool,
        wire: u32,
        bytes: &[u8],
        said: Said<'_>,
    ) {
        self.left = self.left.saturating_sub(1);
        track.packets += 1;
        if timed {
            track.timed = true;
            track.latest = time;
            track.first = track.first.min(time);
            track.last = track.last.max(time);
        }
        let desk = &mut *self.desk;
        if let Some(filters) = &desk.filters
            && !filters.passes(route.program, bytes)
        {
            desk.filtered += 1;
            return;
        }
        let bare = desk.origins.read(&mut track.brought, route.link, bytes, wire);
        let origin = said.origin.or(bare.origin);
        if let Some(origin) = origin {
            track.brought.note(origin);
        }
        track.brought.relayed += u64::from(said.relayed && !bare.relayed);
        let captured = u32::try_from(bare.bytes.len()).unwrap_or(u32::MAX);
        (self.sink)(&Frame {
            time,
            bytes: bare.bytes,
            wire_len: bare.wire.max(captured),
            link_type: bare.link,
            point: route.point,
            origin,
            relayed: bare.relayed || said.relayed,
        });
    }
}

/// Why a file stopped handing over frames.
#[derive(Debug)]
pub(super) enum Stop {
    /// The budget is used up.
    Budget,
    /// The next frame is later than the limit: its time.
    Later(Timestamp),
    /// The end of the file, at a record's border.
    End,
    /// The stream ended or failed within the record that begins at this offset.
    Cut(u64),
    /// The record that begins at this offset makes no sense.
    Corrupt(u64, String),
}
