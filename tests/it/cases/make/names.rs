//! How a flow gets its name, and how it does not.

use super::{Files, at, call, one, phone, resolver};
use crate::builder::dns::Answer::{Address, AddressOf, Alias, Https};
use crate::builder::net::{local, remote};
use crate::builder::scene::Scene;
use crate::builder::tcp::{ACK, Connection, PSH, Who};
use crate::builder::tls::{Ech, Hello, application_data, records, server_flight};
use crate::builder::{dns, http, noise};

/// Payload that tells no reader anything.
fn mute(s: &mut Scene, port: u16, ip: &str, bytes: usize) {
    let client = if ip.contains(':') { local("2001:db8:1::17") } else { phone() };
    let mut tcp = Connection::open(s, (client, port), (remote(ip), 7_443), 40);
    tcp.say(s, Who::Client, &[&[0][..], &noise(u64::from(port), bytes)].concat());
    tcp.close(s);
}

/// One hello in every way that a network may deliver it.
pub(in crate::cases) fn hello_cut_everywhere() -> Files {
    let mut s = Scene::new();
    let server = (remote(at::SHANGHAI), 443);
    let hello = |name: &str| Hello::to(name).message();

    let mut tcp = Connection::open(&mut s, (phone(), 40_101), server, 4);
    tcp.say_in(&mut s, Who::Client, &records(&hello("bytes.weixin.qq.com"), &[]), 1);

    let mut tcp = Connection::open(&mut s, (phone(), 40_102), server, 4);
    tcp.say_in(&mut s, Who::Client, &records(&hello("records.weixin.qq.com"), &[1, 2, 7]), 90);

    // Backwards, each piece twice.
    let tcp = Connection::open(&mut s, (phone(), 40_103), server, 4);
    let stream = records(&hello("backwards.weixin.qq.com"), &[]);
    let pieces: Vec<(usize, &[u8])> = stream.chunks(50).enumerate().map(|(i, c)| (i * 50, c)).collect();
    for (at, piece) in pieces.iter().rev() {
        tcp.send(&mut s, Who::Client, PSH | ACK, *at, piece);
        tcp.send(&mut s, Who::Client, PSH | ACK, *at, piece);
    }

    // A second version of the same bytes does not replace the first.
    let tcp = Connection::open(&mut s, (phone(), 40_104), server, 4);
    let stream = records(&hello("first.weixin.qq.com"), &[]);
    let other = records(&hello("other.weixin.qq.com"), &[]);
    tcp.send(&mut s, Who::Client, PSH | ACK, 40, &stream[40..]);
    tcp.send(&mut s, Who::Client, PSH | ACK, 30, &other[30..]);
    tcp.send(&mut s, Who::Client, PSH | ACK, 0, &stream[..40]);

    // A post-quantum key share pushes the name into the second segment.
    let mut tcp = Connection::open(&mut s, (phone(), 40_105), server, 4);
    let long = Hello::to("quantum.weixin.qq.com").post_quantum().message();
    tcp.say(&mut s, Who::Client, &records(&long, &[]));

    // IPv6, TLS 1.2.
    let six = (local("2001:db8:1::17"), 40_106);
    let mut tcp = Connection::open(&mut s, six, (remote(at::TENCENT6), 443), 4);
    tcp.say(&mut s, Who::Client, &records(&Hello::to("old.weixin.qq.com").tls12().message(), &[]));
    one(&s)
}

/// A name behind which another may stand.
pub(in crate::cases) fn cover_name() -> Files {
    let mut s = Scene::new();
    for (port, name, ech) in [
        (40_101, "cloudflare-ech.com", Ech::Real),
        (40_102, "short.weixin.qq.com", Ech::Grease),
        (40_103, "short.weixin.qq.com", Ech::None),
    ] {
        let ip = if ech == Ech::Real { at::CLOUDFLARE } else { at::SHANGHAI };
        let mut tcp = Connection::open(&mut s, (phone(), port), (remote(ip), 443), 40);
        tcp.say(&mut s, Who::Client, &records(&Hello::to(name).ech(ech).message(), &[]));
        tcp.say(&mut s, Who::Server, &server_flight());
        tcp.close(&mut s);
    }
    one(&s)
}

