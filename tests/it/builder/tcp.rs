//! A TCP connection (RFC 9293): handshake, segments in any order, close.

use super::net::{self, Host, TCP};
use super::scene::Scene;
use super::{be16, tls};

pub(crate) const FIN: u8 = 1;
pub(crate) const SYN: u8 = 2;
pub(crate) const RST: u8 = 4;
pub(crate) const PSH: u8 = 8;
pub(crate) const ACK: u8 = 16;

/// Payload of a full segment.
const MSS: usize = 1400;

/// Which end speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Who {
    Client,
    Server,
}

use Who::{Client, Server};

/// An open connection.
#[derive(Debug, Clone)]
pub(crate) struct Connection {
    client: (Host, u16),
    server: (Host, u16),
    /// The next sequence number of client and server.
    next: [u32; 2],
    rtt_ms: i64,
}

impl Connection {
    /// A connection without a handshake: the capture began in its middle.
    pub(crate) fn underway(client: (Host, u16), server: (Host, u16), rtt_ms: i64) -> Self {
        // Initial sequence numbers differ from connection to connection, and one of them is near its end.
        let isn = u32::from(client.1) << 16 | u32::from(server.1);
        Self { client, server, next: [isn, isn ^ 0xffff_0000], rtt_ms }
    }

    /// The three-way handshake.
    pub(crate) fn open(scene: &mut Scene, client: (Host, u16), server: (Host, u16), rtt_ms: i64) -> Self {
        let mut tcp = Self::underway(client, server, rtt_ms);
        tcp.send(scene, Client, SYN, 0, b"");
        tcp.next[0] = tcp.next[0].wrapping_add(1);
        scene.wait_ms(rtt_ms);
        tcp.send(scene, Server, SYN | ACK, 0, b"");
        tcp.next[1] = tcp.next[1].wrapping_add(1);
        tcp.send(scene, Client, ACK, 0, b"");
        tcp
    }

    /// One segment, `offset` bytes from the sender's next number; nothing is remembered of it.
    pub(crate) fn send(&self, scene: &mut Scene, who: Who, flags: u8, offset: usize, payload: &[u8]) {
        let (from, to, mine, theirs) = match who {
            Client => (self.client, self.server, self.next[0], self.next[1]),
            Server => (self.server, self.client, self.next[1], self.next[0]),
        };
        let seq = mine.wrapping_add(u32::try_from(offset).unwrap());
        let ack = if flags & ACK == 0 { 0 } else { theirs };
        let options: &[u8] = if flags & SYN == 0 { &[] } else { &[2, 4, 0x05, 0x78] };
        let head = [
            &from.1.to_be_bytes()[..],
            &to.1.to_be_bytes(),
            &seq.to_be_bytes(),
            &ack.to_be_bytes(),
            &[u8::try_from((20 + options.len()) / 4).unwrap() << 4, flags],
            &be16(64_000),
        ]
        .concat();
        let length = 20 + options.len() + payload.len();
        let pseudo = net::pseudo_header(from.0.ip, to.0.ip, TCP, length);
        let sum = net::checksum(&[&pseudo, &head, &[0, 0, 0, 0], options, payload]);
        let segment = [&head[..], &sum, &[0, 0], options, payload].concat();
        scene.packet(from.0, to.0, &net::ip(from.0.ip, to.0.ip, TCP, &segment));
    }

    /// Bytes of one end, in full segments, each acknowledged by the other.
    pub(crate) fn say(&mut self, scene: &mut Scene, who: Who, bytes: &[u8]) {
        self.say_in(scene, who, bytes, MSS);
    }

    /// The same in segments of `size` bytes.
    pub(crate) fn say_in(&mut self, scene: &mut Scene, who: Who, bytes: &[u8], size: usize) {
        for part in bytes.chunks(size) {
            self.send(scene, who, PSH | ACK, 0, part);
            self.skip(who, part.len());
        }
        scene.wait_ms(self.rtt_ms / 2);
        self.send(scene, if who == Client { Server } else { Client }, ACK, 0, b"");
    }

    /// Moves one end's next number: the bytes were sent by [`Self::send`], or never seen.
    pub(crate) fn skip(&mut self, who: Who, count: usize) {
        let next = &mut self.next[usize::from(who == Server)];
        *next = next.wrapping_add(u32::try_from(count).unwrap());
    }

    /// Both ends close.
    pub(crate) fn close(mut self, scene: &mut Scene) {
        self.send(scene, Client, FIN | ACK, 0, b"");
        self.skip(Client, 1);
        scene.wait_ms(self.rtt_ms);
        self.send(scene, Server, FIN | ACK, 0, b"");
        self.skip(Server, 1);
        self.send(scene, Client, ACK, 0, b"");
    }

    /// One end breaks the connection off.
    pub(crate) fn reset(self, scene: &mut Scene, who: Who) {
        self.send(scene, who, RST | ACK, 0, b"");
    }
}

/// A whole visit over TLS: handshake, hello for `name`, so many octets of data up and down, close.
pub(crate) fn visit(
    scene: &mut Scene,
    client: (Host, u16),
    server: (Host, u16),
    name: &str,
    (up, down): (usize, usize),
) {
    let mut tcp = Connection::open(scene, client, server, 40);
    tcp.say(scene, Client, &tls::records(&tls::Hello::to(name).message(), &[]));
    tcp.say(scene, Server, &tls::server_flight());
    tcp.say(scene, Client, &tls::application_data(u64::from(client.1), up));
    tcp.say(scene, Server, &tls::application_data(u64::from(server.1), down));
    tcp.close(scene);
}
