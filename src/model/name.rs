//! Host names from the wire: lower-cased, bounded, and safe to print.
//!
//! A name is kept even when it is no valid host name (it is evidence), but then every byte that could harm a
//! terminal, a log or a reader is escaped at construction, so that no output can forget to do it.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A name as it was seen on the wire, safe to print.
///
/// Printable ASCII stays as it is, letters in lower case, without a trailing dot; everything else (control bytes,
/// bidi marks, all non-ASCII, and the backslash itself) becomes `\xNN`. At most [`HostName::MAX_WIRE_LEN`] bytes are kept.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct HostName {
    text: Arc<str>,
    valid: bool,
}

impl HostName {
    /// More bytes than any DNS name has (255, RFC 1035 §2.3.4); the rest of a longer one is cut, and `\+` marks the place.
    pub const MAX_WIRE_LEN: usize = 255;

    /// Takes the bytes of a name; `None` when there are none (after a trailing dot is taken off).
    pub fn from_wire(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.strip_suffix(b".").unwrap_or(bytes);
        if bytes.is_empty() {
            return None;
        }
        let cut = bytes.get(..Self::MAX_WIRE_LEN).unwrap_or(bytes);
        let mut text = String::with_capacity(cut.len());
        for &byte in cut {
            match byte {
                b'\\' => text.push_str("\\x5c"),
                0x21..=0x7e => text.push(char::from(byte.to_ascii_lowercase())),
                _ => {
                    text.push_str("\\x");
                    for nibble in [byte >> 4, byte & 15] {
                        text.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
                    }
                }
            }
        }
        let valid = cut.len() == bytes.len() && is_host_name(&text);
        if cut.len() < bytes.len() {
            text.push_str("\\+");
        }
        Some(Self { text: text.into(), valid })
    }

    /// Takes a name of a certificate, which may be a wildcard (`*.example.com`, RFC 9525 §6.3): valid if what it stands
    /// for is. The star stays, so that it is never taken for the name of a host.
    pub fn from_certificate(bytes: &[u8]) -> Option<Self> {
        let name = Self::from_wire(bytes)?;
        let valid = name.valid || name.text.strip_prefix("*.").is_some_and(is_host_name);
        Some(Self { valid, ..name })
    }

    /// Takes the labels of a DNS name. A dot inside a label is escaped, so that one label cannot pass for two.
    pub fn from_labels<'a>(labels: impl IntoIterator<Item = &'a [u8]>) -> Option<Self> {
        let mut wire = Vec::with_capacity(64);
        let mut forged = false;
        for label in labels {
            if !wire.is_empty() {
                wire.push(b'.');
            }
            forged |= label.contains(&b'.');
            // 0xff is no letter of a host name; it marks the place, and makes the name invalid.
            wire.extend(label.iter().map(|&b| if b == b'.' { 0xff } else { b }));
        }
        let name = Self::from_wire(&wire)?;
        Some(if forged {
            Self { text: name.text.replace("\\xff", "\\x2e").into(), valid: false }
        } else {
            name
        })
    }

    /// The printable form.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it is a host name by RFC 952/1123 (underscores allowed, as service names have them) with at least
    /// one dot and no numeric last label. Only such names are ever matched against the catalogue.
    pub fn is_valid(&self) -> bool {
        self.valid
    }
}

impl From<HostName> for String {
    fn from(name: HostName) -> Self {
        name.text.as_ref().to_owned()
    }
}

/// Takes a printable form back, as storage gives it. What is not printable is taken for bytes of the wire.
impl From<String> for HostName {
    fn from(text: String) -> Self {
        let printable = text.bytes().all(|b| (0x21..=0x7e).contains(&b) && !b.is_ascii_uppercase());
        if !printable || text.is_empty() || text.len() > 4 * Self::MAX_WIRE_LEN + 2 {
            let empty = || Self { text: "\\+".into(), valid: false };
            return Self::from_wire(text.as_bytes()).unwrap_or_else(empty);
        }
        let valid = is_host_name(&text);
        Self { text: text.into(), valid }
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Whether `text` (already lower case) reads as a host name: labels of 1 to 63 of `[a-z0-9_-]`, at least two of
/// them, at most 253 bytes, the last one not all digits (else it would be an IPv4 address).
fn is_host_name(text: &str) -> bool {
    let label = |l: &str| {
        (1..=63).contains(&l.len())
            && !l.starts_with('-')
            && !l.ends_with('-')
            && l.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'))
    };
    text.len() <= 253
        && text.split('.').all(label)
        && text.rsplit_once('.').is_some_and(|(_, top)| !top.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(bytes: &[u8]) -> HostName {
        HostName::from_wire(bytes).unwrap()
    }

    #[test]
    fn names_are_lower_cased_and_lose_the_root_dot() {
        assert_eq!(name(b"WWW.Example.COM.").as_str(), "www.example.com");
        assert!(name(b"WWW.Example.COM.").is_valid());
        assert!(HostName::from_wire(b".").is_none());
        assert!(HostName::from_wire(b"").is_none());
    }

    #[test]
    fn harmful_bytes_are_escaped_and_never_dropped() {
        let n = name("a\u{202e}b\x1b[31m.com\n".as_bytes());
        assert_eq!(n.as_str(), "a\\xe2\\x80\\xaeb\\x1b[31m.com\\x0a");
        assert!(!n.is_valid());
        assert_eq!(name(b"a\\x0ab.com").as_str(), "a\\x5cx0ab.com", "an escape cannot be forged");
        assert_eq!(name(&[0xff, 0x00]).as_str(), "\\xff\\x00");
    }

    #[test]
    fn a_stored_name_comes_back_as_it_was() {
        for wire in [b"www.qq.com".as_slice(), b"a\\b", &[0xff, 1], b"localhost", &[b'a'; 400], b"1.2.3.4"] {
            let was = name(wire);
            assert_eq!(HostName::from(String::from(was.clone())), was);
        }
        assert_eq!(
            HostName::from("a\u{1b}b.com".to_owned()).as_str(),
            "a\\x1bb.com",
            "a tampered store harms nobody"
        );
    }

    #[test]
    fn a_dot_inside_a_label_cannot_make_another_name() {
        let n = HostName::from_labels([b"www.qq".as_slice(), b"com"]).unwrap();
        assert_eq!(n.as_str(), "www\\x2eqq.com");
        assert!(!n.is_valid());
        assert_eq!(HostName::from_labels([b"WWW".as_slice(), b"qq", b"com"]).unwrap().as_str(), "www.qq.com");
    }

    #[test]
    fn a_wildcard_is_a_name_only_in_a_certificate() {
        let star = HostName::from_certificate(b"*.Example.com").unwrap();
        assert_eq!((star.as_str(), star.is_valid()), ("*.example.com", true));
        assert!(!name(b"*.example.com").is_valid());
        for bad in ["*.com", "a.*.com", "*", "**.example.com"] {
            assert!(!HostName::from_certificate(bad.as_bytes()).unwrap().is_valid(), "{bad}");
        }
    }

    #[test]
    fn what_is_no_host_name_is_kept_but_not_valid() {
        for bad in ["localhost", "1.2.3.4", "-a.com", "a..b", "exa mple.com", "[::1]"] {
            assert!(!name(bad.as_bytes()).is_valid(), "{bad}");
        }
        let long = [b'a'; 400];
        assert!(name(&long).as_str().len() < 300);
        assert!(!name(&long).is_valid());
    }
}
