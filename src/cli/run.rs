//! `whither run`: the daemon, from arguments to its last line.

use std::process::ExitCode;

use crate::capture::{self, CaptureFiles, FileOptions};
use crate::config::Config;
use crate::daemon::{self, Daemon, DaemonError};
use crate::pipeline::live::Feed;
use crate::pipeline::pace::Paced;

use super::args::RunArgs;
use super::config as settings;
use super::output::Failure;

/// Runs the command; returns when the daemon has stopped.
pub(super) fn run(args: RunArgs) -> Result<ExitCode, Failure> {
    let config = configuration(&args)?;
    let feeds = feeds(&args, &config)?;
    let daemon = Daemon {
        settings: settings::settings(&config),
        feeds,
        config,
        reread: Box::new(move || {
            configuration(&args).map_err(|failure| match failure {
                Failure::Usage(message) | Failure::Running(message) => message,
                Failure::ClosedPipe => "cannot read the configuration".to_owned(),
            })
        }),
    };
    daemon::run(daemon).map(|()| ExitCode::SUCCESS).map_err(|error| match error {
        DaemonError::Config(message) => Failure::Usage(message),
        other => Failure::Running(other.to_string()),
    })
}

/// The file's configuration with the arguments laid over it: argument > file > default.
fn configuration(args: &RunArgs) -> Result<Config, Failure> {
    let mut config = settings::load(args.config.as_deref())?;
    settings::apply_flags(&mut config, &args.flags)?;
    if let Some(folder) = &args.state_dir {
        config.daemon.state_dir.clone_from(folder);
    }
    if !args.interface.is_empty() {
        config.capture.interfaces.clone_from(&args.interface);
    }
    Ok(config)
}

fn feeds(args: &RunArgs, config: &Config) -> Result<Vec<Feed>, Failure> {
    if !args.from.is_empty() {
        let filter = (!config.capture.filter.is_empty()).then(|| config.capture.filter.clone());
        let files =
            CaptureFiles::open(&args.from, &FileOptions { filter, prompt: true, ..FileOptions::default() })
                .map_err(|e| Failure::Usage(e.to_string()))?;
        let prompt = files.bytes_total().is_none();
        return Ok(vec![Feed { source: Box::new(Paced::new(files, args.pace)), may_wait: true, prompt }]);
    }
    if config.capture.interfaces.is_empty() {
        return Err(Failure::Usage(
            "no interface to watch: give --interface, or set `capture.interfaces`; `whither interfaces` lists them".into(),
        ));
    }
    let sources = capture::LiveCapture::open(&config.capture, &config.capture.interfaces).map_err(|e| {
        if e.is_usage() { Failure::Usage(e.to_string()) } else { Failure::Running(e.to_string()) }
    })?;
    Ok(sources.into_iter().map(|source| Feed { source, may_wait: false, prompt: false }).collect())
}
