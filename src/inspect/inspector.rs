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
/// Packets in a row that bring nothing new while a hello is half read: its rest was not captured.
const MAX_STALLED: u8 = 64;
/// Datagrams of no known protocol after which a flow is left alone; the first ones captured may not be the client's.
const MAX_DATAGRAMS: u8 = 16;
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
    stalled: u8,
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
    /// It has begun like one, and its rest is awaited.
    reading: bool,
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
        Some(Box::new(FlowInspection { kind, looked: 0, stalled: 0, tunnels: 0 }))
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
            state.looked = state.looked.saturating_add(1);
            if quic::recognise(segment.payload) {
                state.kind = Kind::Quic(Box::new(QuicInspection::new()));
            } else if let Some(progress) = dtls(segment, facts) {
                return progress;
            } else if http::read_request(segment.payload, segment.time, facts) == Request::Read {
                // UPnP's discovery speaks HTTP in datagrams (SSDP).
                facts.protocol = Some("ssdp");
                return Progress::Settled;
            } else {
                return if state.looked < MAX_DATAGRAMS { Progress::Wanted } else { Progress::Settled };
            }
        }
        // TLS and HTTP are read on any port, also on those of DNS.
        if matches!(state.kind, Kind::DnsStreams(_))
            && facts.protocol.is_none()
            && matches!(segment.payload, [22, 3, 0..=4, ..] | [b'A'..=b'Z', b'A'..=b'Z', b'A'..=b'Z', ..])
        {
            state.kind = Kind::Streams(Box::default());
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

    fn feed_stream(
        &mut self,
        state: &mut FlowInspection,
        segment: &Segment<'_>,
        facts: &mut Facts,
    ) -> Progress {
        let FlowInspection { kind: Kind::Streams(sides), looked, stalled, tunnels } = state else {
            return Progress::Settled;
        };
        let Some(seq) = segment.seq else { return Progress::Settled };
        let [forward, reverse] = &mut **sides;
        let (side, other) = if segment.forward { (forward, reverse) } else { (reverse, forward) };
        if !segment.payload.is_empty() {
            *looked = looked.saturating_add(1);
            *stalled = stalled.saturating_add(1);
        }
        // What is refused and cannot get another beginning need not be kept.
        if !(side.rejected && side.stream.is_anchored()) {
            let pushed = side.stream.push(seq, segment.payload, self.max_stream);
            if pushed == Pushed::Full {
                self.stream_limit += 1;
            }
            if pushed == Pushed::Grew {
                *stalled = 0;
            }
            if pushed != Pushed::Same || side.rejected {
                if let Some(progress) = side.read(segment, self.max_stream, facts, tunnels, looked) {
                    return progress;
                }
                if pushed == Pushed::Full {
                    side.reject();
                }
            }
        }
        // A client that begins with nothing known will not say more later.
        let unknown =
            side.rejected && segment.forward && side.stream.is_anchored() && facts.protocol.is_none();
        let waited = *looked >= MAX_UNDECIDED && side.rejected && !other.reading;
        if unknown || waited || (side.rejected && other.rejected) || *stalled >= MAX_STALLED {
            Progress::Settled
        } else {
            Progress::Wanted
        }
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

impl Side {
    /// Reads the beginning as far as it is there; gives the flow's progress when that is clear already.
    fn read(
        &mut self,
        segment: &Segment<'_>,
        max_stream: usize,
        facts: &mut Facts,
        tunnels: &mut u8,
        looked: &mut u8,
    ) -> Option<Progress> {
        loop {
            match read_stream(self, segment.time, facts, tunnels) {
                Found::Names => return Some(Progress::Settled),
                Found::Tunnel => {
                    // Both sides begin anew behind the CONNECT; the proxy's answer is no client.
                    *looked = 0;
                    self.reading = true;
                    if self.stream.front().is_empty() {
                        return Some(Progress::Wanted);
                    }
                }
                Found::NeedMore => {
                    (self.rejected, self.reading) = (false, !self.stream.front().is_empty());
                    return None;
                }
                Found::Nothing
                    if self.stream.is_anchored() || self.stream.front().len() == segment.payload.len() =>
                {
                    self.reject();
                    return None;
                }
                Found::Nothing => {
                    // The capture began in the middle: this packet may be the beginning of a message.
                    let mut fresh = Self::default();
                    fresh.stream.push(segment.seq?, segment.payload, max_stream);
                    match read_stream(&mut fresh, segment.time, facts, tunnels) {
                        Found::Names => return Some(Progress::Settled),
                        Found::NeedMore => {
                            fresh.reading = true;
                            *self = fresh;
                        }
                        Found::Nothing | Found::Tunnel => self.reject(),
                    }
                    return None;
                }
            }
        }
    }

    fn reject(&mut self) {
        (self.rejected, self.reading) = (true, false);
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
    let [22, 0xfe, 0xff | 0xfd | 0xfc, _, _, _, _, _, _, _, _, _, _, handshake @ ..] = segment.payload else {
        return None;
    };
    facts.protocol = Some("dtls");
    let [1, l0, l1, l2, _, _, o0, o1, o2, f0, f1, f2, body @ ..] = handshake else {
        return Some(Progress::Wanted);
    };
    let whole = [l0, l1, l2] == [f0, f1, f2];
    if [*o0, *o1, *o2] != [0, 0, 0] {
        return Some(Progress::Wanted);
    }
    let length = usize::try_from(u32::from_be_bytes([0, *f0, *f1, *f2])).unwrap_or(usize::MAX);
    let body = body.get(..length).unwrap_or(body);
    read_client_hello(body, whole && body.len() == length, Transport::Datagram, segment.time, facts);
    Some(Progress::Settled)
}
