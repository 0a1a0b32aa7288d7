//! Sockets at their birth: small programs on the kernel's own hooks (BPF, cgroup connect, sendmsg and socket
//! operations) tell each connection and each addressee with the process that made it, however short its life.
//!
//! The instructions are written here (`code`, `programs`), put into an object file (`object`) and loaded, checked by the
//! kernel's verifier, and attached by `aya`, which also reads the ring of events. They only look, and are gone with this
//! process. Leaves alone: whose a flow is (`table`), and sockets that were there before (the poll finds them).
//!
//! Needs Linux 5.8, `CAP_BPF`, `CAP_PERFMON` (for the process) and `CAP_NET_ADMIN` (to attach), or root; and a control group
//! tree of version 2 that is mounted, or that it may mount (`CAP_SYS_ADMIN`). Where that is not given, the poll goes on alone and says why. Limits: some 8,000 events between two looks; what finds no room is
//! counted. IPv4 and IPv6 only; no raw sockets.

mod code;
mod event;
mod object;
mod programs;

use std::fs::{self, File};
use std::net::UdpSocket;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::PathBuf;
use std::time::Duration;

use aya::maps::{Array, MapData, RingBuf};
use aya::programs::{CgroupAttachMode, CgroupSockAddr, SockOps};
use aya::{Ebpf, EbpfLoader, VerifierLogLevel};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags, openat};
use rustix::mount::{FsMountFlags, FsOpenFlags, MountAttrFlags, fsconfig_create, fsmount, fsopen};

use code::Map;
pub(super) use event::{Doer, Event, Happened};

/// Events taken in one look; a flood of them must not hold the thread.
const MOST_EVENTS: usize = 65_536;

/// Why sockets are not seen at their birth.
#[derive(Debug, thiserror::Error)]
pub(super) enum BirthsError {
    #[error("no control group tree of version 2 is mounted, and none can be: {0}")]
    NoTree(std::io::Error),
    #[error("{path}: {error}", path = path.display())]
    Tree { path: PathBuf, error: std::io::Error },
    #[error("the kernel takes no BPF programs from this process: {0}")]
    Load(String),
    #[error("the programs are attached, but tell nothing of this process's own socket")]
    Silent,
    #[error("process ids are those of another namespace")]
    OtherPids,
}

/// The programs in the kernel, and their ring of events.
pub(super) struct Births {
    ring: RingBuf<MapData>,
    lost: Array<MapData, u64>,
    /// The network namespace of this process.
    netns: u64,
    tree: PathBuf,
    /// Keeps the path good where the tree is this process's own.
    _tree: File,
    /// Holds the programs; they are detached when it goes.
    _programs: Ebpf,
}

impl std::fmt::Debug for Births {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Births").field("netns", &self.netns).field("tree", &self.tree).finish_non_exhaustive()
    }
}

impl Births {
    /// Loads and attaches the programs, and sees them tell of a socket of this process's own.
    pub(super) fn open() -> Result<Self, BirthsError> {
        let (tree, path) = open_tree()?;
        let object = object::build().map_err(|error| BirthsError::Load(error.to_string()))?;
        // Kernels before 5.11 count the maps as locked memory; where the limit may not be raised, loading says so.
        let unlimited = rustix::process::Rlimit { current: None, maximum: None };
        let _ = rustix::process::setrlimit(rustix::process::Resource::Memlock, unlimited);
        let mut programs = EbpfLoader::new()
            .btf(None)
            .verifier_log_level(VerifierLogLevel::DISABLE)
            .load(&object)
            .map_err(|error| BirthsError::Load(whole(&error)))?;
        for (name, program) in programs.programs_mut() {
            attach(program, &tree)
                .map_err(|error| BirthsError::Load(format!("{name}: {}", whole(&error))))?;
        }
        let mut births = Self {
            ring: taken(&mut programs, Map::Events)
                .and_then(|map| RingBuf::try_from(map).ok())
                .ok_or(BirthsError::Silent)?,
            lost: taken(&mut programs, Map::Lost)
                .and_then(|map| Array::try_from(map).ok())
                .ok_or(BirthsError::Silent)?,
            netns: 0,
            tree: path,
            _tree: tree,
            _programs: programs,
        };
        births.netns = births.own_netns()?;
        Ok(births)
    }

