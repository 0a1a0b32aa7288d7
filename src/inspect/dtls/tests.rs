//! Hellos cut into fragments, from hand-built bytes.

use crate::inspect::Progress;
use crate::inspect::tests::{Flow, client_hello};
use crate::model::{NameOrigin, Protocol};

/// The body of a DTLS 1.2 ClientHello with an empty cookie.
pub(in crate::inspect) fn hello_body(name: &str, pad: usize) -> Vec<u8> {
    let message = client_hello(name, pad);
    // Behind version, random and the empty session id stands the cookie.
    let (start, rest) = message[4..].split_at(35);
    [&[0xfe, 0xfd][..], &start[2..], &[0], rest].concat()
}

/// One datagram with one record with one fragment.
pub(in crate::inspect) fn datagram(body: &[u8], number: u16, from: usize, to: usize) -> Vec<u8> {
    let three = |n: usize| u32::try_from(n).unwrap().to_be_bytes()[1..].to_vec();
    let part = &body[from..to];
    let handshake =
        [&[1][..], &three(body.len()), &number.to_be_bytes(), &three(from), &three(part.len()), part]
            .concat();
    let length = u16::try_from(handshake.len()).unwrap().to_be_bytes();
    [&[22, 0xfe, 0xff, 0, 0, 0, 0, 0, 0, 0, 1][..], &length, &handshake].concat()
}

fn udp() -> Flow {
    Flow::new(Protocol::UDP, "10.0.0.1:40000", "192.0.2.1:4433")
}

#[test]
fn a_hello_in_one_datagram_gives_name_and_fingerprint() {
    let body = hello_body("d.example", 0);
    let mut flow = udp();
    assert_eq!(flow.put(true, None, &datagram(&body, 0, 0, body.len())), Progress::Settled);
    assert_eq!(flow.names(), [("d.example", NameOrigin::DtlsSni)]);
    assert!(
        flow.facts.ja4.as_deref().unwrap().starts_with("dd2d")
            || flow.facts.ja4.as_deref().unwrap().starts_with("d13d")
    );
}

#[test]
fn fragments_out_of_order_twice_and_overlapping_make_one_hello() {
    let body = hello_body("parts.example", 900);
    let end = body.len();
    let mut flow = udp();
    assert_eq!(flow.put(true, None, &datagram(&body, 1, 600, end)), Progress::Wanted);
    assert_eq!(flow.put(true, None, &datagram(&body, 1, 600, end)), Progress::Wanted);
    assert_eq!(flow.put(true, None, &datagram(&body, 1, 300, 700)), Progress::Wanted);
    assert_eq!(flow.facts.ja4, None);
    assert_eq!(flow.put(true, None, &datagram(&body, 1, 0, 310)), Progress::Settled);
    assert_eq!(flow.names(), [("parts.example", NameOrigin::DtlsSni)]);
    assert!(flow.facts.ja4.is_some());
}

#[test]
fn a_hello_that_never_ends_is_given_up_and_counted() {
    let body = hello_body("x.example", 2000);
    let mut flow = udp();
    let piece = datagram(&body, 0, 500, 600);
    let fed = (0..200).take_while(|_| flow.put(true, None, &piece) == Progress::Wanted).count();
    assert_eq!(fed, 31);
    assert_eq!(flow.inspector.limits()["dtls_limit"], 1);
}

#[test]
fn the_hello_that_answers_a_cookie_is_another_message() {
    let (first, second) = (hello_body("first.example", 900), hello_body("second.example", 910));
    let mut flow = udp();
    assert_eq!(flow.put(true, None, &datagram(&first, 0, 0, 500)), Progress::Wanted);
    assert_eq!(flow.put(true, None, &datagram(&second, 1, 0, second.len())), Progress::Settled);
    assert!(flow.names().contains(&("second.example", NameOrigin::DtlsSni)), "{:?}", flow.names());
    assert!(flow.facts.ja4.is_some());
}

#[test]
fn a_fragment_that_reaches_beyond_its_message_is_left_out() {
    let body = hello_body("whole.example", 0);
    let longer = [&body[..], b"more"].concat();
    let mut lying = datagram(&longer, 0, 0, longer.len());
    // The record and the fragment are as long as they say; the message claims to be shorter.
    lying[14..17].copy_from_slice(&u32::try_from(body.len()).unwrap().to_be_bytes()[1..]);
    let mut flow = udp();
    assert_eq!(flow.put(true, None, &lying), Progress::Wanted);
    assert_eq!((flow.names(), flow.facts.ja4.is_some()), (vec![], false));
    assert_eq!(flow.put(true, None, &datagram(&body, 0, 0, body.len())), Progress::Settled);
    assert_eq!(flow.names(), [("whole.example", NameOrigin::DtlsSni)]);
}
