//! `whither policy test` and `whither policy diff`: what a policy would say of traffic that has been.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use crate::capture::{CaptureError, CaptureFiles, FileOptions};
use crate::cli::args::{FlagArgs, Format};
use crate::cli::output::{self, Failure};
use crate::cli::{FLAGGED, ask, config};
use crate::config::Config;
use crate::model::Alert;
use crate::pipeline::parts::{self, Parts, Recipe};
use crate::pipeline::trial::swap::{self, Swap};
use crate::pipeline::trial::{self, Trial, compare, told};
use crate::store::{AlertFilter, FlowFilter, Reader};

use super::args::{AgainstArgs, DiffArgs, TestArgs};
use super::show;

/// The word that stands for the daemon's store.
pub(in crate::cli) const STORE: &str = "store";

/// What a policy is held against.
pub(in crate::cli) enum Against {
    Captures(Vec<PathBuf>),
    Store(Box<Reader>, FlowFilter),
}

impl Against {
    pub(in crate::cli) fn open(args: &AgainstArgs, config: &Config) -> Result<Self, Failure> {
        let store = args.against.iter().any(|a| a == Path::new(STORE));
        if store && args.against.len() > 1 {
            return Err(Failure::Usage("--against: either `store` or capture files, not both".into()));
        }
        let (since, until) = ask::period(&args.period)?;
        if store {
            let folder = args.state_dir.as_ref().unwrap_or(&config.daemon.state_dir);
            let reader = Reader::open(&folder.join(&config.store.file))?;
            return Ok(Self::Store(Box::new(reader), FlowFilter { since, until, ..FlowFilter::default() }));
        }
        if since.or(until).is_some() {
            return Err(Failure::Usage(
                "--since and --until choose from a store; captures are read whole".into(),
            ));
        }
        Ok(Self::Captures(args.against.clone()))
    }

    fn run(&self, config: &Config) -> Result<(Trial, Arc<str>), Failure> {
        let parts = build(config)?;
        let hash = Arc::clone(parts.judge.policy().hash());
        let trial = match self {
            Self::Captures(paths) => {
                let files = files(paths, config).map_err(|e| Failure::Usage(e.to_string()))?;
                trial::of_captures(files, &config::settings(config), parts)
                    .map_err(|e| Failure::Running(e.to_string()))?
            }
            Self::Store(reader, filter) => trial::of_store(reader, filter, &config.alert, parts)?,
        };
        Ok((trial, hash))
    }

    /// What the databases of two configurations tell differently; all else is `base`'s.
    pub(in crate::cli) fn swap(&self, base: &Config, sides: &[Config; 2]) -> Result<Swap, Failure> {
        let [old, new] = sides;
        let parts = [build(old)?, build(new)?];
        match self {
            Self::Captures(paths) => {
                files(paths, base).map_err(|e| Failure::Usage(e.to_string()))?;
                swap::of_captures(|| files(paths, base), &config::settings(base), parts)
                    .map_err(|e| Failure::Running(e.to_string()))
            }
            Self::Store(reader, filter) => Ok(swap::of_store(reader, filter, &base.alert, parts)?),
        }
    }

    /// What `policy test` holds a store's alerts against: those that were raised in the period.
    fn alerts_then(&self) -> Result<Option<Vec<Arc<Alert>>>, Failure> {
        let Self::Store(reader, filter) = self else { return Ok(None) };
        let filter = AlertFilter { since: filter.since, until: filter.until, ..AlertFilter::default() };
        Ok(Some(reader.alerts(&filter)?.into_iter().map(|stored| Arc::new(stored.alert)).collect()))
    }

    pub(in crate::cli) fn word(&self) -> &'static str {
        match self {
            Self::Captures(_) => "captures",
            Self::Store(..) => STORE,
        }
    }
}

fn files(paths: &[PathBuf], config: &Config) -> Result<CaptureFiles, CaptureError> {
    let filter = (!config.capture.filter.is_empty()).then(|| config.capture.filter.clone());
    CaptureFiles::open(paths, &FileOptions { filter, ..FileOptions::default() })
}

fn build(config: &Config) -> Result<Parts, Failure> {
    parts::build(Recipe {
        catalogue: &config.catalogue,
        enrich: &config.enrich,
        policy: &config.policy,
        at: None,
        geo: None,
    })
    .map_err(|e| Failure::Usage(e.to_string()))
}

/// `policy test`.
pub(super) fn test(args: &TestArgs) -> Result<ExitCode, Failure> {
    let config = with_flags(args.config.as_deref(), &args.flags)?;
    let against = Against::open(&args.against, &config)?;
    let then = against.alerts_then()?;
    if args.against.fail_on_change && then.is_none() {
        let message = "--fail-on-change: captures hold no alerts to compare with; use `policy diff OLD NEW`";
        return Err(Failure::Usage(message.into()));
    }
    let (trial, hash) = against.run(&config)?;
    let rules = rules(&config)?;
    let difference = then.map(|then| compare(told(&then), told(trial.alerts.values()), false));
    let document =
        show::Test::new(&against, &trial, &hash, &rules, difference.as_ref(), args.against.examples);
    match args.against.format {
        Format::Json => output::print_document(&document)?,
        Format::Table => output::print(&show::test(&document))?,
    }
    Ok(code(args.against.fail_on_change && difference.is_some_and(|d| !d.is_empty())))
}

/// `policy diff`.
pub(super) fn diff(args: &DiffArgs) -> Result<ExitCode, Failure> {
    let (old, new) = (config::load(Some(&args.old))?, config::load(Some(&args.new))?);
    let against = Against::open(&args.against, &old)?;
    let (of_old, old_hash) = against.run(&old)?;
    let (of_new, new_hash) = against.run(&new)?;
    let difference = compare(told(of_old.alerts.values()), told(of_new.alerts.values()), true);
    let sides = [(&of_old, &*old_hash), (&of_new, &*new_hash)];
    let document = show::Diff::new(&against, sides, &difference, args.against.examples);
    match args.against.format {
        Format::Json => output::print_document(&document)?,
        Format::Table => output::print(&show::diff(&document))?,
    }
    Ok(code(args.against.fail_on_change && !difference.is_empty()))
}

fn code(changed: bool) -> ExitCode {
    if changed { ExitCode::from(FLAGGED) } else { ExitCode::SUCCESS }
}

fn with_flags(path: Option<&Path>, flags: &FlagArgs) -> Result<Config, Failure> {
    let mut config = config::load(path)?;
    config::apply_flags(&mut config, flags)?;
    Ok(config)
}

/// Id, name and severity of each rule in force, in the order of the file.
fn rules(config: &Config) -> Result<Vec<show::RuleName>, Failure> {
    let parts = build(config)?;
    Ok(parts.judge.policy().rules().map(|(id, name, s)| (id.clone(), name.clone(), s.word())).collect())
}
