//! A program as a sink: started once for each event, which it reads from its standard input.
//!
//! There is no shell, and nothing of the event is an argument: a name that looks like a command is text on a pipe. An exit
//! code other than 0 means *try again*; after so many tries the event becomes a dead letter.

use std::time::Duration;

use crate::deliver::format::Format;
use crate::model::Timestamp;
use crate::store::Event;

use super::config::SinkConfig;
use super::process;
use super::secret::SinkError;
use super::{Attempt, Sink};

/// Runs a program.
pub(super) struct Program {
    argv: Vec<String>,
    format: Format,
    deadline: Duration,
    tries: Tries,
}

impl Program {
    /// Makes ready; the program is not looked for yet, it may be on a disk that comes later.
    pub(super) fn open(config: &SinkConfig) -> Result<Self, SinkError> {
        let argv = config.command.clone().ok_or(SinkError::Missing("command"))?;
        let tries = Tries::new(config);
        Ok(Self { argv, format: config.format(), deadline: config.deadline(), tries })
    }
}

impl Sink for Program {
    fn deliver(&mut self, events: &[Event], _: Timestamp) -> Attempt {
        for (done, event) in events.iter().enumerate() {
            let mut input = self.format.render(&event.document);
            input.push(b'\n');
            if let Err(why) = process::run(&self.argv, &input, self.deadline) {
                return self.tries.failed(done, event.seq, why);
            }
        }
        Attempt::all(events.len())
    }
}

/// How often one event has failed.
#[derive(Debug)]
pub(super) struct Tries {
    most: u32,
    failing: Option<(i64, u32)>,
}

impl Tries {
    pub(super) fn new(config: &SinkConfig) -> Self {
        Self { most: config.attempts.unwrap_or(10), failing: None }
    }

    /// Tries the event again later, or gives it up.
    pub(super) fn failed(&mut self, done: usize, seq: i64, why: String) -> Attempt {
        let before = self.failing.filter(|(failing, _)| *failing == seq).map_or(0, |(_, times)| times);
        self.failing = Some((seq, before + 1));
        if before + 1 >= self.most { Attempt::refused(done, why) } else { Attempt::later(done, why) }
    }
}