/// Only DNS knows the names: A, AAAA, aliases, hints of an HTTPS record, an answer over TCP; and a hello without name.
pub(in crate::cases) fn names_from_dns() -> Files {
    let mut s = Scene::new();
    s.resolve(phone(), resolver(), "short.weixin.qq.com", &[Address("101.226.90.10")]);
    mute(&mut s, 40_101, "101.226.90.10", 500);

    let (a, b) = ("long.weixin.qq.com.alias.example.com", "pool.example.net");
    let chain = [AddressOf(b, "101.226.90.11"), Alias(a, b), Alias("long.weixin.qq.com", a)];
    s.resolve(phone(), resolver(), "long.weixin.qq.com", &chain);
    mute(&mut s, 40_102, "101.226.90.11", 500);

    s.resolve(phone(), resolver(), "extshort.weixin.qq.com", &[Https(vec!["101.226.90.12", "2402:4e00::2"])]);
    mute(&mut s, 40_103, "101.226.90.12", 500);

    let six = local("2001:db8:1::17");
    let resolver6 = local("2001:db8:1::1");
    s.resolve(six, resolver6, "szlong.weixin.qq.com", &[Address("2402:4e00::3")]);
    mute(&mut s, 40_104, "2402:4e00::3", 500);

    let id = s.id();
    let question = (&b"dns.weixin.qq.com"[..], dns::A);
    let mut tcp = Connection::open(&mut s, (phone(), 40_105), (resolver(), 53), 4);
    tcp.say(&mut s, Who::Client, &dns::over_tcp(&dns::query(id, question)));
    let answer = dns::over_tcp(&dns::response(id, question, &[Address("101.226.90.13")]));
    tcp.say_in(&mut s, Who::Server, &answer, 10);
    tcp.close(&mut s);
    let mut tcp = Connection::open(&mut s, (phone(), 40_106), (remote("101.226.90.13"), 443), 40);
    tcp.say(&mut s, Who::Client, &records(&Hello::nameless().message(), &[]));
    tcp.close(&mut s);
    one(&s)
}

/// Answers that nobody asked for, or that do not fit what was asked, teach nothing; another device's answer neither.
pub(in crate::cases) fn dns_poisoning() -> Files {
    let mut s = Scene::new();
    let (client, server) = ((phone(), 20_001), (resolver(), 53));
    let wechat = (&b"short.weixin.qq.com"[..], dns::A);
    let asked = (&b"www.example.com"[..], dns::A);
    let answer = |ip: &'static str| [Address(ip)];

    // Never asked.
    s.udp(server, client, &dns::response(7, wechat, &answer("101.226.90.20")));
    // Asked, and answered with a wrong id, to a wrong port, by a wrong server, with a wrong name.
    s.udp(client, server, &dns::query(0x4242, asked));
    s.udp(server, client, &dns::response(0x4243, asked, &answer("101.226.90.21")));
    s.udp(server, (phone(), 20_002), &dns::response(0x4242, asked, &answer("101.226.90.22")));
    s.udp((remote("9.9.9.9"), 53), client, &dns::response(0x4242, asked, &answer("101.226.90.23")));
    s.udp(server, client, &dns::response(0x4242, wechat, &answer("101.226.90.24")));
    // The right answer, with a record about a name that nobody asked for in its tow.
    let tow = [Address("193.0.6.139"), AddressOf("short.weixin.qq.com", "101.226.90.25")];
    s.udp(server, client, &dns::response(0x4242, asked, &tow));
    // The same answer again: its question is answered.
    s.udp(server, client, &dns::response(0x4242, asked, &answer("101.226.90.26")));
    // What another device learns names nothing of this one.
    s.resolve(local("192.168.1.99"), resolver(), "short.weixin.qq.com", &answer("101.226.90.27"));

    for (port, ip) in (40_120..).zip([
        "101.226.90.20",
        "101.226.90.21",
        "101.226.90.22",
        "101.226.90.23",
        "101.226.90.24",
        "101.226.90.25",
        "101.226.90.26",
        "101.226.90.27",
        "193.0.6.139",
    ]) {
        mute(&mut s, port, ip, 100);
    }
    one(&s)
}

