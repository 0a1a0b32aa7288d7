//! The command line: words in, results on standard output, everything else on standard error, an exit code.
//!
//! One file per command. Exit codes: 0 done, 1 failed while running, 2 wrong usage or configuration, 3 `--fail-on`
//! reached. What a command computes belongs to the modules below; this one reads arguments and writes results.

mod age;
mod apps;
mod args;
mod ask;
mod config;
mod csv;
mod document;
mod geoip;
mod interfaces;
mod lookup;
mod output;
mod policy;
mod read;
mod region;
mod roles;
mod run;
mod score;
mod seen;
mod table;
mod verify;
mod when;

use std::process::ExitCode;
use std::sync::Arc;

use clap::{CommandFactory, Parser};
use tracing::Level;

use crate::model::Alert;
use crate::pipeline::summary::{Application, Destination, DestinationKey, Summary};
use crate::telemetry::{self, LogOptions};

use args::{Cli, Command, ConfigCommand};
use output::Failure;

/// Exit code of a failure while running.
const FAILED: u8 = 1;
/// Exit code of wrong usage or configuration (clap's own, too).
const USAGE: u8 = 2;
/// Exit code of `--fail-on`.
const FLAGGED: u8 = 3;

/// Runs the program with the process's arguments.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    telemetry::init(LogOptions {
        level: level(&cli),
        time: matches!(cli.command, Command::Run(_)),
        colour: std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty()),
    });
    match dispatch(cli.command) {
        Ok(code) => code,
        Err(Failure::ClosedPipe) => ExitCode::SUCCESS,
        Err(Failure::Usage(message)) => fail(USAGE, &message),
        Err(Failure::Running(message)) => fail(FAILED, &message),
    }
}

fn level(cli: &Cli) -> Level {
    match (cli.quiet, cli.verbose, &cli.command) {
        (true, ..) => Level::ERROR,
        (_, 0, Command::Run(_)) | (_, 1, _) => Level::INFO,
        (_, 0, _) => Level::WARN,
        (_, 2, _) => Level::DEBUG,
        _ => Level::TRACE,
    }
}

#[expect(
    clippy::print_stderr,
    reason = "the program's last words go to standard error, whatever the log level"
)]
fn fail(code: u8, message: &str) -> ExitCode {
    eprintln!("whither: {message}");
    ExitCode::from(code)
}

fn dispatch(command: Command) -> Result<ExitCode, Failure> {
    let done = |()| ExitCode::SUCCESS;
    match command {
        Command::Read(args) => read::read(&args),
        Command::Run(args) => run::run(args),
        Command::Lookup(args) => lookup::lookup(&args).map(done),
        Command::Flows(args) => ask::flows(&args).map(done),
        Command::Alerts(command) => ask::alerts(&command),
        Command::Explain(args) => ask::explain(&args).map(done),
        Command::Stats(args) => ask::stats(&args).map(done),
        Command::Policy(command) => policy::policy(&command),
        Command::Apps(command) => apps::apps(command),
        Command::Interfaces(args) => interfaces::interfaces(args.format).map(done),
        Command::Config(ConfigCommand::Check { file }) => config::check(&file).map(done),
        Command::Config(ConfigCommand::Print { file }) => config::print(file.as_deref()).map(done),
        Command::Config(ConfigCommand::Template) => output::print(crate::config::TEMPLATE).map(done),
        Command::Config(ConfigCommand::Profiles) => config::profiles().map(done),
        Command::Geoip(command) => geoip::geoip(command),
        Command::Completions { shell } => completions(shell).map(done),
        Command::Man => man().map(done),
    }
}

fn completions(shell: clap_complete::Shell) -> Result<(), Failure> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "whither", &mut text);
    output::print(&String::from_utf8_lossy(&text))
}

fn man() -> Result<(), Failure> {
    let mut text = Vec::new();
    clap_mangen::Man::new(Cli::command()).render(&mut text)?;
    output::print(&String::from_utf8_lossy(&text))
}

/// Applications by octets, largest first; what could not be named comes last.
fn sorted_applications(summary: &Summary) -> Vec<(&Option<Arc<str>>, &Application)> {
    let mut list: Vec<_> = summary.applications.iter().collect();
    list.sort_by_key(|(id, app)| (id.is_none(), std::cmp::Reverse(app.tally.octets())));
    list
}

/// Destinations by octets, largest first.
fn sorted_destinations(app: &Application) -> Vec<(&DestinationKey, &Destination)> {
    let mut list: Vec<_> = app.destinations.iter().collect();
    list.sort_by_key(|(_, d)| std::cmp::Reverse(d.tally.octets()));
    list
}

/// Alerts by severity, worst first, then by time.
fn sorted_alerts(summary: &Summary) -> Vec<&Arc<Alert>> {
    let mut list: Vec<_> = summary.alerts.values().collect();
    list.sort_by_key(|a| (std::cmp::Reverse(a.severity), a.opened, Arc::clone(&a.id)));
    list
}
