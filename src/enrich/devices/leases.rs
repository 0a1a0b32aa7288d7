//! Lease files of DHCP servers: dnsmasq, Kea (memfile CSV) and ISC dhcpd.
//!
//! Read whole, with a cap on size and lines. A line that cannot be read is counted and named; the rest counts. A file that is
//! not there yet is no error: the server may not have started.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use crate::enrich::networks::parse_mac;
use crate::model::{DeviceObservation, DeviceOrigin, DeviceText, MacAddr, Timestamp};

/// A lease file of 65,536 clients has about this size; what is behind it is not read, and said.
const MAX_SIZE: u64 = 16 << 20;
/// Lines named in the log for one file; the count tells of the others.
const NAMED: usize = 5;

/// A server's way of writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LeaseForm {
    /// dnsmasq: expiry, MAC address, address, name, client id; a line each.
    Dnsmasq,
    /// Kea's memfile (`kea-leases4.csv`, `kea-leases6.csv`), told by its header.
    Kea,
    /// ISC dhcpd's `lease … { … }`.
    Isc,
}

/// What a file gave.
#[derive(Debug, Default)]
pub(super) struct LeaseFile {
    /// Leases in the order of the file; of one address the last counts.
    pub(super) leases: Vec<DeviceObservation>,
    /// Lines that could not be read, as `file:line: why`; the first few.
    pub(super) problems: Vec<String>,
    /// How many could not be read.
    pub(super) malformed: u64,
}

impl LeaseFile {
    fn problem(&mut self, path: &Path, line: usize, why: &str) {
        self.malformed += 1;
        if self.problems.len() < NAMED {
            self.problems.push(format!("{}:{line}: {why}", path.display()));
        }
    }
}

/// Reads one file.
pub(super) fn read(path: &PathBuf, form: LeaseForm) -> LeaseFile {
    let mut found = LeaseFile::default();
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) => {
            found.problems.push(format!("{}: {error}; read again when it changes", path.display()));
            return found;
        }
    };
    parse(BufReader::new(file.take(MAX_SIZE)), path, form, &mut found);
    found
}

fn parse(mut text: impl BufRead, path: &Path, form: LeaseForm, found: &mut LeaseFile) {
    let mut kea = None;
    let mut isc = None;
    let (mut bytes, mut number, mut all) = (Vec::new(), 0, 0);
    loop {
        bytes.clear();
        match text.read_until(b'\n', &mut bytes) {
            Ok(0) => break,
            Ok(count) => all += count as u64,
            Err(error) => {
                found.problem(path, number, &error.to_string());
                break;
            }
        }
        number += 1;
        let line = bytes.trim_ascii();
        if line.is_empty() || line.starts_with(b"#") {
            continue;
        }
        let line = String::from_utf8_lossy(line);
        let read = match form {
            LeaseForm::Dnsmasq => dnsmasq(&line),
            LeaseForm::Kea => kea_line(&line, &mut kea),
            LeaseForm::Isc => isc_line(&line, &mut isc),
        };
        match read {
            Ok(lease) => found.leases.extend(lease),
            Err(why) => found.problem(path, number, why),
        }
    }
    if all >= MAX_SIZE {
        found.problem(path, number, "the file is longer than 16 MiB; the rest is not read");
    }
}

type Line = Result<Option<DeviceObservation>, &'static str>;

/// The lease of an address by a card. `until` in seconds of the epoch, 0 for a lease without an end.
fn lease(addr: IpAddr, mac: MacAddr, until: i64, name: &str) -> DeviceObservation {
    let until = (until > 0).then(|| Timestamp::from_parts(until, 0));
    let mut lease = DeviceObservation::new(DeviceOrigin::Lease, until.unwrap_or(Timestamp::EPOCH));
    (lease.mac, lease.addr, lease.until) = (Some(mac), Some(addr), until);
    let first = name.split('.').next().unwrap_or_default();
    lease.name = (first != "*").then(|| DeviceText::from_wire(first.as_bytes())).flatten();
    lease
}

