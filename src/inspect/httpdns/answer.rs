//! Names with addresses out of a response: bare lists, JSON of any nesting, WeChat's XML.

use std::io::Read;
use std::net::IpAddr;

use flate2::read::{DeflateDecoder, GzDecoder, ZlibDecoder};
use serde_json::Value;

use crate::model::HostName;

/// Bytes of an unpacked body; a small one could otherwise grow a thousandfold.
const MAX_UNPACKED: u64 = 64 << 10;
/// Names taken out of one response.
const MAX_FOUND: usize = 64;
/// Addresses taken for one name.
const MAX_ADDRESSES: usize = 16;
/// Depth of JSON that is looked into.
const MAX_DEPTH: u8 = 6;
/// Time to live where the answer gives none, in seconds.
const TTL: u32 = 60;
/// A longer one is cut to a day.
const MAX_TTL: u64 = 86_400;

/// A name, its time to live in seconds, its addresses.
pub(super) type Found = (HostName, u32, Vec<IpAddr>);

/// The body as it was before it was packed; nothing if that fails. `deflate` comes with and without its header.
pub(super) fn unpacked(body: &[u8], encoding: Option<&str>) -> Option<Vec<u8>> {
    let all = |reader: &mut dyn Read| {
        let mut out = Vec::new();
        reader.take(MAX_UNPACKED).read_to_end(&mut out).ok().map(|_| out)
    };
    match encoding.map(str::to_ascii_lowercase).as_deref() {
        None | Some("identity" | "") => Some(body.to_vec()),
        Some("gzip") => all(&mut GzDecoder::new(body)),
        Some("deflate") => all(&mut ZlibDecoder::new(body)).or_else(|| all(&mut DeflateDecoder::new(body))),
        Some(_) => None,
    }
}

/// What a body says. A bare list of addresses belongs to `asked`, where one question fits it.
pub(super) fn read(body: &[u8], asked: Option<&HostName>) -> Vec<Found> {
    let mut found = Vec::new();
    let body = body.trim_ascii();
    match body.first() {
        Some(b'{' | b'[') => {
            if let Ok(value) = serde_json::from_slice::<Value>(body) {
                json(&value, MAX_DEPTH, &mut found);
            }
        }
        Some(b'<') => xml(body, &mut found),
        _ => found.extend(asked.and_then(|name| list(body, name))),
    }
    found.truncate(MAX_FOUND);
    found
}

/// `1.2.3.4;5.6.7.8`, and with `,` the time to live behind them; anything else is no list.
fn list(body: &[u8], name: &HostName) -> Option<Found> {
    let text = std::str::from_utf8(body).ok()?;
    let (addresses, ttl) = text.split_once(',').unwrap_or((text, ""));
    let addresses: Result<Vec<IpAddr>, _> =
        addresses.split(';').take(MAX_ADDRESSES).map(|a| a.trim().parse::<IpAddr>()).collect();
    let ttl = ttl.trim().parse::<u64>().map_or(TTL, bounded);
    Some((name.clone(), ttl, addresses.ok()?))
}

fn bounded(ttl: u64) -> u32 {
    u32::try_from(ttl.min(MAX_TTL)).unwrap_or(TTL)
}

/// Any object with a name and addresses beside it.
fn json(value: &Value, depth: u8, found: &mut Vec<Found>) {
    if depth == 0 || found.len() >= MAX_FOUND {
        return;
    }
    match value {
        Value::Array(items) => items.iter().for_each(|item| json(item, depth - 1, found)),
        Value::Object(fields) => {
            let name = ["host", "domain", "dn", "name"].into_iter().find_map(|key| fields.get(key));
            let name = name.and_then(Value::as_str).and_then(|n| HostName::from_wire(n.as_bytes()));
            if let Some(name) = name.filter(HostName::is_valid) {
                let keys = ["ips", "ipsv6", "ip", "ipv6", "data", "v4", "v6"];
                let addresses: Vec<IpAddr> = keys
                    .into_iter()
                    .filter_map(|key| fields.get(key))
                    .flat_map(addresses)
                    .take(MAX_ADDRESSES)
                    .collect();
                let ttl = ["ttl", "TTL"].into_iter().find_map(|key| fields.get(key)).and_then(Value::as_u64);
                if !addresses.is_empty() {
                    found.push((name, ttl.map_or(TTL, bounded), addresses));
                }
            }
            fields.values().for_each(|field| json(field, depth - 1, found));
        }
        _ => {}
    }
}

/// Addresses in a text or a list of texts.
fn addresses(value: &Value) -> Vec<IpAddr> {
    let texts: Vec<&str> = match value {
        Value::String(text) => text.split([';', ',']).take(MAX_ADDRESSES).collect(),
        Value::Array(items) => items.iter().take(MAX_ADDRESSES).filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    texts.into_iter().filter_map(|text| text.trim().parse().ok()).collect()
}

/// `<domain name="…" timeout="…"><ip>…</ip>…</domain>`, as WeChat's servers write it.
fn xml(body: &[u8], found: &mut Vec<Found>) {
    let Ok(text) = std::str::from_utf8(body) else { return };
    for part in text.split("<domain ").skip(1).take(MAX_FOUND) {
        let part = part.split("</domain>").next().unwrap_or(part);
        let (attributes, inner) = part.split_once('>').unwrap_or((part, ""));
        let attribute = |key: &str| {
            let (_, rest) = attributes.split_once(key)?;
            rest.strip_prefix("=\"")?.split('"').next()
        };
        let Some(name) = attribute("name").and_then(|n| HostName::from_wire(n.as_bytes())) else { continue };
        let ttl = attribute("timeout").and_then(|t| t.parse::<u64>().ok()).map_or(TTL, bounded);
        let addresses = inner.split("<ip>").skip(1).take(MAX_ADDRESSES);
        let addresses: Vec<IpAddr> =
            addresses.filter_map(|ip| ip.split("</ip>").next()?.trim().parse().ok()).collect();
        if name.is_valid() && !addresses.is_empty() {
            found.push((name, ttl, addresses));
        }
    }
}
