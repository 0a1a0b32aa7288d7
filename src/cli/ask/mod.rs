//! Asking the store of a daemon, running or stopped: `flows`, `alerts`, `stats`, `explain`.

mod alerts;
pub(super) mod args;
mod explain;
mod flows;
mod learning;
mod stats;

pub(super) use alerts::alerts;
pub(super) use explain::explain;
pub(super) use flows::flows;
pub(super) use stats::stats;

use std::path::PathBuf;

use crate::config::Config;
use crate::model::Timestamp;
use crate::pipeline::clock;
use crate::store::{Reader, StoreError};

use args::{PeriodArgs, StoreArgs};

use super::output::Failure;
use super::{config, when};

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Missing(_) | StoreError::TooNew { .. } => Self::Usage(error.to_string()),
            other => Self::Running(other.to_string()),
        }
    }
}

/// The configuration, and where its store is.
fn place(args: &StoreArgs) -> Result<(Config, PathBuf), Failure> {
    let config = config::load(args.config.as_deref())?;
    let folder = args.state_dir.clone().unwrap_or_else(|| config.daemon.state_dir.clone());
    let path = folder.join(&config.store.file);
    Ok((config, path))
}

fn reader(args: &StoreArgs) -> Result<Reader, Failure> {
    Ok(Reader::open(&place(args)?.1)?)
}

/// From when to when.
pub(super) fn period(args: &PeriodArgs) -> Result<(Option<Timestamp>, Option<Timestamp>), Failure> {
    let now = clock::now();
    let point = |option: &str, text: &Option<String>| {
        text.as_deref()
            .map(|text| when::parse(text, now).map_err(|e| Failure::Usage(format!("{option}: {e}"))))
            .transpose()
    };
    Ok((point("--since", &args.since)?, point("--until", &args.until)?))
}
