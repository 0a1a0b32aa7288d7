//! The document of `geoip diff`, and its text.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use serde::Serialize;

use crate::cli::output::{bytes, plain};
use crate::cli::policy::Changes;
use crate::enrich::{AutonomousSystem, Database};
use crate::pipeline::trial::RuleTally;
use crate::pipeline::trial::swap::{AddressChange, Change, OperatorChange, Swap};

#[derive(Serialize)]
pub(super) struct Document<'a> {
    old: FileDocument,
    new: FileDocument,
    /// By the files alone; nothing where one side is the embedded database.
    #[serde(skip_serializing_if = "Option::is_none")]
    autonomous_systems: Option<Systems>,
    /// By traffic; nothing where there is none to hold them against.
    #[serde(skip_serializing_if = "Option::is_none")]
    traffic: Option<Traffic<'a>>,
}

#[derive(Serialize)]
pub(super) struct FileDocument {
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    build: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<Arc<str>>,
}

/// What two files say of autonomous systems.
#[derive(Serialize)]
pub(super) struct Systems {
    old: usize,
    new: usize,
    renamed: usize,
    /// Registered in another country, where the files say that.
    moved: usize,
    gone: usize,
    added: usize,
    examples: Vec<SystemDocument>,
}

#[derive(Serialize)]
struct SystemDocument {
    asn: u32,
    old_name: Option<Arc<str>>,
    new_name: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    old_country: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    new_country: Option<String>,
}

#[derive(Serialize)]
struct Traffic<'a> {
    against: &'static str,
    records: u64,
    addresses: Addresses<'a>,
    operators: Operators<'a>,
    rules: Vec<RuleDocument<'a>>,
    alerts: Changes,
    alerts_not_kept: u64,
}

#[derive(Serialize)]
struct Addresses<'a> {
    compared: u64,
    not_kept: u64,
    changed: usize,
    /// How many by each fact: `server`, `registrant`, `operator`, `owner`, `asn`, `name`, `anycast`.
    by: BTreeMap<&'static str, u64>,
    examples: Vec<AddressDocument<'a>>,
}

#[derive(Serialize)]
struct AddressDocument<'a> {
    ip: String,
    flows: u64,
    bytes: u64,
    changes: &'a [Change],
}

#[derive(Serialize)]
struct Operators<'a> {
    changed: usize,
    examples: Vec<OperatorDocument<'a>>,
}

#[derive(Serialize)]
struct OperatorDocument<'a> {
    asn: u32,
    addresses: u64,
    changes: &'a [Change],
}

#[derive(Serialize)]
struct RuleDocument<'a> {
    rule: &'a str,
    old: TallyDocument,
    new: TallyDocument,
}

#[derive(Serialize)]
struct TallyDocument {
    matches: u64,
    cannot_tell: u64,
    no_match: u64,
}

impl From<RuleTally> for TallyDocument {
    fn from(tally: RuleTally) -> Self {
        Self { matches: tally.matches, cannot_tell: tally.cannot_tell, no_match: tally.no_match }
    }
}

impl FileDocument {
    pub(super) fn new(path: &Path, database: Option<&Database>) -> Self {
        Self {
            path: path.display().to_string(),
            kind: database.map(|d| d.kind().to_owned()),
            build: database.map(|d| Arc::clone(&d.build().build)),
            sha256: database.and_then(|d| d.build().sha256.clone()),
        }
    }

    fn line(&self) -> String {
        let kind = self.kind.as_deref().map(|k| format!(" ({})", plain(k))).unwrap_or_default();
        let build = self.build.as_deref().map(|b| format!(" of {b}")).unwrap_or_default();
        format!("{}{kind}{build}", plain(&self.path))
    }
}

impl Systems {
    pub(super) fn new(
        old: &BTreeMap<u32, AutonomousSystem>,
        new: &BTreeMap<u32, AutonomousSystem>,
        most: usize,
    ) -> Self {
        let mut systems = Self {
            old: old.len(),
            new: new.len(),
            renamed: 0,
            moved: 0,
            gone: old.keys().filter(|asn| !new.contains_key(asn)).count(),
            added: new.keys().filter(|asn| !old.contains_key(asn)).count(),
            examples: Vec::new(),
        };
        for (asn, before) in old {
            let Some(after) = new.get(asn).filter(|after| *after != before) else { continue };
            let moved = before.country != after.country;
            systems.renamed += usize::from(before.name != after.name);
            systems.moved += usize::from(moved);
            if systems.examples.len() < most {
                let country = |one: &AutonomousSystem| one.country.filter(|_| moved).map(|c| c.to_string());
                systems.examples.push(SystemDocument {
                    asn: *asn,
                    old_name: before.name.clone(),
                    new_name: after.name.clone(),
                    old_country: country(before),
                    new_country: country(after),
                });
            }
        }
        systems
    }

