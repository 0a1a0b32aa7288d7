//! The words of `whither geoip`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::cli::args::{FlagArgs, Format};
use crate::cli::ask::args::PeriodArgs;
use crate::enrich::update::Source;

/// `whither geoip …`.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum GeoipCommand {
    /// Show the databases in use: date, age, licence, origin, checksum
    Status(StatusArgs),
    /// Fetch newer databases, check them, and put them in the place of the old ones
    Update(UpdateArgs),
    /// Say what another database tells differently: operators, addresses seen, and the alerts that would be others
    Diff(Box<DiffArgs>),
    /// Build the combined database from unpacked source packages (see geoip/README.md)
    Build {
        /// Folder that scripts/geoip-fetch filled
        #[arg(long, value_name = "DIR")]
        inputs: PathBuf,
        /// Where to write the database
        #[arg(long, value_name = "FILE")]
        output: PathBuf,
    },
}

/// `whither geoip status`.
#[derive(Debug, Args)]
pub(in crate::cli) struct StatusArgs {
    /// How old are they on this day: today, or a date (that of a capture)
    #[arg(long, value_name = "DAY", default_value = "today")]
    pub(in crate::cli) at: String,
    /// Configuration file
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) config: Option<PathBuf>,
    /// Output format
    #[arg(long, value_enum, default_value = "table")]
    pub(in crate::cli) format: Format,
}

/// `whither geoip update`.
#[derive(Debug, Args)]
pub(in crate::cli) struct UpdateArgs {
    /// What to fetch: dbip-country, dbip-city, dbip-asn (no account), maxmind-country, maxmind-city, maxmind-asn, ipinfo-lite
    /// (free accounts; keys from the environment or from files, see docs/guide/databases.md) [default: enrich.update.sources]
    #[arg(value_name = "SOURCE", value_parser = parse_source, hide_possible_values = true)]
    pub(in crate::cli) sources: Vec<Source>,
    /// Configuration file
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) config: Option<PathBuf>,
    /// Where to keep the databases [default: enrich.update.folder, or 'geoip' in the state folder]
    #[arg(long, value_name = "DIR")]
    pub(in crate::cli) folder: Option<PathBuf>,
    /// Fetch copies from here, under the makers' own names (https, or http://127.0.0.1) [default: enrich.update.mirror]
    #[arg(long, value_name = "URL")]
    pub(in crate::cli) mirror: Option<String>,
    /// Take a database though it is older or much smaller than the one in use; never one that is unsound
    #[arg(long)]
    pub(in crate::cli) force: bool,
    /// Output format
    #[arg(long, value_enum, default_value = "table")]
    pub(in crate::cli) format: Format,
}

/// `whither geoip diff`.
#[derive(Debug, Args)]
pub(in crate::cli) struct DiffArgs {
    /// The database in use until now (an MMDB file, or 'embedded': none of your own)
    #[arg(value_name = "OLD")]
    pub(in crate::cli) old: PathBuf,
    /// The one in its place
    #[arg(value_name = "NEW")]
    pub(in crate::cli) new: PathBuf,
    /// Capture files to hold them against, or 'store' for what a daemon has kept [default: the store, where there is one]
    #[arg(long, num_args = 1.., value_name = "CAPTURE|store")]
    pub(in crate::cli) against: Vec<PathBuf>,
    /// Where the daemon keeps its store [default: daemon.state-dir]
    #[arg(long, value_name = "DIR")]
    pub(in crate::cli) state_dir: Option<PathBuf>,
    /// From when to when (of a store).
    #[command(flatten)]
    pub(in crate::cli) period: PeriodArgs,
    /// Configuration file with the policy, and the other databases
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) config: Option<PathBuf>,
    /// What to flag.
    #[command(flatten)]
    pub(in crate::cli) flags: FlagArgs,
    /// Examples shown of each kind
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub(in crate::cli) examples: usize,
    /// Exit with 3 if alerts differ
    #[arg(long)]
    pub(in crate::cli) fail_on_change: bool,
    /// Output format
    #[arg(long, value_enum, default_value = "table")]
    pub(in crate::cli) format: Format,
}

fn parse_source(word: &str) -> Result<Source, String> {
    let known: Vec<&str> = Source::ALL.iter().map(|s| s.word()).collect();
    Source::parse(word).ok_or_else(|| format!("`{word}` is no source: expected one of {}", known.join(", ")))
}
