//! Lookups around the DNS (HTTPDNS): an application asks its vendor for addresses over HTTP, in clear.
//!
//! The service is known by `config/httpdns.toml`. Of a request only the names asked for are read; of a response only
//! names with addresses (text `1.2.3.4;5.6.7.8`, JSON, WeChat's XML, also deflated). What was learned goes the way of DNS
//! answers, marked as learned by HTTPDNS, and only where the request stood in the same flow.
//!
//! It leaves alone: lookups inside TLS, names that the request hides, and every id: account, user, device, session.
//! Limits: [`Httpdns::MAX_NAMES`] names and requests of a flow, 16 KiB of a response, 64 KiB of it unpacked.

mod answer;
mod service;
#[cfg(test)]
mod tests;

use std::net::IpAddr;

use crate::model::{DnsAnswer, DnsObservation, HostName, Httpdns, LookupVia};

use super::contract::{Claim, Context, Look, Signature, State, Step};
use super::http::{self, Request};
use service::Service;

/// Headers in one response head.
const MAX_HEADERS: usize = 64;
/// Bytes of a response that are put together; real ones have a few hundred.
const MAX_BODY: usize = 16 << 10;

/// Before HTTP, which would settle the flow at its first request.
pub(super) static STREAM: Signature = Signature { name: "httpdns", probe, feed };

fn probe(look: &Look<'_>) -> Claim {
    let known = look.bytes.starts_with(b"HTTP/1.") || service::of_request(look.bytes, look.to).is_some();
    if known { Claim::Certain } else { Claim::No }
}

fn feed(look: &Look<'_>, state: &mut State, context: &mut Context<'_>) -> Step {
    if look.bytes.starts_with(b"HTTP/1.") {
        if context.facts.httpdns.is_none() {
            return Step::No;
        }
        return response(look, state, context);
    }
    match service::of_request(look.bytes, look.to) {
        Some(service) => request(look, service, context),
        None if context.facts.httpdns.is_some() => Step::Done,
        None => Step::No,
    }
}

/// Takes the names out of a request, and goes on with the next one on the connection.
fn request(look: &Look<'_>, service: &Service, context: &mut Context<'_>) -> Step {
    match http::read_request(look.bytes, look.at, context.facts) {
        Request::Read => {}
        Request::NeedMore => return Step::More,
        _ => return Step::No,
    }
    let fact = context.facts.httpdns.get_or_insert_with(|| Httpdns {
        service: service.id.as_str().into(),
        names: Vec::new(),
        lookups: 0,
        answers: 0,
    });
    fact.lookups = fact.lookups.saturating_add(1);
    for name in service.names_asked(look.bytes) {
        if fact.names.len() < Httpdns::MAX_NAMES {
            fact.names.push(name);
        }
    }
    let full = usize::try_from(fact.lookups).is_ok_and(|n| n >= Httpdns::MAX_NAMES);
    match look.bytes.windows(4).position(|w| w == b"\r\n\r\n") {
        Some(end) if !full => Step::Consumed(end + 4),
        _ => Step::Done,
    }
}

/// Reads a response when all of it is there.
fn response(look: &Look<'_>, state: &mut State, context: &mut Context<'_>) -> Step {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut head = httparse::Response::new(&mut headers);
    let length = match head.parse(look.bytes) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) if look.bytes.len() < MAX_BODY => return Step::More,
        _ => return Step::Done,
    };
    let header = |name: &str| {
        let found = head.headers.iter().find(|h| h.name.eq_ignore_ascii_case(name));
        found.and_then(|h| std::str::from_utf8(h.value).ok()).map(str::trim)
    };
    let counted = header("content-length").and_then(|text| text.parse::<usize>().ok());
    // Without a length there is no telling where it ends.
    let Some(counted) = counted.filter(|counted| *counted <= MAX_BODY) else { return Step::Done };
    let Some(body) = look.bytes.get(length..length + counted) else { return Step::More };
    // The place in the order of answers says which question a bare list of addresses belongs to.
    let turn = state.note.first().copied().unwrap_or_default();
    if let Some(note) = state.note.first_mut() {
        *note = turn.saturating_add(1);
    }
    if head.code == Some(200)
        && let Some(body) = answer::unpacked(body, header("content-encoding"))
    {
        learn(look, &body, usize::from(turn), context);
    }
    Step::Consumed(length + counted)
}

/// Hands on what a body says of names, if they were asked for.
fn learn(look: &Look<'_>, body: &[u8], turn: usize, context: &mut Context<'_>) {
    let Some(fact) = context.facts.httpdns.as_mut() else { return };
    let one_each = usize::try_from(fact.lookups).is_ok_and(|lookups| lookups == fact.names.len());
    let alone = fact.names.get(turn).filter(|_| one_each).cloned();
    let found = answer::read(body, alone.as_ref());
    let asked = |name: &HostName| fact.names.is_empty() || fact.names.contains(name);
    let mut learned = false;
    for (name, ttl, addresses) in found {
        if !asked(&name) || addresses.is_empty() {
            continue;
        }
        learned = true;
        let answers = addresses.into_iter().map(|addr: IpAddr| DnsAnswer { addr, ttl }).collect();
        context.dns.push(DnsObservation {
            client: look.to.addr,
            server: look.from.addr,
            question: name,
            aliases: Vec::new(),
            answers,
            ech: Vec::new(),
            at: look.at,
            via: LookupVia::Httpdns,
        });
    }
    if learned {
        fact.answers = fact.answers.saturating_add(1);
    }
}
