//! A connection: each direction's beginning put together, and shown to the inspectors until the question is settled.

use super::contract::{Claim, Context, Look, Signature, State, Step};
use super::registry;
use super::segment::{Progress, Segment};
use super::stream::{Pushed, Stream};
use super::thread::Limit;

/// Packets with payload that are looked at while the protocol is not known.
const MAX_UNDECIDED: u8 = 12;
/// Packets in a row that bring nothing new while a message is half read: its rest was not captured.
const MAX_STALLED: u8 = 64;
/// Protocols wrapped in one another (a PROXY header, CONNECT, and CONNECT inside), and as many answers to them.
const MAX_TUNNELS: u8 = 4;

/// One connection's state; each direction (forward first) by itself.
#[derive(Debug, Default)]
pub(super) struct Streams {
    sides: [Side; 2],
    looked: u8,
    stalled: u8,
}

/// One direction.
#[derive(Debug, Default)]
struct Side {
    stream: Stream,
    claimed: Option<&'static Signature>,
    state: State,
    phase: Phase,
    /// Wrappings taken off, of the server's side answers to them.
    tunnels: u8,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Nothing yet, or nothing known.
    #[default]
    Open,
    /// It has begun like something, and its rest is awaited.
    Reading,
    /// No inspector wants it.
    Rejected,
    /// It has said all it can.
    Done,
}

impl Streams {
    /// A connection whose streams (source's first) begin at these sequence numbers, where they are known.
    pub(super) fn new(first_octets: [Option<u32>; 2]) -> Self {
        let sides = first_octets.map(|first| Side { stream: Stream::beginning(first), ..Side::default() });
        Self { sides, ..Self::default() }
    }

    /// Bytes of memory held besides the structure itself.
    pub(super) fn held(&self) -> usize {
        self.sides.iter().map(|side| side.stream.held() + side.state.held()).sum()
    }

    pub(super) fn feed(&mut self, segment: &Segment<'_>, context: &mut Context<'_>) -> Progress {
        let Some(seq) = segment.seq else { return Progress::Settled };
        let [forward, reverse] = &mut self.sides;
        let (side, other) = if segment.forward { (forward, reverse) } else { (reverse, forward) };
        // What is refused and cannot get another beginning need not be kept.
        let deaf = side.phase == Phase::Done || (side.phase == Phase::Rejected && side.stream.is_anchored());
        if !segment.payload.is_empty() {
            // A side that has said all it can is not looked at; the other one may yet begin.
            self.looked = self.looked.saturating_add(u8::from(side.phase != Phase::Done));
            self.stalled = self.stalled.saturating_add(1);
        }
        if !deaf {
            let before = side.phase;
            let max = context.thread.max_stream;
            let pushed = side.stream.push(seq, segment.payload, max);
            if pushed == Pushed::Full {
                context.thread.hit(Limit::Stream);
            }
            if matches!(pushed, Pushed::Grew | Pushed::Held) {
                self.stalled = 0;
            }
            if matches!(pushed, Pushed::Grew | Pushed::Full) || side.phase == Phase::Rejected {
                match side.read(segment, context) {
                    Step::Settled => return Progress::Settled,
                    Step::Inner(count) => {
                        // Both sides begin anew behind it; the proxy's answer is no client.
                        side.tunnels = side.tunnels.saturating_add(u8::try_from(count).unwrap_or(u8::MAX));
                        if side.tunnels > MAX_TUNNELS {
                            return Progress::Settled;
                        }
                        self.looked = 0;
                        if segment.forward && other.phase == Phase::Done {
                            other.phase = Phase::Rejected;
                        }
                    }
                    _ => {}
                }
                if pushed == Pushed::Full && side.phase == Phase::Reading {
                    side.close(Phase::Rejected);
                } else if pushed == Pushed::Full && side.phase == Phase::Open {
                    // Its beginning never came: what it was nobody knows, and the other side may still tell.
                    side.close(Phase::Done);
                }
            }
            if side.phase == Phase::Done && before != Phase::Done {
                // However many packets that took, the other side has all of its own.
                self.looked = 0;
            }
        }
        let closed = |side: &Side| matches!(side.phase, Phase::Rejected | Phase::Done);
        // A client that begins with nothing known will not say more later.
        let unknown = side.phase == Phase::Rejected
            && segment.forward
            && side.stream.is_anchored()
            && context.facts.protocol.is_none();
        let waited = self.looked >= MAX_UNDECIDED && closed(side) && other.phase != Phase::Reading;
        if unknown || waited || (closed(side) && closed(other)) || self.stalled >= MAX_STALLED {
            Progress::Settled
        } else {
            Progress::Wanted
        }
    }
}

