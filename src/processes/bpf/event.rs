//! What a program tells of a socket: one layout for all of them, written by `programs`, read here.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::model::{Endpoint, Label, Protocol};

/// Octets of an event. The programs write it field by field at these places; numbers are in the machine's order.
pub(super) const SIZE: usize = 120;
pub(super) const COOKIE: i16 = 0;
pub(super) const PID_TGID: i16 = 8;
pub(super) const UID_GID: i16 = 16;
pub(super) const CGROUP: i16 = 24;
pub(super) const TIME: i16 = 32;
pub(super) const NETNS: i16 = 40;
pub(super) const COMM: i16 = 48;
/// Octets of a command's name, with its end (`TASK_COMM_LEN`).
pub(super) const COMM_SIZE: i32 = 16;
pub(super) const KIND: i16 = 64;
pub(super) const FAMILY: i16 = 68;
pub(super) const PROTOCOL: i16 = 72;
pub(super) const LOCAL_PORT: i16 = 76;
pub(super) const REMOTE_PORT: i16 = 80;
pub(super) const LOCAL: i16 = 88;
pub(super) const REMOTE: i16 = 104;

/// Kinds of events, as the programs number them.
pub(super) const CONNECT: i32 = 1;
pub(super) const SEND: i32 = 2;
pub(super) const OPENED: i32 = 3;

const AF_INET: u32 = 2;
const AF_INET6: u32 = 10;

/// Who did it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::processes) struct Doer {
    /// Process id (the kernel's thread group), as the first namespace counts.
    pub(in crate::processes) pid: u32,
    pub(in crate::processes) uid: u32,
    /// What the thread calls itself.
    pub(in crate::processes) comm: Option<Label>,
    /// Number of the control group of version 2: the inode of its folder.
    pub(in crate::processes) cgroup: u64,
    /// Nanoseconds since the system started.
    pub(in crate::processes) boot_time: u64,
    /// The kernel's number for the network namespace.
    pub(in crate::processes) netns: u64,
}

/// What happened to a socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::processes) enum Happened {
    /// A process is about to connect it.
    Connect {
        /// Who.
        doer: Doer,
        /// With which protocol.
        protocol: Protocol,
    },
    /// A process sends a datagram with it to somebody whom it is not connected to.
    Send {
        /// Who.
        doer: Doer,
        /// From where; the address is often not chosen yet.
        local: Endpoint,
        /// To whom.
        remote: Endpoint,
    },
    /// TCP begins to connect it: both ends are known.
    Opened {
        /// This end.
        local: Endpoint,
        /// The other.
        remote: Endpoint,
    },
}

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::processes) struct Event {
    /// The socket's number, never used again.
    pub(in crate::processes) cookie: u64,
    /// What happened.
    pub(in crate::processes) happened: Happened,
}

impl Event {
    /// Reads one; `None` for octets that no program here writes.
    pub(super) fn read(octets: &[u8]) -> Option<Self> {
        let octets: &[u8; SIZE] = octets.first_chunk()?;
        let field = Fields(octets);
        let local = field.address(LOCAL)?;
        let remote = field.address(REMOTE)?;
        let doer = || Doer {
            // The upper half is the thread group, which is what /proc calls a process.
            pid: field.upper(PID_TGID),
            // The lower half is the user.
            uid: field.lower(UID_GID),
            comm: field.comm(),
            cgroup: field.u64(CGROUP),
            boot_time: field.u64(TIME),
            netns: field.u64(NETNS),
        };
        let port = |at| u16::try_from(field.u32(at)).ok();
        let happened = match i32::try_from(field.u32(KIND)).ok()? {
            CONNECT => Happened::Connect {
                doer: doer(),
                protocol: Protocol(u8::try_from(field.u32(PROTOCOL)).ok()?),
            },
            SEND => Happened::Send {
                doer: doer(),
                local: Endpoint::new(local, port(LOCAL_PORT)?),
                // The port's two octets come first, in the order of the wire.
                remote: Endpoint::new(remote, field.wire_port(REMOTE_PORT)),
            },
            OPENED => Happened::Opened {
                local: Endpoint::new(local, port(LOCAL_PORT)?),
                // Here the kernel puts them into the upper half of a number in network order.
                remote: Endpoint::new(remote, port_of_order(field.u32(REMOTE_PORT))?),
            },
            _ => return None,
        };
        Some(Self { cookie: field.u64(COOKIE), happened })
    }
}

/// `bpf_sock_ops.remote_port` is the port as a number of 32 bits in network order.
fn port_of_order(value: u32) -> Option<u16> {
    u16::try_from(u32::from_be(value)).ok()
}

