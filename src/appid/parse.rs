//! From the text of a catalogue file to checked applications. All problems of a file are found in one go.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use ipnet::IpNet;

use super::application::{
    Accepted, Application, AsRole, AsnFact, Confidence, DomainFact, DomainKind, FactSource, Os, OwnerFact,
    OwnerKind, PortFact, PrefixFact, ProtocolFact,
};
use super::error::CatalogueError;
use super::format::{RawApplication, RawFile};
use super::index::pattern_parts;
use super::labels;
use crate::model::{AppRef, CountryCode, HostName, Protocol};

/// Sources and the vocabulary of tags, shared by all files in the order of reading.
#[derive(Debug, Default, Clone)]
pub(super) struct Shared {
    pub(super) sources: BTreeMap<String, Arc<FactSource>>,
    pub(super) tags: BTreeMap<String, Arc<str>>,
}

/// Reads one file. `shared` grows by its sources and tags.
pub(super) fn parse(file: &str, text: &str, shared: &mut Shared) -> Result<Vec<Application>, CatalogueError> {
    let raw: RawFile = toml::from_str(text).map_err(|error| CatalogueError::Syntax {
        file: file.to_owned(),
        line: error.span().map_or(0, |span| line_of(text, span.start)),
        message: error.message().to_owned(),
    })?;
    let mut reader = Reader { file, text, shared, problems: Vec::new() };
    reader.sources_and_tags(&raw);
    let mut seen = BTreeSet::new();
    let mut applications = Vec::with_capacity(raw.application.len());
    for entry in &raw.application {
        if !seen.insert(entry.id.get_ref().as_str()) {
            reader.problem(
                entry.id.span(),
                entry.id.get_ref(),
                "this id stands twice in the file: join the two entries",
            );
        }
        applications.push(reader.application(entry));
    }
    if reader.problems.is_empty() {
        Ok(applications)
    } else {
        Err(CatalogueError::Facts { problems: reader.problems })
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|&b| b == b'\n').count() + 1
}

struct Reader<'a> {
    file: &'a str,
    text: &'a str,
    shared: &'a mut Shared,
    problems: Vec<String>,
}

