//! `whither geoip diff OLD NEW`: what another database says differently, and what that does to alerts.
//!
//! The files are compared by the autonomous systems that they name. Then the traffic of a store or of captures is placed and
//! judged twice, with the one and with the other in its place in `enrich.databases`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::cli::args::Format;
use crate::cli::output::{self, Failure};
use crate::cli::policy::args::AgainstArgs;
use crate::cli::policy::{Against, STORE};
use crate::cli::{FLAGGED, config};
use crate::config::Config;
use crate::enrich::Database;

use super::args::DiffArgs;
use super::compared::{Document, FileDocument, Systems};
use super::same_file;

/// The word that stands for "without a file of your own".
const EMBEDDED: &str = "embedded";

/// Runs the command.
pub(super) fn diff(args: &DiffArgs) -> Result<ExitCode, Failure> {
    let mut base = config::load(args.config.as_deref())?;
    config::apply_flags(&mut base, &args.flags)?;
    let [old, new] = [open(&args.old, &base)?, open(&args.new, &base)?];
    let systems = old
        .as_ref()
        .zip(new.as_ref())
        .map(|(old, new)| Systems::new(&old.autonomous_systems(), &new.autonomous_systems(), args.examples));
    let files = [FileDocument::new(&args.old, old.as_ref()), FileDocument::new(&args.new, new.as_ref())];
    drop((old, new));
    let swap = match against(args, &base)? {
        Some(against) => {
            let sides = with_each(&base, &args.old, &args.new);
            Some((against.word(), against.swap(&base, &sides)?))
        }
        None => None,
    };
    let document =
        Document::new(files, systems, swap.as_ref().map(|(word, swap)| (*word, swap)), args.examples);
    match args.format {
        Format::Json => output::print_document(&document)?,
        Format::Table => output::print(&document.text())?,
    }
    let changed = swap.is_some_and(|(_, swap)| !swap.alerts.is_empty());
    Ok(if args.fail_on_change && changed { ExitCode::from(FLAGGED) } else { ExitCode::SUCCESS })
}

/// Opens a side as the daemon would; nothing for the embedded database.
fn open(path: &Path, config: &Config) -> Result<Option<Database>, Failure> {
    if path == Path::new(EMBEDDED) {
        return Ok(None);
    }
    Database::open(path, config.enrich.max_database_size.0, &mut Vec::new())
        .map(Some)
        .map_err(|e| Failure::Usage(e.to_string()))
}

/// The traffic to hold the databases against: what is named; else the store, where there is one.
fn against(args: &DiffArgs, config: &Config) -> Result<Option<Against>, Failure> {
    let folder = args.state_dir.as_ref().unwrap_or(&config.daemon.state_dir);
    let asked = args.state_dir.is_some() || args.period.since.is_some() || args.period.until.is_some();
    if args.against.is_empty() && !asked && !folder.join(&config.store.file).exists() {
        return Ok(None);
    }
    let against = if args.against.is_empty() { vec![STORE.into()] } else { args.against.clone() };
    let args = AgainstArgs {
        against,
        period: args.period.clone(),
        state_dir: args.state_dir.clone(),
        examples: args.examples,
        fail_on_change: args.fail_on_change,
        format: args.format,
    };
    Against::open(&args, config).map(Some)
}

/// The configuration with the old file, and with the new one: in the place of whichever of them it names, else before all.
fn with_each(config: &Config, old: &Path, new: &Path) -> [Config; 2] {
    let named = |path: &PathBuf| same_file(path, old) || same_file(path, new);
    let at = config.enrich.databases.iter().position(named).unwrap_or(0);
    let others: Vec<PathBuf> = config.enrich.databases.iter().filter(|p| !named(p)).cloned().collect();
    [old, new].map(|path| {
        let mut config = config.clone();
        config.enrich.databases.clone_from(&others);
        if path != Path::new(EMBEDDED) {
            config.enrich.databases.insert(at.min(others.len()), path.to_owned());
        }
        config
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lists(configured: &[&str], old: &str, new: &str) -> [Vec<String>; 2] {
        let mut config = Config::default();
        config.enrich.databases = configured.iter().map(PathBuf::from).collect();
        with_each(&config, Path::new(old), Path::new(new))
            .map(|c| c.enrich.databases.iter().map(|p| p.display().to_string()).collect())
    }

    #[test]
    fn a_file_takes_the_place_of_the_other_where_the_configuration_names_one() {
        assert_eq!(lists(&["a", "b", "c"], "b.old", "b"), [["a", "b.old", "c"], ["a", "b", "c"]]);
        assert_eq!(lists(&["a", "b"], "b", "x"), [["a", "b"], ["a", "x"]]);
        assert_eq!(lists(&["a"], "x", "y"), [["x", "a"], ["y", "a"]], "unknown ones go before all");
        assert_eq!(lists(&["a"], EMBEDDED, "y"), [vec!["a"], vec!["y", "a"]]);
        assert_eq!(lists(&["a"], "a", EMBEDDED), [vec!["a"], vec![]]);
    }
}
