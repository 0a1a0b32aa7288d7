//! DNS over UDP and TCP: questions remembered, answers matched to them, addresses learned.
//!
//! An answer counts only for a question that was seen: same client and port, same server, same id, same type and name. So
//! nobody can teach names by sending answers. mDNS and LLMNR are recognised, but teach nothing about servers.

mod message;
mod pending;
#[cfg(test)]
mod tests;

pub(super) use message::read_name;
pub(super) use pending::Questions;

use std::collections::BTreeMap;

use crate::model::{
    DnsAnswer, DnsObservation, Endpoint, Facts, HostName, LookupVia, NameFact, NameOrigin, Timestamp,
};

use message::{Data, Message};

/// DNS, mDNS (RFC 6762), LLMNR (RFC 4795).
const PORTS: [(u16, &str); 3] = [(53, "dns"), (5353, "mdns"), (5355, "llmnr")];
/// Aliases kept of one answer.
const MAX_ALIASES: usize = 16;
/// Addresses kept of one answer.
const MAX_ANSWERS: usize = 64;
/// The maximum TTL that is meaningful (RFC 8767 §4 recommends to cap at 7 days).
const MAX_TTL: u32 = 7 * 86_400;

/// The name of the protocol by port, if it is one of these.
pub(super) fn protocol(a: Endpoint, b: Endpoint) -> Option<&'static str> {
    PORTS.iter().find(|(port, _)| a.port == *port || b.port == *port).map(|(_, name)| *name)
}

/// Takes one message. Says whether it was one.
pub(super) fn take(
    bytes: &[u8],
    (from, to): (Endpoint, Endpoint),
    at: Timestamp,
    questions: &mut Questions,
    facts: &mut Facts,
    learned: &mut Vec<DnsObservation>,
) -> bool {
    let Some(protocol) = protocol(from, to) else { return false };
    let Some(message) = message::parse(bytes) else {
        questions.count_malformed();
        return false;
    };
    facts.protocol = Some(protocol);
    if message.response && protocol == "dns" {
        answer(&message, (from, to), at, questions, learned);
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
        let (aliases, answers) = follow(message, name);
        if !answers.is_empty() {
            learned.push(DnsObservation {
                via: LookupVia::Dns,
                client: to.addr,
                server: from.addr,
                question: name.clone(),
                aliases,
                answers,
                at,
            });
        }
    }
}

/// Aliases and addresses that a question leads to; records may stand in any order.
fn follow(message: &Message, question: &HostName) -> (Vec<HostName>, Vec<DnsAnswer>) {
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
    for record in &message.records {
        let Some(ttl) = reached.get(&record.name).map(|ttl| (*ttl).min(record.ttl)) else { continue };
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
    (aliases, answers)
}
