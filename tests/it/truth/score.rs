//! Figures over all captures, for people, and the bars that they must reach.

use std::collections::BTreeMap;
use std::fmt;

use super::Capture;
use super::apps::Answer;
use super::compare;

/// Classes of the truth that are good; the others are advice.
const GOOD: [&str; 3] = ["both", "family", "hostname"];

/// Right, other and no answers.
#[derive(Debug, Default, Clone, Copy)]
struct Tally {
    right: u32,
    other: u32,
    nothing: u32,
}

impl Tally {
    fn count(&mut self, answer: Answer) {
        match answer {
            Answer::Right => self.right += 1,
            Answer::Other => self.other += 1,
            Answer::Nothing => self.nothing += 1,
        }
    }

    fn plus(self, other: Self) -> Self {
        Self {
            right: self.right + other.right,
            other: self.other + other.other,
            nothing: self.nothing + other.nothing,
        }
    }

    fn precision(self) -> f64 {
        f64::from(self.right) / f64::from((self.right + self.other).max(1))
    }

    fn recall(self) -> f64 {
        f64::from(self.right) / f64::from((self.right + self.other + self.nothing).max(1))
    }
}

/// Found of all there are.
#[derive(Debug, Default, Clone, Copy)]
struct Share {
    found: u64,
    all: u64,
}

/// The figures.
#[derive(Debug, Default)]
pub(super) struct Score {
    flows: Share,
    packets: Share,
    octets: Share,
    names: BTreeMap<String, Share>,
    ja4_published: Share,
    ja4_ndpi: Share,
    /// By the truth's confidence: ours, nDPI's.
    apps: BTreeMap<String, (Tally, Tally)>,
    /// Flows of applications that the catalogue does not have.
    pub(super) unlisted: u32,
    /// Flows named by a host name that the truth's table lacks, by grounds and name.
    pub(super) beyond: BTreeMap<String, u32>,
}

impl Score {
    pub(super) fn app(&mut self, class: &str, ours: Answer, ndpi: Answer) {
        let (us, them) = self.apps.entry(class.to_owned()).or_default();
        us.count(ours);
        them.count(ndpi);
    }

    pub(super) fn facts(&mut self, capture: &Capture) {
        for row in &capture.rows {
            let seen = capture.seen.get(&row.key);
            let packets: u64 = row.packets.iter().sum();
            let octets: u64 = row.octets.iter().sum();
            self.flows.all += 1;
            self.packets.all += packets;
            self.octets.all += octets;
            if let Some(seen) = seen {
                self.flows.found += 1;
                self.packets.found += if seen.packets == row.packets { packets } else { 0 };
                self.octets.found += if seen.octets == row.octets { octets } else { 0 };
            }
            if let Some(source) = &row.name_source {
                let share = self.names.entry(source.clone()).or_default();
                let found = row.names.iter().filter(|n| seen.is_some_and(|s| s.names.contains(*n)));
                share.found += u64::try_from(found.count()).unwrap();
                share.all += u64::try_from(row.names.len()).unwrap();
            }
            let ours = seen.map(|s| &s.ja4);
            for (published, share) in [(true, &mut self.ja4_published), (false, &mut self.ja4_ndpi)] {
                let want = if published { &row.ja4_published } else { &row.ja4_ndpi };
                let Some(want) = want else { continue };
                share.all += 1;
                let equal =
                    |ours: &String| if published { ours == want } else { compare::as_ndpi(ours, want) };
                share.found += u64::from(ours.is_some_and(|ours| ours.iter().any(equal)));
            }
        }
    }

    fn sum(&self, classes: impl Fn(&str) -> bool) -> (Tally, Tally) {
        let chosen = self.apps.iter().filter(|(class, _)| classes(class));
        chosen.fold(Default::default(), |(a, b): (Tally, Tally), (_, (c, d))| (a.plus(*c), b.plus(*d)))
    }

    /// The bars: precise where the truth is good, and more found than by nDPI where the truth is not nDPI's own word.
    pub(super) fn check(&self) {
        let (ours, _) = self.sum(|class| GOOD.contains(&class));
        assert!(ours.precision() >= 0.99, "precision {}", ours.precision());
        let (ours, ndpi) = self.sum(|class| class != "ndpi");
        assert!(ours.recall() > ndpi.recall(), "recall {}, nDPI's {}", ours.recall(), ndpi.recall());
    }
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let share = |f: &mut fmt::Formatter<'_>, what: &str, share: &Share| {
            let percent = 100.0 * share.found as f64 / share.all.max(1) as f64;
            writeln!(f, "{what:24} {:>10} of {:>10}  {percent:6.2} %", share.found, share.all)
        };
        share(f, "flows", &self.flows)?;
        share(f, "packets in equal flows", &self.packets)?;
        share(f, "octets in equal flows", &self.octets)?;
        for (source, found) in &self.names {
            share(f, &format!("names: {source}"), found)?;
        }
        share(f, "JA4 as published", &self.ja4_published)?;
        share(f, "JA4 as nDPI has it", &self.ja4_ndpi)?;
        writeln!(f, "\napplications of the catalogue, flows that are no name lookups:")?;
        writeln!(
            f,
            "{:14} {:>6} | {:>6} {:>6} {:>6} {:>9} {:>7} | nDPI: {:>6} {:>6} {:>6} {:>9} {:>7}",
            "truth",
            "flows",
            "right",
            "other",
            "none",
            "precision",
            "recall",
            "right",
            "other",
            "none",
            "precision",
            "recall"
        )?;
        let line = |f: &mut fmt::Formatter<'_>, class: &str, (us, them): (Tally, Tally)| {
            write!(f, "{class:14} {:>6} |", us.right + us.other + us.nothing)?;
            for (tally, end) in [(us, " | nDPI:"), (them, "\n")] {
                let Tally { right, other, nothing } = tally;
                let (precision, recall) = (tally.precision(), tally.recall());
                write!(f, " {right:>6} {other:>6} {nothing:>6} {precision:>9.4} {recall:>7.3}{end}")?;
            }
            Ok(())
        };
        for (class, tallies) in &self.apps {
            line(f, class, *tallies)?;
        }
        line(f, "good truth", self.sum(|class| GOOD.contains(&class)))?;
        line(f, "not by nDPI", self.sum(|class| class != "ndpi"))?;
        line(f, "all", self.sum(|_| true))?;
        writeln!(f, "flows of applications that are not in the catalogue: {}", self.unlisted)?;
        writeln!(f, "\nnamed by a host name that the truth's table lacks:")?;
        for (grounds, count) in &self.beyond {
            writeln!(f, "{count:4}  {grounds}")?;
        }
        Ok(())
    }
}
