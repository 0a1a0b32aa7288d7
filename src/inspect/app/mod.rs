//! Protocols that are known by their content alone: those of single applications (MMTLS, MTProto, LOCO…) and, so that
//! flows do not look unknown, common ones of anybody (SSH, NTP, BitTorrent…).
//!
//! Each is one line of the table with what it rests on: source, fixed bits, who speaks, and the guard against
//! strangers. A protocol with fewer than 32 fixed bits, or by shape alone, is marked weak in the facts, and names an
//! application only where its own address or name stands beside it; `appid` decides that. What a protocol means is the
//! catalogue's; no ids or contents are kept.
//!
//! Streams are judged by the front of one direction. Datagrams may need an answer that repeats something: the heads of
//! a few are kept, and the flow is let go as soon as no fingerprint can meet it any more.

#![allow(clippy::unnecessary_wraps, reason = "every test of the table answers in the same type")]

mod binary;
mod fingerprint;
mod games;
mod media;
mod messengers;
mod table;
mod telegram;
mod tencent;
#[cfg(test)]
mod tests;
mod text;
mod things;
mod tools;
mod trace;
mod upgrade;
mod vendors;

use crate::model::{Endpoint, Facts};

use super::contract::{Claim, Context, Held, Look, Signature, State, Step};
use fingerprint::{Fingerprint, Front, Owner, Test};
use table::FINGERPRINTS;
use trace::{Datagram, MAX_DATAGRAMS, Trace};
use upgrade::{Turn, turn};

/// For byte streams.
pub(super) static STREAMS: &[&Signature] =
    &[&Signature { name: "content", probe: probe_stream, feed: feed_stream }];

/// For datagrams.
pub(super) static DATAGRAMS: &[&Signature] =
    &[&Signature { name: "content", probe: probe_datagram, feed: feed_datagram }];

/// What a flow of datagrams keeps while a fingerprint asks for more of them.
#[derive(Debug)]
pub(super) struct Pending {
    seen: Vec<Datagram>,
}

impl Pending {
    /// Bytes of memory held besides the structure itself.
    pub(super) fn held(&self) -> usize {
        self.seen.capacity() * size_of::<Datagram>()
    }
}

/// The first fingerprint that meets a stream's front, or whether one still may.
fn meet_stream(look: &Look<'_>) -> Result<&'static Fingerprint, Claim> {
    let front = Front { bytes: look.bytes, server: look.server() };
    let mut claim = Claim::No;
    for fingerprint in FINGERPRINTS {
        let Test::Stream(test) = fingerprint.test else { continue };
        match test(&front) {
            Some(true) => return Ok(fingerprint),
            Some(false) => {}
            None => claim = Claim::Unsure,
        }
    }
    Err(claim)
}

fn probe_stream(look: &Look<'_>) -> Claim {
    match meet_stream(look) {
        Ok(_) => Claim::Certain,
        Err(claim) => claim,
    }
}

fn feed_stream(look: &Look<'_>, _: &mut State, context: &mut Context<'_>) -> Step {
    let Ok(fingerprint) = meet_stream(look) else { return Step::No };
    note(fingerprint, context.facts);
    // A request in HTTP has names beside it.
    if look.bytes.starts_with(b"POST ") {
        return Step::Pass;
    }
    match turn(fingerprint.name, look.bytes) {
        Turn::To(begins) => Step::Inner(begins),
        Turn::Later => Step::More,
        Turn::Never => Step::Settled,
    }
}

/// The first fingerprint that meets the datagrams, or whether one still may.
fn meet_datagrams(look: &Look<'_>, before: &[Datagram]) -> Result<&'static Fingerprint, Claim> {
    let (client, server): (Endpoint, Endpoint) =
        if look.forward { (look.from, look.to) } else { (look.to, look.from) };
    let trace = Trace { before, now: look.bytes, forward: look.forward, client, server };
    let mut claim = Claim::No;
    for fingerprint in FINGERPRINTS {
        let Test::Datagrams(test) = fingerprint.test else { continue };
        match test(&trace) {
            Some(true) => return Ok(fingerprint),
            Some(false) => {}
            None => claim = Claim::Unsure,
        }
    }
    Err(claim)
}

/// A datagram that only an answer can prove is claimed too; `feed` gives the flow back if none comes.
fn probe_datagram(look: &Look<'_>) -> Claim {
    match meet_datagrams(look, &[]) {
        Err(Claim::No) => Claim::No,
        _ => Claim::Certain,
    }
}

fn feed_datagram(look: &Look<'_>, state: &mut State, context: &mut Context<'_>) -> Step {
    let before = match &state.held {
        Held::Content(pending) => pending.seen.as_slice(),
        _ => &[],
    };
    match meet_datagrams(look, before) {
        Ok(fingerprint) => {
            note(fingerprint, context.facts);
            Step::Settled
        }
        Err(Claim::No) => Step::No,
        Err(_) => {
            let datagram = Datagram::new(look.forward, look.bytes);
            match &mut state.held {
                Held::Content(pending) if pending.seen.len() < MAX_DATAGRAMS => pending.seen.push(datagram),
                // Every one fitted a shape and none was answered: nothing else will come of it.
                Held::Content(_) => return Step::Settled,
                held => *held = Held::Content(Box::new(Pending { seen: vec![datagram] })),
            }
            Step::More
        }
    }
}

fn note(fingerprint: &Fingerprint, facts: &mut Facts) {
    match fingerprint.owner {
        Owner::App(proof) => {
            facts.app_protocol = Some(fingerprint.name);
            facts.app_protocol_proof = proof;
            // A shape alone must not pass for a protocol that was read.
            if proof == crate::model::ProtocolProof::Strong {
                facts.protocol = facts.protocol.or(Some(fingerprint.name));
            }
        }
        Owner::Anybody => facts.protocol = facts.protocol.or(Some(fingerprint.name)),
    }
}
