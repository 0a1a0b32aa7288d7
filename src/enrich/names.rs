//! Names that clients asked for, per client and address: the passive DNS table.
//!
//! An answer counts for `max(ttl, 60 s)` and a grace after it, since apps hold on to addresses longer than DNS allows;
//! the candidate carries time and TTL, so that others can weigh its age. The first name is what the application asked
//! for, the last alias is who serves it; both are kept. An IPv6 address that carries an IPv4 address (NAT64) is known
//! by both, in either direction, for the client may use either (RFC 6877). Names that can hide behind a cover
//! (RFC 9849) are kept per client too.
//!
//! Leaves alone whose names they are. Bounded by two generations: when the younger half is full it becomes the older one,
//! and what was in that and not learned again is forgotten and counted.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::time::Duration;

use super::EnrichConfig;
use super::nat64::Nat64;
use crate::model::{CaptureName, DnsObservation, Generations, HostName, LookupVia, NameCandidate, Timestamp};

/// Candidates kept per client and address, newest first. Large CDN addresses serve more names; the newest matter.
const MAX_CANDIDATES: usize = 16;
/// Names kept per client that can hide behind a cover, newest first: about as many as one page brings in.
const MAX_HIDDEN: usize = 64;
/// A shorter TTL counts as this: a connection may begin some seconds after its answer.
const LEAST_TTL: u32 = 60;
/// Addresses that capture files name; a hostile file could name millions.
const MAX_FROM_FILES: usize = 65_536;
/// Aliases kept per candidate; CNAME chains are shorter than this.
const MAX_ALIASES: usize = 16;

/// A name that this client may reach under another.
#[derive(Debug)]
struct Hidden {
    public_name: HostName,
    candidate: NameCandidate,
}

/// The table.
#[derive(Debug)]
pub struct Names {
    of_address: Generations<(IpAddr, IpAddr), Vec<NameCandidate>>,
    hidden: Generations<IpAddr, Vec<Hidden>>,
    nat64: Nat64,
    grace: Duration,
    /// What capture files themselves say; asked only where the client's own lookups say nothing.
    from_files: HashMap<IpAddr, Vec<HostName>>,
    from_files_full: u64,
    crowded: u64,
}

impl Names {
    /// An empty table with the configured limits.
    pub fn new(config: &EnrichConfig) -> Self {
        Self {
            of_address: Generations::new(config.max_names / 2),
            // A client asks for far more addresses than it has hidden names at one time.
            hidden: Generations::new(config.max_names / 32),
            nat64: Nat64::default(),
            grace: config.name_grace.0,
            from_files: HashMap::new(),
            from_files_full: 0,
            crowded: 0,
        }
    }

    /// Remembers an answer.
    pub fn learn(&mut self, seen: &DnsObservation) {
        let client = seen.client.to_canonical();
        self.nat64.learn(client, seen);
        let mut aliases = seen.aliases.clone();
        aliases.truncate(MAX_ALIASES);
        for answer in &seen.answers {
            let addr = answer.addr.to_canonical();
            let candidate = NameCandidate {
                name: seen.question.clone(),
                aliases: aliases.clone(),
                at: seen.at,
                ttl: answer.ttl,
                via: seen.via,
            };
            if let Some(inner) = self.nat64.embedded(client, addr) {
                self.add(client, inner, candidate.clone());
            }
            self.add(client, addr, candidate);
        }
        let ttl = seen.answers.iter().map(|a| a.ttl).min().unwrap_or(LEAST_TTL);
        for ech in &seen.ech {
            let candidate = NameCandidate {
                name: ech.name.clone(),
                aliases: aliases.clone(),
                at: seen.at,
                ttl,
                via: seen.via,
            };
            self.hidden.touch(client, |list| {
                list.retain(|h| h.candidate.name != ech.name || h.public_name != ech.public_name);
                list.insert(0, Hidden { public_name: ech.public_name.clone(), candidate });
                list.truncate(MAX_HIDDEN);
            });
        }
    }

    fn add(&mut self, client: IpAddr, addr: IpAddr, candidate: NameCandidate) {
        let crowded = &mut self.crowded;
        self.of_address.touch((client, addr), |list| {
            list.retain(|c| c.name != candidate.name);
            list.insert(0, candidate);
            if list.len() > MAX_CANDIDATES {
                list.truncate(MAX_CANDIDATES);
                *crowded += 1;
            }
        });
    }

    /// Names under which `client` may have reached `remote` at `at`, newest first; at most 16.
    pub fn candidates(&self, client: IpAddr, remote: IpAddr, at: Timestamp) -> Vec<NameCandidate> {
        let (client, remote) = (client.to_canonical(), remote.to_canonical());
        let mut found: Vec<NameCandidate> = Vec::new();
        for addr in [Some(remote), self.nat64.embedded(client, remote)].into_iter().flatten() {
            let list = self.of_address.get(&(client, addr)).map(Vec::as_slice).unwrap_or_default();
            for candidate in list.iter().filter(|c| self.is_alive(c, at)) {
                if !found.iter().any(|f| f.name == candidate.name) {
                    found.push(candidate.clone());
                }
            }
        }
        found.sort_by_key(|c| std::cmp::Reverse(c.at));
        found.truncate(MAX_CANDIDATES);
        if found.is_empty() { self.named_by_files(remote, at) } else { found }
    }

