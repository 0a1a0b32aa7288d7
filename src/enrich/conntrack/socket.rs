//! The socket: a dump of what is there, then events. Needs CAP_NET_ADMIN in the network namespace of the gateway.
//!
//! When the kernel drops events because they are not taken fast enough (ENOBUFS), everything is dumped again: what ended
//! meanwhile is known by its record, what began is in the dump.

use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::net::netlink::{self, SocketAddrNetlink};
use rustix::net::sockopt::{Timeout, set_socket_recv_buffer_size, set_socket_timeout};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, bind, recv, send, socket_with,
};

use super::Connection;
use super::message::{Message, dump_request, messages};

/// Multicast groups: new and destroyed connections (updates change neither tuple).
const GROUPS: u32 = 1 << 0 | 1 << 2;
/// Asked for; the kernel gives at most `net.core.rmem_max`.
const RECEIVE_BUFFER: usize = 4 << 20;
/// Larger than any datagram of ctnetlink.
const BUFFER: usize = 64 << 10;
/// Messages taken at most before they are handed over.
const MOST: usize = 8192;

/// What happened to a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConntrackEvent {
    /// It was there before the first event, or was found again by a dump.
    Found(Connection),
    /// It began.
    Began(Connection),
    /// It ended.
    Ended(Connection),
}

/// What came in one go.
#[derive(Debug, Default)]
pub struct Heard {
    /// Events in their order.
    pub events: Vec<ConntrackEvent>,
    /// Times that the kernel dropped events; each was answered by a dump.
    pub overruns: u64,
    /// Messages that could not be read.
    pub malformed: u64,
}

/// An open socket.
#[derive(Debug)]
pub struct ConntrackSocket {
    /// Events.
    events: OwnedFd,
    /// Dumps, so that neither waits in the other's buffer.
    dumps: OwnedFd,
    buffer: Vec<u8>,
    sequence: u32,
    dump_due: bool,
}

impl ConntrackSocket {
    /// Opens it; `wait` is how long [`ConntrackSocket::hear`] waits for something.
    ///
    /// # Errors
    /// The system's: without CAP_NET_ADMIN, permission denied.
    pub fn open(wait: Duration) -> io::Result<Self> {
        let open = |groups: u32, wait: Duration| -> io::Result<OwnedFd> {
            let socket = socket_with(
                AddressFamily::NETLINK,
                SocketType::RAW,
                SocketFlags::CLOEXEC,
                Some(netlink::NETFILTER),
            )?;
            set_socket_recv_buffer_size(&socket, RECEIVE_BUFFER)?;
            set_socket_timeout(&socket, Timeout::Recv, Some(wait))?;
            bind(&socket, &SocketAddrNetlink::new(0, groups))?;
            Ok(socket)
        };
        let events = open(GROUPS, wait)?;
        let dumps = open(0, Duration::from_secs(2))?;
        let mut socket = Self { events, dumps, buffer: vec![0; BUFFER], sequence: 0, dump_due: true };
        // Asks once, so that missing rights show here and not later.
        let mut probe = Heard::default();
        socket.dump(&mut probe)?;
        socket.dump_due = true;
        Ok(socket)
    }

    /// Waits for events and takes them; dumps first where that is due. Nothing within the wait is no error.
    ///
    /// # Errors
    /// The system's, where the socket is of no more use.
    pub fn hear(&mut self) -> io::Result<Heard> {
        let mut heard = Heard::default();
        if self.dump_due {
            self.dump_due = false;
            self.dump(&mut heard)?;
        }
        while heard.events.len() < MOST {
            match recv(&self.events, self.buffer.as_mut_slice(), RecvFlags::empty()) {
                Ok((count, _)) => take(self.buffer.get(..count).unwrap_or_default(), false, &mut heard)?,
                Err(rustix::io::Errno::NOBUFS) => {
                    heard.overruns += 1;
                    self.dump_due = true;
                    break;
                }
                Err(rustix::io::Errno::INTR) => {}
                Err(rustix::io::Errno::AGAIN) => break,
                Err(error) => return Err(error.into()),
            }
            // Waits only for the first; what comes right behind it is taken with it.
            if !self.more()? {
                break;
            }
        }
        Ok(heard)
    }

    /// Dumps everything once more, as after events that were lost further on.
    pub fn dump_again(&mut self) {
        self.dump_due = true;
    }

    /// Whether another datagram is there already.
    fn more(&self) -> io::Result<bool> {
        let mut wanted = [rustix::event::PollFd::new(&self.events, rustix::event::PollFlags::IN)];
        let now = rustix::event::Timespec { tv_sec: 0, tv_nsec: 0 };
        Ok(rustix::event::poll(&mut wanted, Some(&now))? > 0)
    }

    fn dump(&mut self, heard: &mut Heard) -> io::Result<()> {
        self.sequence = self.sequence.wrapping_add(1);
        send(&self.dumps, &dump_request(self.sequence), SendFlags::empty())?;
        loop {
            match recv(&self.dumps, self.buffer.as_mut_slice(), RecvFlags::empty()) {
                Ok((count, _)) => {
                    if take_dump(self.buffer.get(..count).unwrap_or_default(), heard)? {
                        return Ok(());
                    }
                }
                Err(rustix::io::Errno::INTR) => {}
                // The rest of the dump was lost; the next one is due.
                Err(rustix::io::Errno::NOBUFS | rustix::io::Errno::AGAIN) => {
                    heard.overruns += 1;
                    return Ok(());
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// Takes a datagram of a dump; says whether it was the last.
fn take_dump(bytes: &[u8], heard: &mut Heard) -> io::Result<bool> {
    let done = messages(bytes).any(|m| m == Message::Done);
    take(bytes, true, heard)?;
    Ok(done)
}

fn take(bytes: &[u8], dumped: bool, heard: &mut Heard) -> io::Result<()> {
    for message in messages(bytes) {
        match message {
            Message::There(c) if dumped => heard.events.push(ConntrackEvent::Found(c)),
            Message::There(c) => heard.events.push(ConntrackEvent::Began(c)),
            Message::Gone(c) => heard.events.push(ConntrackEvent::Ended(c)),
            Message::Malformed => heard.malformed += 1,
            Message::Refused(code) => return Err(io::Error::from_raw_os_error(code)),
            Message::Done | Message::Other => {}
        }
    }
    Ok(())
}
