//! What the two ends of a flow really sent each other, as far as its counters and flags tell.
//!
//! Records count IP-layer octets, headers included. Of UDP the headers are known to the octet. A TCP sender marks the end
//! of what it has to say with PSH (RFC 9293 §3.9.1), so the flag tells even one small answer among many bare
//! acknowledgements; without it only more octets than the largest headers can hold count. A side that never acknowledges
//! anything sends no data (all segments after the first must), but a scan may set PSH. ICMP carries no data of an
//! application, and an echo reply is no answer; but what a device put into ICMP packets of its own cannot be told. Of any
//! other protocol each packet counts as payload.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::{Counters, EnrichedFlow, Protocol, TcpSummary};

/// TCP flags (RFC 9293 §3.1).
const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const PSH: u8 = 0x08;
const ACK: u8 = 0x10;
/// The largest TCP header.
const TCP_HEADER: u64 = 60;
const UDP_HEADER: u64 = 8;

/// How far the end that began a flow has come with the other one; later is further.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub enum Reach {
    /// The device began it, and nothing came back.
    #[default]
    Unanswered,
    /// The device began it, and only TCP resets came back.
    Refused,
    /// The remote began it, and the device sent no payload.
    Unsolicited,
    /// There was an answer; or the device acknowledges one that was not seen.
    Connected,
}

/// What is known of one flow from its beginning to now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Exchange {
    /// How far it came.
    pub reach: Reach,
    /// The device has sent payload.
    pub sent: bool,
    /// The remote has.
    pub received: bool,
    /// The device began it with ICMP: whether its packets carry data cannot be told.
    pub undecided: bool,
}

impl Exchange {
    /// Of a flow, by the totals of its newest record.
    pub fn of(flow: &EnrichedFlow) -> Self {
        let sent = sent(flow, flow.device_is_source);
        let icmp = matches!(flow.record.protocol, Protocol::ICMP | Protocol::ICMPV6);
        Self {
            reach: reach(flow, sent),
            sent,
            received: self::sent(flow, !flow.device_is_source),
            undecided: icmp && flow.device_is_source,
        }
    }

    /// Of two that are told of together: all that either did.
    #[must_use]
    pub fn merged(self, other: Self) -> Self {
        Self {
            reach: self.reach.max(other.reach),
            sent: self.sent || other.sent,
            received: self.received || other.received,
            undecided: self.undecided || other.undecided,
        }
    }
}

fn sent(flow: &EnrichedFlow, by_source: bool) -> bool {
    let record = &flow.record;
    let Counters { packets, octets } = if by_source { record.forward_total } else { record.reverse_total };
    let ip: u64 = if matches!(record.source.addr, IpAddr::V4(_)) { 20 } else { 40 };
    let more_than = |header: u64| octets > packets.saturating_mul(ip + header);
    match record.protocol {
        Protocol::TCP => {
            let flags = record.tcp.map(|tcp| if by_source { tcp.forward_flags } else { tcp.reverse_flags });
            flags.is_some_and(|f| f & (PSH | ACK) == PSH | ACK) || more_than(TCP_HEADER)
        }
        Protocol::UDP => more_than(UDP_HEADER),
        Protocol::ICMP | Protocol::ICMPV6 => false,
        _ => packets > 0,
    }
}

fn reach(flow: &EnrichedFlow, device_sent: bool) -> Reach {
    let record = &flow.record;
    if !flow.device_is_source {
        return if device_sent { Reach::Connected } else { Reach::Unsolicited };
    }
    let TcpSummary { forward_flags, reverse_flags, established, .. } = record.tcp.unwrap_or_default();
    if established || forward_flags & ACK != 0 {
        Reach::Connected
    } else if record.reverse_total.packets == 0 {
        Reach::Unanswered
    } else if reverse_flags & (SYN | RST) == RST {
        Reach::Refused
    } else {
        Reach::Connected
    }
}

/// How many of an alert's flows did what; each counts once, as it stands by its newest record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Exchanges {
    /// Flows in which the device sent payload.
    pub sent: u64,
    /// Flows in which the remote sent payload.
    pub received: u64,
    /// Flows that the device began and nothing answered.
    pub unanswered: u64,
    /// Flows that the device began and only TCP resets answered.
    pub refused: u64,
    /// Flows that the remote began and in which the device sent no payload.
    pub unsolicited: u64,
    /// Flows of ICMP that the device began: whether they carry data cannot be told.
    pub undecided: u64,
}

