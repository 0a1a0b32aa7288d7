//! The kernel's socket table over netlink (`sock_diag(7)`), and its messages of closed sockets.
//!
//! A message of a closed socket has its cookie and addresses, but neither user nor inode: it tells when a socket ended,
//! and that there was one which no poll saw, but not whose it was: that its birth may have told (`bpf`).

use std::io;
use std::net::IpAddr;
use std::os::fd::OwnedFd;
use std::time::Duration;

use netlink_packet_core::{NLM_F_DUMP, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload};
use netlink_packet_sock_diag::SockDiagMessage;
use netlink_packet_sock_diag::inet::nlas::Nla;
use netlink_packet_sock_diag::inet::{ExtensionFlags, InetRequest, InetResponse, SocketId, StateFlags};
use rustix::net::netlink::{SOCK_DIAG, SocketAddrNetlink};
use rustix::net::sockopt::{Timeout, set_socket_recv_buffer_size, set_socket_timeout};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, bind, recv, sendto, socket_with,
};

use super::ProcessesError;
use crate::model::{Endpoint, Protocol};

/// Groups 1 to 4: closed TCP and UDP sockets of both versions (`SKNLGRP_INET_TCP_DESTROY` and after).
const CLOSED: u32 = 0b1111;
/// The kernel packs a dump into messages of at most 32 KiB.
const BUFFER: usize = 64 << 10;
/// Room for messages of closed sockets between two polls, about 200 octets each.
const CLOSED_BUFFER: usize = 1 << 20;
/// A dump that takes longer is given up: the next one comes soon.
const PATIENCE: Duration = Duration::from_secs(2);
/// Messages read in one go; a flood of closings must not hold the poll.
const MOST_MESSAGES: usize = 65_536;
/// `AF_INET`, `AF_INET6`.
const FAMILIES: [u8; 2] = [2, 10];

/// A socket as the kernel tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Socket {
    pub(super) protocol: Protocol,
    pub(super) local: Endpoint,
    /// `None`: not connected.
    pub(super) remote: Option<Endpoint>,
    /// Not bound to one address of IPv4 although it is an IPv6 socket: it takes both.
    pub(super) both_versions: bool,
    /// The kernel's number for this socket, never used again.
    pub(super) cookie: u64,
    pub(super) uid: u32,
    pub(super) inode: u32,
}

/// A closed socket that was connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Closed {
    pub(super) cookie: u64,
    pub(super) local: Endpoint,
    pub(super) remote: Endpoint,
}

/// An open connection to the socket table.
#[derive(Debug)]
pub(super) struct SockDiag {
    dump: OwnedFd,
    closed: Option<OwnedFd>,
    buffer: Vec<u8>,
    sequence: u32,
}

impl SockDiag {
    /// Opens it; messages of closed sockets are had only where the kernel offers them.
    pub(super) fn open() -> Result<Self, ProcessesError> {
        let dump = netlink(SocketFlags::CLOEXEC, 0).map_err(ProcessesError::Open)?;
        set_socket_timeout(&dump, Timeout::Recv, Some(PATIENCE))
            .map_err(|e| ProcessesError::Open(e.into()))?;
        let closed = netlink(SocketFlags::CLOEXEC | SocketFlags::NONBLOCK, CLOSED).ok();
        if let Some(closed) = &closed {
            // A smaller buffer loses messages, which is told when it happens.
            let _ = set_socket_recv_buffer_size(closed, CLOSED_BUFFER);
        }
        Ok(Self { dump, closed, buffer: vec![0; BUFFER], sequence: 0 })
    }

    /// Whether closings are told.
    pub(super) const fn tells_closings(&self) -> bool {
        self.closed.is_some()
    }

    /// All sockets of TCP and UDP that have an owner.
    pub(super) fn dump(&mut self) -> Result<Vec<Socket>, ProcessesError> {
        let mut sockets = Vec::new();
        for family in FAMILIES {
            for protocol in [Protocol::TCP, Protocol::UDP] {
                self.ask(family, protocol).map_err(ProcessesError::Ask)?;
                while !self.answer(protocol, &mut sockets).map_err(ProcessesError::Ask)? {}
            }
        }
        Ok(sockets)
    }

