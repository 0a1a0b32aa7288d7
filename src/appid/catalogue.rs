//! The catalogue as one value: built-in files and an admin's folders joined, indexed, with a version of its facts.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::application::{
    AppRole, Application, AsnFact, Confidence, DomainFact, OwnerFact, OwnerKind, PrefixFact, ProtocolFact,
};
use super::config::CatalogueConfig;
use super::embedded::EMBEDDED;
use super::error::CatalogueError;
use super::index::{Conflict, Index, Place};
use super::parse::{Shared, parse};
use crate::model::{AppId, HostName};

/// Larger than any hand-kept file of facts; a wrong path must not fill the memory.
const MAX_FILE_BYTES: u64 = 8 << 20;
/// More files in a folder than a catalogue has.
const MAX_FILES: usize = 1024;

/// All known applications with their look-ups. Immutable: a reload builds another one.
#[derive(Debug)]
pub struct Catalogue {
    /// In order of precedence: the admin's last folder first, the built-in ones last; by id within each.
    pub(super) applications: Vec<Application>,
    pub(super) index: Index,
    pub(super) conflicts: Vec<Conflict>,
    pub(super) shared: Shared,
    by_id: BTreeMap<AppId, usize>,
    version: Arc<str>,
    notes: Vec<String>,
}

/// One line of `apps list`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppSummary {
    /// The id.
    pub id: AppId,
    /// The name for people.
    pub name: Arc<str>,
    /// Who makes it.
    pub vendor: Arc<str>,
    /// What kind of thing it is.
    pub role: AppRole,
    /// Its tags.
    pub tags: Vec<Arc<str>>,
    /// How many facts stand behind it (domains, prefixes, AS numbers, protocols, packages and executables).
    pub facts: usize,
    /// The file it stands in.
    pub file: Arc<str>,
}

impl Catalogue {
    /// The built-in catalogue alone.
    ///
    /// # Errors
    /// Never with the files as shipped: a test reads them.
    pub fn embedded() -> Result<Self, CatalogueError> {
        Self::load(&CatalogueConfig::default())
    }

    /// The built-in catalogue with the folders of `config` laid over it.
    pub fn load(config: &CatalogueConfig) -> Result<Self, CatalogueError> {
        let mut layers = vec![EMBEDDED.iter().map(|(f, t)| ((*f).to_owned(), (*t).to_owned())).collect()];
        for folder in &config.folders {
            layers.push(read_folder(folder)?);
        }
        Self::from_layers(&layers)
    }

    /// Joins layers of files (name, text); a later layer overrides an earlier one by whole applications.
    pub(super) fn from_layers(layers: &[Vec<(String, String)>]) -> Result<Self, CatalogueError> {
        let mut shared = Shared::default();
        let mut known: BTreeMap<AppId, (usize, Application)> = BTreeMap::new();
        let (mut notes, mut problems) = (Vec::new(), Vec::new());
        for (rank, files) in layers.iter().enumerate() {
            for (file, text) in files {
                let entries = match parse(file, text, &mut shared) {
                    Ok(entries) => entries,
                    Err(CatalogueError::Facts { problems: more }) => {
                        problems.extend(more);
                        continue;
                    }
                    Err(other) => return Err(other),
                };
                for entry in entries {
                    let id = Arc::clone(&entry.app.id);
                    if let Some((old_rank, old)) = known.get(&id) {
                        let (line, before) = (entry.line, &old.file);
                        if *old_rank == rank {
                            problems.push(format!(
                                "{file}:{line}: application `{id}`: this id stands in `{before}` too: join the two entries"
                            ));
                        } else {
                            notes.push(format!("application `{id}` of `{before}` is overridden by `{file}`"));
                        }
                    }
                    known.insert(id, (rank, entry));
                }
            }
        }
        if !problems.is_empty() {
            return Err(CatalogueError::Facts { problems });
        }
        let mut ranked: Vec<_> = known.into_values().collect();
        // Stable: within a rank they stay sorted by id, so the outcome does not hang on the order of files.
        ranked.sort_by_key(|(rank, _)| std::cmp::Reverse(*rank));
        let applications: Vec<_> = ranked.into_iter().map(|(_, application)| application).collect();
        let (index, conflicts) = Index::build(&applications);
        let by_id = applications.iter().enumerate().map(|(i, a)| (Arc::clone(&a.app.id), i)).collect();
        let version = version_of(&applications);
        Ok(Self { applications, index, conflicts, shared, by_id, version, notes })
    }

