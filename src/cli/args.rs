//! The words of the command line (DESIGN: stable; scripts lean on it). Help texts are written here and nowhere else.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

use crate::enrich::SiteConfig;
use crate::model::{Role, Severity};

use super::ask::args::{AlertsCommand, ExplainArgs, FlowsArgs, StatsArgs};
use super::geoip::args::GeoipCommand;
use super::policy::args::PolicyCommand;

/// Which app sends what, to which country, into whose hands - with proof.
#[derive(Debug, Parser)]
#[command(name = "whither", version, about, propagate_version = true, max_term_width = 110)]
pub(super) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(super) command: Command,

    /// Say more on standard error (-v: what is going on, -vv: details)
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(super) verbose: u8,

    /// Say only errors on standard error
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(super) quiet: bool,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Analyse capture files (pcap, pcapng; plain, gzip or zstd; '-' is standard input)
    Read(Box<ReadArgs>),
    /// Watch interfaces as a daemon
    Run(RunArgs),
    /// Show all that is known of addresses and names, per source
    Lookup(LookupArgs),
    /// Ask the store: flow records, newest first
    Flows(Box<FlowsArgs>),
    /// Ask the store: alerts; acknowledge and annotate them
    #[command(subcommand)]
    Alerts(AlertsCommand),
    /// Explain an alert, a flow or an address: the whole chain of grounds, and why there was no alert
    Explain(ExplainArgs),
    /// Ask the store: the identities, what is kept, and sums by application, device, country or operator
    Stats(StatsArgs),
    /// Look at rules before and beside the traffic: can each fire, what would it have said?
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// The catalogue of applications
    #[command(subcommand)]
    Apps(AppsCommand),
    /// List interfaces and what each is good for
    Interfaces(FormatArgs),
    /// Check, print or template the configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// The databases that say where and whose an address is
    #[command(subcommand)]
    Geoip(GeoipCommand),
    /// Write shell completions to standard output
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// Write the manual page (troff) to standard output
    Man,
}

/// Table for people or JSON for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// Tables for people
    Table,
    /// One JSON document
    Json,
}

/// In whose words lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum LineFormat {
    /// Elastic Common Schema
    Ecs,
    /// Open Cybersecurity Schema Framework: Network Activity and Detection Finding
    Ocsf,
}

/// By which date to judge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum At {
    /// The capture's own date (the same result on every day)
    Capture,
    /// Today
    Today,
}

/// Only a format.
#[derive(Debug, Args)]
pub(super) struct FormatArgs {
    /// Output format
    #[arg(long, value_enum, default_value = "table")]
    pub(super) format: Format,
}

/// What to flag, from the command line.
#[derive(Debug, Args)]
pub(super) struct FlagArgs {
    /// Flag data that goes to these jurisdictions: country codes or groups such as 'eu', 'five-eyes'
    #[arg(long, value_delimiter = ',', value_name = "COUNTRY")]
    pub(super) flag: Vec<String>,
    /// In which sense a remote is "in" a country [default: server,operator,owner]
    #[arg(long, value_delimiter = ',', value_name = "ROLE", value_parser = parse_role)]
    pub(super) roles: Vec<Role>,
    /// Only these applications (see 'whither apps list')
    #[arg(long, value_delimiter = ',', value_name = "APP")]
    pub(super) app: Vec<String>,
    /// Only applications with these tags
    #[arg(long, value_delimiter = ',', value_name = "TAG")]
    pub(super) tag: Vec<String>,
    /// Use a ready-made policy (see 'whither config profiles')
    #[arg(long, value_name = "NAME")]
    pub(super) profile: Option<String>,
}

/// `whither read`.
#[derive(Debug, Args)]
pub(super) struct ReadArgs {
    /// Capture files; several are merged by time
    #[arg(required_unless_present = "verify", value_name = "CAPTURE")]
    pub(super) captures: Vec<PathBuf>,
    /// Configuration file
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// What to flag.
    #[command(flatten)]
    pub(super) flags: FlagArgs,
    /// Output format of the summary
    #[arg(long, value_enum, default_value = "table")]
    pub(super) format: Format,
    /// Write flow records here, one JSON document a line ('-': standard output, the summary then goes to standard error)
    #[arg(long, value_name = "PATH")]
    pub(super) flows: Option<PathBuf>,
    /// Write alerts here, one JSON document a line ('-': standard output, the summary then goes to standard error)
    #[arg(long, value_name = "PATH")]
    pub(super) alerts: Option<PathBuf>,
    /// In whose words flow records and alerts are written
    #[arg(long, value_enum, default_value = "ecs", value_name = "FORMAT")]
    pub(super) lines: LineFormat,
    /// Only packets that this BPF filter lets through
    #[arg(long, value_name = "BPF")]
    pub(super) filter: Option<String>,
    /// By which date to judge
    #[arg(long, value_enum, default_value = "capture")]
    pub(super) at: At,
    /// Where the captures were taken: a country (CZ) or latitude,longitude; places that the round trips leave no time for are refuted
    #[arg(long, value_name = "CC|LAT,LON", allow_hyphen_values = true)]
    pub(super) site: Option<SiteConfig>,
    /// Exit with 3 if an alert of this severity or above was raised
    #[arg(long, value_name = "SEVERITY", value_parser = parse_severity)]
    pub(super) fail_on: Option<Severity>,
    /// Hold the result against a published one (a JSON summary); without captures, those that it names are read.
    /// Exit with 1 if anything differs
    #[arg(long, value_name = "RESULT", conflicts_with_all = ["flows", "alerts", "format", "all"])]
    pub(super) verify: Option<PathBuf>,
    /// Show every destination, not only the largest
    #[arg(long)]
    pub(super) all: bool,
    /// Hold what the network alone says of the applications against the makers of the flows that the captures name
    #[arg(long)]
    pub(super) score: bool,
}