    fn ask(&mut self, family: u8, protocol: Protocol) -> io::Result<()> {
        self.sequence = self.sequence.wrapping_add(1);
        let mut header = NetlinkHeader::default();
        header.flags = NLM_F_REQUEST | NLM_F_DUMP;
        header.sequence_number = self.sequence;
        let request = InetRequest {
            family,
            protocol: protocol.0,
            extensions: ExtensionFlags::empty(),
            // What waits for stragglers has no owner, and a busy server has many of them.
            states: StateFlags::all().difference(StateFlags::TIME_WAIT),
            socket_id: SocketId::new_v4(),
        };
        let mut message = NetlinkMessage::new(header, SockDiagMessage::InetRequest(request).into());
        message.finalize();
        let mut bytes = vec![0; message.buffer_len()];
        message.serialize(&mut bytes);
        sendto(&self.dump, &bytes, SendFlags::empty(), &SocketAddrNetlink::new(0, 0))?;
        Ok(())
    }

    /// Reads one piece of the answer; says whether it was the last.
    fn answer(&mut self, protocol: Protocol, sockets: &mut Vec<Socket>) -> io::Result<bool> {
        let (length, _) = recv(&self.dump, self.buffer.as_mut_slice(), RecvFlags::empty())?;
        let expected = self.sequence;
        let mut done = length == 0;
        for message in Messages(self.buffer.get(..length).unwrap_or_default()) {
            // What is left of an earlier dump that was given up.
            if message.header.sequence_number != expected {
                continue;
            }
            match message.payload {
                NetlinkPayload::InnerMessage(SockDiagMessage::InetResponse(response)) => {
                    sockets.extend(socket(protocol, &response));
                }
                NetlinkPayload::Done(_) => done = true,
                NetlinkPayload::Error(error) => return Err(error.to_io()),
                _ => {}
            }
        }
        Ok(done)
    }

    /// Sockets closed since the last call; `false` when messages were lost.
    pub(super) fn closed(&mut self, list: &mut Vec<Closed>) -> bool {
        let Some(closed) = &self.closed else { return true };
        let mut whole = true;
        for _ in 0..MOST_MESSAGES {
            let length = match recv(closed, self.buffer.as_mut_slice(), RecvFlags::empty()) {
                Ok((length, _)) => length,
                Err(rustix::io::Errno::NOBUFS) => {
                    whole = false;
                    continue;
                }
                Err(_) => return whole,
            };
            for message in Messages(self.buffer.get(..length).unwrap_or_default()) {
                if let NetlinkPayload::InnerMessage(SockDiagMessage::InetResponse(response)) = message.payload
                {
                    let (cookie, local, remote) = ends(&response.header.socket_id);
                    list.extend(remote.map(|remote| Closed { cookie, local, remote }));
                }
            }
        }
        whole
    }
}

fn netlink(flags: SocketFlags, groups: u32) -> io::Result<OwnedFd> {
    let socket = socket_with(AddressFamily::NETLINK, SocketType::DGRAM, flags, Some(SOCK_DIAG))?;
    bind(&socket, &SocketAddrNetlink::new(0, groups))?;
    Ok(socket)
}

/// The messages in one datagram; what cannot be read ends it.
struct Messages<'a>(&'a [u8]);

impl Iterator for Messages<'_> {
    type Item = NetlinkMessage<SockDiagMessage>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let length = self.0.first_chunk::<4>().map(|b| u32::from_ne_bytes(*b))?;
            let length = usize::try_from(length).ok().filter(|length| *length >= 16)?;
            let message = self.0.get(..length)?;
            self.0 = self.0.get(length.next_multiple_of(4)..).unwrap_or_default();
            // One that cannot be read (a newer kernel's) is passed over.
            if let Ok(message) = NetlinkMessage::deserialize(message) {
                return Some(message);
            }
        }
    }
}

/// A socket with an owner; one without (waiting for stragglers, half open) has no inode.
fn socket(protocol: Protocol, response: &InetResponse) -> Option<Socket> {
    let header = &response.header;
    if header.inode == 0 {
        return None;
    }
    let (cookie, local, remote) = ends(&header.socket_id);
    let only_v6 = response.nlas.iter().any(|nla| matches!(nla, Nla::SkV6Only(true)));
    Some(Socket {
        protocol,
        local,
        remote,
        both_versions: header.family == FAMILIES[1] && !only_v6,
        cookie,
        uid: header.uid,
        inode: header.inode,
    })
}

/// Its cookie, this end, and the other where it is connected.
fn ends(id: &SocketId) -> (u64, Endpoint, Option<Endpoint>) {
    let end = |addr: IpAddr, port| Endpoint::new(addr.to_canonical(), port);
    let remote = (id.destination_port != 0).then(|| end(id.destination_address, id.destination_port));
    (u64::from_ne_bytes(id.cookie), end(id.source_address, id.source_port), remote)
}
