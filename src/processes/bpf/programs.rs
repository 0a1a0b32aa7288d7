//! The five programs: what each reads of its socket, and the event it writes.
//!
//! They only look: each lets the socket go its way (answer 1), whatever it finds. Where a context lies, field by field:
//! `struct bpf_sock_addr`, `bpf_sock` and `bpf_sock_ops` of `include/uapi/linux/bpf.h`, which the kernel keeps stable.

use super::code::Helper::{
    BootTime, CgroupId, Comm, MapLookup, MapUpdate, NetnsCookie, PidTgid, RingOutput, SocketCookie, UidGid,
};
use super::code::Reg::{R0, R1, R2, R3, R4, R6, R7, R10};
use super::code::{Code, Map, To};
use super::event;

/// A program with the hook it is for.
#[derive(Debug)]
pub(super) struct Program {
    /// Its name, up to 15 octets, as `bpftool prog` shows it.
    pub(super) name: &'static str,
    /// The section of the object file, which tells the loader its hook.
    pub(super) section: &'static str,
    pub(super) octets: Vec<u8>,
    pub(super) maps: Vec<(usize, Map)>,
}

const AF_INET: i32 = 2;
const AF_INET6: i32 = 10;
/// Answer of a program that lets the socket go its way.
const PASS: i32 = 1;
/// On the stack: the event, and below it the key of a sender and a place for an index.
const EVENT: i16 = -120;
const KEY: i16 = -160;
pub(super) const KEY_SIZE: u32 = 32;
const INDEX: i16 = -168;

/// `bpf_sock_addr`.
mod address {
    pub(super) const USER_IP4: i16 = 4;
    pub(super) const USER_IP6: i16 = 8;
    pub(super) const USER_PORT: i16 = 24;
    pub(super) const PROTOCOL: i16 = 36;
    pub(super) const SOCKET: i16 = 64;
}

/// `bpf_sock`.
mod socket {
    pub(super) const SOURCE_IP4: i16 = 24;
    pub(super) const SOURCE_IP6: i16 = 28;
    pub(super) const SOURCE_PORT: i16 = 44;
}

/// `bpf_sock_ops`.
mod operation {
    pub(super) const CODE: i16 = 0;
    pub(super) const FAMILY: i16 = 20;
    pub(super) const REMOTE_IP4: i16 = 24;
    pub(super) const LOCAL_IP4: i16 = 28;
    pub(super) const REMOTE_IP6: i16 = 32;
    pub(super) const LOCAL_IP6: i16 = 48;
    pub(super) const REMOTE_PORT: i16 = 64;
    pub(super) const LOCAL_PORT: i16 = 68;
    /// `BPF_SOCK_OPS_TCP_CONNECT_CB`: before the SYN, with both ends chosen.
    pub(super) const CONNECT: i32 = 3;
}

/// All of them.
pub(super) fn all() -> Vec<Program> {
    vec![
        program("whither_conn4", "cgroup/connect4", |code| connect(code, false)),
        program("whither_conn6", "cgroup/connect6", |code| connect(code, true)),
        program("whither_send4", "cgroup/sendmsg4", |code| send(code, false)),
        program("whither_send6", "cgroup/sendmsg6", |code| send(code, true)),
        program("whither_opened", "sockops", opened),
    ]
}

fn program(name: &'static str, section: &'static str, body: impl FnOnce(&mut Code)) -> Program {
    let mut code = Code::default();
    body(&mut code);
    let octets = code.finish(PASS);
    Program { name, section, octets, maps: code.maps }
}

/// A process connects a socket of any protocol; its own port may not be chosen yet.
fn connect(code: &mut Code, v6: bool) {
    begin(code);
    ends_of_address(code, v6);
    doer(code);
    tell(code, event::CONNECT);
}

/// A process sends a datagram to an address that it names; told once for a socket and an address.
fn send(code: &mut Code, v6: bool) {
    begin(code);
    ends_of_address(code, v6);
    once(code);
    doer(code);
    tell(code, event::SEND);
}

