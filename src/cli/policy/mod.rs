//! `whither policy …`: looking at rules before and beside the traffic.

pub(super) mod args;
mod canary;
mod check;
mod show;
mod trial;

use std::process::ExitCode;

use super::output::Failure;

use args::PolicyCommand;

pub(super) use show::Changes;
pub(super) use trial::{Against, STORE};

/// Runs the command.
pub(super) fn policy(command: &PolicyCommand) -> Result<ExitCode, Failure> {
    match command {
        PolicyCommand::Check(args) => check::check(args),
        PolicyCommand::Canary(args) => canary::canary(args),
        PolicyCommand::Test(args) => trial::test(args),
        PolicyCommand::Diff(args) => trial::diff(args),
    }
}