    /// Where the control groups are.
    pub(super) fn tree(&self) -> &std::path::Path {
        &self.tree
    }

    /// Whether a socket is of this process's network namespace.
    pub(super) const fn is_here(&self, doer: &Doer) -> bool {
        doer.netns == self.netns
    }

    /// Waits until there is an event, no longer than this.
    pub(super) fn wait(&self, longest: Duration) {
        let Ok(timeout) = Timespec::try_from(longest) else { return };
        // An interrupted wait is a short one.
        let _ = poll(&mut [PollFd::new(&self.ring, PollFlags::IN)], Some(&timeout));
    }

    /// The events since the last call.
    pub(super) fn take(&mut self, mut each: impl FnMut(Event)) {
        for _ in 0..MOST_EVENTS {
            let Some(octets) = self.ring.next() else { return };
            if let Some(event) = Event::read(&octets) {
                drop(octets);
                each(event);
            }
        }
    }

    /// Events that found no room, since the start.
    pub(super) fn lost(&self) -> u64 {
        self.lost.get(&0, 0).unwrap_or_default()
    }

    /// Connects a socket to nowhere (nothing is sent) and looks whether its event comes, with this process's number.
    fn own_netns(&mut self) -> Result<u64, BirthsError> {
        let socket = UdpSocket::bind("0.0.0.0:0").map_err(|_| BirthsError::Silent)?;
        let cookie = rustix::net::sockopt::socket_cookie(&socket).map_err(|_| BirthsError::Silent)?;
        // The program runs before the kernel looks for a way there; whether there is one is no matter.
        let _ = socket.connect("127.0.0.1:9");
        let mut own = None;
        self.take(|event| {
            if event.cookie == cookie
                && let Happened::Connect { doer, .. } = event.happened
            {
                own = Some(doer);
            }
        });
        match own {
            None => Err(BirthsError::Silent),
            Some(doer) if doer.pid != std::process::id() => Err(BirthsError::OtherPids),
            Some(doer) => Ok(doer.netns),
        }
    }
}

fn taken(programs: &mut Ebpf, map: Map) -> Option<aya::maps::Map> {
    programs.take_map(map.name())
}

/// Beside whatever programs others have there: a link always is (`bpf_link`, Linux 5.7), and takes no mode that says so.
fn attach(program: &mut aya::programs::Program, tree: &File) -> Result<(), aya::programs::ProgramError> {
    let mode = CgroupAttachMode::Single;
    if let Ok(program) = <&mut CgroupSockAddr>::try_from(&mut *program) {
        program.load()?;
        program.attach(tree, mode)?;
    } else {
        let program: &mut SockOps = program.try_into()?;
        program.load()?;
        program.attach(tree, mode)?;
    }
    Ok(())
}

/// An error with its causes, on one line; what a cause only repeats is left out.
fn whole(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.fold(String::new(), |mut text, cause| {
        let cause = cause.to_string();
        // The verifier's own words are not asked for.
        let cause = cause.split(" Verifier output:").next().unwrap_or_default().trim();
        if !text.contains(cause) {
            let gap = if text.is_empty() { "" } else { ": " };
            text = format!("{text}{gap}{cause}");
        }
        text
    })
}

/// The tree where it is mounted; else mounted for this process alone, where nobody sees it (`ip netns exec` hides the
/// usual place from its programs, and some systems have none).
fn open_tree() -> Result<(File, PathBuf), BirthsError> {
    if let Some(path) = tree(&fs::read_to_string("/proc/self/mounts").unwrap_or_default()) {
        return match File::open(&path) {
            Ok(folder) => Ok((folder, path)),
            Err(error) => Err(BirthsError::Tree { path, error }),
        };
    }
    let folder = File::from(own_tree().map_err(|error| BirthsError::NoTree(error.into()))?);
    let path = format!("/proc/self/fd/{}", folder.as_raw_fd());
    Ok((folder, path.into()))
}

