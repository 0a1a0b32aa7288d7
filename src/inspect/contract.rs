//! The contract that every protocol's inspector keeps: probe, bounded feed, facts.
//!
//! An inspector is a [`Signature`]: two plain functions and a name, registered once in `registry.rs` (or, for the
//! protocols of single applications, in `app/mod.rs`). No trait objects, no allocation until a flow is claimed; what an
//! inspector must remember between packets of one flow stands in a [`State`], which is freed when the flow is settled.

#![allow(dead_code, reason = "parts of the contract that only some inspectors use")]

use crate::model::{DnsObservation, Endpoint, Facts, Timestamp};

use super::app::Pending;
use super::dtls::DtlsInspection;
use super::quic::QuicInspection;
use super::thread::Thread;

/// What a probe says of the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Claim {
    /// It is this protocol; `feed` gets the flow (of a stream: this direction of it).
    Certain,
    /// Too few bytes to say; ask again with more.
    Unsure,
    /// It is not.
    No,
}

/// What became of the bytes fed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// More of this direction (of a flow of datagrams: more datagrams) may bring more facts.
    More,
    /// So many bytes at the front are done with; go on with this inspector behind them. Streams only.
    Consumed(usize),
    /// So many bytes at the front wrap another protocol (a proxy's request): detection begins anew behind them, in
    /// both directions. Streams only.
    Inner(usize),
    /// Facts were taken (or not), and other inspectors may look at the same bytes.
    Pass,
    /// This direction has said all it can; the other one may still bring facts. In a flow of datagrams: settled.
    Done,
    /// The flow's question is settled: its state is freed, nothing more is fed.
    Settled,
    /// Not this protocol after all; others may try.
    No,
}

/// The bytes that a probe or feed looks at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look<'a> {
    /// Of a stream: all of this direction from its beginning (or from where the capture set in), without a gap, at most
    /// `max-stream-bytes`. Of datagrams: one payload as captured.
    pub(super) bytes: &'a [u8],
    /// Whether `bytes` begin where the stream begins; always so for datagrams.
    pub(super) anchored: bool,
    /// Whether the flow's source (the client, as far as is known) sent them.
    pub(super) forward: bool,
    /// Sender.
    pub(super) from: Endpoint,
    /// Receiver.
    pub(super) to: Endpoint,
    /// When the last packet of them was captured.
    pub(super) at: Timestamp,
}

impl Look<'_> {
    /// Whether either end uses this port. A hint only: certainty comes from content.
    pub(super) fn port(&self, port: u16) -> bool {
        self.from.port == port || self.to.port == port
    }

    /// The end that serves, as far as is known.
    pub(super) fn server(&self) -> Endpoint {
        if self.forward { self.to } else { self.from }
    }
}

/// Where facts go, and what spans the flows of one capture thread.
#[derive(Debug)]
pub(super) struct Context<'a> {
    /// Facts of this flow.
    pub(super) facts: &'a mut Facts,
    /// DNS answers, handed on as they are seen.
    pub(super) dns: &'a mut Vec<DnsObservation>,
    /// Tables and counters of the capture thread.
    pub(super) thread: &'a mut Thread,
}

/// What an inspector keeps between two packets of one flow (of a stream: of one direction). Empty when `feed` is called
/// for the first time, and again after `Step::Inner`.
#[derive(Debug, Default)]
pub(super) struct State {
    /// A few bytes for whatever use: counters, ids, a mark that a handshake was seen.
    pub(super) note: [u8; 16],
    /// What takes more; a new variant per inspector that needs one.
    pub(super) held: Held,
}

impl State {
    /// About how many bytes of memory it holds besides the structure itself.
    pub(super) fn held(&self) -> usize {
        match &self.held {
            Held::None => 0,
            Held::Quic(quic) => size_of::<QuicInspection>() + quic.held(),
            Held::Dtls(dtls) => size_of::<DtlsInspection>() + dtls.held(),
            Held::Content(pending) => size_of::<Pending>() + pending.held(),
        }
    }
}

/// Longer memory of an inspector.
#[derive(Debug, Default)]
pub(super) enum Held {
    /// Nothing.
    #[default]
    None,
    /// QUIC: keys and handshake bytes.
    Quic(Box<QuicInspection>),
    /// DTLS: fragments.
    Dtls(Box<DtlsInspection>),
    /// Protocols by content: the first datagrams.
    Content(Box<Pending>),
}

/// One registered inspector.
///
/// `probe` looks at the first bytes, quickly and without side effects; it must not be `Certain` by ports alone unless
/// nothing else uses them. `feed` is called at once when `probe` is certain, and then whenever there is more: for a
/// stream with the front grown, for datagrams with each one. Both take any bytes without panicking, and bound their work
/// by the bytes given and named limits; a limit that is hit is counted in [`Thread`].
pub(super) struct Signature {
    /// The protocol, for people.
    pub(super) name: &'static str,
    /// Looks at the first bytes.
    pub(super) probe: fn(&Look<'_>) -> Claim,
    /// Takes facts.
    pub(super) feed: fn(&Look<'_>, &mut State, &mut Context<'_>) -> Step,
}

impl std::fmt::Debug for Signature {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}
