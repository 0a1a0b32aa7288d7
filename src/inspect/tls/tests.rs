//! Records and hellos from hand-built bytes.

use super::*;
use crate::inspect::tests::{client_hello, records};

#[test]
fn a_hello_in_records_of_one_byte_is_whole_again() {
    let message = client_hello("one.example", 10);
    let Hello::Whole(body) = find_client_hello(&records(&message, &[1])) else { panic!("no hello") };
    assert_eq!(body, message[4..]);
}

#[test]
fn every_beginning_of_a_hello_asks_for_more() {
    let stream = records(&client_hello("part.example", 0), &[50]);
    for n in 1..stream.len() {
        assert!(matches!(find_client_hello(&stream[..n]), Hello::NeedMore | Hello::Partial(_)), "{n}");
    }
}

#[test]
fn a_server_hello_and_an_sslv2_hello_are_tls_without_a_name() {
    assert_eq!(find_client_hello(b"\x16\x03\x03\x00\x40\x02\x00\x00\x3c"), Hello::Server);
    assert_eq!(find_client_hello(b"\x80\x1c\x01\x03\x01\x00\x03\x00\x00\x00\x10"), Hello::Ssl2);
    assert_eq!(find_client_hello(b"SSH-2.0"), Hello::No);
}
