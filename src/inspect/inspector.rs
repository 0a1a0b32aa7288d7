//! Which inspector looks at a flow, and when its question is settled.

use std::collections::BTreeMap;

use crate::model::{DnsObservation, Endpoint, Facts, Protocol, Timestamp};

use super::config::InspectConfig;
use super::dns::{self, Questions};
use super::http::{self, Request};
use super::quic::{self, Quic, QuicInspection};
use super::segment::{Progress, Segment};
use super::stream::{Pushed, Stream};
use super::tls::{self, Hello, Transport, read_client_hello};

/// Packets with payload that are looked at while the protocol is not known.
const MAX_UNDECIDED: u8 = 12;
/// Tunnels in one connection (CONNECT, and CONNECT inside).
const MAX_TUNNELS: u8 = 2;
/// Longest DNS message over TCP is 64 KiB; what is kept is bounded lower, and longer ones are not read.
const DNS_FRAME: usize = 2;

/// One capture thread's inspectors, with what spans flows.
#[derive(Debug)]
pub struct Inspector {
    max_stream: usize,
    questions: Questions,
    stream_limit: u64,
    quic_limit: u64,
}

/// One flow's inspection; small, and freed when it is settled.
#[derive(Debug)]
pub struct FlowInspection {
    kind: Kind,
    looked: u8,
    tunnels: u8,
}

#[derive(Debug)]
enum Kind {
    /// A byte stream; each direction (forward first) by itself.
    Streams(Box<[Side; 2]>),
    /// Datagrams not recognised yet.
    Datagrams,
    /// DNS over UDP: looked at as long as it lives.
    DnsDatagrams,
    /// DNS over TCP: likewise.
    DnsStreams(Box<[Stream; 2]>),
    /// QUIC.
    Quic(Box<QuicInspection>),
}

/// One direction of a byte stream.
#[derive(Debug, Default)]
struct Side {
    stream: Stream,
    /// It is no client that tells a name.
    rejected: bool,
}

impl Inspector {
    /// Inspectors with empty tables.
    pub fn new(config: &InspectConfig) -> Self {
        Self {
            max_stream: config.max_stream_bytes,
            questions: Questions::new(config.max_dns_questions, config.dns_timeout.0),
            stream_limit: 0,
            quic_limit: 0,
        }
    }

    /// Begins with a flow; `None` when nothing can be asked of its protocol.
    pub fn begin(
        &mut self,
        protocol: Protocol,
        source: Endpoint,
        destination: Endpoint,
    ) -> Option<Box<FlowInspection>> {
        let dns = dns::protocol(source, destination).is_some();
        let kind = match protocol {
            Protocol::TCP if dns => Kind::DnsStreams(Box::default()),
            Protocol::TCP => Kind::Streams(Box::default()),
            Protocol::UDP if dns => Kind::DnsDatagrams,
            Protocol::UDP => Kind::Datagrams,
            _ => return None,
        };
        Some(Box::new(FlowInspection { kind, looked: 0, tunnels: 0 }))
    }

    /// Feeds one packet's payload; facts and answered DNS questions are added.
    pub fn feed(
        &mut self,
        state: &mut FlowInspection,
        segment: &Segment<'_>,
        facts: &mut Facts,
        dns: &mut Vec<DnsObservation>,
    ) -> Progress {
        if matches!(state.kind, Kind::Datagrams) {
            state.looked += 1;
            if quic::recognise(segment.payload) {
                state.kind = Kind::Quic(Box::new(QuicInspection::new()));
            } else if let Some(progress) = dtls(segment, facts) {
                return progress;
            } else {
                return if state.looked < 4 { Progress::Wanted } else { Progress::Settled };
            }
        }
        match &mut state.kind {
            Kind::DnsDatagrams => {
                let ends = (segment.from, segment.to);
                dns::take(segment.payload, ends, segment.time, &mut self.questions, facts, dns);
                Progress::Wanted
            }
            Kind::DnsStreams(sides) => self.feed_dns_stream(sides, segment, facts, dns),
            Kind::Quic(quic) => match quic.take(segment.payload, segment.time, facts) {
                Quic::NeedMore => Progress::Wanted,
                Quic::Done => Progress::Settled,
                Quic::Limit => {
                    self.quic_limit += 1;
                    Progress::Settled
                }
            },
            Kind::Streams(_) => self.feed_stream(state, segment, facts),
            Kind::Datagrams => Progress::Wanted,
        }
    }

    /// Forgets DNS questions that nobody answered in time.
    pub fn advance(&mut self, now: Timestamp) {
        self.questions.expire(now);
    }

    /// Limits that were hit, by name.
    pub fn limits(&self) -> BTreeMap<String, u64> {
        let own = [("stream_limit", self.stream_limit), ("quic_limit", self.quic_limit)];
        own.into_iter().chain(self.questions.counters()).map(|(name, n)| (name.to_owned(), n)).collect()
    }

