//! DNS over UDP and TCP: questions remembered, answers matched to them, addresses learned.
//!
//! An answer counts only for a question that was seen: same client and port, same server, same id, same type and name. So
//! nobody can teach names by sending answers. mDNS and LLMNR are recognised, but teach nothing about servers.

mod message;
mod pending;
#[cfg(test)]
pub(super) mod tests;

pub(super) use message::read_name;
pub(super) use pending::Questions;

use std::collections::BTreeMap;

use crate::model::{
    DnsAnswer, DnsObservation, EchName, Endpoint, HostName, LookupVia, NameFact, NameOrigin, Timestamp,
};

use super::contract::{Claim, Context, Look, Signature, State, Step};
use message::{Data, Message};

/// The inspector of DNS over UDP; it looks at a flow as long as it lives.
pub(super) static DATAGRAMS: Signature = Signature { name: "dns", probe, feed };
/// DNS over TCP, likewise.
pub(super) static STREAM: Signature = Signature { name: "dns", probe, feed: feed_stream };

/// By port, for nothing else in a message is fixed; others may have it if it turns out to be none.
fn probe(look: &Look<'_>) -> Claim {
    if protocol(look.from, look.to).is_some() { Claim::Certain } else { Claim::No }
}

fn feed(look: &Look<'_>, _: &mut State, context: &mut Context<'_>) -> Step {
    let sound = take(look.bytes, (look.from, look.to), look.at, context);
    if sound || context.facts.protocol.is_some() { Step::More } else { Step::No }
}

/// Cuts DNS messages out of a stream by their two-byte lengths (RFC 7766 §8).
fn feed_stream(look: &Look<'_>, _: &mut State, context: &mut Context<'_>) -> Step {
    let [high, low, rest @ ..] = look.bytes else { return Step::More };
    let length = usize::from(u16::from_be_bytes([*high, *low]));
    let Some(message) = rest.get(..length) else { return Step::More };
    if take(message, (look.from, look.to), look.at, context) { Step::Consumed(2 + length) } else { Step::No }
}

/// DNS, mDNS (RFC 6762), LLMNR (RFC 4795).
const PORTS: [(u16, &str); 3] = [(53, "dns"), (5353, "mdns"), (5355, "llmnr")];
/// Aliases kept of one answer.
const MAX_ALIASES: usize = 16;
/// Addresses kept of one answer.
const MAX_ANSWERS: usize = 64;
/// The maximum TTL that is meaningful (RFC 8767 §4 recommends to cap at 7 days).
const MAX_TTL: u32 = 7 * 86_400;

/// The name of the protocol by port, if it is one of these.
fn protocol(a: Endpoint, b: Endpoint) -> Option<&'static str> {
    PORTS.iter().find(|(port, _)| a.port == *port || b.port == *port).map(|(_, name)| *name)
}

/// Takes one message. Says whether it was one.
fn take(bytes: &[u8], (from, to): (Endpoint, Endpoint), at: Timestamp, context: &mut Context<'_>) -> bool {
    let Context { facts, dns: learned, thread } = context;
    let questions = &mut thread.questions;
    let Some(protocol) = protocol(from, to) else { return false };
    let Some(message) = message::parse(bytes) else {
        questions.count_malformed();
        return false;
    };
    facts.protocol = Some(protocol);
    if message.response && protocol == "dns" {
        answer(&message, (from, to), at, questions, learned);
        for seen in learned.iter().flat_map(|l| &l.ech) {
            thread.covers.learn(&seen.public_name, at);
        }
    }
    if !message.response {
        for question in &message.questions {
            let name = &question.0;
            facts.add_name(NameFact { name: name.clone(), origin: NameOrigin::DnsQuestion, at });
            if protocol == "dns" {
                questions.ask(from, to, message.id, question, at);
            }
        }
    } else if facts.names.is_empty() {
        // The question was not captured; the response repeats it.
        for (name, _) in message.questions.iter().take(1) {
            facts.add_name(NameFact { name: name.clone(), origin: NameOrigin::DnsQuestion, at });
        }
    }
    true
}

/// Follows the answers from the question on, through aliases, to addresses.
fn answer(
    message: &Message,
    (from, to): (Endpoint, Endpoint),
    at: Timestamp,
    questions: &mut Questions,
    learned: &mut Vec<DnsObservation>,
) {
    for question in &message.questions {
        let name = &question.0;
        if !questions.answered(to, from, message.id, question, at) {
            continue;
        }
        if message.truncated {
            questions.count_truncated();
            continue;
        }
        let (aliases, answers, ech) = follow(message, name);
        if !answers.is_empty() || !ech.is_empty() {
            learned.push(DnsObservation {
                via: LookupVia::Dns,
                client: to.addr,
                server: from.addr,
                question: name.clone(),
                aliases,
                answers,
                ech,
                at,
            });
        }
    }
}

/// Aliases, addresses and hidden names that a question leads to; records may stand in any order.
fn follow(message: &Message, question: &HostName) -> (Vec<HostName>, Vec<DnsAnswer>, Vec<EchName>) {
    // Names reached so far, with the smallest TTL on the way.
    let mut reached: BTreeMap<&HostName, u32> = BTreeMap::from([(question, MAX_TTL)]);
    let mut aliases = Vec::new();
    loop {
        let before = reached.len();
        for record in &message.records {
            let Some(ttl) = reached.get(&record.name).map(|ttl| (*ttl).min(record.ttl)) else { continue };
            let target = match &record.data {
                Data::Alias(target) => Some(target),
                Data::Service { target, .. } => target.as_ref(),
                Data::Address(_) => None,
            };
            if let Some(target) = target
                && !reached.contains_key(target)
                && aliases.len() < MAX_ALIASES
            {
                reached.insert(target, ttl);
                aliases.push(target.clone());
            }
        }
        if reached.len() == before {
            break;
        }
    }
    let mut answers = Vec::new();
    let mut ech: Vec<EchName> = Vec::new();
    for record in &message.records {
        let Some(ttl) = reached.get(&record.name).map(|ttl| (*ttl).min(record.ttl)) else { continue };
        if let Data::Service { public_name: Some(public_name), .. } = &record.data
            && ech.len() < MAX_ALIASES
        {
            ech.push(EchName { name: record.name.clone(), public_name: public_name.clone() });
        }
        let addresses: &[_] = match &record.data {
            Data::Address(addr) => std::slice::from_ref(addr),
            Data::Service { hints, .. } => hints,
            Data::Alias(_) => &[],
        };
        for addr in addresses {
            if answers.len() < MAX_ANSWERS && !answers.iter().any(|a: &DnsAnswer| a.addr == *addr) {
                answers.push(DnsAnswer { addr: *addr, ttl });
            }
        }
    }
    (aliases, answers, ech)
}
