//! What is known about the two ends of a flow: the device on this side, the remote on the other.

use std::net::IpAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::word::Word;
use super::{CountryCode, DeviceAbout, HostName, MacAddr, Physics, RoleAnswers};

/// What kind of network an address is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum NetworkScope {
    /// In the configured local networks.
    Local,
    /// A special-purpose range (the word is the registry's; RFC 6890).
    Special(#[serde(with = "super::word")] Word),
    /// Anything else: the Internet.
    Global,
}

/// The local end of a flow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceContext {
    /// A stable id: its configured name, else its MAC address, else its address.
    pub id: Arc<str>,
    /// Its name, where one is known.
    pub name: Option<Arc<str>>,
    /// The address it used in this flow.
    pub addr: IpAddr,
    /// Its MAC address, where the observed link is its own.
    pub mac: Option<MacAddr>,
    /// The configured network it is in (`lan`, `iot`…).
    pub network: Option<Arc<str>>,
    /// What else is known of it.
    #[serde(default)]
    pub about: DeviceAbout,
}

/// Who runs the remote's network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operator {
    /// The AS number that announces the address, where known.
    pub asn: Option<u32>,
    /// The organisation: the operator table's name, else the AS name.
    pub name: Option<Arc<str>>,
    /// The AS name as the database gives it.
    pub as_name: Option<Arc<str>>,
    /// The ultimate parent by the operator table.
    pub owner: Option<Arc<str>>,
    /// Whether it serves other people's content (CDN), so that it does not tell whose data it is.
    pub cdn: bool,
    /// What the operator table says it does (`cloud`, `cdn`, `isp`…).
    pub kind: Option<Arc<str>>,
}

impl Operator {
    /// The kinds of operators whose machines and addresses anybody may rent.
    const RENTED: [&str; 3] = ["cdn", "cloud", "hosting"];

    /// The word for how it serves anybody: its addresses do not tell whose service is behind them.
    pub fn rented(&self) -> Option<&'static str> {
        if self.cdn {
            return Some("cdn");
        }
        let kind = self.kind.as_deref()?;
        Self::RENTED.into_iter().find(|word| *word == kind)
    }
}

/// What a vendor's own word for a region stands for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum RegionPlace {
    /// One country.
    Country(CountryCode),
    /// A group of countries, by its id in the table of groups (`eu`).
    Group(Arc<str>),
}

/// A region that the vendor's own host name claims. Not where the machine is: a claim to be held against that.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RegionClaim {
    /// Whose names these are (`tencent-wechat`).
    pub vendor: Arc<str>,
    /// The name that the token stands in.
    pub name: HostName,
    /// The token (`alisg`).
    pub token: Arc<str>,
    /// What it stands for.
    pub place: RegionPlace,
    /// Where its meaning is known from.
    pub source: Arc<str>,
    /// `doc`: the vendor documents it; `seen`: plain from names that are in use.
    #[serde(with = "super::word")]
    pub confidence: Word,
}

/// Whose data a rented machine holds, by the name that the flow itself called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tenant {
    /// The maker of the service that the name belongs to.
    pub vendor: Arc<str>,
    /// Where it sits, where a source stands behind it.
    pub country: Option<CountryCode>,
    /// Where that is known from.
    pub source: Option<Arc<str>>,
    /// The name that the flow called.
    pub name: Arc<str>,
    /// By what it called it (`tls_sni`…).
    #[serde(with = "super::word")]
    pub method: Word,
}

/// The remote end of a flow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoteContext {
    /// Its address.
    pub addr: IpAddr,
    /// The address that was looked up: differs for NAT64, 6to4 and Teredo.
    pub looked_up: IpAddr,
    /// What kind of address it is.
    pub scope: NetworkScope,
    /// Announced from several places at once: its location is not meaningful.
    pub anycast: bool,
    /// Who runs its network.
    pub operator: Operator,
    /// The four answers.
    pub roles: RoleAnswers,
    /// The best host name known for it in this flow.
    pub hostname: Option<HostName>,
    /// The region that the vendor's own name for it claims.
    pub region_claim: Option<Arc<RegionClaim>>,
    /// Whose data it is where the machines are rented (a CDN's, a cloud's); the operator and its owner stay as they are.
    #[serde(default)]
    pub tenant: Option<Arc<Tenant>>,
    /// What the round trip to it says of its place; only with a configured site.
    #[serde(default)]
    pub physics: Option<Arc<Physics>>,
}
