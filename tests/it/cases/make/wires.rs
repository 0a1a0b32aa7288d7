//! What lies between the wire and the payload.

use super::{Files, at, call, one, phone, resolver};
use crate::builder::dns::Answer;
use crate::builder::net::{self, UDP, Wire, local, remote};
use crate::builder::scene::Scene;
use crate::builder::tcp::{ACK, Connection, PSH, Who, visit};
use crate::builder::tls::{Hello, records};
use crate::builder::{dns, file, noise, quic};

/// The same addresses and ports in two VLANs are two flows.
pub(in crate::cases) fn vlan() -> Files {
    let mut s = Scene::new();
    for id in [10, 20] {
        s.wire = Wire::Vlan(id);
        call(&mut s, "short.weixin.qq.com", at::SHANGHAI, 40_101, (1_000, 1_000));
    }
    one(&s)
}

pub(in crate::cases) fn qinq() -> Files {
    let mut s = Scene::new();
    for inner in [7, 8] {
        s.wire = Wire::QinQ(100, inner);
        call(&mut s, "short.weixin.qq.com", at::SHANGHAI, 40_101, (1_000, 1_000));
    }
    one(&s)
}

/// IPv4 and IPv6 in one PPPoE session.
pub(in crate::cases) fn pppoe() -> Files {
    let mut s = Scene::on(Wire::Pppoe(0x11));
    call(&mut s, "short.weixin.qq.com", at::SHANGHAI, 40_101, (1_000, 1_000));
    let inside = local("2001:db8:1::17");
    visit(&mut s, (inside, 40_102), (remote(at::TENCENT6), 443), "long.weixin.qq.com", (1_000, 1_000));
    one(&s)
}

/// One visit through each kind of tunnel.
pub(in crate::cases) fn tunnels() -> Files {
    let mut s = Scene::new();
    for (port, wire) in (40_101..).zip([Wire::Gre(7), Wire::Vxlan(4711), Wire::GtpU(0x0102_0304)]) {
        s.wire = wire;
        call(&mut s, "short.weixin.qq.com", at::SHANGHAI, port, (1_000, 1_000));
    }
    s.wire = Wire::SixInFour;
    let inside = local("2001:db8:1::17");
    visit(&mut s, (inside, 40_104), (remote(at::TENCENT6), 443), "long.weixin.qq.com", (1_000, 1_000));
    one(&s)
}

/// Datagrams in pieces: in order, out of order, and with the first piece missing.
pub(in crate::cases) fn fragments() -> Files {
    let mut s = Scene::new();
    let server = remote(at::SHANGHAI);
    let datagram = |from: u16, seed| net::udp((phone().ip, from), (server.ip, 9_999), &noise(seed, 3_000));
    let whole = |from: u16, seed| net::ip(phone().ip, server.ip, UDP, &datagram(from, seed));
    for piece in net::fragments(&whole(40_101, 1), 0x0a01, 1_480) {
        s.packet(phone(), server, &piece);
    }
    for piece in net::fragments(&whole(40_101, 2), 0x0a02, 1_480).iter().rev() {
        s.packet(phone(), server, piece);
    }
    for piece in net::fragments(&whole(40_102, 3), 0x0a03, 1_480).iter().skip(1) {
        s.packet(phone(), server, piece);
    }
    let (inside, outside) = (local("2001:db8:1::17"), remote(at::TENCENT6));
    let six = net::udp((inside.ip, 40_103), (outside.ip, 9_999), &noise(4, 3_000));
    for piece in net::fragments6(&net::ip(inside.ip, outside.ip, UDP, &six), 0x0a04, 1_232) {
        s.packet(inside, outside, &piece);
    }
    one(&s)
}

/// Names in datagrams that came in pieces: an answer whose address stands in the last one, and a hello of QUIC.
pub(in crate::cases) fn names_in_fragments() -> Files {
    let mut s = Scene::new();
    let id = s.id();
    let question = (&b"short.weixin.qq.com"[..], dns::A);
    s.udp((phone(), 40_101), (resolver(), 53), &dns::query(id, question));
    let aliases = ["a.example.com", "b.example.com", "c.example.com", "d.example.com"];
    let asked = ["short.weixin.qq.com", aliases[0], aliases[1], aliases[2]];
    let chain = asked.into_iter().zip(aliases).map(|(from, to)| Answer::Alias(from, to));
    let answers: Vec<Answer> = chain.chain([Answer::AddressOf("d.example.com", at::SHANGHAI)]).collect();
    let answer = net::udp((resolver().ip, 53), (phone().ip, 40_101), &dns::response(id, question, &answers));
    for piece in net::fragments(&net::ip(resolver().ip, phone().ip, UDP, &answer), 0x0a01, 64) {
        s.packet(resolver(), phone(), &piece);
    }
    let server = remote(at::SHANGHAI);
    let mut mute = Connection::open(&mut s, (phone(), 40_102), (server, 8_080), 40);
    mute.say(&mut s, Who::Client, &noise(1, 500));
    mute.close(&mut s);

    let (inside, outside) = (local("2001:db8:1::17"), remote(at::TENCENT6));
    let hello = Hello::to("long.weixin.qq.com").h3().message();
    let initial = quic::initial(*b"in-parts", 0, &quic::crypto(0, &hello));
    let datagram = net::udp((inside.ip, 40_103), (outside.ip, 443), &initial);
    let pieces = net::fragments6(&net::ip(inside.ip, outside.ip, UDP, &datagram), 0x0a02, 400);
    for piece in pieces.iter().rev() {
        s.packet(inside, outside, piece);
    }
    one(&s)
}

