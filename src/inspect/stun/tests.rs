//! Messages from hand-built attributes.

use crate::inspect::Progress;
use crate::inspect::dtls::tests::{datagram, hello_body};
use crate::inspect::tests::{Flow, endpoint};
use crate::model::{NameOrigin, Protocol};

fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(value.len()).unwrap().to_be_bytes();
    let padding = vec![0; value.len().wrapping_neg() % 4];
    [&kind.to_be_bytes()[..], &length, value, &padding].concat()
}

pub(in crate::inspect) fn message(kind: u16, attributes: &[Vec<u8>]) -> Vec<u8> {
    let attributes = attributes.concat();
    let length = u16::try_from(attributes.len()).unwrap().to_be_bytes();
    [&kind.to_be_bytes()[..], &length, &[0x21, 0x12, 0xa4, 0x42], &[7; 12], &attributes].concat()
}

/// A test of ICE, as browsers send it.
pub(in crate::inspect) fn check() -> Vec<u8> {
    message(
        1,
        &[
            attribute(6, b"abcd:efgh"),
            attribute(0x0024, &[0; 4]),
            attribute(0x802a, &[0; 8]),
            attribute(8, &[0; 20]),
            attribute(0x8028, &[0; 4]),
        ],
    )
}

fn xored(addr: [u8; 4], port: u16) -> Vec<u8> {
    let mask = [0x21, 0x12, 0xa4, 0x42];
    let addr: Vec<u8> = addr.iter().zip(mask).map(|(a, m)| a ^ m).collect();
    [&[0, 1][..], &(port ^ 0x2112).to_be_bytes(), &addr].concat()
}

#[test]
fn a_path_between_agents_makes_the_far_end_a_peer_and_its_hello_is_still_read() {
    let mut flow = Flow::new(Protocol::UDP, "10.0.0.1:50000", "192.0.2.9:61000");
    assert_eq!(flow.put(true, None, &check()), Progress::Wanted);
    assert!(flow.facts.peer);
    assert_eq!(flow.facts.protocol, Some("stun"));
    let hello = hello_body("peer.example", 0);
    assert_eq!(flow.put(true, None, &datagram(&hello, 0, 0, hello.len())), Progress::Settled);
    assert_eq!(flow.names(), [("peer.example", NameOrigin::DtlsSni)]);
    assert!(flow.facts.peer && flow.facts.stun.as_ref().is_some_and(|s| s.ice));
}

#[test]
fn a_server_is_told_by_its_port_or_by_the_lack_of_ice() {
    let mut flow = Flow::new(Protocol::UDP, "10.0.0.1:50000", "192.0.2.9:3478");
    flow.put(true, None, &check());
    assert!(!flow.facts.peer);
    let mut flow = Flow::new(Protocol::UDP, "10.0.0.1:50000", "192.0.2.9:9999");
    flow.put(true, None, &message(1, &[]));
    let answer = message(
        0x0101,
        &[
            attribute(0x0020, &xored([198, 51, 100, 7], 4000)),
            attribute(0x8022, b"Coturn \xff\x00"),
            attribute(0x0014, b"turn.example"),
            attribute(0x0016, &xored([198, 51, 100, 8], 4001)),
        ],
    );
    flow.put(false, None, &answer);
    flow.put(true, None, &message(0x0008, &[attribute(0x0012, &xored([203, 0, 113, 5], 4002))]));
    let stun = flow.facts.stun.as_ref().unwrap();
    assert!(!flow.facts.peer && !stun.ice);
    assert_eq!(stun.software.as_deref(), Some("Coturn \\xff"));
    assert_eq!(stun.realm.as_deref(), Some("turn.example"));
    assert_eq!(stun.mapped, Some(endpoint("198.51.100.7:4000")));
    assert_eq!(stun.relayed, [endpoint("198.51.100.8:4001")]);
    assert_eq!(stun.peers, [endpoint("203.0.113.5:4002")]);
}

#[test]
fn messages_in_a_stream_are_cut_apart_with_and_without_framing() {
    let one = message(3, &[attribute(0x8022, b"client")]);
    let two = message(3, &[attribute(0x0014, b"realm.example")]);
    let framed = |m: &[u8]| [&u16::try_from(m.len()).unwrap().to_be_bytes(), m].concat();
    for bytes in [[one.clone(), two.clone()].concat(), [framed(&one), framed(&two)].concat()] {
        for cut in 1..bytes.len() {
            let mut flow = Flow::tcp();
            flow.put(true, Some(1), b"");
            flow.put(true, Some(1), &bytes[..cut]);
            flow.put(true, Some(1 + u32::try_from(cut).unwrap()), &bytes[cut..]);
            let stun = flow.facts.stun.as_ref().unwrap();
            assert_eq!(stun.software.as_deref(), Some("client"), "{cut}");
            assert_eq!(stun.realm.as_deref(), Some("realm.example"), "{cut}");
        }
    }
}
