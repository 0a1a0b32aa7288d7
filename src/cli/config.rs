//! `whither config …`, and how the other commands get their configuration.

use std::fmt::Write as _;
use std::path::Path;

use crate::config::Config;
use crate::enrich::Networks;
use crate::pipeline::{Settings, parts};
use crate::policy::{self, Rule};

use super::args::FlagArgs;
use super::output::{self, Failure};

/// The configuration of a file, or the defaults.
pub(super) fn load(path: Option<&Path>) -> Result<Config, Failure> {
    path.map_or_else(
        || Ok(Config::default()),
        |p| Config::from_file(p).map_err(|e| Failure::Usage(e.to_string())),
    )
}

/// Adds the rules of `--flag` and `--profile`.
pub(super) fn apply_flags(config: &mut Config, flags: &FlagArgs) -> Result<(), Failure> {
    if let Some(name) = &flags.profile {
        if policy::profile(name).is_none() {
            let known: Vec<_> = policy::profiles().iter().map(|p| p.name).collect();
            return Err(Failure::Usage(format!(
                "--profile: there is no `{name}`; there are: {}",
                known.join(", ")
            )));
        }
        config.policy.profiles.push(name.clone());
    }
    if flags.flag.is_empty() {
        let stray = [
            (!flags.roles.is_empty(), "--roles"),
            (!flags.app.is_empty(), "--app"),
            (!flags.tag.is_empty(), "--tag"),
        ];
        if let Some((_, option)) = stray.iter().find(|(given, _)| *given) {
            return Err(Failure::Usage(format!(
                "{option} says what a flag is limited to, but nothing is flagged; add --flag CN (for example)"
            )));
        }
        return Ok(());
    }
    let roles: Vec<String> = flags.roles.iter().map(|role| role.word().to_owned()).collect();
    config.policy.rule.push(Rule::flagged(&flags.flag, &roles, &flags.app, &flags.tag));
    Ok(())
}

/// What the packet path needs, taken out of a configuration.
pub(super) fn settings(config: &Config) -> Settings {
    Settings {
        decode: config.decode.clone(),
        inspect: config.inspect.clone(),
        meter: config.meter.clone(),
        alert: config.alert.clone(),
        processes: config.processes.clone(),
        conntrack: config.enrich.conntrack.clone(),
        local: Networks::new(&config.enrich).local(),
    }
}

/// `config check`: the file, and everything that the file names.
pub(super) fn check(file: &Path) -> Result<(), Failure> {
    let config = load(Some(file))?;
    let parts = parts::build(parts::Recipe {
        catalogue: &config.catalogue,
        enrich: &config.enrich,
        policy: &config.policy,
        at: None,
        geo: None,
    })
    .map_err(|e| Failure::Usage(format!("{}: {e}", file.display())))?;
    let rules = parts.judge.policy().rules().count();
    output::print(&format!("{}: valid; {rules} rule{}", file.display(), if rules == 1 { "" } else { "s" }))
}

/// `config print`.
pub(super) fn print(file: Option<&Path>) -> Result<(), Failure> {
    let config = load(file)?;
    let text = toml::to_string(&config)
        .map_err(|e| Failure::Running(format!("cannot print the configuration: {e}")))?;
    output::print(&text)
}

/// `config profiles`.
pub(super) fn profiles() -> Result<(), Failure> {
    let mut text = String::new();
    for profile in policy::profiles() {
        let _ = writeln!(text, "{:<24} {}", profile.name, profile.summary());
    }
    output::print(&text)
}
