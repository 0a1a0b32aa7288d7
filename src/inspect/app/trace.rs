//! The first datagrams of a flow, as far as fingerprints over several of them need them.
//!
//! Of each the head, the last bytes and the length are kept, of few datagrams, and only while a fingerprint asks for
//! more. Lengths are those of the capture's payload: a fingerprint that needs the end of a datagram does not meet one that
//! was cut.

use crate::model::Endpoint;

/// Bytes kept of a datagram's beginning: enough for any header with the ids that an answer repeats.
const HEAD: usize = 64;
/// Datagrams after which a flow that no fingerprint met is left alone.
pub(super) const MAX_DATAGRAMS: usize = 6;

/// What is kept of one datagram.
#[derive(Debug, Clone, Copy)]
pub(super) struct Datagram {
    /// Whether the flow's source sent it.
    pub(super) forward: bool,
    /// Its length.
    pub(super) length: usize,
    head: [u8; HEAD],
}

impl Datagram {
    /// Keeps the head of a payload.
    pub(super) fn new(forward: bool, payload: &[u8]) -> Self {
        let mut head = [0; HEAD];
        for (kept, byte) in head.iter_mut().zip(payload) {
            *kept = *byte;
        }
        Self { forward, length: payload.len(), head }
    }

    /// The bytes kept.
    pub(super) fn head(&self) -> &[u8] {
        self.head.get(..self.length).unwrap_or(&self.head)
    }
}

/// The datagrams seen before, and the one that came now.
#[derive(Debug, Clone, Copy)]
pub(super) struct Trace<'a> {
    /// Earlier ones, in order.
    pub(super) before: &'a [Datagram],
    /// The payload that came now.
    pub(super) now: &'a [u8],
    /// Whether the flow's source sent it.
    pub(super) forward: bool,
    /// The end that began, as far as is known.
    pub(super) client: Endpoint,
    /// The other end.
    pub(super) server: Endpoint,
}

impl Trace<'_> {
    /// Whether either end has one of these ports.
    pub(super) fn port(&self, ports: &[u16]) -> bool {
        ports.contains(&self.client.port) || ports.contains(&self.server.port)
    }

    /// An earlier datagram of the other direction that fits the one that came now.
    pub(super) fn answers(&self, fits: impl Fn(&Datagram) -> bool) -> bool {
        self.before.iter().any(|earlier| earlier.forward != self.forward && fits(earlier))
    }

    /// Earlier datagrams of the same direction, in order.
    pub(super) fn same_side(&self) -> impl Iterator<Item = &Datagram> {
        self.before.iter().filter(|earlier| earlier.forward == self.forward)
    }

    /// Whether `bytes` were the end of the datagram that came now.
    pub(super) fn ends_with(&self, bytes: &[u8]) -> bool {
        self.now.ends_with(bytes)
    }
}
