//! The thread that judges: it runs the flow stage, and takes over what a reload brings between two batches.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use crossbeam_channel::Receiver;

use super::capture::Batch;
use super::{Change, Shared};
use crate::enrich::Refreshed;
use crate::pipeline::conntrack::Told;
use crate::pipeline::keeper::LineSink;
use crate::pipeline::stage::FlowStage;

/// The thread that judges.
pub(super) struct JudgeThread {
    pub(super) shared: Arc<Shared>,
    pub(super) batches: Receiver<Batch>,
    pub(super) reloads: Receiver<Change>,
    pub(super) refreshed: Receiver<Refreshed>,
    pub(super) told: Receiver<Told>,
    pub(super) stage: FlowStage,
    pub(super) sink: LineSink,
}

impl JudgeThread {
    pub(super) fn run(mut self) {
        loop {
            crossbeam_channel::select! {
                recv(self.batches) -> batch => match batch {
                    Ok(batch) => self.take(batch),
                    Err(_) => break,
                },
                recv(self.reloads) -> change => match change {
                    Ok(Change::Parts(parts)) => {
                        self.stage.replace(*parts);
                        tracing::info!("configuration reloaded");
                    }
                    Ok(Change::Databases(set)) => self.stage.swap(set),
                    // The handle is gone: no more reloads, but the sources may still have something to say.
                    Err(_) => self.reloads = crossbeam_channel::never(),
                },
                recv(self.told) -> told => match told {
                    Ok(told) => self.stage.learn_connections(&told),
                    Err(_) => self.told = crossbeam_channel::never(),
                },
                recv(self.refreshed) -> read => match read {
                    Ok(read) => self.stage.learn_tables(&read),
                    Err(_) => self.refreshed = crossbeam_channel::never(),
                },
            }
        }
        // Asked to stop: open alerts go on in the program's next life. At the end of all sources nothing will go on.
        if self.shared.stop.load(Ordering::SeqCst) {
            self.stage.suspend(&mut self.sink);
        } else {
            self.stage.finish(&mut self.sink);
        }
        self.tell();
    }

    fn take(&mut self, batch: Batch) {
        for observation in batch.observations {
            self.stage.take(observation, &mut self.sink);
        }
        if let Some(now) = batch.idle {
            self.stage.advance(now, &mut self.sink);
        }
        self.tell();
    }

    fn tell(&self) {
        *self.shared.stage_limits.lock().unwrap_or_else(PoisonError::into_inner) = self.stage.limits();
    }
}
