//! Transition addresses: IPv6 addresses that carry an IPv4 address, which is the one to look up.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The address to look up instead of `addr`, and by which mechanism, if `addr` carries one.
///
/// NAT64 64:ff9b::/96 (RFC 6052), 6to4 2002::/16 (RFC 3056), Teredo 2001::/32 (RFC 4380; the client's address, stored
/// inverted). A network's own NAT64 prefix cannot be told from any other address.
pub(crate) fn inner(addr: IpAddr) -> Option<(IpAddr, &'static str)> {
    let IpAddr::V6(v6) = addr else { return None };
    let (bits, mechanism) = inner_bits(v6)?;
    Some((IpAddr::V4(Ipv4Addr::from_bits(bits)), mechanism))
}

fn inner_bits(addr: Ipv6Addr) -> Option<(u32, &'static str)> {
    let join = |high: u16, low: u16| u32::from(high) << 16 | u32::from(low);
    match addr.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => Some((join(high, low), "nat64")),
        [0x2002, high, low, ..] => Some((join(high, low), "6to4")),
        [0x2001, 0, .., high, low] => Some((!join(high, low), "teredo")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_inner_address_is_taken_out() {
        for (outer, want) in [
            ("64:ff9b::808:808", Some(("8.8.8.8", "nat64"))),
            ("2002:c000:0204::1", Some(("192.0.2.4", "6to4"))),
            // The example of RFC 4380 §4: client 192.0.2.45.
            ("2001:0:4136:e378:8000:63bf:3fff:fdd2", Some(("192.0.2.45", "teredo"))),
            ("2001:4860:4860::8888", None),
            ("64:ff9b:1::808:808", None),
            ("8.8.8.8", None),
        ] {
            let found = inner(outer.parse().unwrap());
            assert_eq!(found, want.map(|(a, m)| (a.parse().unwrap(), m)), "{outer}");
        }
    }
}
