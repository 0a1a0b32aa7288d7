//! Lays the sources over each other, range by range, and writes the MMDB.
//!
//! Schema of a record (every key is left out where nothing is known):
//!
//! | key | what | from |
//! |---|---|---|
//! | `country.iso_code` | where the server is, first source (the key that GeoLite2 readers ask for) | DB-IP |
//! | `ipfire` | where the server is, second source | IPFire |
//! | `autonomous_system_number`, `autonomous_system_organization` | who announces it | IPFire |
//! | `as_country` | where that AS is registered | iptoasn, majority of its addresses |
//! | `registered_country.iso_code` | where the block is registered | RIR |
//! | `is_anycast` | `true` or left out | IPFire |
//!
//! The metadata's `description` holds, beside `en`, one entry per source id with the date of its data.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::{Duration, UNIX_EPOCH};

use mmdb_writer::{Value, Writer};

use super::libloc::Network;
use super::{BuildReport, Source};
use crate::enrich::EnrichError;
use crate::enrich::digest::sha256_hex;
use crate::model::CountryCode;

/// A stretch of addresses (right-aligned, both ends included) with what is said of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Range<T> {
    pub(super) start: u128,
    pub(super) end: u128,
    pub(super) value: T,
}

/// The sources of one address family, each in address order without overlap.
pub(super) struct Layers {
    pub(super) dbip: Vec<Range<CountryCode>>,
    pub(super) ipfire: Vec<Range<Network>>,
    pub(super) rir: Vec<Range<CountryCode>>,
    pub(super) iptoasn: Vec<Range<CountryCode>>,
}

/// What the layers say of one range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cell {
    dbip: Option<CountryCode>,
    ipfire: Option<Network>,
    rir: Option<CountryCode>,
    iptoasn: Option<CountryCode>,
}

/// An address as a right-aligned number.
pub(super) fn number(addr: IpAddr) -> u128 {
    match addr {
        IpAddr::V4(a) => u128::from(a.to_bits()),
        IpAddr::V6(a) => a.to_bits(),
    }
}

/// Adds a range, joined to the last one where they touch and say the same.
pub(super) fn push_range<T: PartialEq>(ranges: &mut Vec<Range<T>>, range: Range<T>) {
    if let Some(last) = ranges.last_mut()
        && last.end.checked_add(1) == Some(range.start)
        && last.value == range.value
    {
        last.end = range.end;
    } else {
        ranges.push(range);
    }
}

/// IPv4 and IPv6 ranges of a flat `country_code` database.
pub(super) type CountryRanges = (Vec<Range<CountryCode>>, Vec<Range<CountryCode>>);

/// Reads all ranges of a flat `country_code` MMDB.
pub(super) fn read_country_mmdb(bytes: Vec<u8>) -> Result<CountryRanges, String> {
    #[derive(serde::Deserialize)]
    struct Flat<'a> {
        country_code: Option<&'a str>,
    }
    let reader = maxminddb::Reader::from_source(bytes).map_err(|e| e.to_string())?;
    let (mut v4, mut v6) = (Vec::new(), Vec::new());
    for found in reader.networks(maxminddb::WithinOptions::default()).map_err(|e| e.to_string())? {
        let found = found.map_err(|e| e.to_string())?;
        let network = found.network().map_err(|e| e.to_string())?;
        let flat: Option<Flat<'_>> = found.decode().map_err(|e| e.to_string())?;
        let Some(value) = flat.and_then(|f| f.country_code).and_then(CountryCode::parse) else { continue };
        let start = number(network.network());
        let free = if network.is_ipv4() { 32_u32 } else { 128 }.saturating_sub(u32::from(network.prefix()));
        let end = start | 1_u128.checked_shl(free).map_or(u128::MAX, |n| n - 1);
        push_range(if network.is_ipv4() { &mut v4 } else { &mut v6 }, Range { start, end, value });
    }
    v4.sort_unstable_by_key(|r| r.start);
    v6.sort_unstable_by_key(|r| r.start);
    Ok((v4, v6))
}

/// A place in a layer that only moves forward.
struct Cursor<'a, T> {
    ranges: std::iter::Peekable<std::slice::Iter<'a, Range<T>>>,
}

impl<'a, T: Copy> Cursor<'a, T> {
    fn new(ranges: &'a [Range<T>]) -> Self {
        Self { ranges: ranges.iter().peekable() }
    }

    /// What holds at `at`, and the last address up to which that stays so.
    fn at(&mut self, at: u128) -> (Option<T>, u128) {
        while self.ranges.next_if(|r| r.end < at).is_some() {}
        match self.ranges.peek() {
            Some(r) if r.start <= at => (Some(r.value), r.end),
            Some(r) => (None, r.start - 1),
            None => (None, u128::MAX),
        }
    }
}