struct Fields<'a>(&'a [u8; SIZE]);

impl Fields<'_> {
    fn bytes<const N: usize>(&self, at: i16) -> [u8; N] {
        let from = usize::try_from(at).unwrap_or(SIZE);
        self.0.get(from..).and_then(<[u8]>::first_chunk).copied().unwrap_or([0; N])
    }

    fn u64(&self, at: i16) -> u64 {
        u64::from_ne_bytes(self.bytes(at))
    }

    fn u32(&self, at: i16) -> u32 {
        u32::from_ne_bytes(self.bytes(at))
    }

    fn upper(&self, at: i16) -> u32 {
        u32::try_from(self.u64(at) >> 32).unwrap_or_default()
    }

    fn lower(&self, at: i16) -> u32 {
        u32::try_from(self.u64(at) & u64::from(u32::MAX)).unwrap_or_default()
    }

    fn wire_port(&self, at: i16) -> u16 {
        u16::from_be_bytes(self.bytes(at))
    }

    /// Addresses are kept in the order of the wire; an IPv6 socket that speaks IPv4 is one of IPv4.
    fn address(&self, at: i16) -> Option<IpAddr> {
        match self.u32(FAMILY) {
            AF_INET => Some(Ipv4Addr::from(self.bytes::<4>(at)).into()),
            AF_INET6 => Some(IpAddr::from(Ipv6Addr::from(self.bytes::<16>(at))).to_canonical()),
            _ => None,
        }
    }

    fn comm(&self) -> Option<Label> {
        let octets: [u8; 16] = self.bytes(COMM);
        let end = octets.iter().position(|b| *b == 0).unwrap_or(octets.len());
        octets.get(..end).and_then(Label::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: i32, family: u32) -> Vec<u8> {
        let mut octets = vec![0; SIZE];
        let mut put = |at: i16, bytes: &[u8]| {
            let at = usize::try_from(at).unwrap();
            octets[at..at + bytes.len()].copy_from_slice(bytes);
        };
        put(COOKIE, &77_u64.to_ne_bytes());
        put(PID_TGID, &((123_u64 << 32) + 456).to_ne_bytes());
        put(UID_GID, &((100_u64 << 32) + 1000).to_ne_bytes());
        put(COMM, b"curl\0");
        put(KIND, &kind.to_ne_bytes());
        put(FAMILY, &family.to_ne_bytes());
        put(PROTOCOL, &6_u32.to_ne_bytes());
        put(LOCAL_PORT, &40_000_u32.to_ne_bytes());
        octets
    }

    fn with(mut octets: Vec<u8>, at: i16, bytes: &[u8]) -> Vec<u8> {
        let at = usize::try_from(at).unwrap();
        octets[at..at + bytes.len()].copy_from_slice(bytes);
        octets
    }

    #[test]
    fn each_kind_is_read() {
        let read = Event::read(&event(CONNECT, AF_INET)).unwrap();
        assert_eq!(read.cookie, 77);
        let Happened::Connect { doer, protocol } = read.happened else { panic!() };
        assert_eq!((doer.pid, doer.uid, protocol), (123, 1000, Protocol::TCP));
        assert_eq!(doer.comm, Label::new(b"curl"));

        let octets = with(event(SEND, AF_INET), REMOTE, &[203, 0, 113, 9]);
        let Happened::Send { local, remote, .. } =
            Event::read(&with(octets, REMOTE_PORT, &443_u16.to_be_bytes())).unwrap().happened
        else {
            panic!()
        };
        assert_eq!(
            (local.to_string(), remote.to_string()),
            ("0.0.0.0:40000".into(), "203.0.113.9:443".into())
        );

        // An IPv6 socket that speaks IPv4.
        let mapped = "::ffff:203.0.113.9".parse::<Ipv6Addr>().unwrap().octets();
        let octets = with(event(OPENED, AF_INET6), REMOTE, &mapped);
        let Happened::Opened { remote, .. } =
            Event::read(&with(octets, REMOTE_PORT, &443_u32.to_be_bytes())).unwrap().happened
        else {
            panic!()
        };
        assert_eq!(remote.to_string(), "203.0.113.9:443");
    }

    #[test]
    fn what_no_program_writes_is_no_event() {
        assert_eq!(Event::read(&event(9, AF_INET)), None);
        assert_eq!(Event::read(&event(CONNECT, 1)), None, "a family without addresses");
        assert_eq!(Event::read(&event(CONNECT, AF_INET)[..SIZE - 1]), None);
        assert_eq!(Event::read(&with(event(OPENED, AF_INET), LOCAL_PORT, &[0xff; 4])), None);
    }
}
