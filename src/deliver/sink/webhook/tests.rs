//! Webhooks against servers on loopback that behave badly, and against one that behaves.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use crate::deliver::sink::config::SinkConfig;
use crate::deliver::{AlertDocument, to_line};
use crate::model::{AlertTransition, Severity, fixture};

use super::*;

/// A request as the server saw it.
#[derive(Debug, Clone, Default)]
struct Seen {
    head: Vec<String>,
    body: Vec<u8>,
}

impl Seen {
    fn header(&self, name: &str) -> &str {
        let find = |line: &&String| line.to_lowercase().starts_with(&format!("{name}: "));
        self.head.iter().find(find).map_or("", |line| &line[name.len() + 2..])
    }
}

/// Reads one request; `None` at the end of the connection.
fn read(stream: &mut BufReader<TcpStream>) -> Option<Seen> {
    let mut seen = Seen::default();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end() {
            "" => break,
            line => seen.head.push(line.to_owned()),
        }
    }
    let length = seen.header("content-length").parse().unwrap_or(0);
    seen.body = vec![0; length];
    stream.read_exact(&mut seen.body).ok()?;
    Some(seen)
}

/// Answers every request as told, until the test ends.
fn server(
    answer: impl Fn(usize, &mut TcpStream) + Send + Sync + 'static,
) -> (SocketAddr, Arc<Mutex<Vec<Seen>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let log = Arc::new(Mutex::new(Vec::new()));
    let (shared, answer) = (Arc::clone(&log), Arc::new(answer));
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let (shared, answer) = (Arc::clone(&shared), Arc::clone(&answer));
            thread::spawn(move || {
                let mut out = stream.try_clone().unwrap();
                let mut stream = BufReader::new(stream);
                while let Some(seen) = read(&mut stream) {
                    let number = {
                        let mut log = shared.lock().unwrap();
                        log.push(seen);
                        log.len()
                    };
                    answer(number, &mut out);
                }
            });
        }
    });
    (address, log)
}

fn say(out: &mut TcpStream, text: &str) {
    let _gone = out.write_all(text.as_bytes());
}

fn ok(out: &mut TcpStream) {
    say(out, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
}

fn config(address: SocketAddr, more: &str) -> SinkConfig {
    toml::from_str(&format!(
        "name = 'w'\nkind = 'webhook'\nurl = 'http://{address}/hook'\nallow-private = true\ntimeout = '700ms'\n{more}"
    ))
    .unwrap()
}

fn events(count: i64) -> Vec<Event> {
    (1..=count)
        .map(|seq| {
            let alert = fixture::alert(&format!("aa{seq}"));
            let document = to_line(&AlertDocument::numbered(&alert, AlertTransition::Opened, seq)).unwrap();
            Event {
                seq,
                alert: alert.id.to_string(),
                action: "alert-opened".into(),
                severity: Severity::High,
                at: Timestamp::EPOCH,
                document,
            }
        })
        .collect()
}

fn now() -> Timestamp {
    Timestamp::from_parts(1_767_323_045, 0)
}

fn why(attempt: &Attempt) -> &str {
    match &attempt.stopped {
        Some(Trouble::Later { why, .. }) => why,
        other => panic!("expected to be tried again, got {other:?}"),
    }
}

#[test]
fn a_request_carries_the_document_its_id_and_a_signature_over_time_and_body() {
    let (address, log) = server(|_, out| ok(out));
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key");
    std::fs::write(&key, "CANARY-key").unwrap();
    std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let more = format!("secret-file = '{0}'\ntoken-file = '{0}'", key.display());
    let mut sink = Webhook::open(&config(address, &more)).unwrap();
    let sent = events(3);
    assert_eq!(sink.deliver(&sent, now()), Attempt::all(3));
    let log = log.lock().unwrap();
    assert_eq!(log.len(), 3);
    for (seen, event) in log.iter().zip(&sent) {
        assert_eq!(seen.head[0], "POST /hook HTTP/1.1");
        assert_eq!(seen.body, event.document.trim_ascii_end());
        assert_eq!(seen.header("x-whither-id"), format!("{}-{}", event.alert, event.seq));
        assert_eq!(seen.header("authorization"), "Bearer CANARY-key");
        let mut signed = seen.header("x-whither-timestamp").as_bytes().to_vec();
        signed.push(b'.');
        signed.extend_from_slice(&seen.body);
        let mac = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, b"CANARY-key"), &signed);
        let mut hex = String::new();
        for byte in mac.as_ref() {
            let _ = write!(hex, "{byte:02x}");
        }
        assert_eq!(seen.header("x-whither-signature"), format!("sha256={hex}"));
    }
}