impl Layers {
    /// Calls `each` for every stretch on which all layers stay the same and at least one says something.
    fn sweep(&self, last: u128, mut each: impl FnMut(u128, u128, Cell)) {
        let (mut dbip, mut ipfire) = (Cursor::new(&self.dbip), Cursor::new(&self.ipfire));
        let (mut rir, mut iptoasn) = (Cursor::new(&self.rir), Cursor::new(&self.iptoasn));
        let mut at = 0_u128;
        loop {
            let (a, b, c, d) = (dbip.at(at), ipfire.at(at), rir.at(at), iptoasn.at(at));
            let end = a.1.min(b.1).min(c.1).min(d.1).min(last);
            let cell = Cell { dbip: a.0, ipfire: b.0, rir: c.0, iptoasn: d.0 };
            if cell != (Cell { dbip: None, ipfire: None, rir: None, iptoasn: None }) {
                each(at, end, cell);
            }
            match end.checked_add(1) {
                Some(next) if next <= last => at = next,
                _ => return,
            }
        }
    }
}

/// Where each AS is registered: the country that most of its addresses carry in the iptoasn data. IPv4 decides; IPv6
/// only for an AS without IPv4. Of equals the first in the alphabet.
fn registration_countries(v4: &Layers, v6: &Layers) -> BTreeMap<u32, CountryCode> {
    let weigh = |layers: &Layers, last: u128| {
        let mut weights: BTreeMap<u32, BTreeMap<CountryCode, u128>> = BTreeMap::new();
        layers.sweep(last, |start, end, cell| {
            if let (Some(network), Some(country)) = (cell.ipfire, cell.iptoasn)
                && network.asn != 0
            {
                *weights.entry(network.asn).or_default().entry(country).or_default() +=
                    (end - start).saturating_add(1);
            }
        });
        weights
    };
    let mut weights = weigh(v4, u128::from(u32::MAX));
    for (asn, countries) in weigh(v6, u128::MAX) {
        weights.entry(asn).or_insert(countries);
    }
    weights
        .into_iter()
        .filter_map(|(asn, countries)| {
            let best = countries.into_iter().max_by(|a, b| a.1.cmp(&b.1).then(b.0.cmp(&a.0)))?;
            Some((asn, best.0))
        })
        .collect()
}

/// IPv6 ranges that the MMDB tree keeps as aliases of IPv4, and what is not global unicast, are left out.
const V6_PARTS: [(u128, u128); 3] = [
    (0x2000 << 112, (0x2001 << 112) - 1),
    (0x2001_0001 << 96, (0x2002 << 112) - 1),
    (0x2003 << 112, (0x4000 << 112) - 1),
];

/// The longest AS name kept, in bytes; longer ones are descriptions.
const MAX_NAME: usize = 96;

/// Makes the database.
pub(super) fn write(
    v4: &Layers,
    v6: &Layers,
    names: &BTreeMap<u32, String>,
    sources: Vec<Source>,
) -> Result<(Vec<u8>, BuildReport), EnrichError> {
    let fail = |e: mmdb_writer::Error| EnrichError::Write(e.to_string());
    let countries = registration_countries(v4, v6);
    let date = sources.iter().map(|s| s.date.clone()).max().unwrap_or_default();
    let epoch = format!("{date}T00:00:00Z")
        .parse::<jiff::Timestamp>()
        .ok()
        .and_then(|t| u64::try_from(t.as_second()).ok())
        .ok_or_else(|| EnrichError::Write(format!("`{date}` is no date to stamp the file with")))?;
    let mut description =
        vec![("en", "whither geo database, CC BY-SA 4.0; see geoip/README.md for its sources")];
    description.extend(sources.iter().map(|s| (s.id.as_str(), s.date.as_str())));
    let mut writer = Writer::builder("whither-geo")
        .description(&description)
        .build_epoch(UNIX_EPOCH + Duration::from_secs(epoch))
        .build();

    let mut report = BuildReport { date, ..BuildReport::default() };
    let mut systems = BTreeSet::new();
    for (layers, v4) in [(v4, true), (v6, false)] {
        let mut ranges: Vec<Range<Cell>> = Vec::new();
        let last = if v4 { u128::from(u32::MAX) } else { u128::MAX };
        layers.sweep(last, |start, end, mut cell| {
            cell.iptoasn = None;
            systems.extend(cell.ipfire.map(|n| n.asn).filter(|n| *n != 0));
            push_range(&mut ranges, Range { start, end, value: cell });
        });
        for range in &ranges {
            let Some(value) = record(&range.value, names, &countries) else { continue };
            if v4 {
                let (Ok(start), Ok(end)) = (u32::try_from(range.start), u32::try_from(range.end)) else {
                    continue;
                };
                let (start, end) = (Ipv4Addr::from_bits(start), Ipv4Addr::from_bits(end));
                writer.insert_range(start.into(), end.into(), &value).map_err(fail)?;
                report.ranges_v4 += 1;
            } else {
                for (first, last) in V6_PARTS {
                    let (start, end) = (range.start.max(first), range.end.min(last));
                    if start <= end {
                        let (start, end) = (Ipv6Addr::from_bits(start), Ipv6Addr::from_bits(end));
                        writer.insert_range(start.into(), end.into(), &value).map_err(fail)?;
                        report.ranges_v6 += 1;
                    }
                }
            }
        }
    }
    let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
    report.autonomous_systems = count(systems.len());
    report.named = count(systems.iter().filter(|a| names.contains_key(a)).count());
    report.placed = count(systems.iter().filter(|a| countries.contains_key(a)).count());
    report.sources = sources;
    let bytes = writer.to_bytes().map_err(fail)?;
    report.bytes = count(bytes.len());
    report.sha256 = sha256_hex(&bytes);
    Ok((bytes, report))
}

