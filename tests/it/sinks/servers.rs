//! Receivers on loopback as others write them: HTTP, syslog over TCP and UDP, SMTP. Each notes what it was given.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::Value;

/// Number and alert of each event, in the order of arrival.
pub(crate) type Got = Arc<Mutex<Vec<(i64, String)>>>;

/// A receiver that is there from now on.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) got: Got,
}

impl Server {
    /// What has arrived by now.
    pub(crate) fn events(&self) -> Vec<(i64, String)> {
        self.got.lock().unwrap().clone()
    }
}

/// A port on which nobody listens, until somebody does.
pub(crate) fn free_port() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// Serves each connection on a thread of its own, for as long as the test runs.
fn serve(at: SocketAddr, talk: impl Fn(TcpStream, Got) + Send + Sync + 'static) -> Server {
    let listener = TcpListener::bind(at).unwrap();
    let address = listener.local_addr().unwrap();
    let (got, talk) = (Got::default(), Arc::new(talk));
    let server = Server { address, got: Arc::clone(&got) };
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (got, talk) = (Arc::clone(&got), Arc::clone(&talk));
            thread::spawn(move || talk(stream, got));
        }
    });
    server
}

fn any() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

/// A web server that takes every document.
pub(crate) fn web(at: SocketAddr) -> Server {
    serve(at, |mut stream, got| {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        while let Some(document) = request(&mut reader) {
            let event = &document["event"];
            got.lock().unwrap().push((
                event["sequence"].as_i64().unwrap_or_default(),
                event["id"].as_str().unwrap_or_default().to_owned(),
            ));
            if stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").is_err() {
                return;
            }
        }
    })
}

/// A web server that answers with a byte each second, without end.
pub(crate) fn dripping_web() -> Server {
    serve(any(), |mut stream, got| {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        if request(&mut reader).is_none() {
            return;
        }
        got.lock().unwrap().push((0, "asked".into()));
        for byte in b"HTTP/1.1 200 OK\r\nX-Drip: ".iter().chain(std::iter::repeat(&b'a')) {
            if stream.write_all(&[*byte]).is_err() {
                return;
            }
            thread::sleep(Duration::from_secs(1));
        }
    })
}

fn request(reader: &mut impl BufRead) -> Option<Value> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.trim_end().to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    serde_json::from_slice(&body).ok()
}

/// Number and alert out of the structured data of a syslog message.
fn of_syslog(message: &[u8]) -> (i64, String) {
    let text = String::from_utf8_lossy(message).into_owned();
    let value = |name: &str| {
        let rest = text.split_once(&format!(" {name}=\"")).unwrap().1;
        rest.split_once('"').unwrap().0.to_owned()
    };
    (value("sequence").parse().unwrap(), value("alert"))
}

/// A syslog server over TCP: counted octets (RFC 6587 §3.4.1), and it closes when it has read our end.
pub(crate) fn syslog_tcp() -> Server {
    serve(any(), |mut stream, got| {
        let mut bytes = Vec::new();
        if stream.read_to_end(&mut bytes).is_err() {
            return;
        }
        let mut rest = &bytes[..];
        while let Some(space) = rest.iter().position(|b| *b == b' ') {
            let length: usize = std::str::from_utf8(&rest[..space]).unwrap().parse().unwrap();
            let (message, more) = rest[space + 1..].split_at(length);
            got.lock().unwrap().push(of_syslog(message));
            rest = more;
        }
    })
}

/// A syslog server over UDP.
pub(crate) fn syslog_udp() -> Server {
    let socket = UdpSocket::bind(any()).unwrap();
    let server = Server { address: socket.local_addr().unwrap(), got: Got::default() };
    let got = Arc::clone(&server.got);
    thread::spawn(move || {
        let mut bytes = vec![0; 1 << 16];
        while let Ok(length) = socket.recv(&mut bytes) {
            got.lock().unwrap().push(of_syslog(&bytes[..length]));
        }
    });
    server
}

/// A mail server without TLS; what it was given stands in `Message-ID: <alert.sequence@whither.invalid>`.
pub(crate) fn mail() -> Server {
    serve(any(), |stream, got| {
        let _gone = talk_mail(stream, &got);
    })
}

fn talk_mail(mut stream: TcpStream, got: &Got) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    stream.write_all(b"220 mail.example ESMTP\r\n")?;
    while let Some(line) = lines.next() {
        let answer: &[u8] = match line?.split(' ').next().unwrap_or_default() {
            "DATA" => {
                stream.write_all(b"354 go on\r\n")?;
                let mut id = None;
                for line in lines.by_ref() {
                    let line = line?;
                    if line == "." {
                        break;
                    }
                    let at = line.strip_prefix("Message-ID: <").and_then(|l| l.split_once('@'));
                    id = id.or(at
                        .and_then(|(id, _)| id.split_once('.'))
                        .map(|(a, s)| (a.to_owned(), s.to_owned())));
                }
                let (alert, sequence) = id.unwrap();
                got.lock().unwrap().push((sequence.parse().unwrap(), alert));
                b"250 taken\r\n"
            }
            "QUIT" => {
                stream.write_all(b"221 bye\r\n")?;
                return Ok(());
            }
            _ => b"250 ok\r\n",
        };
        stream.write_all(answer)?;
    }
    Ok(())
}
