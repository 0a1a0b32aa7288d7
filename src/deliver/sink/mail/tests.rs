//! A mail server on loopback that follows a script.

use std::net::TcpListener;
use std::thread::{self, JoinHandle};

use super::*;
use crate::deliver::{AlertDocument, to_line};
use crate::model::{AlertTransition, Severity, fixture};

fn event() -> Event {
    let mut alert = fixture::alert("aa11");
    alert.rule_name = "x\r\nBcc: evil@example.org\r\n\r\n.\r\nMAIL FROM:<x>".into();
    Event {
        seq: 7,
        alert: "aa11".into(),
        action: "alert-opened".into(),
        severity: Severity::High,
        at: Timestamp::from_parts(1_767_323_045, 0),
        document: to_line(&AlertDocument::new(&alert, AlertTransition::Opened)).unwrap(),
    }
}

/// Answers each command with 250 (354 to DATA), or with `other` where the command begins so; gives what it heard.
fn server(other: &'static str, answer: &'static str) -> (String, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let thread = thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let mut out = stream.try_clone().unwrap();
        let mut heard = Vec::new();
        let mut data = false;
        out.write_all(b"220-hello\r\n220 ready\r\n").unwrap();
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            let reply = match line.as_str() {
                "." if data => {
                    data = false;
                    "250 taken"
                }
                _ if data => "",
                line if line.starts_with(other) => answer,
                "DATA" => {
                    data = true;
                    "354 go on"
                }
                "QUIT" => "221 bye",
                _ => "250-first\r\n250 fine",
            };
            heard.push(line);
            if !reply.is_empty() && out.write_all(format!("{reply}\r\n").as_bytes()).is_err() {
                break;
            }
        }
        heard
    });
    (address, thread)
}

fn sink(address: &str) -> Mail {
    let text = format!(
        "name = 'm'\nkind = 'mail'\naddress = '{address}'\nsecurity = 'none'\nfrom = 'w@example.org'\nto = ['a@example.org', 'b@example.org']\ntimeout = '2s'"
    );
    Mail::open(&toml::from_str(&text).unwrap()).unwrap()
}

#[test]
fn a_message_goes_to_all_receivers_and_no_name_becomes_a_header_or_a_command() {
    let (address, server) = server("nothing", "");
    assert_eq!(sink(&address).deliver(&[event()], Timestamp::EPOCH), Attempt::all(1));
    let heard = server.join().unwrap();
    let commands: Vec<&str> =
        heard.iter().map(String::as_str).filter(|l| l.starts_with("RCPT") || l.starts_with("MAIL")).collect();
    assert_eq!(commands, ["MAIL FROM:<w@example.org>", "RCPT TO:<a@example.org>", "RCPT TO:<b@example.org>"]);
    assert!(!heard.iter().any(|l| l.starts_with("Bcc")), "{heard:?}");
    assert!(heard.contains(&"Message-ID: <aa11.7@whither.invalid>".to_owned()));
    assert!(heard.contains(&"Date: Fri, 2 Jan 2026 03:04:05 -0000".to_owned()), "{heard:?}");
    let longest = heard.iter().map(String::len).max().unwrap();
    assert!(longest <= 78, "{longest}");
}

#[test]
fn answers_decide_between_again_and_given_up() {
    for (command, answer, refused) in
        [("RCPT", "550 no such user", true), ("RCPT", "450 later", false), ("MAIL", "no smtp", false)]
    {
        let (address, _server) = server(command, answer);
        let attempt = sink(&address).deliver(&[event()], Timestamp::EPOCH);
        assert_eq!(attempt.done, 0);
        assert_eq!(matches!(attempt.stopped, Some(Trouble::Refused { .. })), refused, "{command} {answer}");
    }
}

#[test]
fn a_mail_server_that_drips_is_left_at_the_deadline() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        while stream.write_all(b"2").is_ok() {
            thread::sleep(Duration::from_millis(20));
        }
    });
    let attempt = sink(&address).deliver(&[event()], Timestamp::EPOCH);
    assert!(attempt.done == 0 && attempt.stopped.is_some());
}
