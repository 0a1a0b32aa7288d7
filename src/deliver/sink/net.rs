//! Connections of sinks: a deadline over everything, addresses that may not be reached, and TLS.
//!
//! A deadline covers name resolution, connection, handshake and every byte after it: a server that drips gets no longer
//! than one that is silent. Names are resolved once, judged, and the judged address is the one connected to.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, ToSocketAddrs};
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, after, bounded};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::secret::SinkError;

/// How often a wait looks whether its deadline has passed; also how late it may notice.
const SLICE: Duration = Duration::from_millis(100);

/// A time by which all must be done, however it is spent.
#[derive(Debug, Clone)]
pub(super) struct Deadline {
    bell: Receiver<Instant>,
    passed: bool,
}

impl Deadline {
    pub(super) fn after(time: Duration) -> Self {
        Self { bell: after(time), passed: false }
    }

    /// Whether it has passed.
    pub(super) fn passed(&mut self) -> bool {
        self.passed = self.passed || self.bell.try_recv().is_ok();
        self.passed
    }

    fn check(&mut self) -> io::Result<()> {
        if self.passed() { Err(late()) } else { Ok(()) }
    }
}

fn late() -> io::Error {
    io::Error::new(ErrorKind::TimedOut, "no answer within the deadline")
}

/// Which addresses a sink may reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// Only addresses of the Internet.
    Public,
    /// Also private ones and this host.
    Private,
}

impl Reach {
    /// Whether `address` may be connected to. Link-local addresses (where clouds keep their metadata service), multicast
    /// and the unspecified address never may.
    pub(super) fn allows(self, address: IpAddr) -> bool {
        match inner(address) {
            IpAddr::V4(v4) => self.allows_v4(v4),
            IpAddr::V6(v6) => self.allows_v6(v6),
        }
    }

    fn allows_v4(self, v4: Ipv4Addr) -> bool {
        let octets = v4.octets();
        // 100.100.100.200 and 192.0.0.192 are metadata services of clouds, outside of link-local.
        let metadata = octets == [100, 100, 100, 200] || octets == [192, 0, 0, 192];
        let zero_or_class_e = octets.first().is_some_and(|o| *o == 0 || *o >= 240);
        if v4.is_link_local() || v4.is_multicast() || v4.is_broadcast() || zero_or_class_e || metadata {
            return false;
        }
        self == Self::Private || crate::model::is_special_address(v4.into()).is_none()
    }

    fn allows_v6(self, v6: Ipv6Addr) -> bool {
        // fd00:ec2::254 and fd20:ce::254 are metadata services.
        let metadata = matches!(
            v6.segments(),
            [0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x254] | [0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254]
        );
        let site_local = v6.segments().first().is_some_and(|s| s & 0xffc0 == 0xfec0);
        if v6.is_unicast_link_local() || v6.is_multicast() || v6.is_unspecified() || metadata || site_local {
            return false;
        }
        self == Self::Private || crate::model::is_special_address(v6.into()).is_none()
    }
}

/// The IPv4 address that an IPv6 one leads to: mapped, compatible, NAT64 (RFC 6052) or 6to4 (RFC 3056).
fn inner(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    let v4 = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        IpAddr::V4(Ipv4Addr::new(a, b, c, d))
    };
    match v6.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x2002, high, low, ..] => v4(high, low),
        // Compatible ones, but not `::` and `::1`.
        [0, 0, 0, 0, 0, 0, high, low] => {
            if high == 0 {
                address
            } else {
                v4(high, low)
            }
        }
        _ => address,
    }
}

/// The addresses of `host:port`, of which at least one may be reached.
pub(super) fn resolve(address: &str, reach: Reach, deadline: &mut Deadline) -> io::Result<Vec<SocketAddr>> {
    let (send, answer) = bounded(1);
    let name = address.to_owned();
    // The system's resolver knows no deadline; a thread that waits for it ends when it does.
    thread::Builder::new().name("resolve".into()).spawn(move || {
        let _nobody_waits = send.send(name.to_socket_addrs().map(|all| all.take(16).collect::<Vec<_>>()));
    })?;
    let all = loop {
        match answer.recv_timeout(SLICE) {
            Ok(all) => {
                break all.map_err(|_| io::Error::new(ErrorKind::NotFound, "the name has no address"))?;
            }
            Err(_) => deadline.check()?,
        }
    };
    let allowed: Vec<SocketAddr> = all.iter().copied().filter(|a| reach.allows(a.ip())).collect();
    if allowed.is_empty() {
        return Err(io::Error::new(ErrorKind::PermissionDenied, "the address may not be reached"));
    }
    Ok(allowed)
}