/// `whither run`.
#[derive(Debug, Args)]
pub(super) struct RunArgs {
    /// Configuration file
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// Interfaces to watch (may be given several times)
    #[arg(long, value_name = "IF")]
    pub(super) interface: Vec<String>,
    /// Where to keep alerts and statistics
    #[arg(long, value_name = "DIR")]
    pub(super) state_dir: Option<PathBuf>,
    /// Feed the daemon from capture files as if live, for trials and tests; it ends with them
    #[arg(long, value_name = "CAPTURE", conflicts_with = "interface")]
    pub(super) from: Vec<PathBuf>,
    /// With --from: N times real time; 0 is as fast as it goes
    #[arg(long, value_name = "N", default_value_t = 1.0, requires = "from", value_parser = parse_pace)]
    pub(super) pace: f64,
    /// What to flag.
    #[command(flatten)]
    pub(super) flags: FlagArgs,
}

/// `whither lookup`.
#[derive(Debug, Args)]
pub(super) struct LookupArgs {
    /// Addresses or host names (names are matched against the catalogue, never resolved)
    #[arg(required = true, value_name = "IP|NAME")]
    pub(super) subjects: Vec<String>,
    /// Configuration file
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// A daemon's state folder: claims are held against the round trips in its store [default: daemon.state-dir with --config]
    #[arg(long, value_name = "DIR")]
    pub(super) state_dir: Option<PathBuf>,
    /// Where the daemon stands: a country (CZ) or latitude,longitude [default: enrich.site]
    #[arg(long, value_name = "CC|LAT,LON", allow_hyphen_values = true)]
    pub(super) site: Option<SiteConfig>,
    /// Output format; json gives one document a line
    #[arg(long, value_enum, default_value = "table")]
    pub(super) format: Format,
}

/// `whither apps …`.
#[derive(Debug, Subcommand)]
pub(super) enum AppsCommand {
    /// List all applications
    List {
        /// Only applications with this tag
        #[arg(long)]
        tag: Option<String>,
        /// Common options.
        #[command(flatten)]
        common: AppsCommon,
    },
    /// Show everything the catalogue says of an application, with sources
    Show {
        /// The application's id
        id: String,
        /// Common options.
        #[command(flatten)]
        common: AppsCommon,
    },
    /// Say which application a host name or address leads to, and why
    Match {
        /// Host names or addresses
        #[arg(required = true)]
        subjects: Vec<String>,
        /// Common options.
        #[command(flatten)]
        common: AppsCommon,
    },
    /// Check the catalogue for traps, overlaps and dead entries; exit 2 if it finds errors
    Lint {
        /// Common options.
        #[command(flatten)]
        common: AppsCommon,
    },
}

/// Options of every `apps` command.
#[derive(Debug, Args)]
pub(super) struct AppsCommon {
    /// Configuration file (for your own catalogue folders)
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// Output format
    #[arg(long, value_enum, default_value = "table")]
    pub(super) format: Format,
}

/// `whither config …`.
#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Check a configuration file; all problems are listed; exit 2 if there are any
    Check {
        /// The file
        file: PathBuf,
    },
    /// Print the configuration in force, defaults filled in
    Print {
        /// The file
        file: Option<PathBuf>,
    },
    /// Print a commented configuration file with every key and its default
    Template,
    /// List the ready-made policies
    Profiles,
}

fn parse_role(word: &str) -> Result<Role, String> {
    Role::parse(word)
        .ok_or_else(|| format!("`{word}` is no role: expected server, registrant, operator, owner or vendor"))
}

pub(super) fn parse_severity(word: &str) -> Result<Severity, String> {
    Severity::parse(word)
        .ok_or_else(|| format!("`{word}` is no severity: expected info, low, medium, high or critical"))
}

fn parse_pace(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(pace) if pace.is_finite() && pace >= 0.0 => Ok(pace),
        _ => Err(format!("`{text}` is no pace: expected a number of at least 0, like 1 or 60")),
    }
}

/// Whether a lookup's subject is an address.
pub(super) fn as_address(subject: &str) -> Option<IpAddr> {
    subject.trim_matches(['[', ']']).parse().ok()
}
