//! The maker of a flow, as the phone, the capture or the host tells: tier A.
//!
//! It answers another question than the network does: an application also speaks to other people's services. So the
//! network's answer is kept beside it. A flow that is a name lookup is left with the network's answer: on Android the
//! system asks for all, and a relay on the device only guesses for whom.

use super::application::{Application, Confidence, OwnerFact, OwnerKind};
use super::catalogue::Catalogue;
use super::identify::is_lookup;
use crate::model::{
    AndroidUid, Evidence, EvidenceKind, FlowRecord, Identification, Label, OriginSource, ProcessRef, Tier,
};
use std::sync::Arc;

/// Lays what is known of the maker over what the network says.
pub(super) fn over(catalogue: &Catalogue, record: &FlowRecord, network: Identification) -> Identification {
    let Some(maker) = record.origin.as_deref() else { return network };
    let Some((kind, seen)) = best_name(maker) else { return network };
    let met = find(catalogue, maker);
    let evidence = Evidence {
        kind,
        value: met.as_ref().map_or(seen, |(_, _, by)| *by).shared(),
        at: Some(record.start),
        matched: met.as_ref().map(|(_, fact, _)| Arc::clone(&fact.label)),
        source: met.as_ref().map(|(_, fact, _)| Arc::clone(&fact.source.label)),
    };
    let naming = met.filter(|(_, fact, by)| {
        fact.confidence == Confidence::Good && !is_lookup(record) && is_whole(fact, by)
    });
    let Some((app, fact, _)) = naming else {
        let tier = network.tier.or(Some(Tier::F));
        let method = network.method.or(Some(kind.word()));
        let mut network = Identification { tier, method, ..network };
        network.evidence.push(evidence);
        return network;
    };
    let kind = kind_of(fact.kind);
    // Packets that name different makers contradict each other: a tier lower. So is what a process only says of itself.
    let tier = if record.origin_conflict || is_own_word(maker) { Tier::B } else { Tier::A };
    let mut all = vec![Evidence { kind, ..evidence }];
    all.extend(network.evidence.iter().cloned());
    Identification {
        app: Some(Arc::clone(&app.app)),
        tier: Some(tier),
        method: Some(kind.word()),
        evidence: all,
        candidates: Vec::new(),
        network: Some(Box::new(network)),
    }
}

/// Whether all that is known of a process of this host is what it calls itself: its executable could not be read, because
/// it was gone or is another user's.
fn is_own_word(maker: &ProcessRef) -> bool {
    maker.source == OriginSource::Socket && maker.executable.is_none()
}

fn best_name(maker: &ProcessRef) -> Option<(EvidenceKind, &Label)> {
    let package = maker.package.as_ref().map(|p| (EvidenceKind::Package, p));
    let other = if maker.source.is_android() { EvidenceKind::Package } else { EvidenceKind::Process };
    package.or_else(|| maker.executable.as_ref().or(maker.name.as_ref()).map(|l| (other, l)))
}

/// The catalogue's fact for the maker: by package, by executable, by name, in this order. A package that is known but not
/// in the catalogue is somebody else's, whatever it calls itself.
fn find<'c, 'm>(
    catalogue: &'c Catalogue,
    maker: &'m ProcessRef,
) -> Option<(&'c Application, &'c OwnerFact, &'m Label)> {
    let by = |kind: OwnerKind, label: Option<&'m Label>| {
        let label = label?;
        catalogue.owner(kind, label.as_str()).map(|(app, fact)| (app, fact, label))
    };
    if maker.package.is_some() {
        return by(OwnerKind::Package, maker.package.as_ref());
    }
    if maker.source.is_android() {
        // Many programs share one of the system's user ids, and the label is whichever the phone found first; a block
        // that names no package is of such an id, or of one that it gives to several.
        let single = maker.source == OriginSource::PcapdroidTrailer
            && maker.android().is_some_and(AndroidUid::is_application);
        return by(OwnerKind::Label, maker.name.as_ref().filter(|_| single));
    }
    // Apple's names are bundle ids as often as executables.
    by(OwnerKind::Process, maker.executable.as_ref())
        .or_else(|| by(OwnerKind::Process, maker.name.as_ref()))
        .or_else(|| by(OwnerKind::Package, maker.name.as_ref()))
}

/// Whether the name that was seen is all of the fact's. A label that was cut short may be another application's whose
/// name begins alike: that is evidence, and names nobody. What systems cut off executables is known to be theirs.
fn is_whole(fact: &OwnerFact, seen: &Label) -> bool {
    fact.kind != OwnerKind::Label || fact.name.to_lowercase() == seen.as_str().to_lowercase()
}

const fn kind_of(kind: OwnerKind) -> EvidenceKind {
    match kind {
        OwnerKind::Package | OwnerKind::Label => EvidenceKind::Package,
        OwnerKind::Process => EvidenceKind::Process,
    }
}
