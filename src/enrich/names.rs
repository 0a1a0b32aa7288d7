//! Names that clients asked for, per client and address: the passive DNS table.
//!
//! An answer counts for `max(ttl, 60 s)` and a grace after it, since apps hold on to addresses longer than DNS allows;
//! the candidate carries time and TTL, so that others can weigh its age. Bounded by two generations: when the younger
//! half is full it becomes the older one, and what was in that and not learned again is forgotten and counted.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::time::Duration;

use super::EnrichConfig;
use crate::model::{CaptureName, DnsObservation, HostName, LookupVia, NameCandidate, Timestamp};

/// Candidates kept per client and address, newest first. Large CDN addresses serve more names; the newest matter.
const MAX_CANDIDATES: usize = 16;
/// A shorter TTL counts as this: a connection may begin some seconds after its answer.
const LEAST_TTL: u32 = 60;
/// Addresses that capture files name; a hostile file could name millions.
const MAX_FROM_FILES: usize = 65_536;
/// Aliases kept per candidate; CNAME chains are shorter than this.
const MAX_ALIASES: usize = 16;

type Table = HashMap<(IpAddr, IpAddr), Vec<NameCandidate>>;

/// The table.
#[derive(Debug)]
pub struct Names {
    young: Table,
    old: Table,
    /// Entries of one generation.
    half: usize,
    grace: Duration,
    /// What capture files themselves say; asked only where the client's own lookups say nothing.
    from_files: HashMap<IpAddr, Vec<HostName>>,
    from_files_full: u64,
    forgotten: u64,
    crowded: u64,
}

impl Names {
    /// An empty table with the configured limits.
    pub fn new(config: &EnrichConfig) -> Self {
        Self {
            young: Table::new(),
            old: Table::new(),
            half: (config.max_names / 2).max(1),
            grace: config.name_grace.0,
            from_files: HashMap::new(),
            from_files_full: 0,
            forgotten: 0,
            crowded: 0,
        }
    }

    /// Remembers an answer.
    pub fn learn(&mut self, seen: &DnsObservation) {
        for answer in &seen.answers {
            let key = (seen.client.to_canonical(), answer.addr.to_canonical());
            let mut aliases = seen.aliases.clone();
            aliases.truncate(MAX_ALIASES);
            let candidate = NameCandidate {
                name: seen.question.clone(),
                aliases,
                at: seen.at,
                ttl: answer.ttl,
                via: seen.via,
            };
            let mut list = self.young.remove(&key).or_else(|| self.old.remove(&key)).unwrap_or_default();
            list.retain(|c| c.name != candidate.name);
            list.insert(0, candidate);
            if list.len() > MAX_CANDIDATES {
                list.truncate(MAX_CANDIDATES);
                self.crowded += 1;
            }
            if self.young.len() >= self.half {
                let aged = std::mem::replace(&mut self.old, std::mem::take(&mut self.young));
                self.forgotten += u64::try_from(aged.len()).unwrap_or(u64::MAX);
            }
            self.young.insert(key, list);
        }
    }

    /// Names under which `client` may have reached `remote` at `at`, newest first; at most 16.
    pub fn candidates(&self, client: IpAddr, remote: IpAddr, at: Timestamp) -> Vec<NameCandidate> {
        let key = (client.to_canonical(), remote.to_canonical());
        let Some(list) = self.young.get(&key).or_else(|| self.old.get(&key)) else {
            return self.named_by_files(key.1, at);
        };
        let alive = |c: &&NameCandidate| {
            let life = Duration::from_secs(c.ttl.max(LEAST_TTL).into()).saturating_add(self.grace);
            at.since(c.at) <= life
        };
        let alive: Vec<NameCandidate> = list.iter().filter(alive).cloned().collect();
        if alive.is_empty() { self.named_by_files(key.1, at) } else { alive }
    }

    /// Remembers a name that a capture file gives for an address.
    pub fn learn_from_file(&mut self, name: &CaptureName) {
        let addr = name.addr.to_canonical();
        let room = self.from_files.len() < MAX_FROM_FILES || self.from_files.contains_key(&addr);
        let list = if room { self.from_files.entry(addr).or_default() } else { &mut Vec::new() };
        if !list.contains(&name.name) && room && list.len() < MAX_CANDIDATES {
            list.push(name.name.clone());
        } else if !list.contains(&name.name) {
            self.from_files_full += 1;
        }
    }

