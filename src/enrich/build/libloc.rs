//! Reads IPFire's `location.db` (libloc format, version 1).
//!
//! All integers are big-endian. `LOCDBXX`, a version byte, then a header with offset and length of five sections: AS
//! records (number, name), network tree (zero, one, network), network records (country, AS number, flags), countries, and
//! a pool of NUL-terminated strings. The tree is over 128 bits with IPv4 in ::ffff:0:0/96; child 0 means none; a
//! network holds for all addresses below it that have none of their own. The signature is not checked here: the package
//! is pinned by its SHA-256.

use std::collections::BTreeMap;

use super::merge::{Range, push_range};
use crate::model::CountryCode;

/// What a network record says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Network {
    /// Where it is.
    pub(super) country: Option<CountryCode>,
    /// Who announces it; 0 for nobody.
    pub(super) asn: u32,
    /// Announced from many places.
    pub(super) anycast: bool,
}

/// IPv4 ranges, IPv6 ranges, AS names.
pub(super) type Contents = (Vec<Range<Network>>, Vec<Range<Network>>, BTreeMap<u32, String>);

const MAGIC: &[u8] = b"LOCDBXX\x01";
const NODE_LEN: usize = 12;
const NETWORK_LEN: usize = 12;
const AS_LEN: usize = 8;
const NO_NETWORK: u32 = u32::MAX;
const FLAG_ANYCAST: u16 = 4;
/// ::ffff:0:0/96
const MAPPED: u128 = 0xffff << 32;

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk::<4>().map(|c| u32::from_be_bytes(*c))
}

/// A section by the place of its offset and length in the header.
fn section<'a>(bytes: &'a [u8], at: usize, what: &str) -> Result<&'a [u8], String> {
    let bounds = || {
        let offset = usize::try_from(u32_at(bytes, at)?).ok()?;
        let length = usize::try_from(u32_at(bytes, at + 4)?).ok()?;
        bytes.get(offset..offset.checked_add(length)?)
    };
    bounds().ok_or_else(|| format!("its {what} section lies outside the file"))
}

/// Reads the whole file.
pub(super) fn read(bytes: &[u8]) -> Result<Contents, String> {
    if !bytes.starts_with(MAGIC) {
        return Err("it is no libloc database of version 1".to_owned());
    }
    // Header after the 8 bytes of magic: created (8), vendor, description, licence (4 each), then the sections.
    let systems = section(bytes, 28, "AS")?;
    let networks = section(bytes, 36, "network")?;
    let tree = section(bytes, 44, "tree")?;
    let pool = section(bytes, 60, "string")?;

    let mut v4 = Vec::new();
    let mut v6 = Vec::new();
    let mut budget = tree.len() / NODE_LEN + 1;
    let mut emit = |start: u128, free: u32, network: u32| -> Result<(), String> {
        if network == NO_NETWORK {
            return Ok(());
        }
        let value = network_at(networks, network)
            .ok_or_else(|| format!("network {network} lies outside its section"))?;
        let end = if free >= 128 { u128::MAX } else { start | ((1_u128 << free) - 1) };
        if start >= MAPPED && end <= MAPPED | 0xffff_ffff {
            push_range(&mut v4, Range { start: start - MAPPED, end: end - MAPPED, value });
        } else {
            push_range(&mut v6, Range { start, end, value });
        }
        Ok(())
    };
    // (node, first address, free bits, network in force); the lower half is on top, so ranges come in order.
    let mut stack = vec![(Some(0_u32), 0_u128, 128_u32, NO_NETWORK)];
    while let Some((node, first, free, inherited)) = stack.pop() {
        let Some(node) = node else {
            emit(first, free, inherited)?;
            continue;
        };
        budget = budget.checked_sub(1).ok_or("its tree has a loop")?;
        let at = usize::try_from(node).unwrap_or(usize::MAX).saturating_mul(NODE_LEN);
        let (Some(zero), Some(one), Some(own)) =
            (u32_at(tree, at), u32_at(tree, at.saturating_add(4)), u32_at(tree, at.saturating_add(8)))
        else {
            return Err(format!("node {node} lies outside its section"));
        };
        let network = if own == NO_NETWORK { inherited } else { own };
        if zero == 0 && one == 0 {
            emit(first, free, network)?;
            continue;
        }
        let below = free.checked_sub(1).ok_or("its tree is deeper than an address is long")?;
        let child = |index: u32| (index != 0).then_some(index);
        stack.push((child(one), first | (1_u128 << below), below, network));
        stack.push((child(zero), first, below, network));
    }

    let mut names = BTreeMap::new();
    for record in systems.chunks_exact(AS_LEN) {
        let (Some(number), Some(offset)) = (u32_at(record, 0), u32_at(record, 4)) else { continue };
        let text = usize::try_from(offset).ok().and_then(|o| pool.get(o..)).unwrap_or_default();
        let text = text.split(|b| *b == 0).next().unwrap_or_default();
        let name = String::from_utf8_lossy(text).trim().to_owned();
        if !name.is_empty() {
            names.insert(number, name);
        }
    }
    if v4.is_empty() || names.is_empty() {
        return Err("it holds no IPv4 network or no AS name".to_owned());
    }
    Ok((v4, v6, names))
}

