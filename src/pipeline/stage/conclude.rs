//! What the flow stage concludes by itself, where two modules that do not know each other meet: the side that is the
//! device, whose data a rented machine holds, and the name to show.

use std::sync::Arc;

use crate::appid::region_of;
use crate::enrich::conntrack::View;
use crate::model::{
    Endpoint, EvidenceKind, FlowRecord, HostName, Identification, LookupVia, MacAddr, NameCandidate,
    RegionClaim, RemoteContext, Tenant, Tier, Translation,
};

/// The local end and the far end of a record.
pub(super) struct Sides {
    pub(super) device: Endpoint,
    pub(super) device_mac: Option<MacAddr>,
    pub(super) remote: Endpoint,
    pub(super) device_is_source: bool,
}

/// The sides of a record that shows the outside of a translation: the device is behind it.
pub(super) fn behind(record: &FlowRecord, view: &View) -> Option<Sides> {
    let (inner, outer) = view.inner.zip(view.outer).filter(|_| view.outside)?;
    let device_is_source = record.source == outer;
    let remote = if device_is_source { record.destination } else { record.source };
    // The link address is the gateway's.
    Some(Sides { device: inner, device_mac: None, remote, device_is_source })
}

pub(super) fn translation(view: &View) -> Option<Translation> {
    let (inner, outer) = view.inner.zip(view.outer)?;
    Some(Translation { inner, outer, zone: view.connection.zone, mark: view.connection.mark })
}

/// Whose data it is, where the machine is rented and the flow itself called a name of a known service. Not the maker of the
/// flow: a browser's maker has nothing to do with the site.
pub(super) fn tenant(remote: &RemoteContext, identification: &Identification) -> Option<Arc<Tenant>> {
    remote.operator.rented()?;
    let by_network = identification.network.as_deref().unwrap_or(identification);
    let app = by_network.app.as_ref().filter(|_| by_network.tier <= Some(Tier::B))?;
    let evidence = by_network.evidence.first()?;
    let EvidenceKind::FlowName(method) = evidence.kind else { return None };
    Some(Arc::new(Tenant {
        vendor: Arc::clone(&app.vendor),
        country: app.vendor_country,
        source: app.vendor_source.clone(),
        name: Arc::clone(&evidence.value),
        method,
    }))
}

/// The region that the name claims; where it claims none, the names that its lookup led to (who serves it).
pub(super) fn region_claim(name: &HostName, dns: &[NameCandidate]) -> Option<Arc<RegionClaim>> {
    let aliases = dns.iter().find(|c| c.name == *name).map(|c| c.aliases.as_slice()).unwrap_or_default();
    std::iter::once(name).chain(aliases.iter().rev()).find_map(|name| region_of(name).claim)
}

/// The best host name of the remote: what the flow itself says; else the one name that DNS gave this client for
/// the address. Several different names decide nothing, and none is shown.
pub(super) fn host_name(
    record: &FlowRecord,
    dns: &[NameCandidate],
    identification: &Identification,
) -> Option<HostName> {
    if let Some(fact) = record.facts.host() {
        return Some(fact.name.clone());
    }
    // What a capture file names is evidence, but nobody knows whose name it is.
    let (first, rest) = dns.split_first().filter(|(first, _)| first.via != LookupVia::CaptureFile)?;
    let undisputed = rest.iter().all(|c| c.name == first.name);
    (undisputed && identification.candidates.is_empty()).then(|| first.name.clone())
}
