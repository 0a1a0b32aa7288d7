//! The system's own neighbour table, IPv4 and IPv6, by rtnetlink (RTM_GETNEIGH, linux/neighbour.h). Needs no privilege.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socket_with};

use crate::model::{DeviceObservation, DeviceOrigin, MacAddr, Timestamp};

const RTM_NEWNEIGH: u16 = 28;
const RTM_GETNEIGH: u16 = 30;
/// NLM_F_REQUEST and NLM_F_DUMP.
const DUMP: u16 = 0x301;
const DONE: u16 = 3;
const ERROR: u16 = 2;
const NDA_DST: u16 = 1;
const NDA_LLADDR: u16 = 2;
/// Incomplete, failed, and entries without resolution: no one's address.
const UNSURE: u16 = 0x01 | 0x20 | 0x40;
/// Entries read; the kernel's own limit is 1,024 by default (`gc_thresh3`).
const MAX_ENTRIES: usize = 16_384;
/// Parts of a dump; each has up to 32 KiB.
const MAX_PARTS: usize = 1024;

/// Reads the table. The entries are as of `now`.
///
/// # Errors
/// The system's, where it has no such table.
pub(super) fn read(now: Timestamp) -> io::Result<Vec<DeviceObservation>> {
    // Protocol 0 is NETLINK_ROUTE.
    let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, None)?;
    rustix::net::sockopt::set_socket_timeout(
        &socket,
        rustix::net::sockopt::Timeout::Recv,
        Some(std::time::Duration::from_secs(1)),
    )?;
    let mut request = Vec::with_capacity(28);
    request.extend(28_u32.to_ne_bytes());
    request.extend(RTM_GETNEIGH.to_ne_bytes());
    request.extend(DUMP.to_ne_bytes());
    // Sequence number, port (the kernel fills it in), and an empty ndmsg: every family.
    request.extend([0; 20]);
    send(&socket, &request, SendFlags::empty())?;
    let mut entries = Vec::new();
    let mut buffer = vec![0_u8; 64 << 10];
    for _ in 0..MAX_PARTS {
        let (count, _) = recv(&socket, buffer.as_mut_slice(), RecvFlags::empty())?;
        let more = messages(buffer.get(..count).unwrap_or_default(), now, &mut entries)?;
        if !more || entries.len() >= MAX_ENTRIES {
            break;
        }
    }
    Ok(entries)
}

/// Reads one part of the dump; says whether more will come.
fn messages(mut bytes: &[u8], now: Timestamp, out: &mut Vec<DeviceObservation>) -> io::Result<bool> {
    while let Some(head) = bytes.first_chunk::<16>() {
        let length = u32::from_ne_bytes([head[0], head[1], head[2], head[3]]) as usize;
        let kind = u16::from_ne_bytes([head[4], head[5]]);
        let Some(body) = bytes.get(16..length) else { return Ok(false) };
        match kind {
            DONE => return Ok(false),
            ERROR => {
                let code = body.first_chunk::<4>().map_or(0, |c| i32::from_ne_bytes(*c));
                return if code == 0 { Ok(false) } else { Err(io::Error::from_raw_os_error(-code)) };
            }
            RTM_NEWNEIGH => out.extend(entry(body, now)),
            _ => {}
        }
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    Ok(true)
}

fn entry(body: &[u8], now: Timestamp) -> Option<DeviceObservation> {
    let (head, mut attributes) = body.split_first_chunk::<12>()?;
    if u16::from_ne_bytes([head[8], head[9]]) & UNSURE != 0 {
        return None;
    }
    let (mut addr, mut mac) = (None, None);
    while let Some((length, rest)) = attributes.split_first_chunk::<2>() {
        let length = usize::from(u16::from_ne_bytes(*length));
        let kind = u16::from_ne_bytes(*rest.first_chunk::<2>()?);
        let value = attributes.get(4..length)?;
        match (kind, value.len()) {
            (NDA_DST, 4) => addr = value.first_chunk::<4>().map(|a| IpAddr::V4(Ipv4Addr::from(*a))),
            (NDA_DST, 16) => addr = value.first_chunk::<16>().map(|a| IpAddr::V6(Ipv6Addr::from(*a))),
            (NDA_LLADDR, 6) => mac = value.first_chunk::<6>().map(|m| MacAddr(*m)),
            _ => {}
        }
        attributes = attributes.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    let (addr, mac) = addr.zip(mac.filter(|m| !m.is_zero() && !m.is_group()))?;
    let mut seen = DeviceObservation::new(DeviceOrigin::Neighbours, now);
    (seen.addr, seen.mac) = (Some(addr), Some(mac));
    Some(seen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_systems_table_can_be_read() {
        for entry in read(Timestamp::EPOCH).unwrap() {
            assert!(entry.addr.is_some() && entry.mac.is_some());
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_without_harm(mut bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            let _ = messages(&bytes, Timestamp::EPOCH, &mut Vec::new());
            // The same as a neighbour message of sound length.
            if bytes.len() >= 16 {
                let length = u32::try_from(bytes.len()).unwrap();
                bytes[..4].copy_from_slice(&length.to_ne_bytes());
                bytes[4..6].copy_from_slice(&RTM_NEWNEIGH.to_ne_bytes());
                let _ = messages(&bytes, Timestamp::EPOCH, &mut Vec::new());
            }
        }
    }
}
