//! Records and hellos from hand-built bytes.

use super::*;
use crate::inspect::Progress;
use crate::inspect::tests::{Flow, client_hello, records, server_hello};
use crate::model::{CertificateFact, Ech, Facts, NameOrigin, ProtocolProof};

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

fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let [high, low] = u16::try_from(content.len()).unwrap().to_be_bytes();
    let length = if content.len() < 128 { vec![low] } else { vec![0x82, high, low] };
    [&[tag][..], &length, &content].concat()
}

/// A name of common name and organisation (RFC 5280 §4.1.2.4).
fn x509_name(common: &str, organisation: &str) -> Vec<u8> {
    let part = |oid: u8, text: &str| {
        let pair = der(0x30, &[&der(6, &[&[0x55, 4, oid]]), &der(0x0c, &[text.as_bytes()])]);
        der(0x31, &[&pair])
    };
    der(0x30, &[&part(10, organisation), &part(3, common)])
}

/// A certificate with a key and a signature of nothing, which nobody checks here.
pub(in crate::inspect) fn certificate() -> Vec<u8> {
    let algorithm = der(0x30, &[&der(6, &[&[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2]])]);
    let key_algorithm = der(0x30, &[&der(6, &[&[0x2b, 0x65, 0x70]])]);
    let key = der(0x30, &[&key_algorithm, &der(3, &[&[0], &[5; 32]])]);
    let validity = der(0x30, &[&der(0x17, &[b"260101000000Z"]), &der(0x17, &[b"270101000000Z"])]);
    let dns = |name: &str| der(0x82, &[name.as_bytes()]);
    let many: Vec<Vec<u8>> = (0..20).map(|n| dns(&format!("n{n}.example"))).collect();
    let names = der(0x30, &[&dns("*.Cert.example"), &dns("seed.example"), &many.concat()]);
    let alternative = der(0x30, &[&der(6, &[&[0x55, 0x1d, 0x11]]), &der(4, &[&names])]);
    let extensions = der(0xa3, &[&der(0x30, &[&alternative])]);
    let body = der(
        0x30,
        &[
            &der(0xa0, &[&der(2, &[&[2]])]),
            &der(2, &[&[1]]),
            &algorithm,
            &x509_name("Root\u{202e} CA", "Trust Ltd"),
            &validity,
            &x509_name("cert.example", "Beispiel Gr\u{f6}\u{df}e GmbH"),
            &key,
            &extensions,
        ],
    );
    der(0x30, &[&body, &algorithm, &der(3, &[&[0], &[6; 64]])])
}

/// The first flight of a server of TLS 1.2: hello, certificate, done.
pub(in crate::inspect) fn server_flight() -> Vec<u8> {
    let three = |n: usize| u32::try_from(n).unwrap().to_be_bytes()[1..].to_vec();
    let der = certificate();
    let list = [three(der.len()), der].concat();
    let body = [three(list.len()), list].concat();
    let message = [vec![11], three(body.len()), body].concat();
    records(&[server_hello(false), message, vec![14, 0, 0, 0]].concat(), &[90, 700])
}

#[test]
fn a_certificate_in_clear_gives_names_and_organisation_however_the_stream_is_cut() {
    let flight = server_flight();
    let hello = records(&client_hello("seed.example", 0), &[]);
    for cut in (1..flight.len()).step_by(13) {
        let mut flow = Flow::tcp();
        flow.put(true, Some(1), b"");
        assert_eq!(flow.put(true, Some(1), &hello), Progress::Wanted);
        flow.put(false, Some(1), &flight[..cut]);
        flow.put(false, Some(1 + u32::try_from(cut).unwrap()), &flight[cut..]);
        assert!(flow.state.is_none(), "{cut}");
        let names = flow.names();
        assert_eq!(names[0], ("seed.example", NameOrigin::TlsSni));
        assert_eq!(names[1], ("cert.example", NameOrigin::Certificate));
        assert_eq!(names[2], ("*.cert.example", NameOrigin::Certificate));
        assert_eq!(names.len(), 9);
        assert_eq!(flow.facts.tls_selected, Some(0x0303));
        let certificate = flow.facts.certificate.as_ref().unwrap();
        assert_eq!(certificate.organisation.as_deref(), Some("Beispiel Gr\u{f6}\u{df}e GmbH"));
        assert_eq!(certificate.issuer.as_deref(), Some("Root\\u{202e} CA"));
        assert_eq!(certificate.issuer_organisation.as_deref(), Some("Trust Ltd"));
        assert_eq!((certificate.self_issued, certificate.dns_names), (false, 22));
        assert_eq!(flow.facts.host().map(|h| h.name.as_str()), Some("seed.example"));
    }
}