/// TCP begins a connection.
fn opened(code: &mut Code) {
    code.load32(R2, R1, operation::CODE);
    code.jump_unless(R2, operation::CONNECT, To::End);
    begin(code);
    words(code, R6, operation::FAMILY, event::FAMILY, 1);
    words(code, R6, operation::LOCAL_PORT, event::LOCAL_PORT, 1);
    words(code, R6, operation::REMOTE_PORT, event::REMOTE_PORT, 1);
    // Every socket has room for both families' addresses; IPv4's go over what lies there of the other.
    words(code, R6, operation::LOCAL_IP6, event::LOCAL, 4);
    words(code, R6, operation::REMOTE_IP6, event::REMOTE, 4);
    code.load32(R2, R6, operation::FAMILY);
    code.jump_unless(R2, AF_INET, To::Over(4));
    words(code, R6, operation::LOCAL_IP4, event::LOCAL, 1);
    words(code, R6, operation::REMOTE_IP4, event::REMOTE, 1);
    tell(code, event::OPENED);
}

/// Keeps the context in `R6`, clears the event and writes the socket's cookie into it.
fn begin(code: &mut Code) {
    code.copy(R6, R1);
    code.clear(EVENT, -EVENT);
    code.copy(R1, R6);
    code.call(SocketCookie);
    code.store64(EVENT + event::COOKIE, R0);
}

/// Copies words of 32 bits from what `from` points to into the event.
fn words(code: &mut Code, from: super::code::Reg, offset: i16, field: i16, count: i16) {
    for word in 0..count {
        code.load32(R1, from, offset + 4 * word);
        code.store32(EVENT + field + 4 * word, R1);
    }
}

/// Both ends as far as they are known when a process names the other.
fn ends_of_address(code: &mut Code, v6: bool) {
    // The hook's family, not the socket's: one of IPv6 may speak IPv4.
    code.store32_value(EVENT + event::FAMILY, if v6 { AF_INET6 } else { AF_INET });
    words(code, R6, address::PROTOCOL, event::PROTOCOL, 1);
    words(code, R6, address::USER_PORT, event::REMOTE_PORT, 1);
    code.load64(R7, R6, address::SOCKET);
    words(code, R7, socket::SOURCE_PORT, event::LOCAL_PORT, 1);
    let (far, near, count) = if v6 {
        (address::USER_IP6, socket::SOURCE_IP6, 4)
    } else {
        (address::USER_IP4, socket::SOURCE_IP4, 1)
    };
    words(code, R6, far, event::REMOTE, count);
    words(code, R7, near, event::LOCAL, count);
}

/// Who does it.
fn doer(code: &mut Code) {
    code.call(PidTgid);
    code.store64(EVENT + event::PID_TGID, R0);
    code.call(UidGid);
    code.store64(EVENT + event::UID_GID, R0);
    code.call(CgroupId);
    code.store64(EVENT + event::CGROUP, R0);
    code.call(BootTime);
    code.store64(EVENT + event::TIME, R0);
    code.copy(R1, R6);
    code.call(NetnsCookie);
    code.store64(EVENT + event::NETNS, R0);
    code.stack(R1, EVENT + event::COMM);
    code.set(R2, event::COMM_SIZE);
    code.call(Comm);
}

/// Ends the program where this socket's sending to this address was told before. A look first: an update would throw out
/// another sender's entry even where nothing is to be written.
fn once(code: &mut Code) {
    code.clear(KEY, 32); // KEY_SIZE
    code.load64(R1, R10, EVENT + event::COOKIE);
    code.store64(KEY, R1);
    code.load64(R1, R10, EVENT + event::REMOTE);
    code.store64(KEY + 8, R1);
    code.load64(R1, R10, EVENT + event::REMOTE + 8);
    code.store64(KEY + 16, R1);
    code.load32(R1, R10, EVENT + event::REMOTE_PORT);
    code.store32(KEY + 24, R1);
    code.map(R1, Map::Told);
    code.stack(R2, KEY);
    code.call(MapLookup);
    code.jump_unless(R0, 0, To::End);
    code.map(R1, Map::Told);
    code.stack(R2, KEY);
    code.stack(R3, KEY);
    code.set(R4, 0);
    code.call(MapUpdate);
}

/// Writes the event out, or counts that there was no room.
fn tell(code: &mut Code, kind: i32) {
    code.store32_value(EVENT + event::KIND, kind);
    code.map(R1, Map::Events);
    code.stack(R2, EVENT);
    code.set(R3, i32::from(-EVENT));
    code.set(R4, 0);
    code.call(RingOutput);
    code.jump_if(R0, 0, To::End);
    code.store32_value(INDEX, 0);
    code.map(R1, Map::Lost);
    code.stack(R2, INDEX);
    code.call(MapLookup);
    code.jump_if(R0, 0, To::End);
    code.set(R1, 1);
    code.add_at(R0, R1);
}
