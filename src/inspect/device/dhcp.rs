//! DHCP for IPv4 (RFC 2131, options RFC 2132): what a client says of itself, and the address that it was given.
//!
//! A client's message counts when it came from the card that it names, or through a relay. An acknowledgement counts only for
//! a request that was seen (transaction id and card).

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use super::{Datagram, Refused, own};
use crate::inspect::reader::Reader;
use crate::model::{DeviceObservation, DeviceOrigin, DeviceText, MacAddr};

const BOOT_REQUEST: u8 = 1;
const BOOT_REPLY: u8 = 2;
const COOKIE: [u8; 4] = [99, 130, 83, 99];
const DISCOVER: u8 = 1;
const REQUEST: u8 = 3;
const ACK: u8 = 5;
const RELEASE: u8 = 7;
const INFORM: u8 = 8;
/// Options read of one message; a real one has about fifteen.
const MAX_OPTIONS: usize = 64;
/// Numbers of the parameter list that are kept; Windows, the longest common one, asks for fourteen.
const MAX_PARAMETERS: usize = 20;

/// Requests that wait for their answer.
#[derive(Debug)]
pub(super) struct Requests {
    waiting: VecDeque<(u32, MacAddr)>,
    most: usize,
    thrown_out: u64,
}

impl Requests {
    pub(super) fn new(most: usize) -> Self {
        Self { waiting: VecDeque::new(), most, thrown_out: 0 }
    }

    pub(super) fn ask(&mut self, id: u32, mac: MacAddr) {
        if self.waiting.contains(&(id, mac)) {
            return;
        }
        if self.waiting.len() >= self.most {
            self.waiting.pop_front();
            self.thrown_out += 1;
        }
        self.waiting.push_back((id, mac));
    }

    /// Whether it was asked for; it stays, for a client may be answered twice.
    pub(super) fn asked(&self, id: u32, mac: MacAddr) -> bool {
        self.waiting.contains(&(id, mac))
    }

    pub(super) fn thrown_out(&self) -> u64 {
        self.thrown_out
    }
}

#[derive(Default)]
struct Options<'a> {
    kind: u8,
    name: Option<&'a [u8]>,
    fqdn: Option<&'a [u8]>,
    parameters: Option<&'a [u8]>,
    vendor_class: Option<&'a [u8]>,
    lease: Option<u32>,
}

pub(super) fn read(datagram: &Datagram<'_>, requests: &mut Requests) -> Result<DeviceObservation, Refused> {
    let mut reader = Reader::new(datagram.payload);
    let head = reader.take(236).ok_or(Refused::Malformed)?;
    let (Some([op, 1, 6, _]), Some(COOKIE)) =
        (head.first_chunk::<4>(), reader.take(4).and_then(|c| c.first_chunk::<4>().copied()))
    else {
        return Err(Refused::Malformed);
    };
    let at = |from: usize| head.get(from..).and_then(|b| b.first_chunk::<4>().copied()).unwrap_or_default();
    let id = u32::from_be_bytes(at(4));
    let [client, yours, relay] = [12, 16, 24].map(|from| Ipv4Addr::from(at(from)));
    let card = head.get(28..).and_then(|b| b.first_chunk::<6>()).ok_or(Refused::Malformed)?;
    let (card, options) = (MacAddr(*card), options(reader));
    match (*op, options.kind) {
        (BOOT_REQUEST, DISCOVER | REQUEST | INFORM | RELEASE) => {
            let mac = if relay.is_unspecified() { own(card, datagram.from_mac)? } else { own(card, None)? };
            requests.ask(id, mac);
            let mut seen = DeviceObservation::new(DeviceOrigin::Dhcp, datagram.at);
            seen.mac = Some(mac);
            if !client.is_unspecified() {
                seen.addr = Some(IpAddr::V4(client));
                seen.until = (options.kind == RELEASE).then_some(datagram.at);
            }
            seen.name = options.name.and_then(DeviceText::from_wire).or_else(|| options.fqdn.and_then(fqdn));
            seen.fingerprint = options.parameters.and_then(list);
            seen.vendor_class = options.vendor_class.and_then(DeviceText::from_wire);
            Ok(seen)
        }
        (BOOT_REPLY, ACK) if !yours.is_unspecified() => {
            if !requests.asked(id, card) {
                return Err(Refused::Foreign);
            }
            let mut seen = DeviceObservation::new(DeviceOrigin::Dhcp, datagram.at);
            seen.mac = Some(card);
            seen.addr = Some(IpAddr::V4(yours));
            seen.until = options.lease.map(|s| datagram.at.plus(Duration::from_secs(u64::from(s))));
            Ok(seen)
        }
        (BOOT_REQUEST | BOOT_REPLY, _) => Err(Refused::Nothing),
        _ => Err(Refused::Malformed),
    }
}

fn options(mut reader: Reader<'_>) -> Options<'_> {
    let mut found = Options::default();
    for _ in 0..MAX_OPTIONS {
        match reader.u8() {
            Some(0) => {}
            Some(255) | None => break,
            Some(code) => {
                let Some(value) = reader.vec8() else { break };
                match code {
                    12 => found.name = Some(value),
                    51 => found.lease = value.first_chunk().copied().map(u32::from_be_bytes),
                    53 => found.kind = value.first().copied().unwrap_or(0),
                    55 => found.parameters = Some(value),
                    60 => found.vendor_class = Some(value),
                    81 => found.fqdn = Some(value),
                    _ => {}
                }
            }
        }
    }
    found
}

/// The client's full name (RFC 4702): flags, two dead bytes, then text or, with the E flag, DNS labels. Its first label counts.
fn fqdn(value: &[u8]) -> Option<DeviceText> {
    let (flags, name) = (value.first()?, value.get(3..)?);
    let label = if flags & 4 != 0 { Reader::new(name).vec8()? } else { name.split(|b| *b == b'.').next()? };
    DeviceText::from_wire(label)
}

/// The parameter list as text: the order is part of the fingerprint.
fn list(parameters: &[u8]) -> Option<DeviceText> {
    let text = parameters.iter().take(MAX_PARAMETERS).fold(String::new(), |mut text, number| {
        let comma = if text.is_empty() { "" } else { "," };
        let _ = write!(text, "{comma}{number}");
        text
    });
    DeviceText::from_wire(text.as_bytes())
}
