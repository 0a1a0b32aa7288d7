//! A scene: hosts that send packets to each other, one after the other, and the clock between them.

use super::dns::{self, Answer};
use super::file::Frame;
use super::net::{self, Host, UDP, Wire};

/// 2026-10-10 09:00:00 UTC.
const BEGIN: i64 = 1_791_622_800;
/// Nanoseconds between two packets that follow at once.
const TICK: i64 = 250_000;

/// Frames so far.
#[derive(Debug)]
pub(crate) struct Scene {
    now: i64,
    ids: u16,
    /// How packets lie on the wire from here on.
    pub(crate) wire: Wire,
    pub(crate) frames: Vec<Frame>,
}

impl Scene {
    /// An empty scene at its beginning.
    pub(crate) fn new() -> Self {
        Self { now: BEGIN * 1_000_000_000, ids: 0x1000, wire: Wire::Ethernet, frames: Vec::new() }
    }

    /// An empty scene whose packets lie on the wire like that.
    pub(crate) fn on(wire: Wire) -> Self {
        Self { wire, ..Self::new() }
    }

    /// Lets time pass; negative sets the clock back.
    pub(crate) fn wait_ms(&mut self, ms: i64) {
        self.now += ms * 1_000_000;
    }

    /// The next identifier (DNS message, IPv4 datagram).
    pub(crate) fn id(&mut self) -> u16 {
        self.ids = self.ids.wrapping_add(0x0101);
        self.ids
    }

    /// A frame as it is.
    pub(crate) fn frame(&mut self, bytes: Vec<u8>) {
        self.now += TICK;
        self.frames.push(Frame { time: self.now, bytes });
    }

    /// A whole IP packet.
    pub(crate) fn packet(&mut self, from: Host, to: Host, packet: &[u8]) {
        let frame = self.wire.frame(from, to, packet);
        self.frame(frame);
    }

    /// A UDP datagram.
    pub(crate) fn udp(&mut self, from: (Host, u16), to: (Host, u16), payload: &[u8]) {
        let datagram = net::udp((from.0.ip, from.1), (to.0.ip, to.1), payload);
        let packet = net::ip(from.0.ip, to.0.ip, UDP, &datagram);
        self.packet(from.0, to.0, &packet);
    }

    /// A DNS question and its answer 12 ms later.
    pub(crate) fn resolve(&mut self, client: Host, resolver: Host, name: &str, answers: &[Answer]) {
        let id = self.id();
        let port = 20_000 + id % 10_000;
        let question = (name.as_bytes(), dns::kind_of(answers));
        self.udp((client, port), (resolver, 53), &dns::query(id, question));
        self.wait_ms(12);
        self.udp((resolver, 53), (client, port), &dns::response(id, question, answers));
    }
}
