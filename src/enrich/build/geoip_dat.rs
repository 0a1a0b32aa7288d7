//! Reads the legacy GeoIP country format (`GeoIP.dat`, `GeoIPv6.dat`), in which Debian ships DB-IP Lite.
//!
//! The file is a binary trie without a header: each node is two records of 3 bytes, little-endian (bit 0, bit 1). A record
//! below 16 776 960 is the number of the next node; from there on it is a country, `record - 16776960` in a fixed list.
//! The IPv6 edition repeats the whole IPv4 space in ::/96, ::ffff:0:0/96 and 2002::/16; only 2000::/3 without 2002::/16
//! is taken from it.

use super::merge::{Range, push_range};
use crate::model::CountryCode;

/// Records from here on are countries.
const COUNTRY_BEGIN: u32 = 16_776_960;
/// Two records of three bytes.
const NODE_LEN: usize = 6;

/// The list that the format's numbers stand for; number 0 is "unknown". Some entries are no country (`EU`, `A1`…):
/// [`CountryCode::parse`] drops those that it knows of, `code` the digits.
const CODES: &str = "-- AP EU AD AE AF AG AI AL AM CW AO AQ AR AS AT AU AW AZ BA BB BD BE BF BG BH BI BJ BM BN BO BR BS BT \
    BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK \
    FM FO FR SX GA GB GD GE GF GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IN IO IQ IR IS IT JM \
    JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD MG MH MK ML MM MN MO MP MQ MR MS \
    MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RU \
    RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR ST SV SY SZ TC TD TF TG TH TJ TK TM TN TO TL TR TT TV TW TZ UA UG \
    UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT RS ZA ZM ME ZW A1 A2 O1 AX GG IM JE BL MF BQ SS O1";

/// All ranges with a country, in address order; `bits` is 32 or 128. Addresses are right-aligned in the `u128`.
pub(super) fn read(bytes: &[u8], bits: u32) -> Result<Vec<Range<CountryCode>>, String> {
    let codes: Vec<Option<CountryCode>> = CODES.split_ascii_whitespace().map(CountryCode::parse).collect();
    let record = |node: u32, bit: u32| -> Option<u32> {
        let at =
            usize::try_from(node).ok()?.checked_mul(NODE_LEN)?.checked_add(if bit == 0 { 0 } else { 3 })?;
        match bytes.get(at..at.checked_add(3)?)? {
            [a, b, c] => Some(u32::from_le_bytes([*a, *b, *c, 0])),
            _ => None,
        }
    };
    // A trie has at most one way to each node: more visits than nodes means a loop.
    let mut budget = bytes.len() / NODE_LEN + 1;
    let mut ranges = Vec::new();
    // (node, first address, bits still free below the node), the lower half on top.
    let mut stack = vec![(0_u32, 0_u128, bits)];
    while let Some((node, first, free)) = stack.pop() {
        budget = budget.checked_sub(1).ok_or("its trie has a loop")?;
        let below = free.checked_sub(1).ok_or("its trie is deeper than an address is long")?;
        for bit in [1, 0] {
            let start = first | (u128::from(bit) << below);
            let value = record(node, bit).ok_or_else(|| format!("node {node} lies outside the file"))?;
            if value < COUNTRY_BEGIN {
                stack.push((value, start, below));
            } else if let Some(Some(code)) =
                usize::try_from(value - COUNTRY_BEGIN).ok().and_then(|i| codes.get(i))
            {
                let end = start | ((1_u128 << below) - 1);
                if bits == 32 || is_plain_v6(start) {
                    ranges.push(Range { start, end, value: *code });
                }
            }
        }
    }
    ranges.sort_unstable_by_key(|r| r.start);
    let mut joined = Vec::with_capacity(ranges.len());
    for range in ranges {
        push_range(&mut joined, range);
    }
    if joined.is_empty() {
        return Err("no range with a country in it: not a legacy GeoIP country file".to_owned());
    }
    Ok(joined)
}

/// Global unicast that is not a copy of the IPv4 space.
fn is_plain_v6(first: u128) -> bool {
    first >> 125 == 1 && first >> 112 != 0x2002
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(zero: u32, one: u32) -> Vec<u8> {
        [zero, one].iter().flat_map(|r| r.to_le_bytes().into_iter().take(3)).collect()
    }

    #[test]
    fn the_list_has_256_entries_with_the_known_ones_in_place() {
        let codes: Vec<&str> = CODES.split_ascii_whitespace().collect();
        assert_eq!(codes.len(), 256);
        for (index, code) in [(48, "CN"), (56, "DE"), (225, "US"), (185, "RU"), (94, "HK"), (254, "SS")] {
            assert_eq!(codes[index], code, "{index}");
        }
    }

    #[test]
    fn leaves_become_ranges_in_order() {
        // 0/1 -> node 1 (0/2 CN, 64/2 unknown), 128/1 -> DE
        let file = [node(1, COUNTRY_BEGIN + 56), node(COUNTRY_BEGIN + 48, COUNTRY_BEGIN)].concat();
        let ranges = read(&file, 32).unwrap();
        assert_eq!(ranges.len(), 2);
        assert_eq!((ranges[0].start, ranges[0].end, ranges[0].value.as_str()), (0, 0x3fff_ffff, "CN"));
        assert_eq!(
            (ranges[1].start, ranges[1].end, ranges[1].value.as_str()),
            (0x8000_0000, 0xffff_ffff, "DE")
        );
    }

    #[test]
    fn loops_and_cuts_are_refused() {
        assert!(read(&node(0, 0), 32).unwrap_err().contains("loop"));
        assert!(read(&node(7, COUNTRY_BEGIN), 32).unwrap_err().contains("outside"));
        assert!(read(b"", 32).is_err());
    }
}