fn dnsmasq(line: &str) -> Line {
    let mut words = line.split_whitespace();
    let first = words.next().unwrap_or_default();
    // The server's own DUID stands before the IPv6 leases, whose second word is an IAID: they name no card.
    if first == "duid" {
        return Ok(None);
    }
    let until = first.parse::<i64>().map_err(|_| "expected a lease: expiry, MAC address, address, name")?;
    let card = words.next().ok_or("expected a MAC address behind the expiry")?;
    let addr =
        words.next().and_then(|a| a.parse::<IpAddr>().ok()).ok_or("expected an address as third word")?;
    let name = words.next().ok_or("expected a name or `*` as fourth word")?;
    if addr.is_ipv6() {
        return Ok(None);
    }
    // Another hardware type than Ethernet stands before the address: `06-00:11:…`.
    let card = card.split_once('-').filter(|(kind, _)| kind.len() == 2).map_or(card, |(_, card)| card);
    let mac = parse_mac(card).ok_or("expected a MAC address as second word")?;
    Ok(Some(lease(addr, mac, until, name)))
}

/// The columns of a Kea file that count.
struct KeaColumns {
    address: usize,
    card: usize,
    expire: usize,
    hostname: usize,
    state: Option<usize>,
}

fn kea_line(line: &str, columns: &mut Option<KeaColumns>) -> Line {
    let cells: Vec<&str> = line.split(',').collect();
    let Some(columns) = columns else {
        let at = |name: &str| cells.iter().position(|c| *c == name);
        *columns = Some(KeaColumns {
            address: at("address").ok_or("expected Kea's header with a column `address`")?,
            card: at("hwaddr").ok_or("expected Kea's header with a column `hwaddr`")?,
            expire: at("expire").ok_or("expected Kea's header with a column `expire`")?,
            hostname: at("hostname").ok_or("expected Kea's header with a column `hostname`")?,
            state: at("state"),
        });
        return Ok(None);
    };
    let cell = |at: usize| cells.get(at).copied().ok_or("has fewer cells than the header");
    let addr = cell(columns.address)?.parse::<IpAddr>().map_err(|_| "expected an address")?;
    let until = cell(columns.expire)?.parse::<i64>().map_err(|_| "expected seconds as `expire`")?;
    // 0 is a lease in use; 1 declined, 2 reclaimed, 3 released.
    if columns.state.and_then(|at| cells.get(at)).is_some_and(|state| *state != "0") {
        return Ok(None);
    }
    // IPv6 clients need not tell their card.
    let card = cell(columns.card)?;
    if card.is_empty() {
        return Ok(None);
    }
    let mac = parse_mac(card).ok_or("expected a MAC address as `hwaddr`")?;
    Ok(Some(lease(addr, mac, until, cell(columns.hostname)?)))
}

/// A `lease` block that is being read.
#[derive(Default)]
struct IscLease {
    addr: Option<IpAddr>,
    mac: Option<MacAddr>,
    until: i64,
    active: bool,
    name: String,
}

fn isc_line(line: &str, open: &mut Option<IscLease>) -> Line {
    let line = line.trim_end_matches(';');
    let Some(block) = open else {
        if let Some(rest) = line.strip_prefix("lease ") {
            let addr = rest.trim_end_matches('{').trim().parse().map_err(|_| "expected `lease ADDRESS {`")?;
            *open = Some(IscLease { addr: Some(addr), active: true, ..IscLease::default() });
        }
        return Ok(None);
    };
    if line == "}" {
        let IscLease { addr, mac, until, active, name } = open.take().unwrap_or_default();
        return Ok(addr.zip(mac).filter(|_| active).map(|(addr, mac)| lease(addr, mac, until, &name)));
    }
    if let Some(card) = line.strip_prefix("hardware ethernet ") {
        block.mac = Some(parse_mac(card.trim()).ok_or("expected a MAC address behind `hardware ethernet`")?);
    } else if let Some(name) = line.strip_prefix("client-hostname ") {
        name.trim().trim_matches('"').clone_into(&mut block.name);
    } else if let Some(state) = line.strip_prefix("binding state ") {
        block.active = state.trim() == "active";
    } else if let Some(ends) = line.strip_prefix("ends ") {
        block.until = isc_time(ends)
            .ok_or("expected `ends WEEKDAY YYYY/MM/DD HH:MM:SS`, `ends epoch N` or `ends never`")?;
    }
    Ok(None)
}

