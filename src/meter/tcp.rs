//! As much of TCP's state (RFC 9293) as metering needs: handshake, close, and when old ports carry a new connection.
//! Of UDP it keeps no state but the time that the first answer took.
//!
//! Sequence windows are not checked: the meter watches, it does not defend. A forged RST therefore marks a flow as
//! closed; its packets are still counted in it as long as they keep coming.

use std::time::Duration;

use super::key::{Both, Side};
use crate::decode::TcpSegment;
use crate::model::{TcpSummary, Timestamp};

/// How far a connection has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Phase {
    /// Its beginning was not seen.
    #[default]
    Midstream,
    /// SYN seen.
    Opening,
    /// SYN-ACK seen.
    Answered,
    /// The handshake is complete.
    Established,
    /// RST, or both FINs acknowledged.
    Closed,
}

/// The measurement of the handshake's round trip.
#[derive(Debug, Clone, Copy, Default)]
enum RoundTrip {
    #[default]
    Unknown,
    Waiting(Timestamp),
    Took(Duration),
}

/// The state of one connection.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct TcpTrack {
    round_trip: RoundTrip,
    /// Initial sequence numbers, where `isn_known`.
    isn: Both<u32>,
    /// Sequence number after the FIN, where a FIN was seen.
    fin_end: Both<u32>,
    isn_known: Both<bool>,
    fin_acked: Both<bool>,
    flags: Both<u8>,
    /// Who sent the SYN; meaningful while `Opening` or `Answered`.
    opener_is_high: bool,
    established: bool,
    phase: Phase,
}

impl TcpTrack {
    /// How far the connection has come.
    pub(crate) const fn phase(&self) -> Phase {
        self.phase
    }

    /// The sequence number of the first octet that a side sends, where its SYN was seen or acknowledged.
    pub(crate) fn first_octet(&self, side: Side) -> Option<u32> {
        self.isn_known.of(side).then(|| self.isn.of(side).wrapping_add(1))
    }

    /// Whether both sides said that they are done, even if the last acknowledgement is missing.
    pub(crate) const fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Closed)
            || *self.flags.of(Side::Low) & *self.flags.of(Side::High) & TcpSegment::FIN != 0
    }

    /// Whether this segment belongs to another connection than the one tracked: its ports are used again.
    pub(crate) fn begins_anew(&self, from: Side, segment: TcpSegment) -> bool {
        if segment.flags & TcpSegment::SYN == 0 || segment.flags & TcpSegment::RST != 0 {
            return false;
        }
        let known = *self.isn_known.of(from);
        if known && *self.isn.of(from) == segment.seq {
            return false; // sent again, or late
        }
        if segment.flags & TcpSegment::ACK == 0 {
            // Unknown while opening: both sides open at once.
            known || !matches!(self.phase, Phase::Opening | Phase::Answered)
        } else {
            match self.phase {
                Phase::Midstream => true,
                // A server behind SYN cookies or a reset answers with another number: still one attempt.
                Phase::Opening | Phase::Answered => false,
                Phase::Established | Phase::Closed => known,
            }
        }
    }

    /// Takes in one segment.
    pub(crate) fn see(&mut self, from: Side, segment: TcpSegment, payload_len: u32, time: Timestamp) {
        let TcpSegment { seq, ack, flags } = segment;
        *self.flags.of_mut(from) |= flags;
        if flags & TcpSegment::RST != 0 {
            self.phase = Phase::Closed;
        } else if flags & TcpSegment::SYN != 0 {
            self.see_syn(from, segment, time);
        } else {
            let to = from.other();
            if flags & TcpSegment::FIN != 0 {
                *self.fin_end.of_mut(from) = seq.wrapping_add(payload_len).wrapping_add(1);
            }
            if flags & TcpSegment::ACK != 0 {
                let ahead = ack.wrapping_sub(*self.fin_end.of(to));
                if *self.flags.of(to) & TcpSegment::FIN != 0 && ahead < 1 << 31 {
                    *self.fin_acked.of_mut(to) = true;
                }
                self.see_ack(from, payload_len);
            }
            if *self.fin_acked.of(Side::Low) && *self.fin_acked.of(Side::High) {
                self.phase = Phase::Closed;
            }
        }
    }

    /// Takes in a datagram of a flow of which only one direction has been seen: the first one waits for the first answer.
    /// Sent again in between, it makes the time longer than the round trip, never shorter.
    pub(crate) fn see_datagram(&mut self, from: Side, first: bool, time: Timestamp) {
        let opener = (from == Side::High) == self.opener_is_high;
        match self.round_trip {
            RoundTrip::Unknown if first => {
                self.opener_is_high = from == Side::High;
                self.round_trip = RoundTrip::Waiting(time);
            }
            RoundTrip::Waiting(asked) if !opener && time > asked => {
                self.round_trip = RoundTrip::Took(time.since(asked));
            }
            RoundTrip::Waiting(_) if !opener => self.round_trip = RoundTrip::Unknown,
            _ => {}
        }
    }

    /// How long the first answer took, where the source sent the first datagram.
    pub(crate) fn first_answer(&self, source: Side) -> Option<Duration> {
        match self.round_trip {
            RoundTrip::Took(time) if (source == Side::High) == self.opener_is_high => Some(time),
            _ => None,
        }
    }

    fn see_syn(&mut self, from: Side, TcpSegment { seq, ack, flags }: TcpSegment, time: Timestamp) {
        let to = from.other();
        let again = *self.isn_known.of(from) && *self.isn.of(from) == seq;
        *self.isn.of_mut(from) = seq;
        *self.isn_known.of_mut(from) = true;
        if flags & TcpSegment::ACK == 0 {
            if self.phase == Phase::Midstream {
                self.phase = Phase::Opening;
                self.opener_is_high = from == Side::High;
                self.round_trip = RoundTrip::Waiting(time);
            } else if again && self.phase == Phase::Opening {
                // Karn: nobody can tell which of the SYNs is answered.
                self.round_trip = RoundTrip::Unknown;
            }
            return;
        }
        match self.phase {
            Phase::Midstream => {
                self.phase = Phase::Answered;
                self.opener_is_high = to == Side::High;
                *self.isn.of_mut(to) = ack.wrapping_sub(1);
                *self.isn_known.of_mut(to) = true;
            }
            Phase::Opening => {
                self.phase = Phase::Answered;
                let answers = ack == self.isn.of(to).wrapping_add(1);
                self.round_trip = match self.round_trip {
                    // No time at all is a clock too coarse or set back, not a round trip.
                    RoundTrip::Waiting(syn) if answers && time > syn => RoundTrip::Took(time.since(syn)),
                    _ => RoundTrip::Unknown,
                };
            }
            _ => {}
        }
    }

    fn see_ack(&mut self, from: Side, payload_len: u32) {
        let opener = (from == Side::High) == self.opener_is_high;
        let complete = match self.phase {
            // Only the opener's direction may be visible: its ACK says that it was answered.
            Phase::Opening => opener,
            // Only the other direction may be visible: it sends data once the handshake is complete.
            Phase::Answered => opener || payload_len > 0,
            _ => false,
        };
        if complete {
            self.phase = Phase::Established;
            self.established = true;
        }
    }

    /// What a record says of it.
    pub(crate) fn summary(&self, source: Side) -> TcpSummary {
        TcpSummary {
            forward_flags: *self.flags.of(source),
            reverse_flags: *self.flags.of(source.other()),
            handshake_rtt: match self.round_trip {
                RoundTrip::Took(time) => Some(time),
                _ => None,
            },
            established: self.established,
        }
    }
}
