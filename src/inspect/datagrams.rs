//! A flow of datagrams: each inspector is asked until one claims it.

use super::contract::{Claim, Context, Look, Signature, State, Step};
use super::registry;
use super::segment::{Progress, Segment};

/// Datagrams of no known protocol after which a flow is left alone; the first ones captured may not be the client's.
const MAX_UNDECIDED: u8 = 16;

/// One flow's state.
#[derive(Debug, Default)]
pub(super) struct Datagrams {
    claimed: Option<&'static Signature>,
    state: State,
    looked: u8,
}

impl Datagrams {
    /// Bytes of memory held besides the structure itself.
    pub(super) fn held(&self) -> usize {
        self.state.held()
    }

    pub(super) fn feed(&mut self, segment: &Segment<'_>, context: &mut Context<'_>) -> Progress {
        let look = Look {
            bytes: segment.payload,
            anchored: true,
            forward: segment.forward,
            from: segment.from,
            to: segment.to,
            at: segment.time,
        };
        match self.read(&look, context) {
            Step::Done | Step::Settled => Progress::Settled,
            _ if self.claimed.is_some() => Progress::Wanted,
            _ => {
                self.looked = self.looked.saturating_add(1);
                if self.looked < MAX_UNDECIDED { Progress::Wanted } else { Progress::Settled }
            }
        }
    }

    fn read(&mut self, look: &Look<'_>, context: &mut Context<'_>) -> Step {
        let before = self.claimed.take();
        if let Some(signature) = before {
            match (signature.feed)(look, &mut self.state, context) {
                Step::No | Step::Pass => self.state = State::default(),
                step => {
                    self.claimed = before;
                    return step;
                }
            }
        }
        for signature in registry::datagrams() {
            if before.is_some_and(|b| std::ptr::eq(b, signature)) || (signature.probe)(look) != Claim::Certain
            {
                continue;
            }
            match (signature.feed)(look, &mut self.state, context) {
                Step::No | Step::Pass => self.state = State::default(),
                step => {
                    self.claimed = Some(signature);
                    return step;
                }
            }
        }
        Step::No
    }
}
