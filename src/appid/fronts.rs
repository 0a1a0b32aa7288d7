//! Which addresses serve names of several owners, so that the address says little of whose data it is.
//!
//! Learns from what local clients looked up or called an address; an operator whose business it is to serve others
//! (CDN, cloud, hosting, anycast) is told by the caller. Leaves alone what follows from it: [`super::identify`] weighs.
//! Bounded by two generations; what is forgotten is counted. An attacker can only make an address count as shared, by
//! names of his own that point at it: then less is named, never more.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::application::AppRole;
use super::catalogue::Catalogue;
use crate::model::{Generations, HostName, RemoteContext, Timestamp};

/// Names of this many owners make an address a shared one: a vendor and its CDN's own name are two.
const OWNERS: usize = 3;
/// Owners kept of one address; more add nothing.
const MAX_OWNERS: usize = 4;
/// An address changes hands; what was seen longer ago no longer counts.
const MEMORY: Duration = Duration::from_secs(30 * 86_400);
/// Addresses kept: about a day of a site with a thousand devices.
const MAX_ADDRESSES: usize = 65_536;

/// Why an address counts as shared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shared {
    /// Its operator serves anybody: the word for how.
    Operator(&'static str),
    /// Names of several owners were seen on it.
    Observed,
}

impl Shared {
    /// Words for evidence.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Operator(word) => word,
            Self::Observed => "names of several owners",
        }
    }

    /// Whether an operator serves anybody, by what is known of it.
    pub fn by_operator(remote: &RemoteContext) -> Option<Self> {
        if remote.anycast {
            return Some(Self::Operator("anycast"));
        }
        remote.operator.rented().map(Self::Operator)
    }
}

/// Owners of names by address.
#[derive(Debug)]
pub struct Fronts(Generations<IpAddr, Vec<(Arc<str>, Timestamp)>>);

impl Default for Fronts {
    fn default() -> Self {
        Self(Generations::new(MAX_ADDRESSES / 2))
    }
}

impl Fronts {
    /// A local client knows `addr` by `name`.
    pub fn learn(&mut self, catalogue: &Catalogue, addr: IpAddr, name: &HostName, at: Timestamp) {
        let Some(owner) = owner(catalogue, name) else { return };
        self.0.touch(addr.to_canonical(), |owners| {
            owners.retain(|(known, _)| *known != owner);
            owners.insert(0, (owner, at));
            owners.truncate(MAX_OWNERS);
        });
    }

    /// Whether names of several owners were seen on `addr` in the time before `at`.
    pub fn observed(&self, addr: IpAddr, at: Timestamp) -> Option<Shared> {
        let owners = self.0.get(&addr.to_canonical())?;
        let counted = owners.iter().filter(|(_, seen)| at.since(*seen) <= MEMORY).count();
        (counted >= OWNERS).then_some(Shared::Observed)
    }

    /// Counters of what was given up, by name.
    pub fn limits(&self, out: &mut BTreeMap<String, u64>) {
        if self.0.forgotten() > 0 {
            out.insert("fronts_forgotten".to_owned(), self.0.forgotten());
        }
    }
}

/// Whose a name is: the vendor that the catalogue gives, else the registrable domain itself. Names below domains that
/// are rented to anybody belong to whoever rents.
fn owner(catalogue: &Catalogue, name: &HostName) -> Option<Arc<str>> {
    if !name.is_valid() || name.as_str().parse::<IpAddr>().is_ok() {
        return None;
    }
    match catalogue.fact_above(name) {
        Some((a, _)) if a.role != AppRole::Infrastructure => Some(format!("vendor {}", a.app.vendor).into()),
        _ => Some(psl::domain_str(name.as_str())?.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shared_when_names_of_three_owners_were_seen_on_it() {
        let catalogue = Catalogue::embedded().unwrap();
        let addr: IpAddr = "9.9.9.9".parse().unwrap();
        let mut fronts = Fronts::default();
        let mut learn = |name: &str, day: i64| {
            let at = Timestamp::from_parts(day * 86_400, 0);
            fronts.learn(&catalogue, addr, &HostName::from_wire(name.as_bytes()).unwrap(), at);
            fronts.observed(addr, at).is_some()
        };
        assert!(!learn("short.weixin.qq.com", 0));
        assert!(!learn("im.qq.com", 0), "the same vendor");
        assert!(!learn("a.example.co.uk", 0));
        assert!(!learn("b.example.co.uk", 0), "the same registrable domain");
        assert!(!learn("9.9.9.9", 0), "no name");
        assert!(learn("d111111abcdef8.cloudfront.net", 0), "below a rented domain the tenant owns");
        assert!(!learn("a.example.co.uk", 31), "what was seen a month ago no longer counts");
    }
}
