//! Headers in front of a frame that name its maker. What else they say is `decode`'s to read.

use std::sync::Arc;

use super::Origins;
use crate::model::{OriginSource, ProcessRef};

/// Attributes looked at in one netfilter log message; the kernel writes about a dozen.
const MAX_ATTRIBUTES: usize = 32;
/// `NFULA_UID` (linux/netfilter/nfnetlink_log.h): the owner of the socket, in network byte order.
const NFULA_UID: u16 = 11;

/// Apple's PKTAP (bsd/net/pktap.h of XNU): process at offset 52, the one that it acts for at 84; each a number and a
/// name of 20 octets, little-endian. The latter comes first: system daemons fetch for applications.
pub(super) fn pktap<'o>(origins: &'o mut Origins, bytes: &[u8]) -> Option<&'o Arc<ProcessRef>> {
    let length = bytes.first_chunk::<4>().map(|b| u32::from_le_bytes(*b))?;
    let header = bytes.get(..usize::try_from(length).ok()?)?;
    let process = |at: usize| -> Option<(u32, [u8; 20])> {
        let number = header.get(at..)?.first_chunk::<4>().map(|b| u32::from_le_bytes(*b))?;
        let name = *header.get(at + 4..)?.first_chunk::<20>()?;
        // -1: no process; 0 without a name: the field was never filled.
        (number != u32::MAX && (number != 0 || name.first().is_some_and(|b| *b != 0)))
            .then(|| (number, up_to_nul(name)))
    };
    let (pid, name) = process(84).or_else(|| process(52))?;
    origins.intern(OriginSource::Pktap, Some(pid), name)
}

/// Linux netfilter log: attributes behind a header of four bytes, in the byte order of the capturing host.
pub(super) fn nflog<'o>(origins: &'o mut Origins, bytes: &[u8]) -> Option<&'o Arc<ProcessRef>> {
    let mut rest = bytes.get(4..)?;
    for _ in 0..MAX_ATTRIBUTES {
        let [l0, l1, t0, t1] = *rest.first_chunk::<4>()?;
        // Types are below 256, so the byte that is zero gives the byte order away.
        let little = t1 == 0 || t1 == 0x80;
        let number =
            |bytes: [u8; 2]| if little { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) };
        let length = usize::from(number([l0, l1]));
        if number([t0, t1]) & 0x7fff == NFULA_UID {
            let uid = *rest.get(4..length)?.first_chunk::<4>()?;
            return origins.intern(OriginSource::Nflog, Some(u32::from_be_bytes(uid)), [0; 20]);
        }
        // A length below its own header would not move on.
        rest = rest.get(length.max(4).next_multiple_of(4)..)?;
    }
    None
}

/// The name with zeros behind its first zero, so that rubbish there makes no second maker of it.
pub(super) fn up_to_nul(mut name: [u8; 20]) -> [u8; 20] {
    let end = name.iter().position(|b| *b == 0).unwrap_or(name.len());
    if let Some(rest) = name.get_mut(end..) {
        rest.fill(0);
    }
    name
}