    /// Names that `client` resolved and that may stand behind the cover `public_name` at `at`, newest first; at most 16.
    pub fn hidden(&self, client: IpAddr, public_name: &HostName, at: Timestamp) -> Vec<NameCandidate> {
        let list = self.hidden.get(&client.to_canonical()).map(Vec::as_slice).unwrap_or_default();
        let behind = list.iter().filter(|h| h.public_name == *public_name && self.is_alive(&h.candidate, at));
        behind.take(MAX_CANDIDATES).map(|h| h.candidate.clone()).collect()
    }

    fn is_alive(&self, candidate: &NameCandidate, at: Timestamp) -> bool {
        let life = Duration::from_secs(candidate.ttl.max(LEAST_TTL).into()).saturating_add(self.grace);
        at.since(candidate.at) <= life
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
            ("dns_names_forgotten", self.of_address.forgotten()),
            ("dns_names_crowded_out", self.crowded),
            ("capture_names_full", self.from_files_full),
            ("ech_names_forgotten", self.hidden.forgotten()),
            ("nat64_prefixes_full", self.nat64.full()),
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
    use crate::model::{DnsAnswer, EchName};

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn host(name: &str) -> HostName {
        HostName::from_wire(name.as_bytes()).unwrap()
    }

    fn seen(name: &str, addr: &str, ttl: u32, at: i64) -> DnsObservation {
        DnsObservation {
            client: ip("192.168.1.2"),
            server: ip("192.168.1.1"),
            question: host(name),
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
    fn an_address_behind_nat64_is_known_by_both_forms() {
        let mut names = Names::new(&EnrichConfig::default());
        names.learn(&seen("six.example", "64:ff9b::909:909", 300, 0));
        assert_eq!(
            found(&names, "9.9.9.9", 1),
            ["six.example"],
            "the answer was translated, the client uses IPv4"
        );
        names.learn(&seen("four.example", "8.8.8.8", 300, 0));
        assert_eq!(
            found(&names, "64:ff9b::808:808", 1),
            ["four.example"],
            "464XLAT: asked in IPv4, sent in IPv6"
        );
        assert!(found(&names, "64:ff9b:1::808:808", 1).is_empty(), "not a prefix that was learned");
        names.learn(&seen("ipv4only.arpa", "2001:db8:64::192.0.0.170", 300, 0));
        assert_eq!(found(&names, "2001:db8:64::8.8.8.8", 1), ["four.example"], "the network's own prefix");
        assert!(
            names.candidates(ip("192.168.1.3"), ip("2001:db8:64::8.8.8.8"), Timestamp::EPOCH).is_empty(),
            "what one client was told counts for no other"
        );
    }

    #[test]
    fn names_behind_a_cover_are_kept_by_client_and_cover() {
        let mut names = Names::new(&EnrichConfig::default());
        let ech = |name: &str, public: &str, at| DnsObservation {
            answers: vec![],
            ech: vec![EchName { name: host(name), public_name: host(public) }],
            ..seen(name, "9.9.9.9", 0, at)
        };
        names.learn(&ech("a.example", "cover.example", 0));
        names.learn(&ech("b.example", "cover.example", 1));
        names.learn(&ech("c.example", "other.example", 2));
        let behind = |client: &str, cover: &str, at| -> Vec<String> {
            let list = names.hidden(ip(client), &host(cover), Timestamp::from_parts(at, 0));
            list.iter().map(|c| c.name.to_string()).collect()
        };
        assert_eq!(behind("192.168.1.2", "cover.example", 3), ["b.example", "a.example"]);
        assert!(behind("192.168.1.3", "cover.example", 3).is_empty());
        assert!(behind("192.168.1.2", "cover.example", 60 + 3602).is_empty());
        for i in 0..200 {
            names.learn(&ech(&format!("n{i}.example"), "cover.example", 5));
        }
        let list = names.hidden(ip("192.168.1.2"), &host("cover.example"), Timestamp::from_parts(5, 0));
        assert_eq!(list.len(), MAX_CANDIDATES);
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
        let held = |names: &Names| names.of_address.len();
        for i in 0..100_u8 {
            names.learn(&seen("a.example", &format!("9.9.9.{i}"), 300, 0));
            assert!(held(&names) <= 8);
        }
        for i in 0..20_u8 {
            names.learn(&seen(&format!("n{i}.example"), "8.8.8.8", 300, 0));
        }
        assert_eq!(found(&names, "8.8.8.8", 0).len(), MAX_CANDIDATES);
        let mut limits = BTreeMap::new();
        names.limits(&mut limits);
        let kept = u64::try_from(held(&names)).unwrap();
        assert_eq!(limits["dns_names_forgotten"] + kept, 101, "each pair is kept or counted");
        assert_eq!(limits["dns_names_crowded_out"], 4);
    }
}