    fn feed_stream(&mut self, state: &mut FlowInspection, segment: &Segment<'_>, facts: &mut Facts) -> Progress {
        state.looked += 1;
        let FlowInspection { kind: Kind::Streams(sides), looked, tunnels } = state else { return Progress::Settled };
        let Some(seq) = segment.seq else { return Progress::Settled };
        let [forward, reverse] = &mut **sides;
        let (side, other) = if segment.forward { (forward, reverse) } else { (reverse, forward) };
        let pushed = side.stream.push(seq, segment.payload, self.max_stream);
        if pushed == Pushed::Full {
            self.stream_limit += 1;
        }
        if pushed != Pushed::Same {
            match read_stream(side, segment.time, facts, tunnels) {
                Found::Names => return Progress::Settled,
                Found::Nothing => side.rejected = true,
                Found::NeedMore if pushed == Pushed::Full => side.rejected = true,
                Found::NeedMore => side.rejected = false,
                Found::Tunnel => {
                    // Both sides begin anew behind the CONNECT; the proxy's answer is no client.
                    *looked = 0;
                    return Progress::Wanted;
                }
            }
        }
        let settled = (side.rejected && other.rejected) || (*looked >= MAX_UNDECIDED && side.rejected);
        if settled || (*looked >= 4 * MAX_UNDECIDED) { Progress::Settled } else { Progress::Wanted }
    }

    /// Cuts DNS messages out of a stream by their two-byte lengths (RFC 7766 §8).
    fn feed_dns_stream(
        &mut self,
        sides: &mut [Stream; 2],
        segment: &Segment<'_>,
        facts: &mut Facts,
        dns: &mut Vec<DnsObservation>,
    ) -> Progress {
        let Some(seq) = segment.seq else { return Progress::Settled };
        let [forward, reverse] = sides;
        let stream = if segment.forward { forward } else { reverse };
        if stream.push(seq, segment.payload, self.max_stream) == Pushed::Full {
            self.stream_limit += 1;
            return Progress::Settled;
        }
        while let [high, low, rest @ ..] = stream.front() {
            let length = usize::from(u16::from_be_bytes([*high, *low]));
            let Some(message) = rest.get(..length) else { break };
            let ends = (segment.from, segment.to);
            if !dns::take(message, ends, segment.time, &mut self.questions, facts, dns) {
                return Progress::Settled;
            }
            stream.consume(DNS_FRAME + length);
        }
        Progress::Wanted
    }
}

/// What the beginning of one direction gave.
enum Found {
    Names,
    Nothing,
    NeedMore,
    Tunnel,
}

fn read_stream(side: &mut Side, at: Timestamp, facts: &mut Facts, tunnels: &mut u8) -> Found {
    let front = side.stream.front();
    match tls::find_client_hello(front) {
        Hello::Whole(body) => {
            facts.protocol = Some("tls");
            read_client_hello(&body, true, Transport::Tcp, at, facts);
            return Found::Names;
        }
        Hello::Partial(body) => {
            facts.protocol = Some("tls");
            read_client_hello(&body, false, Transport::Tcp, at, facts);
            return Found::NeedMore;
        }
        Hello::Ssl2 | Hello::Server => {
            facts.protocol = facts.protocol.or(Some("tls"));
            return Found::Nothing;
        }
        Hello::NeedMore => return Found::NeedMore,
        Hello::No => {}
    }
    match http::read_request(front, at, facts) {
        Request::Read => Found::Names,
        Request::NeedMore => Found::NeedMore,
        Request::Response => {
            facts.protocol = facts.protocol.or(Some("http"));
            Found::Nothing
        }
        Request::No => Found::Nothing,
        Request::Tunnel(head) => {
            *tunnels += 1;
            if *tunnels > MAX_TUNNELS {
                return Found::Names;
            }
            side.stream.consume(head);
            Found::Tunnel
        }
    }
}

/// A DTLS ClientHello (RFC 6347 §4.2.2, RFC 9147 §5.2) in one datagram; one cut into fragments gives its name if that
/// stands in the first.
fn dtls(segment: &Segment<'_>, facts: &mut Facts) -> Option<Progress> {
    let [22, 0xfe, 0xff | 0xfd | 0xfc, _, _, _, _, _, _, _, _, _, _, handshake @ ..] = segment.payload else { return None };
    facts.protocol = Some("dtls");
    let [1, l0, l1, l2, _, _, o0, o1, o2, f0, f1, f2, body @ ..] = handshake else { return Some(Progress::Wanted) };
    let whole = [l0, l1, l2] == [f0, f1, f2];
    if [*o0, *o1, *o2] != [0, 0, 0] {
        return Some(Progress::Wanted);
    }
    let length = usize::try_from(u32::from_be_bytes([0, *f0, *f1, *f2])).unwrap_or(usize::MAX);
    let body = body.get(..length).unwrap_or(body);
    read_client_hello(body, whole && body.len() == length, Transport::Datagram, segment.time, facts);
    Some(Progress::Settled)
}