/// The record of a cell; `None` where nothing is known.
fn record(
    cell: &Cell,
    names: &BTreeMap<u32, String>,
    countries: &BTreeMap<u32, CountryCode>,
) -> Option<Value> {
    let mut map = BTreeMap::new();
    let code = |c: CountryCode| Value::from(c.as_str());
    let iso = |c: CountryCode| Value::map([("iso_code", code(c))]);
    if let Some(country) = cell.dbip {
        map.insert("country".to_owned(), iso(country));
    }
    if let Some(country) = cell.rir {
        map.insert("registered_country".to_owned(), iso(country));
    }
    if let Some(network) = cell.ipfire {
        if let Some(country) = network.country {
            map.insert("ipfire".to_owned(), code(country));
        }
        if network.asn != 0 {
            map.insert("autonomous_system_number".to_owned(), Value::from(network.asn));
            if let Some(name) = names.get(&network.asn) {
                let cut = (0..=MAX_NAME).rev().find(|i| name.is_char_boundary(*i)).unwrap_or(0);
                let name = name.get(..cut).unwrap_or(name);
                map.insert("autonomous_system_organization".to_owned(), Value::from(name));
            }
            if let Some(country) = countries.get(&network.asn) {
                map.insert("as_country".to_owned(), code(*country));
            }
        }
        if network.anycast {
            map.insert("is_anycast".to_owned(), Value::from(true));
        }
    }
    (!map.is_empty()).then_some(Value::Map(map))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range<T>(start: u128, end: u128, value: T) -> Range<T> {
        Range { start, end, value }
    }

    fn cc(code: &str) -> CountryCode {
        CountryCode::parse(code).unwrap()
    }

    fn layers() -> Layers {
        let network =
            |country: &str, asn| Network { country: CountryCode::parse(country), asn, anycast: asn == 8 };
        Layers {
            dbip: vec![range(0x0900_0000, 0x0900_00ff, cc("DE")), range(0x0900_0200, 0x0900_02ff, cc("FR"))],
            ipfire: vec![
                range(0x0900_0080, 0x0900_01ff, network("US", 7)),
                range(0x0900_0200, 0x0900_02ff, network("", 8)),
            ],
            rir: vec![range(0x0900_0000, 0x0900_02ff, cc("US"))],
            iptoasn: vec![
                range(0x0900_0080, 0x0900_00bf, cc("SG")),
                range(0x0900_00c0, 0x0900_01ff, cc("CN")),
            ],
        }
    }

    fn empty() -> Layers {
        Layers { dbip: vec![], ipfire: vec![], rir: vec![], iptoasn: vec![] }
    }

    fn made() -> (Vec<u8>, BuildReport) {
        let names = BTreeMap::from([(7, "Seven".to_owned())]);
        write(&layers(), &empty(), &names, crate::enrich::embedded_sources()).unwrap()
    }

    #[test]
    fn the_same_sources_give_the_same_bytes() {
        assert_eq!(made(), made());
    }

    #[test]
    fn each_stretch_says_what_all_layers_say_of_it() {
        let (bytes, report) = made();
        assert_eq!((report.autonomous_systems, report.named, report.placed), (2, 1, 1));
        let reader = maxminddb::Reader::from_source(bytes).unwrap();
        reader.verify().unwrap();
        let ask = |addr: &str| -> serde_json::Value {
            reader.lookup(addr.parse().unwrap()).unwrap().decode().unwrap().unwrap_or_default()
        };
        let us = serde_json::json!({"iso_code": "US"});
        assert_eq!(
            ask("9.0.0.1"),
            serde_json::json!({"country": {"iso_code": "DE"}, "registered_country": us})
        );
        assert_eq!(
            ask("9.0.0.200"),
            serde_json::json!({
                "country": {"iso_code": "DE"}, "registered_country": us, "ipfire": "US", "as_country": "CN",
                "autonomous_system_number": 7, "autonomous_system_organization": "Seven",
            }),
            "most of AS7's addresses are of CN"
        );
        assert_eq!(ask("9.0.2.1")["is_anycast"], serde_json::json!(true));
        assert_eq!(ask("9.0.3.1"), serde_json::Value::Null);
        assert_eq!(reader.metadata().description["ipfire"], "2026-08-22");
    }

    #[test]
    fn ranges_that_touch_and_agree_are_joined() {
        let mut ranges = Vec::new();
        for (start, end, value) in [(0, 1, 'a'), (2, 3, 'a'), (4, 5, 'b'), (7, 8, 'b')] {
            push_range(&mut ranges, range(start, end, value));
        }
        assert_eq!(ranges, [range(0, 3, 'a'), range(4, 5, 'b'), range(7, 8, 'b')]);
    }
}
