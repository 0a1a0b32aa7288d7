//! The words of the commands that ask the store.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use crate::cli::args::{Format, parse_severity};
use crate::model::Severity;

/// Table for people, or one of three forms for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum ListFormat {
    /// Tables for people
    Table,
    /// One JSON document
    Json,
    /// One JSON document a line
    Jsonl,
    /// Comma-separated values
    Csv,
}

/// Which store.
#[derive(Debug, Args)]
pub(in crate::cli) struct StoreArgs {
    /// Configuration file (for the state folder)
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) config: Option<PathBuf>,
    /// The daemon's state folder
    #[arg(long, value_name = "DIR")]
    pub(in crate::cli) state_dir: Option<PathBuf>,
}

/// From when to when (UTC).
#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct PeriodArgs {
    /// Since when: an amount like 2h or 7d, today, yesterday, a date, or a date with a time (UTC)
    #[arg(long, value_name = "TIME")]
    pub(in crate::cli) since: Option<String>,
    /// Until when, likewise
    #[arg(long, value_name = "TIME")]
    pub(in crate::cli) until: Option<String>,
}

/// `whither flows`.
#[derive(Debug, Args)]
pub(in crate::cli) struct FlowsArgs {
    /// From when to when.
    #[command(flatten)]
    pub(in crate::cli) period: PeriodArgs,
    /// Only of this device (its id)
    #[arg(long, value_name = "DEVICE")]
    pub(in crate::cli) device: Option<String>,
    /// Only of this application ('none': not named)
    #[arg(long, value_name = "APP")]
    pub(in crate::cli) app: Option<String>,
    /// Only with remotes that are in this country in any role
    #[arg(long, value_name = "COUNTRY")]
    pub(in crate::cli) country: Option<String>,
    /// Only with this remote address
    #[arg(long, value_name = "IP")]
    pub(in crate::cli) remote: Option<IpAddr>,
    /// Only with remotes of this name, or below it
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) name: Option<String>,
    /// Only records of which a rule said 'match' or 'cannot tell'
    #[arg(long)]
    pub(in crate::cli) judged: bool,
    /// At most so many, newest first
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub(in crate::cli) limit: usize,
    /// Output format
    #[arg(long, value_enum, default_value = "table")]
    pub(in crate::cli) format: ListFormat,
    /// Which store.
    #[command(flatten)]
    pub(in crate::cli) store: StoreArgs,
}

/// Which alerts.
#[derive(Debug, Args)]
pub(in crate::cli) struct AlertFilterArgs {
    /// From when to when.
    #[command(flatten)]
    pub(in crate::cli) period: PeriodArgs,
    /// Only of this rule (its id)
    #[arg(long, value_name = "RULE")]
    pub(in crate::cli) rule: Option<String>,
    /// Only of this severity or above
    #[arg(long, value_name = "SEVERITY", value_parser = parse_severity)]
    pub(in crate::cli) severity: Option<Severity>,
    /// Only of this device (its id)
    #[arg(long, value_name = "DEVICE")]
    pub(in crate::cli) device: Option<String>,
    /// Only of this application
    #[arg(long, value_name = "APP")]
    pub(in crate::cli) app: Option<String>,
    /// Only of this country
    #[arg(long, value_name = "COUNTRY")]
    pub(in crate::cli) country: Option<String>,
    /// Only open ones
    #[arg(long, conflicts_with = "closed")]
    pub(in crate::cli) open: bool,
    /// Only closed ones
    #[arg(long)]
    pub(in crate::cli) closed: bool,
    /// Only those that nobody has acknowledged
    #[arg(long)]
    pub(in crate::cli) unacked: bool,
    /// At most so many, newest first
    #[arg(long, value_name = "N")]
    pub(in crate::cli) limit: Option<usize>,
}

/// `whither alerts …`.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum AlertsCommand {
    /// List alerts, newest first
    List {
        /// Which.
        #[command(flatten)]
        filter: Box<AlertFilterArgs>,
        /// Output format
        #[arg(long, value_enum, default_value = "table")]
        format: ListFormat,
        /// Which store.
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Show an alert with its proof
    Show {
        /// Its id, or the beginning of it
        id: String,
        /// As JSON
        #[arg(long)]
        json: bool,
        /// Which store.
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Acknowledge alerts: somebody has seen them
    Ack {
        /// Their ids, or beginnings of them
        #[arg(required = true, value_name = "ID")]
        ids: Vec<String>,
        /// Who acknowledges [default: the user]
        #[arg(long, value_name = "NAME")]
        by: Option<String>,
        /// Which store.
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Add a note to an alert
    Note {
        /// Its id, or the beginning of it
        id: String,
        /// The note
        text: String,
        /// Who writes it [default: the user]
        #[arg(long, value_name = "NAME")]
        by: Option<String>,
        /// Which store.
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Write alerts as JSON lines, oldest first, with notes and acknowledgements
    Export {
        /// Which.
        #[command(flatten)]
        filter: Box<AlertFilterArgs>,
        /// Which store.
        #[command(flatten)]
        store: StoreArgs,
    },
}

/// What sums are grouped by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum StatsBy {
    /// Application
    App,
    /// Device
    Device,
    /// Country in which the server stands
    Server,
    /// Country of the operator's owner
    Owner,
    /// Operator
    Operator,
    /// Hour, or day with --days
    Time,
}

impl StatsBy {
    /// The word in headings.
    pub(in crate::cli) const fn word(self) -> &'static str {
        match self {
            Self::App => "application",
            Self::Device => "device",
            Self::Server => "server",
            Self::Owner => "owner",
            Self::Operator => "operator",
            Self::Time => "time",
        }
    }
}

/// `whither stats`.
#[derive(Debug, Args)]
pub(in crate::cli) struct StatsArgs {
    /// From when to when.
    #[command(flatten)]
    pub(in crate::cli) period: PeriodArgs,
    /// Group sums by
    #[arg(long, value_enum, default_value = "app")]
    pub(in crate::cli) by: StatsBy,
    /// Sums by the day, which are kept longer than those by the hour
    #[arg(long)]
    pub(in crate::cli) days: bool,
    /// Only of this device (its id)
    #[arg(long, value_name = "DEVICE")]
    pub(in crate::cli) device: Option<String>,
    /// Only of this application
    #[arg(long, value_name = "APP")]
    pub(in crate::cli) app: Option<String>,
    /// At most so many rows, largest first
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub(in crate::cli) limit: usize,
    /// Output format
    #[arg(long, value_enum, default_value = "table")]
    pub(in crate::cli) format: ListFormat,
    /// Which store.
    #[command(flatten)]
    pub(in crate::cli) store: StoreArgs,
}

/// `whither explain`.
#[derive(Debug, Args)]
pub(in crate::cli) struct ExplainArgs {
    /// An alert's id (or its beginning), a flow's id, or an address
    #[arg(value_name = "ALERT|FLOW|IP")]
    pub(in crate::cli) subject: String,
    /// Output format
    #[arg(long, value_enum, default_value = "table")]
    pub(in crate::cli) format: Format,
    /// Which store.
    #[command(flatten)]
    pub(in crate::cli) store: StoreArgs,
}
