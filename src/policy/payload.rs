//! Which side must have sent payload, and what is unsolicited; what counts as payload is the model's ([`Exchange`]).

use crate::model::{EnrichedFlow, Exchange, Protocol, Reach};

/// Which side must have sent payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    /// Not asked.
    Any,
    /// The device.
    Up,
    /// The remote.
    Down,
    /// Both.
    Both,
}

impl Direction {
    pub(super) const ALL: [Self; 4] = [Self::Any, Self::Up, Self::Down, Self::Both];

    /// The word in configuration.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::Up => "up",
            Self::Down => "down",
            Self::Both => "both",
        }
    }

    /// Why the flow does not meet it, if it does not.
    pub(super) fn refusal(self, flow: &EnrichedFlow) -> Option<&'static str> {
        let Exchange { sent, received, .. } = Exchange::of(flow);
        let up = || (!sent).then_some("the device has sent no payload");
        let down = || (!received).then_some("the remote has sent no payload");
        match self {
            Self::Any => None,
            Self::Up => up(),
            Self::Down => down(),
            Self::Both => up().or_else(down),
        }
    }
}

/// Whether a flow tells of no data of the device: the remote began it and the device never answered with payload, or all of it
/// is error messages.
pub(super) fn is_unsolicited(flow: &EnrichedFlow) -> bool {
    Exchange::of(flow).reach == Reach::Unsolicited || is_errors(flow)
}

/// Whether an ICMP flow has no question of either side in it. What it has are error messages, which a host's network stack
/// sends of itself about packets of another flow (RFC 792, RFC 4443 §2.4): of a call that ended, or of a scan with forged
/// addresses.
pub(super) fn is_errors(flow: &EnrichedFlow) -> bool {
    let record = &flow.record;
    matches!(record.protocol, Protocol::ICMP | Protocol::ICMPV6) && record.source_basis.is_guess()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::fixture::flow;
    use crate::model::{Counters, SourceBasis, TcpSummary};

    fn counted(protocol: Protocol, forward: (u64, u64), reverse: (u64, u64)) -> EnrichedFlow {
        let mut flow = flow();
        flow.record.protocol = protocol;
        let count = |(packets, octets)| Counters { packets, octets };
        (flow.record.forward_total, flow.record.reverse_total) = (count(forward), count(reverse));
        flow
    }

    #[test]
    fn a_syn_flood_and_its_answers_are_no_payload() {
        let mut syn = counted(Protocol::TCP, (3, 180), (6, 360));
        syn.record.tcp = Some(TcpSummary { forward_flags: 2, reverse_flags: 0x12, ..TcpSummary::default() });
        syn.device_is_source = false;
        assert!(is_unsolicited(&syn));
        syn.device_is_source = true;
        assert!(!is_unsolicited(&syn), "the device began it");
        assert_eq!(Direction::Up.refusal(&syn), Some("the device has sent no payload"));
        assert_eq!(Direction::Any.refusal(&syn), None);
    }

    #[test]
    fn one_small_answer_among_acknowledgements_is_told_by_its_flag() {
        let mut answered = counted(Protocol::TCP, (20, 2000), (20, 1100));
        answered.device_is_source = false;
        assert!(is_unsolicited(&answered), "20 packets of 55 octets may be bare acknowledgements");
        answered.record.tcp =
            Some(TcpSummary { forward_flags: 0x1a, reverse_flags: 0x1a, ..TcpSummary::default() });
        assert!(!is_unsolicited(&answered));
        assert_eq!(Direction::Both.refusal(&answered), None);
    }

    #[test]
    fn datagrams_are_counted_to_the_octet() {
        let empty = counted(Protocol::UDP, (2, 56), (1, 29));
        assert_eq!(Direction::Up.refusal(&empty), Some("the device has sent no payload"));
        assert_eq!(Direction::Down.refusal(&empty), None);
        assert_eq!(Direction::Both.refusal(&empty), Some("the device has sent no payload"));
    }

    #[test]
    fn an_echo_reply_is_no_answer() {
        let mut ping = counted(Protocol::ICMP, (5, 420), (5, 420));
        ping.device_is_source = false;
        assert!(is_unsolicited(&ping));
    }

    #[test]
    fn error_messages_are_no_data_and_an_echo_request_of_the_device_is_judged() {
        let mut icmp = counted(Protocol::ICMP, (2, 204), (0, 0));
        icmp.device_is_source = true;
        icmp.record.source_basis = SourceBasis::LocalNetwork;
        assert!(is_unsolicited(&icmp));
        icmp.record.source_basis = SourceBasis::Request;
        assert!(!is_unsolicited(&icmp));
        icmp.record.protocol = Protocol(47);
        icmp.record.source_basis = SourceBasis::FirstPacket;
        assert!(!is_unsolicited(&icmp), "another protocol has no such messages");
    }
}