    /// A short hash of all facts: two catalogues with the same version name the same things.
    pub fn version(&self) -> Arc<str> {
        Arc::clone(&self.version)
    }

    /// What an admin should know of the load: which applications were overridden.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// How many applications there are.
    pub fn len(&self) -> usize {
        self.applications.len()
    }

    /// Whether there are none (never with the built-in files).
    pub fn is_empty(&self) -> bool {
        self.applications.is_empty()
    }

    /// All applications in short, by id.
    pub fn list(&self) -> Vec<AppSummary> {
        self.by_id.values().filter_map(|&i| self.applications.get(i)).map(summary).collect()
    }

    /// One application with all its facts.
    pub fn show(&self, id: &str) -> Option<&Application> {
        self.by_id.get(id).and_then(|&i| self.applications.get(i))
    }

    /// All tags in use with their meaning (empty where no file says), sorted.
    pub fn tags(&self) -> BTreeMap<Arc<str>, Arc<str>> {
        let tags = self.applications.iter().flat_map(|a| a.app.tags.iter());
        tags.map(|t| (Arc::clone(t), self.shared.tags.get(&**t).cloned().unwrap_or_else(|| "".into())))
            .collect()
    }

    /// The application that a name belongs to, where a fact that can carry it says so. Names that are no valid
    /// host names belong to nobody. Facts of low confidence never answer, but hide shorter ones.
    pub fn match_name(&self, name: &HostName) -> Option<(&Application, &DomainFact)> {
        let (application, fact) = self.fact_above(name)?;
        (fact.confidence == Confidence::Good).then_some((application, fact))
    }

    /// The best fact for a name, whatever its confidence.
    pub(super) fn fact_above(&self, name: &HostName) -> Option<(&Application, &DomainFact)> {
        if !name.is_valid() {
            return None;
        }
        self.index.name_matches(name.as_str()).find_map(|place| self.domain(place))
    }

    pub(super) fn domain(&self, place: Place) -> Option<(&Application, &DomainFact)> {
        let application = self.applications.get(place.app)?;
        Some((application, application.domains.get(place.fact)?))
    }

    pub(super) fn prefix(&self, place: Place) -> Option<(&Application, &PrefixFact)> {
        let application = self.applications.get(place.app)?;
        Some((application, application.prefixes.get(place.fact)?))
    }

    pub(super) fn asn(&self, place: Place) -> Option<(&Application, &AsnFact)> {
        let application = self.applications.get(place.app)?;
        Some((application, application.asns.get(place.fact)?))
    }

    pub(super) fn protocol(&self, name: &str) -> Option<(&Application, &ProtocolFact)> {
        let place = self.index.protocol(name)?;
        let application = self.applications.get(place.app)?;
        Some((application, application.protocols.get(place.fact)?))
    }

    /// The application that a package, a label or an executable belongs to, with the fact that says so, whatever its
    /// confidence. Names that systems cut short are met by what is left of them, where only one application fits.
    pub fn owner(&self, kind: OwnerKind, name: &str) -> Option<(&Application, &OwnerFact)> {
        let place = self.index.owner(kind, name)?;
        let application = self.applications.get(place.app)?;
        Some((application, application.owners.get(place.fact)?))
    }

