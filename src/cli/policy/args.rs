//! The words of `whither policy`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::cli::args::{FlagArgs, Format};
use crate::cli::ask::args::PeriodArgs;

/// `whither policy …`.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum PolicyCommand {
    /// Say which rules can never fire, are superfluous, or say less than they seem; exit 2 if there are errors
    Check(CheckArgs),
    /// Send a marked test alert to every sink and say where it arrived; exit 1 if it failed at one
    Canary(CanaryArgs),
    /// Say what a policy would alert of traffic that has been
    Test(TestArgs),
    /// Say which alerts a new policy would gain, lose or tell differently
    Diff(DiffArgs),
}

/// The traffic that policies are held against.
#[derive(Debug, Args)]
pub(in crate::cli) struct AgainstArgs {
    /// Capture files, or 'store' for the flow records that a daemon has kept
    #[arg(long, required = true, num_args = 1.., value_name = "CAPTURE|store")]
    pub(in crate::cli) against: Vec<PathBuf>,
    /// From when to when (of a store).
    #[command(flatten)]
    pub(in crate::cli) period: PeriodArgs,
    /// Where the daemon keeps its store [default: daemon.state-dir]
    #[arg(long, value_name = "DIR")]
    pub(in crate::cli) state_dir: Option<PathBuf>,
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

/// `whither policy test`.
#[derive(Debug, Args)]
pub(in crate::cli) struct TestArgs {
    /// Configuration file with the policy to test
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) config: Option<PathBuf>,
    /// What to flag.
    #[command(flatten)]
    pub(in crate::cli) flags: FlagArgs,
    /// Against what.
    #[command(flatten)]
    pub(in crate::cli) against: AgainstArgs,
}

/// `whither policy diff`.
#[derive(Debug, Args)]
pub(in crate::cli) struct DiffArgs {
    /// Configuration file with the old policy
    #[arg(value_name = "OLD")]
    pub(in crate::cli) old: PathBuf,
    /// Configuration file with the new one
    #[arg(value_name = "NEW")]
    pub(in crate::cli) new: PathBuf,
    /// Against what.
    #[command(flatten)]
    pub(in crate::cli) against: AgainstArgs,
}

/// `whither policy check`.
#[derive(Debug, Args)]
pub(in crate::cli) struct CheckArgs {
    /// Configuration file
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) config: Option<PathBuf>,
    /// What to flag.
    #[command(flatten)]
    pub(in crate::cli) flags: FlagArgs,
    /// Where a daemon keeps its state, for what rules have learned [default: daemon.state-dir]
    #[arg(long, value_name = "DIR")]
    pub(in crate::cli) state_dir: Option<PathBuf>,
    /// Output format
    #[arg(long, value_enum, default_value = "table")]
    pub(in crate::cli) format: Format,
}

/// `whither policy canary`.
#[derive(Debug, Args)]
pub(in crate::cli) struct CanaryArgs {
    /// Configuration file
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) config: Option<PathBuf>,
    /// Where the daemon keeps its state, for the paths of files [default: daemon.state-dir]
    #[arg(long, value_name = "DIR")]
    pub(in crate::cli) state_dir: Option<PathBuf>,
    /// Output format
    #[arg(long, value_enum, default_value = "table")]
    pub(in crate::cli) format: Format,
}