    fn named_by_files(&self, remote: IpAddr, at: Timestamp) -> Vec<NameCandidate> {
        let candidate = |name: &HostName| NameCandidate {
            name: name.clone(),
            aliases: Vec::new(),
            at,
            ttl: 0,
            via: LookupVia::CaptureFile,
        };
        self.from_files.get(&remote).map(|names| names.iter().map(candidate).collect()).unwrap_or_default()
    }

    /// Counters of what was given up, by name.
    pub fn limits(&self, out: &mut BTreeMap<String, u64>) {
        for (name, count) in [
            ("dns_names_forgotten", self.forgotten),
            ("dns_names_crowded_out", self.crowded),
            ("capture_names_full", self.from_files_full),
        ] {
            if count > 0 {
                *out.entry(name.to_owned()).or_default() += count;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::DnsAnswer;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn seen(name: &str, addr: &str, ttl: u32, at: i64) -> DnsObservation {
        DnsObservation {
            client: ip("192.168.1.2"),
            server: ip("192.168.1.1"),
            question: HostName::from_wire(name.as_bytes()).unwrap(),
            aliases: vec![],
            answers: vec![DnsAnswer { addr: ip(addr), ttl }],
            ech: vec![],
            at: Timestamp::from_parts(at, 0),
            via: LookupVia::Dns,
        }
    }

    fn found(names: &Names, addr: &str, at: i64) -> Vec<String> {
        let list = names.candidates(ip("192.168.1.2"), ip(addr), Timestamp::from_parts(at, 0));
        list.iter().map(|c| c.name.to_string()).collect()
    }

    #[test]
    fn the_newest_name_comes_first_and_each_name_once() {
        let mut names = Names::new(&EnrichConfig::default());
        names.learn(&seen("a.example", "9.9.9.9", 300, 0));
        names.learn(&seen("b.example", "9.9.9.9", 300, 1));
        names.learn(&seen("a.example", "9.9.9.9", 300, 2));
        assert_eq!(found(&names, "9.9.9.9", 3), ["a.example", "b.example"]);
        assert_eq!(found(&names, "::ffff:9.9.9.9", 3).len(), 2);
        assert!(
            names.candidates(ip("192.168.1.3"), ip("9.9.9.9"), Timestamp::EPOCH).is_empty(),
            "another client"
        );
    }

    #[test]
    fn a_name_lives_for_its_ttl_and_the_grace() {
        let mut names = Names::new(&EnrichConfig::default());
        names.learn(&seen("a.example", "9.9.9.9", 0, 100));
        assert_eq!(found(&names, "9.9.9.9", 100 + 60 + 3600).len(), 1);
        assert_eq!(found(&names, "9.9.9.9", 100 + 60 + 3601).len(), 0);
        assert_eq!(found(&names, "9.9.9.9", 50).len(), 1, "a clock that steps back takes nothing away");
    }

    #[test]
    fn names_from_capture_files_help_only_where_the_client_asked_nothing() {
        let mut names = Names::new(&EnrichConfig::default());
        for name in ["file.example", "file.example", "other.example"] {
            let name = HostName::from_wire(name.as_bytes()).unwrap();
            names.learn_from_file(&CaptureName { addr: ip("::ffff:9.9.9.9"), name });
        }
        assert_eq!(found(&names, "9.9.9.9", 5), ["file.example", "other.example"]);
        let list = names.candidates(ip("192.168.1.2"), ip("9.9.9.9"), Timestamp::EPOCH);
        assert!(list.iter().all(|c| c.via == LookupVia::CaptureFile));
        names.learn(&seen("a.example", "9.9.9.9", 300, 1));
        assert_eq!(found(&names, "9.9.9.9", 5), ["a.example"]);
    }

    #[test]
    fn the_table_is_bounded_and_counts_what_it_forgets() {
        let mut names = Names::new(&EnrichConfig { max_names: 8, ..EnrichConfig::default() });
        for i in 0..100_u8 {
            names.learn(&seen("a.example", &format!("9.9.9.{i}"), 300, 0));
            assert!(names.young.len() + names.old.len() <= 8);
        }
        for i in 0..20_u8 {
            names.learn(&seen(&format!("n{i}.example"), "8.8.8.8", 300, 0));
        }
        assert_eq!(found(&names, "8.8.8.8", 0).len(), MAX_CANDIDATES);
        let mut limits = BTreeMap::new();
        names.limits(&mut limits);
        let kept = u64::try_from(names.young.len() + names.old.len()).unwrap();
        assert_eq!(limits["dns_names_forgotten"] + kept, 101, "each pair is kept or counted");
        assert_eq!(limits["dns_names_crowded_out"], 4);
    }
}