    fn text(&self, out: &mut String) {
        if self.old == 0 && self.new == 0 {
            return;
        }
        let _ = writeln!(
            out,
            "autonomous systems: {} before, {} now; {} renamed, {} in another country, {} gone, {} new",
            self.old, self.new, self.renamed, self.moved, self.gone, self.added
        );
        let name = |n: &Option<Arc<str>>| n.as_deref().map_or_else(|| "-".to_owned(), plain);
        for one in &self.examples {
            let country = |c: &Option<String>| c.as_ref().map(|c| format!(" ({c})")).unwrap_or_default();
            let _ = writeln!(
                out,
                "  ~ AS{}: {}{} -> {}{}",
                one.asn,
                name(&one.old_name),
                country(&one.old_country),
                name(&one.new_name),
                country(&one.new_country)
            );
        }
    }
}

impl<'a> Document<'a> {
    pub(super) fn new(
        [old, new]: [FileDocument; 2],
        autonomous_systems: Option<Systems>,
        swap: Option<(&'static str, &'a Swap)>,
        most: usize,
    ) -> Self {
        let traffic = swap.map(|(against, swap)| Traffic::new(against, swap, most));
        Self { old, new, autonomous_systems, traffic }
    }

    pub(super) fn text(&self) -> String {
        let mut out = format!("old: {}\nnew: {}\n", self.old.line(), self.new.line());
        if let Some(systems) = &self.autonomous_systems {
            systems.text(&mut out);
        }
        match &self.traffic {
            Some(traffic) => traffic.text(&mut out),
            None => out.push_str(
                "no traffic to hold them against: name a store with --state-dir, or captures with --against\n",
            ),
        }
        out
    }
}

impl<'a> Traffic<'a> {
    fn new(against: &'static str, swap: &'a Swap, most: usize) -> Self {
        let mut by = BTreeMap::new();
        for change in swap.moved.iter().flat_map(|moved| &moved.changes) {
            *by.entry(change.what).or_default() += 1;
        }
        let address = |AddressChange { addr, flows, octets, changes }: &'a AddressChange| AddressDocument {
            ip: addr.to_string(),
            flows: *flows,
            bytes: *octets,
            changes,
        };
        let operator = |OperatorChange { asn, addresses, changes }: &'a OperatorChange| OperatorDocument {
            asn: *asn,
            addresses: *addresses,
            changes,
        };
        let rule = |change: &'a crate::pipeline::trial::swap::RuleChange| RuleDocument {
            rule: &change.rule,
            old: change.old.into(),
            new: change.new.into(),
        };
        Self {
            against,
            records: swap.records,
            addresses: Addresses {
                compared: swap.addresses,
                not_kept: swap.addresses_not_kept,
                changed: swap.moved.len(),
                by,
                examples: swap.moved.iter().take(most).map(address).collect(),
            },
            operators: Operators {
                changed: swap.operators.len(),
                examples: swap.operators.iter().take(most).map(operator).collect(),
            },
            rules: swap.rules.iter().map(rule).collect(),
            alerts: Changes::new(&swap.alerts, most),
            alerts_not_kept: swap.alerts_not_kept,
        }
    }

    fn text(&self, out: &mut String) {
        let addresses = &self.addresses;
        let _ = writeln!(
            out,
            "\n{} flow records of {}; {} of {} addresses are placed differently",
            self.records, self.against, addresses.changed, addresses.compared
        );
        let by: Vec<String> = addresses.by.iter().map(|(what, n)| format!("{what} {n}")).collect();
        if !by.is_empty() {
            let _ = writeln!(out, "  by {}", by.join(", "));
        }
        for one in &addresses.examples {
            let size = bytes(one.bytes);
            let _ = writeln!(out, "  ~ {} ({} flow(s), {size}): {}", one.ip, one.flows, told(one.changes));
        }
        more(out, addresses.changed, addresses.examples.len());
        if addresses.not_kept > 0 {
            let _ =
                writeln!(out, "  {} record(s) with further addresses were not compared", addresses.not_kept);
        }
        let _ = writeln!(out, "{} operator(s) are told differently", self.operators.changed);
        for one in &self.operators.examples {
            let _ = writeln!(out, "  ~ AS{} ({} address(es)): {}", one.asn, one.addresses, told(one.changes));
        }
        more(out, self.operators.changed, self.operators.examples.len());
        for RuleDocument { rule, old, new } in &self.rules {
            let _ = writeln!(
                out,
                "rule {}: match {} -> {}, cannot tell {} -> {}, no match {} -> {}",
                plain(rule),
                old.matches,
                new.matches,
                old.cannot_tell,
                new.cannot_tell,
                old.no_match,
                new.no_match
            );
        }
        out.push_str("alerts: ");
        self.alerts.text(out, ("only with the new database", "only with the old database"));
    }
}

fn told(changes: &[Change]) -> String {
    let one = |c: &Change| format!("{} {} -> {}", c.what, plain(&c.old), plain(&c.new));
    changes.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn more(out: &mut String, all: usize, shown: usize) {
    if all > shown {
        let _ = writeln!(out, "  and {} more; --examples shows them", all - shown);
    }
}
