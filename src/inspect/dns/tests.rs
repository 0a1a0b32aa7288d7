//! DNS from hand-built messages.

use crate::inspect::Progress;
use crate::inspect::tests::Flow;
use crate::model::Protocol;
use crate::model::{HostName, NameOrigin};

fn name(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    for label in text.split('.').filter(|l| !l.is_empty()) {
        out.push(u8::try_from(label.len()).unwrap());
        out.extend(label.as_bytes());
    }
    out.push(0);
    out
}

fn message(id: u16, flags: u16, question: &str, kind: u16, answers: &[Vec<u8>]) -> Vec<u8> {
    let count = u16::try_from(answers.len()).unwrap().to_be_bytes();
    let header = [&id.to_be_bytes()[..], &flags.to_be_bytes(), &[0, 1], &count, &[0; 4]].concat();
    [header, name(question), kind.to_be_bytes().to_vec(), vec![0, 1], answers.concat()].concat()
}

fn record(owner: &str, kind: u16, ttl: u32, data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len()).unwrap().to_be_bytes();
    [&name(owner)[..], &kind.to_be_bytes(), &[0, 1], &ttl.to_be_bytes(), &length, data].concat()
}

fn udp() -> Flow {
    Flow::new(Protocol::UDP, "10.0.0.1:5000", "10.0.0.53:53")
}

#[test]
fn a_chain_is_followed_in_any_order_with_the_smallest_ttl() {
    let mut flow = udp();
    flow.put(true, None, &message(7, 0x0100, "WWW.Example.com", 1, &[]));
    let answers = [
        record("b.cdn.example", 1, 300, &[192, 0, 2, 9]),
        record("a.cdn.example", 5, 20, &name("b.cdn.example")),
        record("www.example.COM", 5, 600, &name("a.cdn.example")),
        record("other.example", 1, 1, &[192, 0, 2, 66]),
    ];
    assert_eq!(flow.put(false, None, &message(7, 0x8180, "www.example.com", 1, &answers)), Progress::Wanted);
    assert_eq!(flow.dns.len(), 1);
    let seen = &flow.dns[0];
    assert_eq!(seen.question.as_str(), "www.example.com");
    assert_eq!(
        seen.aliases.iter().map(HostName::as_str).collect::<Vec<_>>(),
        ["a.cdn.example", "b.cdn.example"]
    );
    assert_eq!(seen.answers.len(), 1, "an address of a name off the way does not count");
    assert_eq!((seen.answers[0].addr.to_string().as_str(), seen.answers[0].ttl), ("192.0.2.9", 20));
    assert_eq!((seen.client.to_string(), seen.server.to_string()), ("10.0.0.1".into(), "10.0.0.53".into()));
    assert_eq!(flow.names(), [("www.example.com", NameOrigin::DnsQuestion)]);
    assert_eq!(flow.facts.protocol, Some("dns"));
}

#[test]
fn only_the_first_answer_to_a_question_that_was_asked_counts() {
    let answer =
        |id, flags| message(id, flags, "a.example", 1, &[record("a.example", 1, 9, &[192, 0, 2, 1])]);
    let mut flow = udp();
    flow.put(false, None, &answer(1, 0x8180));
    assert_eq!(flow.dns.len(), 0, "nobody asked");
    flow.put(true, None, &message(2, 0x0100, "a.example", 1, &[]));
    flow.put(false, None, &answer(3, 0x8180));
    assert_eq!(flow.dns.len(), 0, "another id");
    flow.put(false, None, &answer(2, 0x8180));
    flow.put(false, None, &answer(2, 0x8180));
    assert_eq!(flow.dns.len(), 1, "the second is refused");
    assert_eq!(flow.inspector.limits()["dns_unmatched_answer"], 3);
    flow.put(true, None, &message(4, 0x0100, "a.example", 1, &[]));
    flow.put(false, None, &answer(4, 0x8380));
    assert_eq!(flow.dns.len(), 1, "cut short");
    assert_eq!(flow.inspector.limits()["dns_truncated_answer"], 1);
    flow.put_at(0, true, None, &message(5, 0x0100, "a.example", 1, &[]));
    flow.put_at(11, false, None, &answer(5, 0x8180));
    assert_eq!(flow.dns.len(), 1, "too late");
}

#[test]
fn service_records_give_hints_and_targets() {
    let mut flow = udp();
    flow.put(true, None, &message(1, 0x0100, "s.example", 65, &[]));
    let hint =
        |target: &str| [&[0, 1][..], &name(target), &[0, 4, 0, 8, 192, 0, 2, 1, 192, 0, 2, 2]].concat();
    let answers = [record("s.example", 65, 60, &hint("t.example")), record("t.example", 28, 30, &[0x20; 16])];
    flow.put(false, None, &message(1, 0x8180, "s.example", 65, &answers));
    assert_eq!(flow.dns[0].answers.iter().map(|a| a.ttl).collect::<Vec<_>>(), [60, 60, 30]);
    assert_eq!(flow.dns[0].aliases[0].as_str(), "t.example");
}