/// A ServerHello of TLS 1.2 with one extension.
fn choosing(kind: u16, value: &[u8]) -> Vec<u8> {
    let length = |n: usize| u16::try_from(n).unwrap().to_be_bytes();
    let extension = [&kind.to_be_bytes()[..], &length(value.len()), value].concat();
    let body = [&[3, 3][..], &[9; 32], &[0, 0xc0, 0x2f, 0], &length(extension.len()), &extension].concat();
    [&[2, 0, 0, u8::try_from(body.len()).unwrap()][..], &body].concat()
}

#[test]
fn the_protocol_that_the_server_chose_is_read_and_printable() {
    let chosen = |value: &[u8]| {
        let mut flow = Flow::tcp();
        flow.put(true, Some(1), &records(&client_hello("a.example", 0), &[]));
        flow.put(false, Some(1), b"");
        flow.put(false, Some(1), &records(&choosing(16, value), &[7]));
        assert_eq!(flow.facts.tls_selected, Some(0x0303));
        flow.facts.alpn_selected
    };
    assert_eq!(chosen(b"\0\x03\x02h2").as_deref(), Some("h2"));
    assert_eq!(chosen(b"\0\x03\x02h\x1b").as_deref(), Some("h\\x1b"));
    for bad in [&b""[..], b"\0", b"\0\x01\0", b"\0\x09\x08h2"] {
        assert_eq!(chosen(bad), None, "{bad:?}");
    }
}

#[test]
fn a_session_taken_up_again_is_told_from_one_without_a_certificate() {
    let resumed = |messages: &[u8], after: &[u8]| {
        let mut flow = Flow::tcp();
        flow.put(true, Some(1), &records(&client_hello("a.example", 0), &[]));
        flow.put(false, Some(1), b"");
        flow.put(false, Some(1), &[&records(messages, &[]), after].concat());
        flow.facts.tls_resumed
    };
    let (change, alert) = (b"\x14\x03\x03\x00\x01\x01", b"\x15\x03\x03\x00\x02\x02\x28");
    let ticket = [4, 0, 0, 2, 0, 0];
    assert!(resumed(&server_hello(false), change));
    assert!(resumed(&[server_hello(false), ticket.to_vec()].concat(), change));
    assert!(!resumed(&server_hello(false), alert), "it was refused");
    assert!(!resumed(&server_hello(false), b""), "not known yet");
    assert!(!resumed(&server_hello(true), change), "TLS 1.3 sends that to please boxes in between");
    let anonymous = [server_hello(false), vec![12, 0, 0, 1, 0], vec![14, 0, 0, 0]].concat();
    assert!(!resumed(&anonymous, change), "keys were agreed on anew");
    let mut flow = Flow::tcp();
    flow.put(false, Some(1), b"");
    flow.put(false, Some(1), &server_flight());
    assert!(!flow.facts.tls_resumed && flow.facts.certificate.is_some());
}

/// A ServerHello of TLS 1.3; `key`: it took a key that both had before.
fn newest(random: &[u8; 32], key: bool) -> Vec<u8> {
    let versions = [0, 43, 0, 2, 3, 4];
    let taken: &[u8] = if key { &[0, 41, 0, 2, 0, 0] } else { &[] };
    let length = [0, u8::try_from(versions.len() + taken.len()).unwrap()];
    let body = [&[3, 3][..], random, &[0, 0x13, 1, 0], &length, taken, &versions].concat();
    [&[2, 0, 0, u8::try_from(body.len()).unwrap()][..], &body].concat()
}

#[test]
fn a_key_taken_up_again_is_seen_also_after_the_server_asked_for_another_hello() {
    let again = b"\xcf\x21\xad\x74\xe5\x9a\x61\x11\xbe\x1d\x8c\x02\x1e\x65\xb8\x91\
        \xc2\xa2\x11\x16\x7a\xbb\x8c\x5e\x07\x9e\x09\xe2\xc8\xa8\x33\x9c";
    let change = b"\x14\x03\x03\x00\x01\x01";
    let said = |parts: &[&[u8]]| {
        let mut flow = Flow::tcp();
        flow.put(true, Some(1), &records(&client_hello("a.example", 0), &[]));
        flow.put(false, Some(1), b"");
        let mut seq = 1;
        for part in parts {
            flow.put(false, Some(seq), part);
            seq += u32::try_from(part.len()).unwrap();
        }
        assert_eq!(flow.facts.tls_selected, Some(0x0304));
        (flow.facts.tls_resumed, flow.state.is_none())
    };
    let message = |random, key| records(&newest(random, key), &[]);
    assert_eq!(said(&[&message(&[9; 32], true)]), (true, true));
    assert_eq!(said(&[&message(&[9; 32], false)]), (false, true));
    assert_eq!(said(&[&message(again, false), change]), (false, false), "the hello is still to come");
    assert_eq!(said(&[&message(again, false), change, &message(&[9; 32], true)]), (true, true));
    assert_eq!(said(&[&message(again, false), &message(&[9; 32], false)]), (false, true));
}

