//! What the flow stage hands to the keeper.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crossbeam_channel::Sender;

use crate::model::{Alert, AlertTransition, EnrichedFlow};
use crate::pipeline::live::Shared;
use crate::pipeline::stage::Sink;
use crate::policy::Known;

/// What is kept.
pub(in crate::pipeline) enum Line {
    Alert(AlertTransition, Arc<Alert>),
    Flow(Box<EnrichedFlow>),
    Learned(Known),
}

/// Hands what the stage gives out to the keeper.
pub(in crate::pipeline) struct LineSink {
    pub(in crate::pipeline) shared: Arc<Shared>,
    pub(in crate::pipeline) lines: Sender<Line>,
}

impl Sink for LineSink {
    fn flow(&mut self, flow: &EnrichedFlow) {
        self.shared.flows_judged.fetch_add(1, Ordering::SeqCst);
        // Waits when the keeper is behind; closed only when the keeper died, which the supervisor sees.
        let _closed = self.lines.send(Line::Flow(Box::new(flow.clone())));
    }

    fn alert(&mut self, transition: AlertTransition, alert: &Arc<Alert>) {
        self.shared.raised.fetch_add(1, Ordering::SeqCst);
        let _closed = self.lines.send(Line::Alert(transition, Arc::clone(alert)));
    }

    fn learned(&mut self, known: &Known) {
        let _closed = self.lines.send(Line::Learned(known.clone()));
    }
}