impl Reader<'_> {
    fn problem(&mut self, at: Range<usize>, app: &str, what: &str) {
        let line = line_of(self.text, at.start);
        self.problems.push(format!("{}:{line}: application `{app}`: {what}", self.file));
    }

    fn sources_and_tags(&mut self, raw: &RawFile) {
        for (key, source) in &raw.sources {
            if source.date.parse::<jiff::civil::Date>().is_err() {
                self.problems.push(format!(
                    "{}: source `{key}`: `{}` is no date, expected YYYY-MM-DD",
                    self.file, source.date
                ));
            }
            let fact = Arc::new(FactSource {
                key: key.as_str().into(),
                name: source.name.as_str().into(),
                date: source.date.as_str().into(),
                licence: source.licence.as_str().into(),
                url: source.url.as_deref().map(Arc::from),
                label: format!("{}, {}", source.name, source.date).into(),
            });
            let known = self.shared.sources.insert(key.clone(), Arc::clone(&fact));
            if known.is_some_and(|known| known != fact) {
                self.problems.push(format!(
                    "{}: source `{key}` is already defined otherwise by a file read before: choose another key",
                    self.file
                ));
            }
        }
        for (tag, meaning) in &raw.tags {
            if !is_id(tag) {
                self.problems.push(format!("{}: tag `{tag}`: expected only a-z, 0-9, _ and -", self.file));
            }
            self.shared.tags.insert(tag.clone(), meaning.as_str().into());
        }
    }

    fn application(&mut self, raw: &RawApplication) -> Application {
        let id = raw.id.get_ref().as_str();
        if !is_id(id) {
            self.problem(raw.id.span(), id, "an id has 1 to 64 of a-z, 0-9, _ and -");
        }
        let mut domains = Vec::new();
        for group in &raw.domains {
            let source = self.source(&group.source, id);
            let kinds = [
                (DomainKind::Suffix, &group.suffix),
                (DomainKind::Full, &group.full),
                (DomainKind::Pattern, &group.pattern),
            ];
            if kinds.iter().all(|(_, names)| names.is_empty()) {
                self.problem(
                    group.source.span(),
                    id,
                    "a group of domains without `suffix`, `full` and `pattern`",
                );
            }
            for (kind, names) in kinds {
                for name in names {
                    domains.extend(self.domain(name, kind, group.confidence, &source, id));
                }
            }
        }
        let mut outer_names = Vec::new();
        for group in &raw.outer_names {
            let source = self.source(&group.source, id);
            for name in &group.full {
                outer_names.extend(self.domain(name, DomainKind::Full, Confidence::Good, &source, id));
            }
        }
        let app = AppRef {
            id: id.into(),
            name: raw.name.as_str().into(),
            vendor: raw.vendor.as_str().into(),
            vendor_country: None,
            vendor_source: None,
            tags: raw.tags.iter().map(|t| Arc::from(t.as_str())).collect(),
        };
        Application {
            app: Arc::new(self.with_seat(app, raw)),
            role: raw.role,
            domains,
            prefixes: self.prefixes(raw, id),
            asns: self.asns(raw, id),
            ports: self.ports(raw, id),
            protocols: self.protocols(raw, id),
            owners: self.owners(raw, id),
            outer_names,
            accepted: self.accepted(raw, id),
            note: raw.note.as_deref().map(Arc::from),
            file: self.file.into(),
            line: line_of(self.text, raw.id.span().start),
        }
    }

    fn accepted(&mut self, raw: &RawApplication, app: &str) -> Vec<Accepted> {
        let mut accepted = Vec::new();
        for group in &raw.accepted {
            if group.reason.get_ref().trim().is_empty() {
                self.problem(group.reason.span(), app, "an accepted finding needs a reason");
            }
            accepted.extend(group.about.iter().map(|about| Accepted {
                kind: group.finding.as_str().into(),
                about: about.as_str().into(),
                reason: group.reason.get_ref().as_str().into(),
            }));
        }
        accepted
    }

    fn source(&mut self, key: &toml::Spanned<String>, app: &str) -> Arc<FactSource> {
        if let Some(source) = self.shared.sources.get(key.get_ref()) {
            return Arc::clone(source);
        }
        let what =
            format!("source `{}` is not defined: add it under [sources.{}]", key.get_ref(), key.get_ref());
        self.problem(key.span(), app, &what);
        let none: Arc<str> = "".into();
        Arc::new(FactSource {
            key: key.get_ref().as_str().into(),
            name: Arc::clone(&none),
            date: Arc::clone(&none),
            licence: Arc::clone(&none),
            url: None,
            label: none,
        })
    }

    /// A seat is a fact like any other: without a source it is refused, not guessed.
    fn with_seat(&mut self, mut app: AppRef, raw: &RawApplication) -> AppRef {
        let Some(country) = &raw.vendor_country else {
            if raw.vendor_country_source.is_some() {
                self.problem(raw.id.span(), &app.id, "`vendor-country-source` without `vendor-country`");
            }
            return app;
        };
        app.vendor_country = CountryCode::parse(country.get_ref());
        if app.vendor_country.is_none() {
            let what = format!("`{}` is no country: expected two letters of ISO 3166-1", country.get_ref());
            self.problem(country.span(), &app.id, &what);
        }
        let Some(key) = &raw.vendor_country_source else {
            self.problem(country.span(), &app.id, "`vendor-country` needs a `vendor-country-source`");
            return app;
        };
        app.vendor_source = self.shared.sources.get(key).map(|source| Arc::clone(&source.label));
        if app.vendor_source.is_none() {
            let what = format!("source `{key}` is not defined: add it under [sources.{key}]");
            self.problem(country.span(), &app.id, &what);
        }
        app
    }

    fn domain(
        &mut self,
        name: &toml::Spanned<String>,
        kind: DomainKind,
        confidence: Confidence,
        source: &Arc<FactSource>,
        app: &str,
    ) -> Option<DomainFact> {
        let text = name.get_ref().as_str();
        let plain = match kind {
            DomainKind::Full | DomainKind::Suffix => text.to_owned(),
            DomainKind::Pattern if pattern_parts(text).is_some() => text.replacen('*', "x", 1),
            DomainKind::Pattern => {
                let what = format!(
                    "`{text}` is no pattern: expected one label `*`, with labels before it and two or more after it"
                );
                self.problem(name.span(), app, &what);
                return None;
            }
        };
        let host = HostName::from_wire(plain.as_bytes()).filter(|h| h.is_valid() && h.as_str() == plain);
        if host.is_none() {
            let what =
                format!("`{text}` is no domain: expected lower case, two labels or more, no dot at the ends");
            self.problem(name.span(), app, &what);
            return None;
        }
        Some(DomainFact {
            domain: text.into(),
            kind,
            confidence,
            source: Arc::clone(source),
            label: format!("{} {text}", kind.word()).into(),
        })
    }

    fn prefixes(&mut self, raw: &RawApplication, app: &str) -> Vec<PrefixFact> {
        let mut facts = Vec::new();
        for group in &raw.prefixes {
            let source = self.source(&group.source, app);
            for text in &group.prefix {
                match text.get_ref().parse::<IpNet>() {
                    Ok(prefix) if prefix.trunc() == prefix && prefix.prefix_len() > 0 => {
                        facts.push(PrefixFact {
                            prefix,
                            own_service: group.own_service,
                            source: Arc::clone(&source),
                            label: format!("prefix {prefix}").into(),
                        });
                    }
                    _ => {
                        let what = format!(
                            "`{}` is no prefix: expected an address and a length, host bits zero, like 192.0.2.0/24",
                            text.get_ref()
                        );
                        self.problem(text.span(), app, &what);
                    }
                }
            }
        }
        facts
    }

    fn asns(&mut self, raw: &RawApplication, app: &str) -> Vec<AsnFact> {
        let mut facts = Vec::new();
        for group in &raw.asns {
            let source = self.source(&group.source, app);
            if group.own_service && group.role != AsRole::Own {
                let what =
                    "`own-service = true` needs `role = \"own\"`: in rented networks others are served too";
                self.problem(group.source.span(), app, what);
            }
            facts.extend(group.asn.iter().map(|&asn| AsnFact {
                asn,
                role: group.role,
                own_service: group.own_service,
                source: Arc::clone(&source),
                label: format!("as {asn} {} of {}", group.role.word(), raw.vendor).into(),
            }));
        }
        facts
    }

    fn ports(&mut self, raw: &RawApplication, app: &str) -> Vec<PortFact> {
        let mut facts = Vec::new();
        for group in &raw.ports {
            let source = self.source(&group.source, app);
            for text in &group.port {
                let Some((protocol, first, last)) = port_range(text.get_ref()) else {
                    let what = format!("`{}` is no port: expected udp/8801 or tcp/8801-8810", text.get_ref());
                    self.problem(text.span(), app, &what);
                    continue;
                };
                let label = format!("port {}", text.get_ref()).into();
                facts.push(PortFact { protocol, first, last, source: Arc::clone(&source), label });
            }
        }
        facts
    }

    fn protocols(&mut self, raw: &RawApplication, app: &str) -> Vec<ProtocolFact> {
        let mut facts = Vec::new();
        for group in &raw.protocols {
            let source = self.source(&group.source, app);
            for text in &group.protocol {
                if !is_id(text.get_ref()) {
                    self.problem(text.span(), app, "a protocol has 1 to 64 of a-z, 0-9, _ and -");
                }
                let label = format!("protocol {}", text.get_ref()).into();
                facts.push(ProtocolFact {
                    name: text.get_ref().as_str().into(),
                    source: Arc::clone(&source),
                    label,
                });
            }
        }
        facts
    }

    fn owners(&mut self, raw: &RawApplication, app: &str) -> Vec<OwnerFact> {
        let mut facts = Vec::new();
        for group in &raw.packages {
            let source = self.source(&group.source, app);
            if group.id.is_empty() && group.label.is_empty() {
                self.problem(
                    group.source.span(),
                    app,
                    "a group of packages without `id` and without `label`",
                );
            }
            for (kind, names) in [(OwnerKind::Package, &group.id), (OwnerKind::Label, &group.label)] {
                let of = (kind, group.os, group.confidence);
                facts.extend(names.iter().filter_map(|name| self.owner(name, of, &source, app)));
            }
        }
        for group in &raw.processes {
            let source = self.source(&group.source, app);
            let of = (OwnerKind::Process, group.os, group.confidence);
            facts.extend(group.name.iter().filter_map(|name| self.owner(name, of, &source, app)));
        }
        let implied = labels::implied(raw, &facts);
        facts.extend(implied);
        facts
    }

    fn owner(
        &mut self,
        name: &toml::Spanned<String>,
        (kind, os, confidence): (OwnerKind, Option<Os>, Confidence),
        source: &Arc<FactSource>,
        app: &str,
    ) -> Option<OwnerFact> {
        let text = name.get_ref().as_str();
        let wrong = match kind {
            OwnerKind::Package if !is_package(text) => {
                Some("is no package: expected two parts or more, like com.example.app")
            }
            OwnerKind::Process if text.contains(['/', '\\']) => {
                Some("is no executable: expected the file name without its folder")
            }
            _ if !is_owner_name(text) => Some("is no name: expected 2 to 128 printable characters"),
            _ => None,
        };
        if let Some(wrong) = wrong {
            self.problem(name.span(), app, &format!("`{}` {wrong}", text.escape_debug()));
            return None;
        }
        let system = os.map(|os| format!("{} ", os.word())).unwrap_or_default();
        Some(OwnerFact {
            kind,
            os,
            name: text.into(),
            implied: false,
            confidence,
            source: Arc::clone(source),
            label: format!("{system}{} {text}", kind.word()).into(),
        })
    }
}

fn is_owner_name(text: &str) -> bool {
    (2..=128).contains(&text.chars().count())
        && text.trim() == text
        && !text.chars().any(|c| c.is_control() || ('\u{200b}'..='\u{202e}').contains(&c))
}

/// The rules of Android for an application id, and of Apple for a bundle id: parts of letters, digits, `_` and `-`.
fn is_package(text: &str) -> bool {
    let part =
        |p: &str| !p.is_empty() && p.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    text.len() <= 128 && text.contains('.') && text.split('.').all(part)
}

fn is_id(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-'))
}

fn port_range(text: &str) -> Option<(Protocol, u16, u16)> {
    let (protocol, ports) = text.split_once('/')?;
    let protocol = match protocol {
        "tcp" => Protocol::TCP,
        "udp" => Protocol::UDP,
        _ => return None,
    };
    let (first, last) = ports.split_once('-').unwrap_or((ports, ports));
    let (first, last) = (first.parse().ok()?, last.parse().ok()?);
    (first > 0 && first <= last).then_some((protocol, first, last))
}
