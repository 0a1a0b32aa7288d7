//! Syslog against receivers on loopback.

use std::io::BufReader;
use std::net::TcpListener;
use std::thread;

use super::*;
use crate::deliver::{AlertDocument, to_line};
use crate::model::{AlertTransition, Severity, fixture};

fn event(seq: i64, rule: &str) -> Event {
    let mut alert = fixture::alert("aa11");
    alert.rule = rule.into();
    alert.rule_name = rule.into();
    Event {
        seq,
        alert: alert.id.to_string(),
        action: "alert-opened".into(),
        severity: Severity::High,
        at: Timestamp::EPOCH,
        document: to_line(&AlertDocument::numbered(&alert, AlertTransition::Opened, seq)).unwrap(),
    }
}

fn sink(text: &str) -> Syslog {
    Syslog::open(&toml::from_str(&format!("name = 's'\nkind = 'syslog'\ntimeout = '700ms'\n{text}")).unwrap())
        .unwrap()
}

/// Reads counted octets until the end.
fn frames(stream: &mut impl Read) -> Vec<String> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    let (mut rest, mut frames) = (&bytes[..], Vec::new());
    while !rest.is_empty() {
        let space = rest.iter().position(|b| *b == b' ').unwrap();
        let length: usize = std::str::from_utf8(&rest[..space]).unwrap().parse().unwrap();
        frames.push(String::from_utf8(rest[space + 1..space + 1 + length].to_vec()).unwrap());
        rest = &rest[space + 1 + length..];
    }
    frames
}

#[test]
fn counted_octets_over_tcp_are_one_frame_an_event_and_are_confirmed_by_the_close() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let receiver = thread::spawn(move || frames(&mut listener.accept().unwrap().0));
    let mut sink = sink(&format!("transport = 'tcp'\naddress = '{address}'\nformat = 'cef'"));
    let events = [event(1, "a"), event(2, "x\"]\\\n<13>1 forged")];
    assert_eq!(sink.deliver(&events, Timestamp::EPOCH), Attempt::all(2));
    let frames = receiver.join().unwrap();
    assert_eq!(frames.len(), 2);
    assert!(frames[0].starts_with("<131>1 1970-"), "{}", frames[0]);
    assert!(frames[0].contains(
        " alert-opened [whither@32473 alert=\"aa11\" sequence=\"1\" severity=\"high\" rule=\"a\"] CEF:0|"
    ));
    assert!(
        frames[1].contains("rule=\"x\\\"\\]\\\\\\\\u{a}<13>1 forged\"]")
            || frames[1].contains("rule=\"x\\\"\\]\\\\\\u{a}<13>1 forged\"]"),
        "{}",
        frames[1]
    );
    assert!(!frames[1].contains('\n'));
}

#[test]
fn a_receiver_that_is_dead_or_silent_or_breaks_off_has_received_nothing() {
    let dead = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let attempt = |address| {
        sink(&format!("transport = 'tcp'\naddress = '{address}'")).deliver(&[event(1, "a")], Timestamp::EPOCH)
    };
    assert_eq!(attempt(dead).done, 0);
    // Takes the connection and never reads: the kernel holds the bytes, but nobody confirms them.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let outcome = attempt(silent.local_addr().unwrap());
    assert!(outcome.done == 0 && outcome.stopped.is_some());
}

#[test]
fn datagrams_go_out_in_both_styles() {
    let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = receiver.local_addr().unwrap();
    let mut bytes = vec![0; 65_536];
    for (rfc, start) in [(5424, "<131>1 1970-"), (3164, "<131>")] {
        let mut sink =
            sink(&format!("transport = 'udp'\naddress = '{address}'\nformat = 'text'\nrfc = {rfc}"));
        assert_eq!(sink.deliver(&[event(1, "a\r\nb")], Timestamp::EPOCH), Attempt::all(1));
        let got = receiver.recv(&mut bytes).unwrap();
        let text = std::str::from_utf8(&bytes[..got]).unwrap();
        assert!(text.starts_with(start), "{text}");
        assert!(!text.contains(['\r', '\n']), "{text}");
        assert_eq!(rfc == 3164, text.contains(&format!(" whither[{}]: ", std::process::id())), "{text}");
    }
}

#[test]
fn a_message_longer_than_a_datagram_is_refused_and_the_local_socket_may_come_later() {
    let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = receiver.local_addr().unwrap();
    let mut sink_udp = sink(&format!("transport = 'udp'\naddress = '{address}'"));
    let mut long = event(1, "a");
    long.document = format!("{{\"message\":\"{}\"}}", "x".repeat(70_000)).into_bytes();
    let attempt = sink_udp.deliver(&[event(1, "a"), long], Timestamp::EPOCH);
    assert_eq!((attempt.done, matches!(attempt.stopped, Some(Trouble::Refused { .. }))), (1, true));

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let mut local = sink(&format!("path = '{}'", path.display()));
    assert_eq!(local.deliver(&[event(1, "a")], Timestamp::EPOCH).done, 0);
    let server = UnixDatagram::bind(&path).unwrap();
    assert_eq!(local.deliver(&[event(1, "a")], Timestamp::EPOCH), Attempt::all(1));
    let mut bytes = vec![0; 65_536];
    assert!(server.recv(&mut bytes).unwrap() > 100);
}

#[test]
fn over_tls_a_receiver_must_be_the_one_that_its_authority_says() {
    let folder = tempfile::tempdir().unwrap();
    let Some((certificate, key)) = crate::deliver::sink::tests::certificate(folder.path(), "IP:127.0.0.1")
    else {
        return;
    };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let config = crate::deliver::sink::tests::tls_server(&certificate, &key);
    let receiver = thread::spawn(move || {
        let mut all = Vec::new();
        for _ in 0..2 {
            let (stream, _) = listener.accept().unwrap();
            let connection = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut tls = BufReader::new(rustls::StreamOwned::new(connection, stream));
            let mut bytes = Vec::new();
            if tls.read_to_end(&mut bytes).is_ok() {
                all.extend(frames(&mut &bytes[..]));
            }
        }
        all
    });
    // The public authorities do not know it.
    let text = format!("transport = 'tls'\naddress = '{address}'\n");
    assert_eq!(sink(&text).deliver(&[event(1, "a")], Timestamp::EPOCH).done, 0);
    let mut trusting = sink(&format!("{text}ca-file = '{}'", certificate.display()));
    assert_eq!(trusting.deliver(&[event(1, "a"), event(2, "b")], Timestamp::EPOCH), Attempt::all(2));
    assert_eq!(receiver.join().unwrap().len(), 2);
}