/// Connects to the first address that answers.
pub(super) fn connect(address: &str, mut deadline: Deadline) -> io::Result<Timed> {
    let mut last = late();
    for candidate in resolve(address, Reach::Private, &mut deadline)? {
        deadline.check()?;
        // A silent first address must leave time for the second.
        match TcpStream::connect_timeout(&candidate, Duration::from_secs(3)) {
            Ok(stream) => {
                stream.set_read_timeout(Some(SLICE))?;
                stream.set_write_timeout(Some(SLICE))?;
                stream.set_nodelay(true)?;
                return Ok(Timed { stream, deadline });
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// A connection whose every read and write ends by one deadline.
#[derive(Debug)]
pub(super) struct Timed {
    pub(super) stream: TcpStream,
    deadline: Deadline,
}

impl Timed {
    fn retry<T>(&mut self, mut work: impl FnMut(&mut TcpStream) -> io::Result<T>) -> io::Result<T> {
        loop {
            self.deadline.check()?;
            match work(&mut self.stream) {
                Err(error)
                    if matches!(
                        error.kind(),
                        ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
                    ) => {}
                result => return result,
            }
        }
    }
}

impl Read for Timed {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.retry(|stream| stream.read(into))
    }
}

impl Write for Timed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.retry(|stream| stream.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// TLS 1.2 and 1.3 over a connection with a deadline.
pub(super) type Tls = StreamOwned<ClientConnection, Timed>;

/// Whom TLS trusts: the authorities of a file, or the public ones.
pub(super) fn tls_config(ca_file: Option<&Path>) -> Result<Arc<ClientConfig>, SinkError> {
    let mut roots = RootCertStore::empty();
    match ca_file {
        None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        Some(path) => {
            for certificate in certificates(path)? {
                roots.add(certificate).map_err(|error| SinkError::Tls(error.to_string()))?;
            }
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| SinkError::Tls(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// The certificates of a PEM file.
pub(super) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, SinkError> {
    let none = || SinkError::NoCertificate { path: path.to_owned() };
    let found: Vec<_> = CertificateDer::pem_file_iter(path)
        .map_err(|_| none())?
        .collect::<Result<_, _>>()
        .map_err(|_| none())?;
    if found.is_empty() { Err(none()) } else { Ok(found) }
}

/// Puts TLS onto a connection; the handshake is done with the first byte.
pub(super) fn secure(stream: Timed, address: &str, config: &Arc<ClientConfig>) -> io::Result<Tls> {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let name = ServerName::try_from(host).map_err(io::Error::other)?;
    let connection = ClientConnection::new(Arc::clone(config), name).map_err(io::Error::other)?;
    Ok(StreamOwned::new(connection, stream))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(address: &str) -> (bool, bool) {
        let address = address.parse().unwrap();
        (Reach::Public.allows(address), Reach::Private.allows(address))
    }

    #[test]
    fn metadata_and_link_local_addresses_are_never_reached_however_they_are_written() {
        for never in [
            "169.254.169.254",
            "::ffff:169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "2002:a9fe:a9fe::1",
            "::a9fe:a9fe",
            "fe80::1",
            "fec0::1",
            "fd00:ec2::254",
            "100.100.100.200",
            "0.0.0.0",
            "::",
            "224.0.0.1",
            "255.255.255.255",
            "ff02::1",
        ] {
            assert_eq!(allowed(never), (false, false), "{never}");
        }
        for opted in [
            "127.0.0.1",
            "::1",
            "10.0.0.1",
            "192.168.1.1",
            "172.16.0.1",
            "100.64.0.1",
            "fd00::1",
            "::ffff:10.0.0.1",
        ] {
            assert_eq!(allowed(opted), (false, true), "{opted}");
        }
        for public in ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8"] {
            assert_eq!(allowed(public), (true, true), "{public}");
        }
    }

    #[test]
    fn numbers_that_the_system_reads_as_addresses_are_judged_too() {
        let mut deadline = Deadline::after(Duration::from_secs(30));
        for host in ["2852039166:80", "0xa9fea9fe:80", "[::ffff:169.254.169.254]:80", "169.254.169.254:80"] {
            assert!(resolve(host, Reach::Private, &mut deadline).is_err(), "{host}");
        }
        for host in ["2130706433:80", "127.1:80", "localhost:80"] {
            assert!(resolve(host, Reach::Public, &mut deadline).is_err(), "{host}");
        }
    }
}