#[test]
fn a_server_that_is_dead_silent_or_dripping_costs_one_deadline_and_is_tried_again() {
    let dead = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut sink = Webhook::open(&config(dead, "")).unwrap();
    assert_eq!(sink.deliver(&events(2), now()).done, 0);

    let (silent, _) = server(|_, _| thread::sleep(Duration::from_secs(20)));
    let mut sink = Webhook::open(&config(silent, "")).unwrap();
    assert_eq!(why(&sink.deliver(&events(1), now())), "no answer within the deadline");

    // One byte at a time: the head never ends.
    let (dripping, log) = server(|_, out| {
        for byte in "HTTP/1.1 200 OK\r\nX-Slow: ".bytes().chain(std::iter::repeat_n(b'x', 1 << 20)) {
            if out.write_all(&[byte]).is_err() {
                return;
            }
            thread::sleep(Duration::from_millis(20));
        }
    });
    let mut sink = Webhook::open(&config(dripping, "")).unwrap();
    assert_eq!(why(&sink.deliver(&events(1), now())), "no answer within the deadline");
    assert_eq!(log.lock().unwrap().len(), 1);
}

#[test]
fn of_an_endless_answer_no_more_than_a_connection_is_worth_is_read() {
    let written = Arc::new(Mutex::new(0_u64));
    let count = Arc::clone(&written);
    let (address, _) = server(move |_, out| {
        say(out, "HTTP/1.1 200 OK\r\nContent-Length: 10737418240\r\n\r\n");
        let chunk = vec![b'x'; 64 << 10];
        while out.write_all(&chunk).is_ok() {
            *count.lock().unwrap() += chunk.len() as u64;
        }
    });
    let mut sink = Webhook::open(&config(address, "")).unwrap();
    assert_eq!(sink.deliver(&events(2), now()), Attempt::all(2));
    drop(sink);
    // What the kernel buffers on the way is more than what was read, and far less than what was offered.
    assert!(*written.lock().unwrap() < 64 << 20);
}

#[test]
fn answers_decide_between_delivered_again_and_given_up() {
    for (status, again) in [
        (500, true),
        (503, true),
        (429, true),
        (408, true),
        (302, true),
        (400, false),
        (404, false),
        (413, false),
    ] {
        let (address, log) = server(move |_, out| {
            say(
                out,
                &format!(
                    "HTTP/1.1 {status} X\r\nRetry-After: 7\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n"
                ),
            );
        });
        let mut sink = Webhook::open(&config(address, "")).unwrap();
        let attempt = sink.deliver(&events(2), now());
        assert_eq!(attempt.done, 0, "{status}");
        match attempt.stopped.unwrap() {
            Trouble::Later { after, .. } => {
                assert!(again, "{status}");
                assert_eq!(after, Some(Duration::from_secs(7)));
            }
            Trouble::Refused { .. } => assert!(!again, "{status}"),
        }
        assert_eq!(
            log.lock().unwrap().len(),
            1,
            "{status}: nothing is followed and nothing repeated at once"
        );
    }
}

#[test]
fn patience_is_read_as_seconds_or_as_a_date_and_has_an_end() {
    assert_eq!(patience("120", now()), Some(Duration::from_secs(120)));
    assert_eq!(patience("Fri, 02 Jan 2026 03:04:15 GMT", now()), Some(Duration::from_secs(10)));
    assert_eq!(patience("99999999", now()), Some(MAX_PATIENCE));
    assert_eq!(patience("soon", now()), None);
}