fn network_at(networks: &[u8], index: u32) -> Option<Network> {
    let at = usize::try_from(index).ok()?.checked_mul(NETWORK_LEN)?;
    // Country (2), padding (2), AS number (4), flags (2), padding (2).
    let [c0, c1, _, _, a0, a1, a2, a3, f0, f1, ..] = *networks.get(at..)?.first_chunk::<NETWORK_LEN>()?;
    let country = std::str::from_utf8(&[c0, c1]).ok().and_then(CountryCode::parse);
    let flags = u16::from_be_bytes([f0, f1]);
    Some(Network { country, asn: u32::from_be_bytes([a0, a1, a2, a3]), anycast: flags & FLAG_ANYCAST != 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file with one AS, the given networks, and a tree that is a chain down to ::ffff:0:0/96.
    fn file(tail: &[[u32; 3]]) -> Vec<u8> {
        let mut nodes: Vec<[u32; 3]> = Vec::new();
        for depth in 0..96_u32 {
            let next = depth + 1;
            nodes.push(if depth < 80 { [next, 0, NO_NETWORK] } else { [0, next, NO_NETWORK] });
        }
        nodes.extend_from_slice(tail);
        let tree: Vec<u8> = nodes.iter().flatten().flat_map(|v| v.to_be_bytes()).collect();
        let mut networks = Vec::new();
        for (cc, asn, flags) in [(b"DE", 7_u32, 0_u16), (b"EU", 8, 4)] {
            networks.extend_from_slice(cc);
            networks.extend_from_slice(&[0, 0]);
            networks.extend_from_slice(&asn.to_be_bytes());
            networks.extend_from_slice(&flags.to_be_bytes());
            networks.extend_from_slice(&[0, 0]);
        }
        let systems = [7_u32.to_be_bytes(), 0_u32.to_be_bytes()].concat();
        let pool = b"Seven\0".to_vec();
        let mut out = MAGIC.to_vec();
        out.extend_from_slice(&[0; 20]);
        let mut offset = 80_u32;
        for part in [&systems, &networks, &tree, &Vec::new(), &pool] {
            let length = u32::try_from(part.len()).unwrap();
            out.extend_from_slice(&offset.to_be_bytes());
            out.extend_from_slice(&length.to_be_bytes());
            offset += length;
        }
        out.resize(80, 0);
        for part in [systems, networks, tree, pool] {
            out.extend_from_slice(&part);
        }
        out
    }

    #[test]
    fn a_network_holds_below_itself_until_another_one_does() {
        // ::ffff:0:0/96 has network 0, its upper half network 1
        let (v4, v6, names) = read(&file(&[[0, 97, 0], [0, 0, 1]])).unwrap();
        assert!(v6.is_empty());
        assert_eq!(names[&7], "Seven");
        assert_eq!(v4.len(), 2);
        assert_eq!((v4[0].start, v4[0].end, v4[0].value.asn), (0, 0x7fff_ffff, 7));
        assert_eq!(v4[0].value.country, CountryCode::parse("DE"));
        assert!(v4[1].value.anycast && v4[1].value.country.is_none(), "EU is no country");
    }

    #[test]
    fn loops_and_wild_offsets_are_refused() {
        assert!(read(&file(&[[90, 0, 0]])).is_err());
        assert!(read(&file(&[[4000, 0, 0]])).unwrap_err().contains("outside"));
        assert!(read(&file(&[[0, 0, 77]])).unwrap_err().contains("network 77"));
        assert!(read(b"LOCDBXX\x01").is_err());
        assert!(read(b"PK").unwrap_err().contains("libloc"));
    }
}
