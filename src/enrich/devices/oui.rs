//! Who made a network card: the IEEE's public listing (MA-L, MA-M, MA-S), unpacked once when first asked for.
//!
//! The longest block that holds an address counts. A locally administered address has no maker: its bits are made up.
//! geoip/oui.toml says where the listing is from, and scripts/oui-build makes it.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use crate::model::MacAddr;

static COMPRESSED: &[u8] = include_bytes!("../../../geoip/oui.zst");
/// More than the unpacked listing has.
const MAX_UNPACKED: usize = 8 << 20;
/// Hex digits of a block's prefix, longest first: MA-S, MA-M, MA-L.
const DIGITS: [u32; 3] = [9, 7, 6];

static LISTING: OnceLock<HashMap<(u32, u64), Arc<str>>> = OnceLock::new();

/// The maker of a card, as the listing spells it.
pub(super) fn vendor(mac: MacAddr) -> Option<Arc<str>> {
    if mac.is_locally_administered() || mac.is_group() {
        return None;
    }
    let bits = mac.0.iter().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
    let listing = LISTING.get_or_init(listing);
    DIGITS.into_iter().find_map(|digits| listing.get(&(digits, bits >> (48 - 4 * digits))).cloned())
}

/// A line for each maker: its name, a tab, its prefixes in hex with blanks between.
fn listing() -> HashMap<(u32, u64), Arc<str>> {
    let bytes = zstd::bulk::decompress(COMPRESSED, MAX_UNPACKED).unwrap_or_default();
    let text = String::from_utf8(bytes).unwrap_or_default();
    let mut listing = HashMap::new();
    for (name, prefixes) in text.lines().filter_map(|line| line.split_once('\t')) {
        let name: Arc<str> = name.into();
        for prefix in prefixes.split(' ') {
            if let (Ok(digits), Ok(bits)) = (u32::try_from(prefix.len()), u64::from_str_radix(prefix, 16)) {
                listing.insert((digits, bits), Arc::clone(&name));
            }
        }
    }
    listing
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_listing_is_whole_and_the_longest_block_counts() {
        assert!(LISTING.get_or_init(listing).len() > 50_000);
        let maker = |mac: [u8; 6]| vendor(MacAddr(mac)).map(|v| v.to_string());
        assert_eq!(maker([0, 0, 0, 1, 2, 3]).as_deref(), Some("XEROX CORPORATION"));
        assert!(
            maker([0x00, 0x1b, 0xc5, 0x00, 0x00, 0x01]).is_some_and(|m| !m.contains("IEEE")),
            "an MA-S block"
        );
    }

    #[test]
    fn a_made_up_address_has_no_maker() {
        assert_eq!(vendor(MacAddr([0x02, 0, 0, 1, 2, 3])), None);
        assert_eq!(vendor(MacAddr([0xff; 6])), None);
    }
}