impl Side {
    /// Reads the front as far as it is there. `Step::Inner(n)`: n wrappings were taken off.
    fn read(&mut self, segment: &Segment<'_>, context: &mut Context<'_>) -> Step {
        let mut unwrapped = 0;
        let outcome = |unwrapped: usize| if unwrapped > 0 { Step::Inner(unwrapped) } else { Step::More };
        // Each turn takes bytes off the front or ends.
        loop {
            match self.detect(segment, context) {
                Step::Settled => return Step::Settled,
                Step::Done => {
                    self.close(Phase::Done);
                    return outcome(unwrapped);
                }
                Step::Consumed(count) if count > 0 => self.stream.consume(count),
                Step::Inner(count) if count > 0 => {
                    self.stream.consume(count);
                    (self.claimed, self.state, self.phase) = (None, State::default(), Phase::Reading);
                    unwrapped += 1;
                    if unwrapped + usize::from(self.tunnels) > usize::from(MAX_TUNNELS) {
                        return Step::Settled;
                    }
                }
                Step::More | Step::Consumed(_) | Step::Inner(_) => {
                    if !self.stream.front().is_empty() {
                        self.phase = Phase::Reading;
                    }
                    return outcome(unwrapped);
                }
                Step::No | Step::Pass => {
                    let whole = self.stream.front().len() == segment.payload.len();
                    if self.stream.is_anchored() || whole {
                        self.reject();
                        return outcome(unwrapped);
                    }
                    return self.begin_again(segment, context);
                }
            }
        }
    }

    /// The capture began in the middle: this packet may be the beginning of a message.
    fn begin_again(&mut self, segment: &Segment<'_>, context: &mut Context<'_>) -> Step {
        let mut fresh = Self::default();
        let Some(seq) = segment.seq else { return Step::Settled };
        fresh.stream.push(seq, segment.payload, context.thread.max_stream);
        match fresh.detect(segment, context) {
            Step::Settled => return Step::Settled,
            Step::More => {
                fresh.phase = Phase::Reading;
                *self = fresh;
            }
            Step::Done => self.close(Phase::Done),
            _ => self.reject(),
        }
        Step::More
    }

    /// Shows the front to the inspector that has claimed it, or to all.
    fn detect(&mut self, segment: &Segment<'_>, context: &mut Context<'_>) -> Step {
        let look = Look {
            bytes: self.stream.front(),
            anchored: self.stream.is_anchored(),
            forward: segment.forward,
            from: segment.from,
            to: segment.to,
            at: segment.time,
        };
        if look.bytes.is_empty() {
            return Step::More;
        }
        let before = self.claimed.take();
        if let Some(signature) = before {
            match (signature.feed)(&look, &mut self.state, context) {
                Step::No | Step::Pass => self.state = State::default(),
                step => {
                    self.claimed = before;
                    return step;
                }
            }
        }
        let mut unsure = false;
        for signature in registry::streams() {
            if before.is_some_and(|b| std::ptr::eq(b, signature)) {
                continue;
            }
            match (signature.probe)(&look) {
                Claim::No => {}
                Claim::Unsure => unsure = true,
                Claim::Certain => match (signature.feed)(&look, &mut self.state, context) {
                    Step::No | Step::Pass => self.state = State::default(),
                    step => {
                        self.claimed = Some(signature);
                        return step;
                    }
                },
            }
        }
        if unsure { Step::More } else { Step::No }
    }

    /// Gives the direction up; its bytes stay if they may get another beginning.
    fn reject(&mut self) {
        if self.stream.is_anchored() {
            self.close(Phase::Rejected);
        } else {
            (self.phase, self.claimed, self.state) = (Phase::Rejected, None, State::default());
        }
    }

    /// Ends the direction and frees what it held.
    fn close(&mut self, phase: Phase) {
        (self.phase, self.claimed, self.state) = (phase, None, State::default());
        self.stream.clear();
    }
}
