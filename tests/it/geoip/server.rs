//! A server on loopback, plain or with TLS, and the databases it gives out.

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, UNIX_EPOCH};

use flate2::Compression;
use flate2::write::GzEncoder;
use ipnet::IpNet;
use mmdb_writer::{Value, Writer};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// 2026-05-28, in seconds.
pub(crate) const BUILT: u64 = 1_780_000_000;
pub(crate) const DAY: u64 = 86_400;

/// A database of one type: networks and their records.
pub(crate) fn mmdb(kind: &str, built: u64, records: &[(&str, Value)]) -> Vec<u8> {
    let mut writer = Writer::builder(kind)
        .description(&[("en", "made for a test")])
        .build_epoch(UNIX_EPOCH + Duration::from_secs(built))
        .build();
    for (network, value) in records {
        writer.insert_value(network.parse::<IpNet>().unwrap(), value.clone()).unwrap();
    }
    writer.to_bytes().unwrap()
}

pub(crate) fn country(code: &str) -> Value {
    Value::map([("country", Value::map([("iso_code", code)]))])
}

pub(crate) fn network(asn: u32, name: &str) -> Value {
    Value::map([
        ("autonomous_system_number", Value::from(asn)),
        ("autonomous_system_organization", Value::from(name)),
    ])
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A whole answer.
pub(crate) fn answer(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let mut text = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n", body.len());
    if !headers.is_empty() {
        let _ = write!(text, "{headers}\r\n");
    }
    text.push_str("\r\n");
    [text.as_bytes(), body].concat()
}

/// A server; it answers until the test ends.
pub(crate) struct Server {
    pub(crate) base: String,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// `answers` gets the head of a request and gives the bytes to send.
    pub(crate) fn plain(answers: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> Self {
        Self::start(None, answers)
    }

    /// The same over TLS, with a certificate for `localhost`.
    pub(crate) fn tls(
        (certificate, key): &(PathBuf, PathBuf),
        answers: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static,
    ) -> Self {
        let chain = CertificateDer::pem_file_iter(certificate).unwrap().map(Result::unwrap).collect();
        let key = PrivateKeyDer::from_pem_file(key).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        Self::start(Some(Arc::new(config)), answers)
    }

    fn start(
        tls: Option<Arc<ServerConfig>>,
        answers: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let base = match tls {
            Some(_) => format!("https://localhost:{}/", address.port()),
            None => format!("http://{address}/"),
        };
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&seen);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                match &tls {
                    None => serve(stream, &log, &answers),
                    Some(config) => {
                        let connection = ServerConnection::new(Arc::clone(config)).unwrap();
                        serve(StreamOwned::new(connection, stream), &log, &answers);
                    }
                }
            }
        });
        Self { base, seen }
    }

    /// The heads of all requests since the last call.
    pub(crate) fn seen(&self) -> Vec<String> {
        std::mem::take(&mut self.seen.lock().unwrap())
    }
}

fn serve(mut stream: impl Read + Write, log: &Mutex<Vec<String>>, answers: impl Fn(&str) -> Vec<u8>) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        // A client that refuses the certificate goes away here.
        let Ok(1) = stream.read(&mut byte) else { return };
        head.extend(byte);
    }
    let head = String::from_utf8(head).unwrap();
    log.lock().unwrap().push(head.clone());
    let _gone = stream.write_all(&answers(&head)).and_then(|()| stream.flush());
}

/// A certificate for `localhost` and its key; `None`, saying so, without openssl.
pub(crate) fn certificate(folder: &Path) -> Option<(PathBuf, PathBuf)> {
    let (certificate, key) = (folder.join("cert.pem"), folder.join("key.pem"));
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"])
        .args(["-days", "3650", "-subj", "/CN=test", "-addext", "subjectAltName=DNS:localhost"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .arg("-keyout")
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .output();
    if made.is_ok_and(|out| out.status.success()) {
        return Some((certificate, key));
    }
    eprintln!("skipped: openssl is not there to make a certificate");
    None
}
