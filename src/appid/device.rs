//! What a thing with one purpose sends belongs to its maker's application, where nothing else names it.
//!
//! Tier E, method `device`: enough to show, never enough for a rule to match by. Phones, computers and whatever runs other
//! people's programs never get here: `enrich` gives no application for them. Name lookups stay the resolver's.

use std::sync::Arc;

use super::identify::Identifier;
use crate::model::{DeviceClass, Evidence, EvidenceKind, Identification, NameOrigin, Tier};

impl Identifier {
    /// Names the application of a flow to the Internet by the device that it is of, if nothing else did.
    pub fn by_device(&self, identification: &mut Identification, class: &DeviceClass) {
        let lookup = identification.method == Some(NameOrigin::DnsQuestion.word());
        if identification.app.is_some() || !identification.candidates.is_empty() || lookup {
            return;
        }
        let Some(app) = class.app.as_ref().and_then(|id| self.catalogue().show(id)) else { return };
        let evidence = Evidence {
            kind: EvidenceKind::Device,
            value: Arc::clone(&class.class),
            at: None,
            matched: Some(Arc::clone(&class.because)),
            source: Some(Arc::clone(&class.source)),
        };
        identification.app = Some(Arc::clone(&app.app));
        identification.tier = Some(Tier::E);
        identification.method = Some(EvidenceKind::Device.word());
        identification.evidence.insert(0, evidence);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::appid::Catalogue;

    fn class(app: Option<&str>) -> DeviceClass {
        DeviceClass {
            class: "vacuum".into(),
            because: "host name roborock*".into(),
            source: "maker".into(),
            app: app.map(Into::into),
        }
    }

    fn by_device(mut identification: Identification, app: Option<&str>) -> Identification {
        let identifier = Identifier::new(Arc::new(Catalogue::embedded().unwrap()));
        identifier.by_device(&mut identification, &class(app));
        identification
    }

    #[test]
    fn unnamed_traffic_of_a_vacuum_is_the_vacuums_by_device() {
        let named = by_device(Identification::default(), Some("roborock"));
        assert_eq!(named.app.unwrap().id.as_ref(), "roborock");
        assert_eq!((named.tier, named.method), (Some(Tier::E), Some("device")));
        assert_eq!(named.evidence[0].kind, EvidenceKind::Device);
    }

    #[test]
    fn what_is_named_or_undecided_or_a_lookup_stays_as_it_is() {
        let candidates = Identification { candidates: vec!["a".into(), "b".into()], ..Default::default() };
        assert_eq!(by_device(candidates.clone(), Some("roborock")), candidates);
        let lookup = Identification { method: Some(NameOrigin::DnsQuestion.word()), ..Default::default() };
        assert_eq!(by_device(lookup.clone(), Some("roborock")), lookup);
        assert_eq!(by_device(Identification::default(), None), Identification::default());
        assert_eq!(by_device(Identification::default(), Some("no-such-app")), Identification::default());
    }
}