    /// The cover-name fact that `name` meets, if it is one.
    pub(super) fn outer_name(&self, name: &HostName) -> Option<&DomainFact> {
        let place = self.index.outer(name.as_str())?;
        self.applications.get(place.app)?.outer_names.get(place.fact)
    }
}

fn summary(a: &Application) -> AppSummary {
    AppSummary {
        id: Arc::clone(&a.app.id),
        name: Arc::clone(&a.app.name),
        vendor: Arc::clone(&a.app.vendor),
        role: a.role,
        tags: a.app.tags.clone(),
        facts: a.domains.len() + a.prefixes.len() + a.asns.len() + a.protocols.len() + a.owners.len(),
        file: Arc::clone(&a.file),
    }
}

/// SHA-256 over the facts in a fixed order, the first 16 hex digits. Comments, file names and the order of files
/// have no part in it; precedence between layers has.
fn version_of(applications: &[Application]) -> Arc<str> {
    let mut hash = ring::digest::Context::new(&ring::digest::SHA256);
    let mut line = String::new();
    for a in applications {
        line.clear();
        let seat = a.app.vendor_country.map(|c| c.to_string()).unwrap_or_default();
        let seat_source = a.app.vendor_source.as_deref().unwrap_or_default();
        let _ =
            writeln!(line, "{}|{}|{}|{seat}|{seat_source}|{}", a.app.id, a.app.name, a.app.vendor, a.role);
        let mut facts: Vec<String> = a.app.tags.iter().map(|tag| format!("tag {tag}")).collect();
        let with = |label: &str, source: &str| format!("{label}|{source}");
        facts.extend(a.domains.iter().map(|d| format!("{}|{:?}|{}", d.label, d.confidence, d.source.label)));
        facts.extend(a.outer_names.iter().map(|d| with(&format!("outer {}", d.label), &d.source.label)));
        facts.extend(
            a.prefixes.iter().map(|p| with(&format!("{} {}", p.label, p.own_service), &p.source.label)),
        );
        facts.extend(a.asns.iter().map(|n| with(&format!("{} {}", n.label, n.own_service), &n.source.label)));
        facts.extend(a.ports.iter().map(|p| with(&p.label, &p.source.label)));
        facts.extend(a.protocols.iter().map(|p| with(&p.label, &p.source.label)));
        facts.extend(a.owners.iter().map(|o| format!("{}|{:?}|{}", o.label, o.confidence, o.source.label)));
        facts.sort_unstable();
        for fact in facts {
            let _ = writeln!(line, "{fact}");
        }
        hash.update(line.as_bytes());
    }
    let mut hex = String::with_capacity(16);
    for byte in hash.finish().as_ref().iter().take(8) {
        let _ = write!(hex, "{byte:02x}");
    }
    hex.into()
}

/// The `*.toml` files of a folder in the order of their names.
fn read_folder(folder: &Path) -> Result<Vec<(String, String)>, CatalogueError> {
    let io = |path: &Path| {
        let path = path.to_owned();
        move |source| CatalogueError::Io { path, source }
    };
    let mut paths: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(folder).map_err(io(folder))? {
        let path = entry.map_err(io(folder))?.path();
        if path.extension().is_some_and(|e| e == "toml") {
            paths.push(path);
        }
        if paths.len() > MAX_FILES {
            let what = format!("has more than {MAX_FILES} files");
            return Err(CatalogueError::TooLarge { path: folder.to_owned(), what });
        }
    }
    paths.sort();
    let mut files = Vec::with_capacity(paths.len());
    for path in paths {
        if fs::metadata(&path).map_err(io(&path))?.len() > MAX_FILE_BYTES {
            return Err(CatalogueError::TooLarge {
                path,
                what: format!("has more than {MAX_FILE_BYTES} bytes"),
            });
        }
        let text = fs::read_to_string(&path).map_err(io(&path))?;
        files.push((path.display().to_string(), text));
    }
    Ok(files)
}
