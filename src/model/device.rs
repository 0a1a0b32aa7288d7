//! What was seen of the devices on this side: what they say of themselves, and which address belongs to which card.
//!
//! Everything here comes from the wire or from files that others fill with it, so it is hostile: [`DeviceText`] makes it
//! bounded and safe to print when it is built.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::word::Word;
use super::{MacAddr, Timestamp};

/// A word that a device says of itself: printable ASCII, at most [`DeviceText::MAX_LEN`] bytes of the wire.
///
/// Blanks at the ends go, a blank inside stays; every other byte that is not printable ASCII, and the backslash, becomes `\xNN`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeviceText(Arc<str>);

impl DeviceText {
    /// A DNS label has 63 (RFC 1035 §2.3.4), a NetBIOS name 15; what is longer is cut, and `\+` marks the place.
    pub const MAX_LEN: usize = 63;

    /// Takes bytes from the wire; `None` when nothing is left of them.
    pub fn from_wire(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.strip_suffix(b"\0").unwrap_or(bytes).trim_ascii();
        if bytes.is_empty() {
            return None;
        }
        let cut = bytes.get(..Self::MAX_LEN).unwrap_or(bytes);
        let mut text = String::with_capacity(cut.len());
        for &byte in cut {
            match byte {
                b'\\' => text.push_str("\\x5c"),
                0x20..=0x7e => text.push(char::from(byte)),
                _ => {
                    text.push_str("\\x");
                    for nibble in [byte >> 4, byte & 15] {
                        text.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
                    }
                }
            }
        }
        if cut.len() < bytes.len() {
            text.push_str("\\+");
        }
        Some(Self(text.into()))
    }

    /// The printable form.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The printable form, shared.
    pub fn shared(&self) -> Arc<str> {
        Arc::clone(&self.0)
    }
}

impl fmt::Display for DeviceText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where something about a device was seen, most trusted name first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DeviceOrigin {
    /// A DHCP server's lease file.
    Lease,
    /// DHCP for IPv4 (RFC 2131).
    Dhcp,
    /// DHCP for IPv6 (RFC 8415).
    Dhcp6,
    /// Multicast DNS (RFC 6762).
    Mdns,
    /// Link-local multicast name resolution (RFC 4795).
    Llmnr,
    /// NetBIOS name service (RFC 1002).
    Nbns,
    /// UPnP discovery.
    Ssdp,
    /// ARP (RFC 826): an address and its card.
    Arp,
    /// IPv6 neighbour discovery (RFC 4861): likewise.
    Ndp,
    /// The system's own neighbour table.
    Neighbours,
}

impl DeviceOrigin {
    /// The lower-case word used in every output.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Lease => "lease",
            Self::Dhcp => "dhcp",
            Self::Dhcp6 => "dhcp6",
            Self::Mdns => "mdns",
            Self::Llmnr => "llmnr",
            Self::Nbns => "nbns",
            Self::Ssdp => "ssdp",
            Self::Arp => "arp",
            Self::Ndp => "ndp",
            Self::Neighbours => "neighbours",
        }
    }
}

/// What one packet or one line of a table says of one device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceObservation {
    /// Where it was seen.
    pub origin: DeviceOrigin,
    /// Its link address.
    pub mac: Option<MacAddr>,
    /// An address that it holds.
    pub addr: Option<IpAddr>,
    /// Until when it holds it, where that is said; `None`: not said.
    pub until: Option<Timestamp>,
    /// What it calls itself.
    pub name: Option<DeviceText>,
    /// DHCP option 55, the numbers in their order (`1,3,6,15`).
    pub fingerprint: Option<DeviceText>,
    /// DHCP option 60.
    pub vendor_class: Option<DeviceText>,
    /// What it says it is (`_device-info._tcp`'s `model`, a UPnP `SERVER`).
    pub model: Option<DeviceText>,
    /// Services that it offers (`_ipp._tcp`).
    pub services: Vec<DeviceText>,
    /// When.
    pub at: Timestamp,
}

impl DeviceObservation {
    /// Nothing yet, from `origin` at `at`.
    pub const fn new(origin: DeviceOrigin, at: Timestamp) -> Self {
        Self {
            origin,
            mac: None,
            addr: None,
            until: None,
            name: None,
            fingerprint: None,
            vendor_class: None,
            model: None,
            services: Vec::new(),
            at,
        }
    }

    /// Whether it says anything beside who it is.
    pub const fn says_something(&self) -> bool {
        self.name.is_some()
            || self.fingerprint.is_some()
            || self.vendor_class.is_some()
            || self.model.is_some()
            || !self.services.is_empty()
    }
}

/// What is known of a device beyond its id, with its grounds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceAbout {
    /// Where its name is from: `config`, the word of a [`DeviceOrigin`], or `vendor` (its maker and the end of its MAC address).
    #[serde(with = "super::word::optional", default)]
    pub name_source: Option<Word>,
    /// Its MAC address is made up (IEEE 802 U/L bit): it changes, and tells no vendor.
    pub randomised: bool,
    /// Who made it, or its network card.
    pub vendor: Option<Arc<str>>,
    /// What kind of thing it is (`phone`, `camera`…), where that is known.
    pub class: Option<Arc<DeviceClass>>,
}

/// A kind of device, and what that licenses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceClass {
    /// The kind (`phone`, `vacuum`).
    pub class: Arc<str>,
    /// What showed it (`host name roborock-vacuum-*`), for evidence.
    pub because: Arc<str>,
    /// Where the rule has that from.
    pub source: Arc<str>,
    /// The application of the catalogue that everything from such a device belongs to: only for things with one purpose.
    pub app: Option<super::AppId>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_device_says_is_bounded_and_printable() {
        let text = |bytes: &[u8]| DeviceText::from_wire(bytes).map(|t| t.to_string());
        assert_eq!(text(b" Living Room \0").as_deref(), Some("Living Room"));
        assert_eq!(text(b"a\x1b[31m\xe2\x80\xae\\").as_deref(), Some("a\\x1b[31m\\xe2\\x80\\xae\\x5c"));
        assert_eq!(text(b"  \0"), None);
        let long = text(&[b'a'; 300]).unwrap();
        assert!(long.len() < 70 && long.ends_with("\\+"), "{long}");
    }
}
