//! The library as `whither read` uses it, for tests that look at whole captures.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use whither::appid::{Catalogue, Identifier};
use whither::capture::{CaptureError, CaptureFiles, CaptureInfo, FileOptions};
use whither::config::Config;
use whither::deliver::{self, AlertDocument, FlowDocument};
use whither::enrich::{DeviceTables, Enricher, Networks, Refreshed};
use whither::model::{Alert, AlertTransition, EnrichedFlow, Ledger, Provenance};
use whither::pipeline::Settings;
use whither::pipeline::offline;
use whither::pipeline::parts::{Directory, Parts};
use whither::pipeline::stage::Sink;
use whither::policy::{Judge, Policy, Rule};

/// What reading captures came to.
#[derive(Default)]
pub(crate) struct Read {
    /// All flow records, in their order.
    pub(crate) flows: Vec<EnrichedFlow>,
    /// Every document that was written, flows and alerts, in their order.
    pub(crate) lines: Vec<u8>,
    pub(crate) captures: Vec<CaptureInfo>,
    pub(crate) ledger: Ledger,
}

impl Sink for Read {
    fn flow(&mut self, flow: &EnrichedFlow) {
        self.lines.extend(deliver::to_line(&FlowDocument::new(flow)).unwrap());
        self.flows.push(flow.clone());
    }

    fn alert(&mut self, transition: AlertTransition, alert: &Arc<Alert>) {
        self.lines.extend(deliver::to_line(&AlertDocument::new(alert, transition)).unwrap());
    }
}

/// Reads captures by the default configuration, with a rule that flags enough for alerts to be raised.
pub(crate) fn read(paths: &[PathBuf]) -> Result<Read, CaptureError> {
    let mut config = Config::default();
    config.policy.rule.push(Rule::flagged(&["CN".into(), "RU".into(), "US".into()], &[], &[], &[]));
    read_by(paths, &config)
}

/// Reads captures by `config`.
pub(crate) fn read_by(paths: &[PathBuf], config: &Config) -> Result<Read, CaptureError> {
    let files = CaptureFiles::open(paths, &FileOptions::default())?;
    let settings = Settings {
        decode: config.decode.clone(),
        inspect: config.inspect.clone(),
        meter: config.meter.clone(),
        alert: config.alert.clone(),
        processes: config.processes.clone(),
        local: Networks::new(&config.enrich).local(),
    };
    let mut read = Read::default();
    let reading = offline::read(files, &settings, parts(config), &mut read, &mut |_| {})?;
    read.captures = reading.captures;
    read.ledger = reading.ledger;
    Ok(read)
}

/// What judges. The tables are read once for all tests, which read a thousand captures.
fn parts(config: &Config) -> Parts {
    static TABLES: OnceLock<(Arc<Catalogue>, Enricher)> = OnceLock::new();
    let (catalogue, enricher) = TABLES.get_or_init(|| {
        let config = Config::default();
        (Arc::new(Catalogue::embedded().unwrap()), Enricher::load(&config.enrich).unwrap())
    });
    let policy = Policy::compile(&config.policy, &Directory(catalogue)).unwrap();
    Parts {
        enricher: Enricher::with_handle(
            &config.enrich,
            Arc::clone(enricher.geo()),
            enricher.operators().clone(),
        ),
        tables: DeviceTables::default(),
        read: Refreshed::default(),
        identifier: Identifier::new(Arc::clone(catalogue)),
        judge: Judge::new(Arc::new(policy)),
        provenance: Arc::new(Provenance::default()),
    }
}

/// The captures of other people, where they are at hand; their licences keep them out of this repository.
pub(crate) fn shared(below: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/captures").join(below);
    if path.exists() {
        return Some(path);
    }
    println!("skipped: there is no {}", path.display());
    None
}

/// The captures in a folder, by name.
pub(crate) fn captures_in(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file() && path.extension().is_none_or(|e| e != "tsv" && e != "md"))
        .collect();
    paths.sort();
    assert!(!paths.is_empty(), "{} is empty", folder.display());
    paths
}

/// Does `work` on every item, on as many threads as the machine has; the results are in the items' order.
pub(crate) fn each<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = std::sync::atomic::AtomicUsize::new(0);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut results: Vec<(usize, R)> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    let mut done = Vec::new();
                    loop {
                        let at = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                        let Some(item) = items.get(at) else { return done };
                        done.push((at, work(item)));
                    }
                })
            })
            .collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    results.sort_by_key(|(at, _)| *at);
    results.into_iter().map(|(_, result)| result).collect()
}