/// Closed, broken off, its ports used again, and seen only from its middle on.
pub(in crate::cases) fn ends_of_connections() -> Files {
    let mut s = Scene::new();
    let (client, server) = ((phone(), 40_101), (remote(at::SHANGHAI), 443));
    visit(&mut s, client, server, "short.weixin.qq.com", (1_000, 1_000));
    s.wait_ms(5_000);
    visit(&mut s, client, server, "long.weixin.qq.com", (1_000, 1_000));
    let broken = Connection::open(&mut s, (phone(), 40_102), server, 40);
    broken.reset(&mut s, Who::Server);
    let mut middle = Connection::underway((phone(), 40_103), server, 40);
    middle.say(&mut s, Who::Server, &noise(1, 2_000));
    // A SYN that nobody answers, three times.
    let lonely = Connection::underway((phone(), 40_104), server, 40);
    for _ in 0..3 {
        lonely.send(&mut s, Who::Client, crate::builder::tcp::SYN, 0, b"");
        s.wait_ms(1_000);
    }
    one(&s)
}

/// A long connection: records at the active timeout, whose sum is the whole.
pub(in crate::cases) fn a_long_flow() -> Files {
    let mut s = Scene::new();
    let mut tcp = Connection::open(&mut s, (phone(), 40_101), (remote(at::SHANGHAI), 443), 40);
    tcp.say(&mut s, Who::Client, &records(&Hello::to("long.weixin.qq.com").message(), &[]));
    for minute in 0..5 {
        s.wait_ms(61_000);
        tcp.say(&mut s, Who::Client, &noise(minute, 700));
    }
    // Quiet for longer than any timeout; what comes then is another flow.
    s.wait_ms(3_600_000);
    tcp.send(&mut s, Who::Client, PSH | ACK, 0, b"still there?");
    one(&s)
}

/// Frames that are no IP packets, or not whole ones: each is counted by its reason.
pub(in crate::cases) fn frames_not_understood() -> Files {
    let mut s = Scene::new();
    let ethernet = |kind: [u8; 2], rest: &[u8]| [&[0xff; 6][..], &phone().mac, &kind, rest].concat();
    let id = s.id();
    let question = dns::query(id, (b"example.com", dns::A));
    let datagram = net::udp((phone().ip, 40_000), (resolver().ip, 53), &question);
    let good = Wire::Ethernet.frame(phone(), resolver(), &net::ip(phone().ip, resolver().ip, UDP, &datagram));
    s.frame(good.clone());
    let arp = [0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 1, 23, 192, 168, 1, 23, 0, 0, 0, 0, 0, 0, 192, 168, 1, 1];
    s.frame(ethernet([0x08, 0x06], &arp));
    s.frame(ethernet([0x88, 0xcc], b"lldp"));
    s.frame(ethernet([0x77, 0x77], b"nobody knows"));
    s.frame(good[..10].to_vec());
    s.frame(good[..14 + 12].to_vec());
    s.frame(good[..14 + 20 + 5].to_vec());
    // A version that does not exist, and a header longer than the packet.
    let mut version = good.clone();
    version[14] = 0x95;
    s.frame(version);
    let mut header = good;
    header[14] = 0x4f;
    header.truncate(14 + 40);
    s.frame(header);
    one(&s)
}

/// A short snapshot length: addresses and sizes are there, names are not.
pub(in crate::cases) fn short_snapshots() -> Files {
    let mut s = Scene::new();
    call(&mut s, "short.weixin.qq.com", at::SHANGHAI, 40_101, (3_000, 4_000));
    vec![("input.pcap", file::snapped(&s.frames, 60))]
}

/// QUIC: one Initial; a hello over two, mixed; and packets of a connection whose beginning was not seen.
pub(in crate::cases) fn quic_initials() -> Files {
    let mut s = Scene::new();
    let server = (remote(at::SHANGHAI), 443);
    let (id, hello) = (*b"\x83\x94\xc8\xf0\x3e\x51\x57\x08", Hello::to("short.weixin.qq.com").h3().message());
    s.udp((phone(), 40_101), server, &quic::initial(id, 0, &quic::crypto(0, &hello)));
    s.wait_ms(40);
    s.udp(server, (phone(), 40_101), &quic::short(id, 1, 800));
    s.udp((phone(), 40_101), server, &quic::short(id, 2, 300));

    let long = Hello::to("long.weixin.qq.com").h3().post_quantum().message();
    let (first, second) = long.split_at(900);
    let late = [&quic::crypto(1_000, &second[100..])[..], &[1]].concat();
    let early = [&quic::crypto(900, &second[..100])[..], &quic::crypto(0, first)].concat();
    let id = *b"mixed-up";
    s.udp((phone(), 40_102), server, &quic::initial(id, 1, &late));
    s.udp((phone(), 40_102), server, &quic::initial(id, 0, &early));

    s.udp((phone(), 40_103), (remote(at::RIPE), 443), &quic::short(*b"unknown!", 3, 500));
    one(&s)
}
