//! Community ID version 1 (github.com/corelight/community-id-spec): one id for a flow in every tool.
//!
//! Flow records carry no ICMP types, so ICMP flows have the id of a protocol without ports.

use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};

use crate::model::{Endpoint, FlowRecord, Protocol};

/// The id, seed 0; `None` for mixed address families, which cannot be.
pub(super) fn community_id(record: &FlowRecord) -> Option<String> {
    let (a, b) = (record.source, record.destination);
    if a.addr.is_ipv4() != b.addr.is_ipv4() {
        return None;
    }
    let (low, high) = if (octets(a.addr), a.port) <= (octets(b.addr), b.port) { (a, b) } else { (b, a) };
    let mut bytes = vec![0, 0];
    bytes.extend(octets(low.addr));
    bytes.extend(octets(high.addr));
    bytes.extend([record.protocol.0, 0]);
    if has_ports(record.protocol) {
        let ports = |e: Endpoint| e.port.to_be_bytes();
        bytes.extend(ports(low));
        bytes.extend(ports(high));
    }
    let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, &bytes);
    Some(format!("1:{}", STANDARD.encode(hash.as_ref())))
}

fn has_ports(protocol: Protocol) -> bool {
    matches!(protocol, Protocol::TCP | Protocol::UDP | Protocol::SCTP)
}

fn octets(addr: IpAddr) -> Vec<u8> {
    match addr {
        IpAddr::V4(a) => a.octets().to_vec(),
        IpAddr::V6(a) => a.octets().to_vec(),
    }
}