#[test]
fn after_a_failure_in_the_middle_the_rest_arrives_under_the_same_ids() {
    let (address, log) = server(|number, out| {
        if (3..=4).contains(&number) {
            say(out, "HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n");
        } else {
            ok(out);
        }
    });
    let mut sink = Webhook::open(&config(address, "")).unwrap();
    let all = events(5);
    let mut done = 0;
    while done < all.len() {
        done += sink.deliver(&all[done..], now()).done;
    }
    let ids: Vec<String> = log.lock().unwrap().iter().map(|s| s.header("x-whither-id").to_owned()).collect();
    assert_eq!(ids, ["aa1-1", "aa2-2", "aa3-3", "aa3-3", "aa3-3", "aa4-4", "aa5-5"]);
}

#[test]
fn this_host_and_private_addresses_are_reached_only_where_that_is_allowed() {
    let (address, log) = server(|_, out| ok(out));
    let mut config = config(address, "");
    config.allow_private = None;
    for host in ["127.0.0.1", "localhost", "2130706433", "[::ffff:127.0.0.1]"] {
        config.url = Some(format!("http://{host}:{}/", address.port()));
        let mut sink = Webhook::open(&config).unwrap();
        assert_eq!(sink.deliver(&events(1), now()).done, 0, "{host}");
    }
    config.allow_private = Some(true);
    for host in ["169.254.169.254", "[::ffff:169.254.169.254]", "2852039166", "[fe80::1]", "0.0.0.0"] {
        config.url = Some(format!("http://{host}:{}/", address.port()));
        let mut sink = Webhook::open(&config).unwrap();
        assert!(why(&sink.deliver(&events(1), now())).contains("may not be reached"), "{host}");
    }
    assert!(log.lock().unwrap().is_empty());
}

#[test]
fn a_secret_address_is_in_no_message() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("url");
    let mut config = config("127.0.0.1:9".parse().unwrap(), "template = 'slack'");
    (config.url, config.url_file) = (None, Some(path.clone()));
    for url in [
        "ftp://host/CANARY",
        "http://127.0.0.1:1/CANARY",
        "http://CANARY.invalid/CANARY",
        "http://[::CANARY/",
    ] {
        std::fs::write(&path, url).unwrap();
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        let said = match Webhook::open(&config) {
            Ok(mut sink) => format!("{:?}", sink.deliver(&events(1), now())),
            Err(error) => format!("{error} {error:?}"),
        };
        assert!(!said.contains("CANARY"), "{said}");
    }
}

#[test]
fn what_a_name_holds_is_no_markup_in_any_template() {
    let mut alert = fixture::alert("aa11");
    alert.rule_name = "<!channel> *bold* @everyone [x](http://evil) </script>\nsecond".into();
    let event = Event {
        document: to_line(&AlertDocument::new(&alert, AlertTransition::Opened)).unwrap(),
        ..events(1).remove(0)
    };
    for template in [
        Template::Slack,
        Template::Teams,
        Template::Discord,
        Template::Telegram,
        Template::Ntfy,
        Template::Json,
    ] {
        let (_, body) = template::body(template, Format::Ecs, Some("42"), &event);
        let text = String::from_utf8(body).unwrap();
        if template != Template::Ntfy {
            let value: serde_json::Value = serde_json::from_str(&text).unwrap();
            match template {
                Template::Slack => assert!(!value["text"].as_str().unwrap().contains("<!")),
                Template::Discord => {
                    assert_eq!(value["allowed_mentions"]["parse"], serde_json::json!([]));
                    assert!(!value["content"].as_str().unwrap().contains(" @everyone"));
                }
                Template::Telegram => assert_eq!(value["chat_id"], "42"),
                _ => {}
            }
        }
        assert!(text.len() < 10_000);
    }
}
