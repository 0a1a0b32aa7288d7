//! Which side of a flow has sent payload, as far as its counters and flags tell; and what is unsolicited.
//!
//! Records count IP-layer octets, headers included. Of UDP the headers are known to the octet. A TCP sender marks the end
//! of what it has to say with PSH (RFC 9293 §3.9.1), so the flag tells even one small answer among many bare
//! acknowledgements; without it only more octets than the largest headers can hold count. ICMP carries no data of an
//! application: an echo reply is not an answer. Of any other protocol each packet counts as payload.

use std::net::IpAddr;

use crate::model::{Counters, EnrichedFlow, Protocol};

/// TCP flag PSH.
const PSH: u8 = 0x08;
/// The largest TCP header.
const TCP_HEADER: u64 = 60;
const UDP_HEADER: u64 = 8;

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
        let up = || (!device_sent(flow)).then_some("the device has sent no payload");
        let down = || (!remote_sent(flow)).then_some("the remote has sent no payload");
        match self {
            Self::Any => None,
            Self::Up => up(),
            Self::Down => down(),
            Self::Both => up().or_else(down),
        }
    }
}

/// Whether the remote began the flow and the device never answered with payload: no data of the device goes anywhere.
pub(super) fn is_unsolicited(flow: &EnrichedFlow) -> bool {
    !flow.device_is_source && !device_sent(flow)
}

/// Whether the device has sent payload in the flow so far.
fn device_sent(flow: &EnrichedFlow) -> bool {
    sent(flow, flow.device_is_source)
}

fn remote_sent(flow: &EnrichedFlow) -> bool {
    sent(flow, !flow.device_is_source)
}

fn sent(flow: &EnrichedFlow, by_source: bool) -> bool {
    let record = &flow.record;
    let Counters { packets, octets } = if by_source { record.forward_total } else { record.reverse_total };
    let ip: u64 = if matches!(record.source.addr, IpAddr::V4(_)) { 20 } else { 40 };
    let more_than = |header: u64| octets > packets.saturating_mul(ip + header);
    match record.protocol {
        Protocol::TCP => {
            let flags = record.tcp.map(|tcp| if by_source { tcp.forward_flags } else { tcp.reverse_flags });
            flags.is_some_and(|f| f & PSH != 0) || more_than(TCP_HEADER)
        }
        Protocol::UDP => more_than(UDP_HEADER),
        Protocol::ICMP | Protocol::ICMPV6 => false,
        _ => packets > 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::TcpSummary;
    use crate::model::fixture::flow;

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
}
