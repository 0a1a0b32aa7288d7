//! DNS messages (RFC 1035, RFC 9460 for HTTPS records).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{be16, vec16};

pub(crate) const A: u16 = 1;
const CNAME: u16 = 5;
pub(crate) const AAAA: u16 = 28;
pub(crate) const HTTPS: u16 = 65;

/// One record of an answer.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    /// The question's name has this address.
    Address(&'static str),
    /// The first name is an alias of the second.
    Alias(&'static str, &'static str),
    /// That name has this address.
    AddressOf(&'static str, &'static str),
    /// The question's name serves HTTPS at these addresses (ipv4hint, ipv6hint).
    Https(Vec<&'static str>),
}

use Answer::{Address, AddressOf, Alias, Https};

/// A name in labels. A dot always ends a label.
fn name(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for label in text.split(|b| *b == b'.').filter(|l| !l.is_empty()) {
        out.push(u8::try_from(label.len()).unwrap());
        out.extend(label);
    }
    out.push(0);
    out
}

/// The type that a question with these answers asked for.
pub(crate) fn kind_of(answers: &[Answer]) -> u16 {
    let one = |answer: &Answer| match answer {
        Https(_) => Some(HTTPS),
        Address(ip) | AddressOf(_, ip) => Some(if ip.contains(':') { AAAA } else { A }),
        Alias(..) => None,
    };
    answers.iter().find_map(one).unwrap_or(A)
}

fn header(id: u16, flags: u16, answers: usize) -> Vec<u8> {
    [&id.to_be_bytes()[..], &flags.to_be_bytes(), &be16(1), &be16(answers), &[0; 4]].concat()
}

/// A question.
pub(crate) fn query(id: u16, (asked, kind): (&[u8], u16)) -> Vec<u8> {
    [&header(id, 0x0100, 0)[..], &name(asked), &kind.to_be_bytes(), &[0, 1]].concat()
}

/// A question's answer.
pub(crate) fn response(id: u16, (asked, kind): (&[u8], u16), answers: &[Answer]) -> Vec<u8> {
    let mut out = header(id, 0x8180, answers.len());
    out.extend(name(asked));
    out.extend([kind.to_be_bytes(), [0, 1]].concat());
    for answer in answers {
        // A pointer to the question's name (RFC 1035 §4.1.4).
        let asked = vec![0xc0, 12];
        let (owner, kind, data) = match answer {
            Address(ip) => address(asked, ip),
            AddressOf(owner, ip) => address(name(owner.as_bytes()), ip),
            Alias(owner, target) => (name(owner.as_bytes()), CNAME, name(target.as_bytes())),
            Https(hints) => (asked, HTTPS, service(hints)),
        };
        out.extend(owner);
        out.extend([kind.to_be_bytes(), [0, 1]].concat());
        out.extend(300_u32.to_be_bytes());
        out.extend(vec16(&data));
    }
    out
}

fn address(owner: Vec<u8>, ip: &str) -> (Vec<u8>, u16, Vec<u8>) {
    match ip.parse().unwrap() {
        IpAddr::V4(a) => (owner, A, a.octets().to_vec()),
        IpAddr::V6(a) => (owner, AAAA, a.octets().to_vec()),
    }
}

/// Priority 1, the owner's own name, ALPN h3 and h2, and address hints, parameters in rising order.
fn service(hints: &[&str]) -> Vec<u8> {
    let mut out = vec![0, 1, 0];
    out.extend([&[0, 1][..], &vec16(b"\x02h3\x02h2")].concat());
    let v4: Vec<u8> =
        hints.iter().filter_map(|h| h.parse::<Ipv4Addr>().ok()).flat_map(|a| a.octets()).collect();
    let v6: Vec<u8> =
        hints.iter().filter_map(|h| h.parse::<Ipv6Addr>().ok()).flat_map(|a| a.octets()).collect();
    for (key, value) in [(4_u16, v4), (6, v6)] {
        if !value.is_empty() {
            out.extend([&key.to_be_bytes()[..], &vec16(&value)].concat());
        }
    }
    out
}

/// A message as TCP carries it (RFC 1035 §4.2.2).
pub(crate) fn over_tcp(message: &[u8]) -> Vec<u8> {
    vec16(message)
}
