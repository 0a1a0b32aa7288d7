//! One answered DNS question, as seen on the wire between one client and one server.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::{HostName, Timestamp};

/// An address given in an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DnsAnswer {
    /// The address (A, AAAA, or a hint of an HTTPS/SVCB record, RFC 9460).
    pub addr: IpAddr,
    /// Time to live in seconds, the smallest along the CNAME chain.
    pub ttl: u32,
}

/// A name that can be hidden behind another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EchName {
    /// The name that is hidden: the owner of the record.
    pub name: HostName,
    /// The one that is shown in its place.
    pub public_name: HostName,
}

/// How a client learned a name's addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub enum LookupVia {
    /// The DNS.
    #[default]
    Dns,
    /// An application's own lookup over HTTP, around the network's resolver.
    Httpdns,
    /// None by this client: a name that the capture file itself gives for the address ([`CaptureName`]).
    CaptureFile,
}

/// An answer that matched a question seen before by client, server, id and name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DnsObservation {
    /// Who asked.
    pub client: IpAddr,
    /// Who answered.
    pub server: IpAddr,
    /// What was asked: the name that the application used.
    pub question: HostName,
    /// Names that the question led to, in order (CNAME, and HTTPS/SVCB targets).
    pub aliases: Vec<HostName>,
    /// Addresses it ended at; may be empty when there is an ECH configuration.
    pub answers: Vec<DnsAnswer>,
    /// Names on the way whose HTTPS or SVCB record carries an ECH configuration: whoever connects to one of them may show
    /// only its public name (RFC 9849).
    pub ech: Vec<EchName>,
    /// When the answer was seen.
    pub at: Timestamp,
    /// By which kind of lookup.
    pub via: LookupVia,
}

/// A name of an address that a capture file brings along (pcapng name resolution block): somebody's resolver wrote it,
/// at a time that nobody knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaptureName {
    /// The address, IPv4-mapped ones as IPv4.
    pub addr: IpAddr,
    /// The name; a valid host name.
    pub name: HostName,
}