/// What it came to, all flows of an alert together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Came {
    /// The device sent payload.
    Sent,
    /// It sent none, and the remote did.
    Received,
    /// Only ICMP, of which it cannot be told.
    Undecided,
    /// There were answers, and neither sent payload.
    Connected,
    /// Resets were the only answers.
    Refused,
    /// Nothing answered.
    Unanswered,
    /// The remote began all of it, and the device sent no payload.
    Unsolicited,
}

impl Came {
    /// The lower-case word used in every output.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Received => "received",
            Self::Undecided => "undecided",
            Self::Connected => "connected",
            Self::Refused => "refused",
            Self::Unanswered => "unanswered",
            Self::Unsolicited => "unsolicited",
        }
    }

    /// Whether it is known that the device sent no payload.
    pub const fn is_without_data(self) -> bool {
        !matches!(self, Self::Sent | Self::Undecided)
    }
}

impl Exchanges {
    /// Counts a flow as `now`, that was counted as `before` if it was.
    pub fn count(&mut self, before: Option<Exchange>, now: Exchange) {
        if let Some(before) = before {
            self.each(before, |count| *count = count.saturating_sub(1));
        }
        self.each(now, |count| *count = count.saturating_add(1));
    }

    fn each(&mut self, flow: Exchange, step: impl Fn(&mut u64)) {
        for (count, holds) in [
            (&mut self.sent, flow.sent),
            (&mut self.received, flow.received),
            (&mut self.unanswered, flow.reach == Reach::Unanswered),
            (&mut self.refused, flow.reach == Reach::Refused),
            (&mut self.unsolicited, flow.reach == Reach::Unsolicited),
            (&mut self.undecided, flow.undecided),
        ] {
            if holds {
                step(count);
            }
        }
    }

    /// What all of `flows` came to. What is worst for the device comes first; *cannot tell* goes before "no data".
    pub const fn came(&self, flows: u64) -> Came {
        if self.sent > 0 {
            Came::Sent
        } else if self.unsolicited > 0 && self.unsolicited >= flows {
            Came::Unsolicited
        } else if self.undecided > 0 {
            Came::Undecided
        } else if self.received > 0 {
            Came::Received
        } else if flows > self.unanswered.saturating_add(self.refused) {
            Came::Connected
        } else if self.refused > 0 {
            Came::Refused
        } else {
            Came::Unanswered
        }
    }