#[test]
fn a_hello_cut_and_reversed_beyond_the_limit_gives_no_name_and_leaves_the_servers_ones() {
    let hello = records(&client_hello("reversed.example", 200), &[]);
    // Of the last one so much comes besides that nobody waits for the server any more.
    for (size, readable, waited) in [(8, true, true), (3, false, true), (1, false, false)] {
        let mut flow = Flow::tcp();
        flow.put(true, Some(1), b"");
        let parts: Vec<(usize, &[u8])> = hello.chunks(size).enumerate().map(|(n, p)| (n * size, p)).collect();
        for (at, part) in parts.iter().rev() {
            flow.put(true, Some(1 + u32::try_from(*at).unwrap()), part);
        }
        flow.put(false, Some(1), b"");
        flow.put(false, Some(1), &server_flight());
        let said = flow.names().contains(&("reversed.example", NameOrigin::TlsSni));
        assert_eq!(said, readable, "{} parts", parts.len());
        let invented = |n: &(&str, NameOrigin)| n.1 != NameOrigin::Certificate && n.0 != "reversed.example";
        assert!(!flow.names().iter().any(invented), "{:?}", flow.names());
        let certified = flow.names().contains(&("cert.example", NameOrigin::Certificate));
        assert_eq!(certified, waited, "{} parts", parts.len());
        assert_eq!(flow.inspector.limits()["stream_limit"], u64::from(!readable), "{} parts", parts.len());
        assert!(flow.state.is_none(), "and it is settled");
    }
}

#[test]
fn a_server_that_shows_no_certificate_settles_the_flow() {
    let resumed = [records(&server_hello(false), &[]), b"\x14\x03\x03\x00\x01\x01".to_vec()].concat();
    for answer in [records(&server_hello(true), &[]), resumed, b"\x15\x03\x03\x00\x02\x02\x28".to_vec()] {
        let mut flow = Flow::tcp();
        flow.put(true, Some(1), &records(&client_hello("a.example", 0), &[]));
        flow.put(false, Some(1), b"");
        assert_eq!(flow.put(false, Some(1), &answer), Progress::Settled, "{answer:02x?}");
        assert_eq!(flow.facts.certificate, None);
    }
}

#[test]
fn a_visible_name_that_is_a_public_name_is_a_cover_and_any_other_may_be_one() {
    let ech = |name: &str| {
        let mut flow = Flow::tcp();
        flow.put(true, Some(1), &records(&client_hello(name, 0), &[]));
        flow.facts.ech
    };
    assert_eq!(ech("cloudflare-ech.com"), Ech::Real);
    assert_eq!(ech("performance.example"), Ech::Present);
}

#[test]
fn hellos_and_certificates_that_one_application_shows_name_its_protocol() {
    let offered = |protocol: &[u8]| {
        let mut facts = Facts::default();
        own::by_protocols(&[b"h2", protocol], &mut facts);
        (facts.app_protocol, facts.app_protocol_proof)
    };
    assert_eq!(offered(b"anydesk/9.0.1/win"), (Some("anydesk"), ProtocolProof::Strong));
    assert_eq!(offered(b"apns-security-v3").0, Some("apns"));
    assert_eq!(offered(b"bep/1.0").0, Some("syncthing"));
    for other in [&b"anydesk"[..], b"http/1.1", b"apns", b"be"] {
        assert_eq!(offered(other).0, None, "{other:?}");
    }
    let shown = |common: &str, self_issued: bool, issuer: (&str, &str)| {
        let mut facts = Facts::default();
        let certificate = CertificateFact {
            common_name: Some(common.into()),
            organisation: None,
            issuer: Some(issuer.0.into()),
            issuer_organisation: Some(issuer.1.into()),
            self_issued,
            dns_names: 0,
        };
        own::by_certificate(&certificate, &mut facts);
        facts.app_protocol
    };
    assert_eq!(shown("AnyDesk Client", true, ("AnyDesk Client", "")), Some("anydesk"));
    assert_eq!(shown("AnyDesk Client", false, ("Some CA", "")), None, "an authority signed it");
    assert_eq!(shown("AnyDesk Clients", true, ("AnyDesk Clients", "")), None);
    assert_eq!(shown("AnyNet Relay", false, ("AnyNet Root CA", "philandro Software GmbH")), Some("anydesk"));
    assert_eq!(shown("AnyNet Relay", false, ("AnyNet Root CA", "Others")), None);
    assert_eq!(shown("syncthing", true, ("syncthing", "Syncthing")), Some("syncthing"));
}

#[test]
fn the_protocol_of_a_hello_goes_into_the_facts_beside_tls() {
    let hello = client_hello("a.example", 0);
    let at = hello.windows(3).position(|w| w == b"\x02h2").unwrap();
    let mut own = hello.clone();
    // The list of two protocols becomes one of the same length.
    own[at..at + 12].copy_from_slice(b"\x0banydesk/9.0");
    let mut flow = Flow::tcp();
    flow.put(true, Some(1), &records(&own, &[]));
    assert_eq!((flow.facts.app_protocol, flow.facts.protocol), (Some("anydesk"), Some("tls")));
}
