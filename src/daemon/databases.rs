//! Swaps of databases while the daemon runs: by SIGHUP with the rest of the configuration, or alone when a file changed.
//!
//! A new set is read and checked here, beside the packet path, and handed over whole between two records; a file that is not
//! sound leaves the old set in force. After a swap, a thread holds the newest flow records against both sets and says what
//! is different now: one line in the log, one notice in the store (docs/guide/databases.md).

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use crate::config::Config;
use crate::enrich::update::{self, Destroyed};
use crate::enrich::{GeoSet, GeoWatch};
use crate::pipeline::clock;
use crate::pipeline::live::Live;
use crate::pipeline::parts::{self, Parts, Recipe};
use crate::pipeline::trial::swap::{self, Swap};
use crate::store::{FlowFilter, Notice, Reader, Store};

/// The newest flow records that are held against both sets; bounds the work on a gateway that has other things to do.
const MOST_RECORDS: usize = 20_000;

/// The databases in force, and their files.
pub(super) struct Databases {
    set: Arc<GeoSet>,
    watch: GeoWatch,
    review: Option<JoinHandle<()>>,
}

impl Databases {
    pub(super) fn new(config: &Config, parts: &Parts) -> Self {
        Self {
            set: parts.enricher.geo().load(),
            watch: GeoWatch::new(&config.enrich.databases),
            review: None,
        }
    }

    /// Looks whether a file changed, and swaps the set if so.
    pub(super) fn look(&mut self, config: &Config, live: &Live) {
        if config.enrich.look_every.0.is_zero() || !self.watch.changed() {
            return;
        }
        let set = match GeoSet::load(&config.enrich) {
            Ok(set) => Arc::new(set),
            Err(error) => {
                tracing::error!(
                    "a database file changed and is refused, the old ones stay in force: {error}"
                );
                return;
            }
        };
        if set.builds() == self.set.builds() {
            return;
        }
        live.swap(Arc::clone(&set));
        self.swapped(config, set);
    }

    /// Notes what a reload of the whole configuration brought.
    pub(super) fn follow(&mut self, config: &Config, parts: &Parts) {
        self.watch = GeoWatch::new(&config.enrich.databases);
        let set = parts.enricher.geo().load();
        if set.builds() != self.set.builds() {
            self.swapped(config, set);
        }
    }

    /// Destroys old versions that their licence does not let one keep, where an update or the configuration has its files.
    pub(super) fn destroy_outdated(config: &Config) {
        let enrich = &config.enrich;
        let updates = enrich.update.folder.clone().unwrap_or_else(|| config.daemon.state_dir.join("geoip"));
        let named = enrich.databases.iter().filter_map(|file| file.parent().map(Path::to_owned));
        let folders: BTreeSet<PathBuf> = named.chain([updates]).collect();
        for folder in folders {
            for one in update::destroy_outdated(&folder, clock::now(), enrich.max_database_size.0) {
                match one {
                    Ok(Destroyed { path, replaced_by }) => tracing::info!(
                        file = %path.display(), replaced_by,
                        "an old database is destroyed, as its licence asks within 30 days"
                    ),
                    Err(error) => tracing::error!(
                        "an old database must not be kept any more by its licence: {error}; delete it by hand"
                    ),
                }
            }
        }
    }

    fn swapped(&mut self, config: &Config, set: Arc<GeoSet>) {
        let old = std::mem::replace(&mut self.set, Arc::clone(&set));
        let names: Vec<String> = set.builds().iter().map(|b| format!("{} of {}", b.name, b.build)).collect();
        tracing::info!(databases = names.join(", "), "databases taken over");
        if self.review.as_ref().is_some_and(|review| !review.is_finished()) {
            tracing::warn!("the last swap is still being looked at; what this one changes is not told");
            return;
        }
        let review = Review { config: config.clone(), old, new: set };
        match thread::Builder::new().name("swap".into()).spawn(move || review.run()) {
            Ok(handle) => self.review = Some(handle),
            Err(error) => tracing::warn!(%error, "no thread to look at what the swap changes"),
        }
    }
}

/// What is to be compared. The daemon's stop does not wait for it: it writes one row, whole or not at all.
struct Review {
    config: Config,
    old: Arc<GeoSet>,
    new: Arc<GeoSet>,
}

impl Review {
    fn run(self) {
        if let Err(error) = self.compare() {
            tracing::warn!("cannot tell what the new databases change: {error}");
        }
    }

    fn compare(&self) -> Result<(), String> {
        let path: PathBuf = self.config.daemon.state_dir.join(&self.config.store.file);
        let reader = Reader::open(&path).map_err(|e| e.to_string())?;
        let since = reader.end_of_newest(MOST_RECORDS).map_err(|e| e.to_string())?;
        let filter = FlowFilter { since, ..FlowFilter::default() };
        let [old, new] = [&self.old, &self.new].map(|set| {
            parts::build(Recipe {
                catalogue: &self.config.catalogue,
                enrich: &self.config.enrich,
                policy: &self.config.policy,
                at: None,
                geo: Some(Arc::clone(set)),
            })
        });
        let [old, new] = [old.map_err(|e| e.to_string())?, new.map_err(|e| e.to_string())?];
        let swap =
            swap::of_store(&reader, &filter, &self.config.alert, [old, new]).map_err(|e| e.to_string())?;
        drop(reader);
        tell(&swap);
        let body = serde_json::json!({
            "old": names(&self.old), "new": names(&self.new), "counts": swap.counts(),
        });
        let notice = Notice { at: clock::now(), kind: Notice::SWAP.to_owned(), body: body.to_string() };
        Store::open_beside(&path).and_then(|mut store| store.put_notice(&notice)).map_err(|e| e.to_string())
    }
}

fn names(set: &GeoSet) -> Vec<serde_json::Value> {
    let one = |b: &crate::model::SourceBuild| serde_json::json!({ "name": b.name, "build": b.build, "sha256": b.sha256 });
    set.builds().iter().map(one).collect()
}

fn tell(swap: &Swap) {
    let counts = swap.counts();
    tracing::info!(
        records = counts.records,
        addresses = counts.addresses,
        addresses_changed = counts.addresses_changed,
        operators_changed = counts.operators_changed,
        alerts_gained = counts.alerts_gained,
        alerts_lost = counts.alerts_lost,
        alerts_changed = counts.alerts_changed,
        "what the new databases say differently of the newest flow records; `whither geoip diff` shows it"
    );
}