    /// What the device did with the far end; the far end's name follows.
    pub const fn verb(&self, flows: u64) -> &'static str {
        match self.came(flows) {
            Came::Sent if self.received > 0 => "exchanged data with",
            Came::Sent => "sent data to",
            Came::Received => "got data from",
            Came::Undecided => "sent ICMP to",
            Came::Connected => "connected to",
            Came::Refused | Came::Unanswered => "tried to reach",
            Came::Unsolicited => "was contacted by",
        }
    }

    /// What must be said beside the octets, which count headers too; `None` where data went both ways.
    pub fn note(&self, flows: u64) -> Option<String> {
        let attempts = if flows == 1 { "attempt" } else { "attempts" };
        Some(match self.came(flows) {
            Came::Sent if self.received > 0 => return None,
            Came::Sent if self.unanswered >= flows => "nothing answered".to_owned(),
            Came::Sent => "no data came back".to_owned(),
            Came::Undecided => "whether it carried data cannot be told".to_owned(),
            Came::Received | Came::Connected | Came::Unsolicited => "no data sent".to_owned(),
            Came::Unanswered => format!("nothing answered: {flows} {attempts}, no data sent"),
            Came::Refused if self.unanswered == 0 => format!("refused: {flows} {attempts}, no data sent"),
            Came::Refused => {
                let (refused, unanswered) = (self.refused, self.unanswered);
                format!("{flows} {attempts}, {refused} refused and {unanswered} not answered, no data sent")
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::fixture::flow;

    fn tcp(forward: (u64, u64, u8), reverse: (u64, u64, u8)) -> EnrichedFlow {
        let mut flow = flow();
        let count = |(packets, octets, _)| Counters { packets, octets };
        (flow.record.forward_total, flow.record.reverse_total) = (count(forward), count(reverse));
        let (forward_flags, reverse_flags) = (forward.2, reverse.2);
        flow.record.tcp = Some(TcpSummary { forward_flags, reverse_flags, ..TcpSummary::default() });
        flow
    }

    fn told(flows: &[EnrichedFlow]) -> (&'static str, Option<String>) {
        let mut all = Exchanges::default();
        for flow in flows {
            all.count(None, Exchange::of(flow));
        }
        let flows = flows.len() as u64;
        (all.verb(flows), all.note(flows))
    }

    #[test]
    fn an_attempt_is_told_apart_from_data() {
        let silent = tcp((3, 180, SYN), (0, 0, 0));
        let reset = tcp((1, 60, SYN), (1, 40, RST | ACK));
        let open = tcp((2, 112, SYN | ACK), (1, 60, SYN | ACK));
        let got = tcp((4, 216, SYN | ACK), (4, 500, SYN | ACK | PSH));
        let sent = tcp((4, 900, SYN | ACK | PSH), (3, 164, SYN | ACK));
        let both = tcp((4, 900, SYN | ACK | PSH), (4, 500, SYN | ACK | PSH));
        let note = |text: &str| Some(text.to_owned());
        let s = || silent.clone();
        assert_eq!(
            told(&[s(), s(), s()]),
            ("tried to reach", note("nothing answered: 3 attempts, no data sent"))
        );
        assert_eq!(
            told(std::slice::from_ref(&reset)),
            ("tried to reach", note("refused: 1 attempt, no data sent"))
        );
        assert_eq!(
            told(&[s(), reset]),
            ("tried to reach", note("2 attempts, 1 refused and 1 not answered, no data sent"))
        );
        assert_eq!(told(&[s(), open]), ("connected to", note("no data sent")));
        assert_eq!(told(&[s(), got]), ("got data from", note("no data sent")));
        assert_eq!(told(&[s(), sent]), ("sent data to", note("no data came back")));
        assert_eq!(told(&[s(), both]), ("exchanged data with", None));
    }

    #[test]
    fn where_only_one_direction_is_seen_nobody_is_called_silent() {
        let acknowledges = tcp((3, 160, SYN | ACK), (0, 0, 0));
        assert_eq!(Exchange::of(&acknowledges).reach, Reach::Connected);
    }

    #[test]
    fn a_probe_with_every_flag_is_no_data() {
        let xmas = tcp((1, 40, 0x29), (1, 40, RST | ACK));
        let note = Some("refused: 1 attempt, no data sent".to_owned());
        assert_eq!(told(&[xmas]), ("tried to reach", note));
    }

    #[test]
    fn of_icmp_no_data_is_neither_claimed_nor_denied() {
        let mut ping = flow();
        ping.record.protocol = Protocol::ICMP;
        ping.record.reverse_total = Counters::default();
        let note = Some("whether it carried data cannot be told".to_owned());
        assert_eq!(told(std::slice::from_ref(&ping)), ("sent ICMP to", note));
        ping.device_is_source = false;
        assert_eq!(told(&[ping]), ("was contacted by", Some("no data sent".to_owned())));
    }

    #[test]
    fn datagrams_into_the_void_are_data_sent() {
        let mut shout = flow();
        shout.record.protocol = Protocol::UDP;
        shout.record.reverse_total = Counters::default();
        assert_eq!(told(&[shout]), ("sent data to", Some("nothing answered".to_owned())));
    }

    #[test]
    fn a_flow_counts_as_it_stands_now() {
        let mut all = Exchanges::default();
        let before = Exchange::default();
        all.count(None, before);
        assert_eq!((all.came(1), all.unanswered), (Came::Unanswered, 1));
        let now = Exchange { reach: Reach::Connected, sent: true, ..before };
        all.count(Some(before), now);
        assert_eq!(all, Exchanges { sent: 1, ..Exchanges::default() });
        assert_eq!(all.came(1), Came::Sent);
    }
}
