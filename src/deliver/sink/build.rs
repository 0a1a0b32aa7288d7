//! From the configuration of a sink to the sink.

use std::path::Path;

use crate::deliver::DeliverConfig;

use super::command::Program;
use super::config::{SinkConfig, SinkKind};
use super::file::FileSink;
use super::journal::Journal;
use super::mail::Mail;
use super::nftables::Nftables;
use super::secret::SinkError;
use super::syslog::Syslog;
use super::webhook::Webhook;
use super::{Sink, SinkOpenError};

/// Makes a sink ready: reads its secrets, opens its files. Nobody is connected to before there is something to deliver, so
/// a receiver that is down does not hold up the start.
pub fn open(
    config: &SinkConfig,
    state: &Path,
    deliver: &DeliverConfig,
) -> Result<Box<dyn Sink>, SinkOpenError> {
    let failed = |error| SinkOpenError { sink: config.id(), error };
    Ok(match config.kind {
        SinkKind::File => {
            let path = config.path.as_deref().ok_or_else(|| failed(SinkError::Missing("path")))?;
            let path = state.join(path);
            let file = FileSink::open_as(&path, deliver, config.format())
                .map_err(|error| failed(SinkError::Output(error)))?;
            Box::new(file)
        }
        SinkKind::Syslog => Box::new(Syslog::open(config).map_err(failed)?),
        SinkKind::Webhook => Box::new(Webhook::open(config).map_err(failed)?),
        SinkKind::Command => Box::new(Program::open(config).map_err(failed)?),
        SinkKind::Mail => Box::new(Mail::open(config).map_err(failed)?),
        SinkKind::Journal => Box::new(Journal::open(config)),
        SinkKind::Nftables => Box::new(Nftables::open(config).map_err(failed)?),
    })
}
