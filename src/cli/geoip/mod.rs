//! `whither geoip …`: the databases in use, newer ones, and the building of the embedded one.

pub(super) mod args;
mod compared;
mod diff;
mod keys;
mod status;
mod update;

use std::path::Path;
use std::process::ExitCode;

use crate::enrich::build::{self, BuildInputs};

use super::output::{self, Failure};

use args::GeoipCommand;

/// Runs a `geoip` command.
pub(super) fn geoip(command: GeoipCommand) -> Result<ExitCode, Failure> {
    match command {
        GeoipCommand::Status(args) => status::status(&args)?,
        GeoipCommand::Update(args) => update::update(&args)?,
        GeoipCommand::Diff(args) => return diff::diff(&args),
        GeoipCommand::Build { inputs, output } => make(&inputs, &output)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn make(inputs: &Path, out: &Path) -> Result<(), Failure> {
    let report = build::build(&BuildInputs { folder: inputs.to_owned() }, out)
        .map_err(|e| Failure::Running(e.to_string()))?;
    output::print(&format!(
        "{}: {} bytes, sha256 {}\n  {} IPv4 and {} IPv6 ranges; {} AS numbers, {} named, {} with a country; data of {}\n",
        out.display(),
        report.bytes,
        report.sha256,
        report.ranges_v4,
        report.ranges_v6,
        report.autonomous_systems,
        report.named,
        report.placed,
        report.date,
    ))
}

/// Whether two paths lead to one file.
fn same_file(one: &Path, other: &Path) -> bool {
    one == other || one.canonicalize().ok().zip(other.canonicalize().ok()).is_some_and(|(a, b)| a == b)
}
