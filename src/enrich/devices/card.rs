//! One device: what it said of itself, and what that makes of it.

use std::sync::Arc;

use super::classes::Classes;
use super::oui;
use crate::model::{DeviceAbout, DeviceClass, DeviceObservation, DeviceOrigin, DeviceText, MacAddr};

/// Services kept of one device.
const MAX_SERVICES: usize = 16;
/// Names that say nothing.
const EMPTY_NAMES: [&str; 6] = ["localhost", "*", "unknown", "none", "null", "(none)"];

/// What is known of one device.
#[derive(Debug, Default)]
pub(super) struct Card {
    pub(super) mac: Option<MacAddr>,
    /// The last name by origin, most trusted first; one of each origin.
    names: Vec<(DeviceOrigin, DeviceText)>,
    pub(super) fingerprint: Option<DeviceText>,
    pub(super) vendor_class: Option<DeviceText>,
    pub(super) models: Vec<DeviceText>,
    pub(super) services: Vec<DeviceText>,
    /// Who made its network card.
    pub(super) maker: Option<Arc<str>>,
    vendor: Option<Arc<str>>,
    class: Option<Arc<DeviceClass>>,
}

impl Card {
    pub(super) fn new(mac: Option<MacAddr>) -> Self {
        Self { mac, maker: mac.and_then(oui::vendor), ..Self::default() }
    }

    pub(super) fn learn(&mut self, seen: &DeviceObservation, classes: &Classes) {
        if let Some(name) = &seen.name
            && !EMPTY_NAMES.iter().any(|empty| name.as_str().eq_ignore_ascii_case(empty))
        {
            if let Some((_, known)) = self.names.iter_mut().find(|(origin, _)| *origin == seen.origin) {
                known.clone_from(name);
            } else {
                self.names.push((seen.origin, name.clone()));
                self.names.sort_by_key(|(origin, _)| *origin);
            }
        }
        replace(&mut self.fingerprint, seen.fingerprint.as_ref());
        replace(&mut self.vendor_class, seen.vendor_class.as_ref());
        // One model of each kind of announcement; a device has few.
        if let Some(model) = &seen.model
            && !self.models.contains(model)
        {
            if self.models.len() >= 4 {
                self.models.remove(0);
            }
            self.models.push(model.clone());
        }
        for service in &seen.services {
            if self.services.len() < MAX_SERVICES && !self.services.contains(service) {
                self.services.push(service.clone());
            }
        }
        self.settle(classes);
    }

    /// Works out its kind anew.
    pub(super) fn settle(&mut self, classes: &Classes) {
        (self.class, self.vendor) = classes.of(self);
    }

    /// The name to go by.
    pub(super) fn name(&self) -> Option<(DeviceOrigin, &DeviceText)> {
        self.names.first().map(|(origin, name)| (*origin, name))
    }

    /// All its names.
    pub(super) fn names(&self) -> impl Iterator<Item = &DeviceText> {
        self.names.iter().map(|(_, name)| name)
    }

    pub(super) fn about(&self) -> DeviceAbout {
        DeviceAbout {
            name_source: None,
            randomised: self.mac.is_some_and(MacAddr::is_locally_administered),
            vendor: self.vendor.clone().or_else(|| self.maker.clone()),
            class: self.class.clone(),
        }
    }
}

fn replace(known: &mut Option<DeviceText>, seen: Option<&DeviceText>) {
    if let Some(seen) = seen
        && known.as_ref() != Some(seen)
    {
        *known = Some(seen.clone());
    }
}