/// `4 2026/11/26 10:00:00` in UTC, `epoch 1790000000`, or `never` (0).
fn isc_time(text: &str) -> Option<i64> {
    let mut words = text.split('#').next()?.split_whitespace();
    match words.next()? {
        "never" => Some(0),
        "epoch" => words.next()?.trim_end_matches(';').parse().ok(),
        _ => {
            let (day, time) = (words.next()?.replace('/', "-"), words.next()?);
            format!("{day}T{time}Z").parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_second)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str, form: LeaseForm) -> LeaseFile {
        let mut found = LeaseFile::default();
        parse(text.as_bytes(), Path::new("leases"), form, &mut found);
        found
    }

    fn told(file: &LeaseFile) -> Vec<String> {
        let name = |l: &DeviceObservation| l.name.as_ref().map_or("-".to_owned(), ToString::to_string);
        let line = |l: &DeviceObservation| {
            format!("{} {} {} {}", l.addr.unwrap(), l.mac.unwrap(), name(l), l.until.is_some())
        };
        file.leases.iter().map(line).collect()
    }

    #[test]
    fn dnsmasq_lines_are_leases_and_a_bad_one_is_named_by_its_line() {
        let text = "1790000000 00:11:22:33:44:55 192.168.1.10 phone 01:00:11:22:33:44:55\n\
                    0 00:11:22:33:44:66 192.168.1.11 * *\nnonsense\n1790000000 xx 192.168.1.12 a *\n\
                    duid 00:01:00:01\n1790000000 12345 fd00::10 phone 00:01:00:01\n";
        let file = parsed(text, LeaseForm::Dnsmasq);
        assert_eq!(
            told(&file),
            ["192.168.1.10 00:11:22:33:44:55 phone true", "192.168.1.11 00:11:22:33:44:66 - false"]
        );
        assert_eq!(file.malformed, 2);
        assert!(
            file.problems[0].starts_with("leases:3: ") && file.problems[1].starts_with("leases:4: "),
            "{file:?}"
        );
    }

    #[test]
    fn kea_files_are_read_by_their_header() {
        let v4 = "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context,pool_id\n\
                  192.168.1.10,00:11:22:33:44:55,,3600,1790000000,1,0,0,tv.lan,0,,0\n\
                  192.168.1.11,00:11:22:33:44:66,,3600,1790000000,1,0,0,old,2,,0\n192.168.1.12\n";
        let file = parsed(v4, LeaseForm::Kea);
        assert_eq!(
            (told(&file), file.malformed),
            (vec!["192.168.1.10 00:11:22:33:44:55 tv true".to_owned()], 1)
        );
        assert!(parsed("a,b,c\n", LeaseForm::Kea).problems[0].contains("`address`"));
    }

    #[test]
    fn isc_blocks_count_when_they_are_active() {
        let block = |addr: &str, state: &str| {
            format!(
                "lease {addr} {{\n  starts 4 2026/11/26 10:00:00;\n  ends 4 2026/11/26 22:00:00;\n  binding state {state};\n  \
                 hardware ethernet 00:11:22:33:44:55;\n  client-hostname \"cam\";\n}}\n"
            )
        };
        let text = format!("{}{}", block("10.0.0.5", "active"), block("10.0.0.6", "free"));
        let file = parsed(&text, LeaseForm::Isc);
        assert_eq!(
            (told(&file), file.malformed),
            (vec!["10.0.0.5 00:11:22:33:44:55 cam true".to_owned()], 0)
        );
        assert_eq!(isc_time("epoch 1790000000; # x"), Some(1_790_000_000));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_without_harm(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..400)) {
            for form in [LeaseForm::Dnsmasq, LeaseForm::Kea, LeaseForm::Isc] {
                parse(&bytes[..], Path::new("x"), form, &mut LeaseFile::default());
            }
        }
    }
}
