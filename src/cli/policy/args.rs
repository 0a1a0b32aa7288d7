//! The words of `whither policy`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::cli::args::{FlagArgs, Format};

/// `whither policy …`.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum PolicyCommand {
    /// Say which rules can never fire, are superfluous, or say less than they seem; exit 2 if there are errors
    Check(CheckArgs),
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