#[test]
fn messages_over_tcp_are_read_at_any_cut() {
    let framed = |m: Vec<u8>| [&u16::try_from(m.len()).unwrap().to_be_bytes()[..], &m].concat();
    let ask = [1u16, 2].map(|id| framed(message(id, 0x0100, "tcp.example", id, &[]))).concat();
    let answer =
        framed(message(1, 0x8180, "tcp.example", 1, &[record("tcp.example", 1, 5, &[192, 0, 2, 3])]));
    for size in 1..ask.len() {
        let mut flow = Flow::new(Protocol::TCP, "10.0.0.1:5000", "10.0.0.53:53");
        for (forward, stream) in [(true, &ask), (false, &answer)] {
            for (i, part) in stream.chunks(size).enumerate() {
                flow.put(forward, Some(u32::try_from(i * size).unwrap()), part);
            }
        }
        assert_eq!(flow.dns.len(), 1, "cut every {size}");
        assert!(flow.state.is_some(), "more may come");
    }
}

#[test]
fn mdns_names_are_seen_but_never_believed() {
    let mut flow = Flow::new(Protocol::UDP, "10.0.0.1:5353", "224.0.0.251:5353");
    flow.put(true, None, &message(0, 0, "_x._tcp.local", 12, &[]));
    flow.put(
        true,
        None,
        &message(0, 0x8400, "_x._tcp.local", 12, &[record("h.local", 1, 9, &[10, 0, 0, 9])]),
    );
    assert_eq!(flow.facts.protocol, Some("mdns"));
    assert_eq!(flow.dns.len(), 0);
    assert_eq!(flow.names(), [("_x._tcp.local", NameOrigin::DnsQuestion)]);
}

#[test]
fn compression_cannot_loop_and_the_table_of_questions_is_bounded() {
    for tail in [&b"\xc0\x0c"[..], b"\xc0\x0e\xc0\x0c", b"\x01a\xc0\x0c", b"\xc0\xff"] {
        let bytes = [&[0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0][..], tail, &[0, 1, 0, 1]].concat();
        assert!(super::message::parse(&bytes).is_none(), "{tail:?}");
    }
    let mut flow = udp();
    for id in 0..9000 {
        flow.put(true, None, &message(id, 0x0100, "q.example", 1, &[]));
    }
    assert_eq!(flow.inspector.limits()["dns_questions_full"], 9000 - 8192);
    flow.inspector.advance(crate::model::Timestamp::from_parts(60, 0));
    assert_eq!(flow.inspector.limits()["dns_unanswered_question"], 9000);
}

/// An HTTPS question and its answer with a hint and an ECH configuration (RFC 9848).
pub(in crate::inspect) fn exchange() -> (Vec<u8>, Vec<u8>) {
    let contents =
        [&[7, 0, 0x20, 0, 4][..], &[1; 4], &[0, 4, 0, 1, 0, 1, 64, 13], b"cover.example", &[0, 0]].concat();
    let length = u16::try_from(contents.len()).unwrap();
    let config = [&0xfe0d_u16.to_be_bytes()[..], &length.to_be_bytes(), &contents].concat();
    let list = [&(length + 4).to_be_bytes()[..], &config].concat();
    let list_length = u16::try_from(list.len()).unwrap().to_be_bytes();
    let data = [&[0, 1, 0][..], &[0, 4, 0, 4, 192, 0, 2, 8], &[0, 5], &list_length, &list].concat();
    let answer = record("hidden.example", 65, 300, &data);
    (message(9, 0x0100, "hidden.example", 65, &[]), message(9, 0x8180, "hidden.example", 65, &[answer]))
}

#[test]
fn a_public_name_in_an_answer_is_told_and_from_then_on_known_as_a_cover() {
    let (question, answer) = exchange();
    let mut flow = udp();
    flow.put(true, None, &question);
    flow.put(false, None, &answer);
    let seen = &flow.dns[0];
    assert_eq!(seen.answers.len(), 1);
    let pairs: Vec<_> = seen.ech.iter().map(|e| (e.name.as_str(), e.public_name.as_str())).collect();
    assert_eq!(pairs, [("hidden.example", "cover.example")]);
    let mut tls = Flow::tcp();
    tls.inspector = flow.inspector;
    tls.put(
        true,
        Some(1),
        &crate::inspect::tests::records(&crate::inspect::tests::client_hello("cover.example", 0), &[]),
    );
    assert_eq!(tls.facts.ech, crate::model::Ech::Real);
}
