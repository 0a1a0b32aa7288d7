//! Hellos behind a proxy's wrappings.

use crate::inspect::Progress;
use crate::inspect::tests::{Flow, client_hello, records};
use crate::model::NameOrigin;

fn hello() -> Vec<u8> {
    records(&client_hello("inner.example", 0), &[])
}

/// Feeds the client's bytes in two pieces cut at every place; gives the names, the same for all.
fn names(wrapping: &[u8]) -> Vec<(String, NameOrigin)> {
    let bytes = [wrapping, &hello()].concat();
    let read = |cut: usize| {
        let mut flow = Flow::tcp();
        let (first, second) = bytes.split_at(cut);
        flow.put(true, Some(1), first);
        flow.put(false, Some(1), b"\x05\x00\x05\x00\x00\x01\0\0\0\0\0\0");
        flow.put(true, Some(1 + u32::try_from(cut).unwrap()), second);
        flow.names().into_iter().map(|(n, o)| (n.to_owned(), o)).collect::<Vec<_>>()
    };
    let whole = read(0);
    for cut in 1..bytes.len() {
        assert_eq!(read(cut), whole, "cut at {cut}");
    }
    whole
}

fn inner() -> (String, NameOrigin) {
    ("inner.example".to_owned(), NameOrigin::TlsSni)
}

#[test]
fn names_in_requests_are_kept_and_the_inner_hello_is_read() {
    let asked = |name: &str| (name.to_owned(), NameOrigin::Socks);
    let five = b"\x05\x02\x00\x02\x01\x04user\x04pass\x05\x01\x00\x03\x0bouter.world\x01\xbb";
    assert_eq!(names(five), [asked("outer.world"), inner()]);
    assert_eq!(names(b"\x05\x01\x00\x05\x01\x00\x01\xc0\x00\x02\x07\x01\xbb"), [inner()]);
    assert_eq!(
        names(b"\x04\x01\x01\xbb\x00\x00\x00\x01me\x00four.example\x00"),
        [asked("four.example"), inner()]
    );
    assert_eq!(names(b"\x04\x01\x01\xbb\xc0\x00\x02\x07\x00"), [inner()]);
}

#[test]
fn the_proxy_protocol_is_stepped_over() {
    assert_eq!(names(b"PROXY TCP4 192.0.2.1 192.0.2.2 5000 443\r\n"), [inner()]);
    let two = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c\xc0\x00\x02\x01\xc0\x00\x02\x02\x13\x88\x01\xbb";
    assert_eq!(names(two), [inner()]);
}

#[test]
fn what_only_begins_like_a_request_is_left_alone() {
    let nowhere = [&b"\x04\x01\0\0\xc0\0\x02\x01\0"[..], b"\x04\x01\x01\xbb\0\0\0\0\0"];
    let others = [&b"\x05\x01\xff"[..], b"\x04\x03\x01\xbb", b"\x05\x01\x00\x16\x03\x01", b"PROXY X\r\n"];
    for bytes in nowhere.into_iter().chain(others) {
        let mut flow = Flow::tcp();
        flow.put(true, Some(1), b"");
        assert_eq!(flow.put(true, Some(1), bytes), Progress::Settled, "{bytes:?}");
        assert!(flow.facts.is_empty());
    }
}