/// HTTP/1: Host, absolute form, and a proxy whose tunnel has a hello inside.
pub(in crate::cases) fn http_and_proxy() -> Files {
    let mut s = Scene::new();
    let mut tcp = Connection::open(&mut s, (phone(), 40_101), (remote(at::SHANGHAI), 80), 40);
    tcp.say_in(&mut s, Who::Client, &http::get("short.weixin.qq.com", "/mmtls/1"), 9);
    tcp.say(&mut s, Who::Server, &http::ok(900));
    tcp.close(&mut s);

    let proxy = (remote(at::RIPE), 3_128);
    let mut tcp = Connection::open(&mut s, (phone(), 40_102), proxy, 40);
    tcp.say(&mut s, Who::Client, &http::get("vk.com", "http://vk.com/feed"));
    tcp.say(&mut s, Who::Server, &http::ok(900));
    tcp.close(&mut s);

    let mut tcp = Connection::open(&mut s, (phone(), 40_103), proxy, 40);
    tcp.say(&mut s, Who::Client, &http::connect("long.weixin.qq.com:443"));
    tcp.say(&mut s, Who::Server, &http::established());
    tcp.say(&mut s, Who::Client, &records(&Hello::to("long.weixin.qq.com").message(), &[100]));
    tcp.say(&mut s, Who::Server, &server_flight());
    tcp.say(&mut s, Who::Client, &application_data(1, 2_000));
    tcp.close(&mut s);
    one(&s)
}

/// Names made to harm whoever reads them: terminal commands, turned text, line breaks, broken UTF-8, markup, length.
pub(in crate::cases) fn hostile_names() -> Files {
    let mut s = Scene::new();
    let names: [&[u8]; 8] = [
        b"\x1b[2J\x1b]0;owned\x07.example.com",
        "moc.\u{202e}qq.nixiew\u{202c}.example.com".as_bytes(),
        b"a\nb\r\n.example.com",
        b"\xff\xfe\x00.example.com",
        b"<script>alert(1)</script>.example.com",
        b"\"},{\"forged\":true.example.com",
        b"\xe2\x80\x8bweixin.qq.com",
        b"weixin.qq.com\x00.example.com",
    ];
    for (port, name) in (40_101..).zip(names) {
        let id = s.id();
        s.udp((phone(), 20_000 + port % 100), (resolver(), 53), &dns::query(id, (name, dns::A)));
        let mut tcp = Connection::open(&mut s, (phone(), port), (remote(at::SHANGHAI), 443), 40);
        tcp.say(&mut s, Who::Client, &records(&Hello::to_bytes(name).message(), &[]));
        tcp.close(&mut s);
    }
    let long = [&b"a.".repeat(400)[..], b"weixin.qq.com"].concat();
    let mut tcp = Connection::open(&mut s, (phone(), 40_120), (remote(at::SHANGHAI), 443), 40);
    tcp.say(&mut s, Who::Client, &records(&Hello::to_bytes(&long).message(), &[]));
    tcp.close(&mut s);
    let request =
        b"GET / HTTP/1.1\r\nHost: \x1b[31mred\x1b[0m.example.com\r\nUser-Agent: \x1b]8;;x\x07\r\n\r\n";
    let mut tcp = Connection::open(&mut s, (phone(), 40_121), (remote(at::SHANGHAI), 80), 40);
    tcp.say(&mut s, Who::Client, request);
    tcp.close(&mut s);
    one(&s)
}

/// A conversation that the capture saw from its middle, named by what DNS said long before; and one never named.
pub(in crate::cases) fn unnamed() -> Files {
    let mut s = Scene::new();
    mute(&mut s, 40_101, at::SHANGHAI, 800);
    call(&mut s, "updates.example.org", at::RIPE, 40_102, (500, 500));
    one(&s)
}
