//! Capture files through the whole line: this thread reads and meters, one other judges.

use std::thread;

use crate::alert::AlertBook;
use crate::capture::{CaptureError, CaptureFiles, CaptureInfo};
use crate::meter::Observation;
use crate::model::Ledger;

use super::observer::{Observer, Step};
use super::parts::Parts;
use super::stage::{FlowStage, Sink};
use super::{BATCH, QUEUE, Settings};

/// What reading came to, besides what the sink was given.
#[derive(Debug)]
pub struct Reading {
    /// The files, with checksums and times.
    pub captures: Vec<CaptureInfo>,
    /// What was seen, and what was not.
    pub ledger: Ledger,
}

/// Reads all files to their end. `progress` is told the stored bytes read so far, now and then.
///
/// # Errors
/// Only when nothing more can be read at all; a file that breaks in the middle is a gap in the ledger.
pub fn read(
    files: CaptureFiles,
    settings: &Settings,
    parts: Parts,
    sink: &mut dyn Sink,
    progress: &mut dyn FnMut(u64),
) -> Result<Reading, CaptureError> {
    let (decoder, meter) = settings.packet_path();
    let mut observer = Observer::new(files, decoder, meter);
    let mut stage = FlowStage::new(parts, AlertBook::new(&settings.alert));
    let (send, receive) = crossbeam_channel::bounded::<Vec<Observation>>(QUEUE);
    let (read, limits) = thread::scope(|scope| {
        let judging = scope.spawn(move || {
            for batch in receive {
                for observation in batch {
                    stage.take(observation, sink);
                }
            }
            stage.finish(sink);
            stage.limits()
        });
        let read = pump_all(&mut observer, &send, progress);
        drop(send);
        (read, judging.join())
    });
    read?;
    let mut ledger = observer.ledger();
    // A panic in the stage is a defect of this program; it must not look like a result.
    ledger.limits.extend(limits.map_err(|_| CaptureError::Defect("the flow stage panicked"))?);
    Ok(Reading { captures: observer.source_mut().captures(), ledger })
}

fn pump_all(
    observer: &mut Observer<CaptureFiles>,
    send: &crossbeam_channel::Sender<Vec<Observation>>,
    progress: &mut dyn FnMut(u64),
) -> Result<(), CaptureError> {
    loop {
        let step = observer.step()?;
        progress(observer.source().bytes_read());
        if observer.waiting() >= BATCH || step == Step::End {
            // A closed queue means that the stage panicked; `read` reports it.
            if send.send(observer.take_observations()).is_err() || step == Step::End {
                return Ok(());
            }
        }
    }
}