fn own_tree() -> rustix::io::Result<OwnedFd> {
    let file_system = fsopen("cgroup2", FsOpenFlags::FSOPEN_CLOEXEC)?;
    fsconfig_create(file_system.as_fd())?;
    let flags = MountAttrFlags::MOUNT_ATTR_RDONLY;
    let mount = fsmount(file_system.as_fd(), FsMountFlags::FSMOUNT_CLOEXEC, flags)?;
    openat(&mount, ".", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
}

/// The first control group tree of version 2 among the mounts (`proc_pid_mounts(5)`; blanks are written `\040`).
fn tree(mounts: &str) -> Option<PathBuf> {
    let mut fields = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    let line = fields.find(|fields| fields.get(2) == Some(&"cgroup2"))?;
    line.get(1).map(|path| path.replace("\\040", " ").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_is_found_among_the_mounts() {
        let mounts = "proc /proc proc rw 0 0\ncgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0\n\
                      cgroup2 /sys/fs/a\\040b cgroup2 rw 0 0\n";
        assert_eq!(tree(mounts), Some("/sys/fs/a b".into()));
        assert_eq!(tree("proc /proc proc rw 0 0\n\nx"), None);
    }

    #[test]
    fn the_object_file_has_every_program_and_map() {
        use ::object::read::{File, Object, ObjectSection, ObjectSymbol};
        let octets = object::build().unwrap();
        let file = File::parse(octets.as_slice()).unwrap();
        for program in programs::all() {
            let section = file.section_by_name(program.section).unwrap();
            assert_eq!(section.data().unwrap(), program.octets, "{}", program.name);
            assert_eq!(section.relocations().count(), program.maps.len(), "{}", program.name);
            assert!(program.name.len() < 16);
        }
        let names: Vec<&str> = file.symbols().filter_map(|s| s.name().ok()).collect();
        assert!(Map::ALL.iter().all(|map| names.contains(&map.name())), "{names:?}");
    }

    #[test]
    fn the_kernel_tells_of_sockets_at_their_birth() {
        let mut births = match Births::open() {
            Ok(births) => births,
            Err(error) => return println!("skipped: {error}"),
        };
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let cookie = rustix::net::sockopt::socket_cookie(socket.as_fd()).unwrap();
        for _ in 0..3 {
            socket.send_to(b"x", "127.0.0.1:9").unwrap();
        }
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let far = listener.local_addr().unwrap();
        let stream = std::net::TcpStream::connect(far).unwrap();
        let (near, stream) =
            (stream.local_addr().unwrap(), rustix::net::sockopt::socket_cookie(&stream).unwrap());
        births.wait(Duration::from_secs(5));
        let mut events = Vec::new();
        births.take(|event| events.push(event));
        let sent: Vec<&Happened> =
            events.iter().filter(|e| e.cookie == cookie).map(|e| &e.happened).collect();
        let [Happened::Send { doer, local, remote }] = sent.as_slice() else { panic!("once: {sent:?}") };
        assert_eq!((doer.pid, births.is_here(doer)), (std::process::id(), true));
        assert_eq!(
            (local.port, remote.to_string()),
            (socket.local_addr().unwrap().port(), "127.0.0.1:9".into())
        );
        let stream: Vec<&Happened> =
            events.iter().filter(|e| e.cookie == stream).map(|e| &e.happened).collect();
        let [Happened::Connect { .. }, Happened::Opened { local, remote }] = stream.as_slice() else {
            panic!("{stream:?}")
        };
        assert_eq!((local.to_string(), remote.to_string()), (near.to_string(), far.to_string()));
        assert_eq!(births.lost(), 0);
    }
}
