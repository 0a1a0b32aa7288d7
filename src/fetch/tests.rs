//! Requests against servers on loopback that answer well and badly. TLS is in the whole-program tests of `geoip update`.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use super::*;

type Log = Arc<Mutex<Vec<Vec<String>>>>;

/// Answers every request of one connection each, until the test ends; gives its base address and the heads it saw.
fn server(host: &str, answer: impl Fn(&mut TcpStream) + Send + 'static) -> (String, Log) {
    let listener = TcpListener::bind((host, 0)).unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let log = Log::default();
    let shared = Arc::clone(&log);
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let reader = BufReader::new(stream.try_clone().unwrap());
            let head = reader.lines().map_while(Result::ok).take_while(|line| !line.is_empty());
            shared.lock().unwrap().push(head.collect());
            answer(&mut stream);
        }
    });
    (base, log)
}

fn say(text: String) -> impl Fn(&mut TcpStream) + Send {
    move |out| {
        let _gone = out.write_all(text.as_bytes());
    }
}

fn options() -> FetchOptions {
    FetchOptions { deadline: Duration::from_secs(20), limit: 1000, ca_file: None }
}

fn ask(url: &str) -> Result<Fetched, FetchError> {
    fetch(url, None, None, &options())
}

fn error(result: Result<Fetched, FetchError>) -> String {
    result.err().expect("an error").to_string()
}

fn header<'a>(head: &'a [String], name: &str) -> Option<&'a str> {
    head.iter()
        .find_map(|line| line.split_once(": ").filter(|(n, _)| n.eq_ignore_ascii_case(name)))
        .map(|(_, v)| v)
}

#[test]
fn only_https_and_plain_http_with_this_host_are_spoken() {
    for good in ["https://example.org/x", "http://127.0.0.1:80/", "http://127.9.9.9/", "http://[::1]:8/x"] {
        assert!(check_url(good).is_ok(), "{good}");
    }
    for (bad, why) in [
        ("http://example.org/", "plain HTTP"),
        ("http://192.0.2.1/", "plain HTTP"),
        ("http://localhost/", "plain HTTP"),
        ("http://127.0.0.1.example.org/", "plain HTTP"),
        ("ftp://example.org/", "neither"),
        ("file:///etc/passwd", "no URL"),
        ("https://user:CANARY@example.org/?CANARY", "credentials"),
        ("not a url", "no URL"),
    ] {
        let said = check_url(bad).unwrap_err().to_string();
        assert!(said.contains(why), "{bad}: {said}");
        assert!(!said.contains("CANARY"), "{said}");
    }
}

#[test]
fn a_file_comes_with_its_validators_and_they_ask_for_a_newer_one() {
    let text = "HTTP/1.1 200 OK\r\nETag: \"v1\"\r\nLast-Modified: Fri, 01 May 2026 00:00:00 GMT\r\n\
                Content-Length: 4\r\nConnection: close\r\n\r\ndata";
    let (base, _) = server("127.0.0.1", say(text.into()));
    let Fetched::File(mut body, validators) = ask(&base).unwrap() else { panic!("no file") };
    let mut read = String::new();
    body.read_to_string(&mut read).unwrap();
    assert_eq!(read, "data");
    let (base, log) =
        server("127.0.0.1", say("HTTP/1.1 304 Not Modified\r\nConnection: close\r\n\r\n".into()));
    assert!(matches!(fetch(&base, None, Some(&validators), &options()).unwrap(), Fetched::Unchanged));
    let head = log.lock().unwrap().remove(0);
    assert_eq!(header(&head, "if-none-match"), Some("\"v1\""));
    assert_eq!(header(&head, "if-modified-since"), Some("Fri, 01 May 2026 00:00:00 GMT"));
    assert!(error(ask(&base)).contains("304"), "nothing was asked for that could be unchanged");
}

#[test]
fn credentials_go_to_the_first_host_only() {
    let (store, at_store) =
        server("127.0.0.2", say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".into()));
    let moved = format!(
        "HTTP/1.1 302 Found\r\nLocation: {store}/x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    );
    let (base, at_base) = server("127.0.0.1", say(moved));
    let credentials = Credentials { user: "42", password: "CANARY" };
    assert!(matches!(fetch(&base, Some(&credentials), None, &options()), Ok(Fetched::File(..))));
    assert_eq!(header(&at_base.lock().unwrap()[0], "authorization"), Some("Basic NDI6Q0FOQVJZ"));
    assert_eq!(header(&at_store.lock().unwrap()[0], "authorization"), None);
}

#[test]
fn a_redirect_never_leads_to_another_host_in_the_clear() {
    for to in ["http://192.0.2.1/x?CANARY", "http://localhost/x?CANARY"] {
        let moved =
            format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        let (base, _) = server("127.0.0.1", say(moved));
        let said = error(ask(&format!("{base}/f?CANARY")));
        assert!(said.contains("plain HTTP") && !said.contains("CANARY"), "{said}");
    }
}

#[test]
fn redirects_in_a_circle_end() {
    let moved = "HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    let (base, log) = server("127.0.0.1", say(moved.into()));
    let said = error(ask(&base));
    assert!(said.contains("too often"), "{said}");
    assert_eq!(log.lock().unwrap().len(), MAX_REDIRECTS as usize + 1);
}

#[test]
fn answers_beyond_the_limit_end_whether_announced_or_not() {
    let (base, _) = server("127.0.0.1", say("HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n".into()));
    assert!(matches!(ask(&base), Err(FetchError::TooLarge { limit: 1000, .. })));
    let long = format!("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{}", "x".repeat(5000));
    let (base, _) = server("127.0.0.1", say(long));
    let Ok(Fetched::File(mut body, _)) = ask(&base) else { panic!("no file") };
    let broken = body.read_to_end(&mut Vec::new()).unwrap_err();
    assert!(
        matches!(FetchError::broken_off(&base, 1000, &broken), FetchError::TooLarge { .. }),
        "{broken:?}"
    );
}

#[test]
fn a_server_that_drips_is_given_up_at_the_deadline() {
    let (base, _) = server("127.0.0.1", |out| {
        let _gone = out.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n");
        while out.write_all(b"x").is_ok() {
            thread::sleep(Duration::from_millis(20));
        }
    });
    let hurried = FetchOptions { deadline: Duration::from_millis(300), ..options() };
    let Ok(Fetched::File(mut body, _)) = fetch(&base, None, None, &hurried) else { panic!("no file") };
    let broken = body.read_to_end(&mut Vec::new()).unwrap_err();
    let said = FetchError::broken_off(&base, 1000, &broken).to_string();
    assert!(said.contains("deadline"), "{said}");
}

#[test]
fn refusals_name_what_to_do() {
    for (status, says) in [(401, "key"), (403, "key"), (429, "tomorrow"), (500, "later"), (400, "400")] {
        let answer = format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        let (base, _) = server("127.0.0.1", say(answer));
        let said = error(ask(&base));
        assert!(said.contains(says), "{said}");
    }
    let (base, _) =
        server("127.0.0.1", say("HTTP/1.1 404 X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".into()));
    assert!(matches!(ask(&base), Ok(Fetched::Missing)));
    let (base, _) = server("127.0.0.1", say("SSH-2.0-x\r\n".into()));
    assert!(ask(&base).is_err());
}
