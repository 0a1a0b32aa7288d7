//! `/proc`: which processes hold a socket, and what they are.
//!
//! What a process calls itself (`comm`) can be anything, so the name is its executable's where that can be read.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use crate::model::{Label, OriginSource, ProcessRef};

/// Processes looked at in one poll.
pub(super) const MAX_PROCESSES: usize = 65_536;
/// Descriptors looked at in one poll.
pub(super) const MAX_DESCRIPTORS: usize = 1 << 20;
/// Descriptions kept; when there are more they are read anew.
const MAX_KNOWN: usize = 16_384;
/// Octets read of a file of `/proc`.
const MAX_FILE: usize = 16 << 10;

/// The holders of sockets, as far as they could be seen.
#[derive(Debug, Default)]
pub(super) struct Holders {
    /// Inode → processes that have it open, ascending.
    pub(super) of: HashMap<u32, Vec<u32>>,
    /// Processes whose descriptors may not be read.
    pub(super) hidden: u64,
    /// Whether a limit ended the look.
    pub(super) cut: bool,
}

/// `/proc`, with what is known of processes by id and start.
#[derive(Debug)]
pub(super) struct Procfs {
    root: PathBuf,
    known: HashMap<(u32, u64, u32), Arc<ProcessRef>>,
    /// Ticks of a second, in which the starts of processes are counted.
    ticks: u64,
}

impl Procfs {
    pub(super) fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into(), known: HashMap::new(), ticks: rustix::param::clock_ticks_per_second() }
    }

    /// Goes over the descriptors of all processes for these inodes.
    pub(super) fn holders(&self, wanted: &HashSet<u32>) -> Holders {
        let mut holders = Holders::default();
        let mut descriptors = 0;
        let Ok(processes) = fs::read_dir(&self.root) else { return holders };
        let pids = processes.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        for (seen, pid) in pids.enumerate() {
            if seen >= MAX_PROCESSES || descriptors >= MAX_DESCRIPTORS {
                holders.cut = true;
                break;
            }
            let Ok(list) = fs::read_dir(self.root.join(pid.to_string()).join("fd")) else {
                // Also one that ended meanwhile; that is no matter.
                holders.hidden += u64::from(self.root.join(pid.to_string()).exists());
                continue;
            };
            for entry in list.flatten().take(MAX_DESCRIPTORS - descriptors) {
                descriptors += 1;
                let Some(inode) = fs::read_link(entry.path()).ok().and_then(|link| socket_inode(&link))
                else {
                    continue;
                };
                if wanted.contains(&inode) {
                    let list = holders.of.entry(inode).or_default();
                    if list.last() != Some(&pid) {
                        list.push(pid);
                    }
                }
            }
        }
        holders
    }

    /// The maker of a socket that these processes hold; `None` when they are different programs.
    pub(super) fn maker(&mut self, holders: &[u32], uid: u32) -> Option<Arc<ProcessRef>> {
        // The first process hands sockets to the services that it starts.
        let services = holders.iter().filter(|pid| **pid != 1 || holders.len() == 1);
        let mut makers = services.filter_map(|pid| self.process(*pid, uid)).collect::<Vec<_>>();
        makers.sort_by_key(|maker| maker.pid);
        let first = makers.first()?;
        let same = |maker: &Arc<ProcessRef>| maker.executable == first.executable && maker.name == first.name;
        makers.iter().all(same).then(|| Arc::clone(first))
    }

    /// The process that did something at this time (nanoseconds since the system started); `None` when it is gone, also
    /// where another has its number now.
    pub(super) fn doer(&mut self, pid: u32, uid: u32, at: u64) -> Option<Arc<ProcessRef>> {
        let ticks = self.ticks;
        // The tick in which it started lies before what it did, or is the same one.
        self.start(pid)
            .filter(|start| u128::from(*start) * 1_000_000_000 <= u128::from(at) * u128::from(ticks))?;
        self.process(pid, uid)
    }

    /// What is known of a process, read once.
    fn process(&mut self, pid: u32, uid: u32) -> Option<Arc<ProcessRef>> {
        let start = self.start(pid)?;
        let folder = self.root.join(pid.to_string());
        let executable = fs::read_link(folder.join("exe")).ok();
        let executable =
            executable.and_then(|path| Label::new(replaced(path.as_os_str().as_encoded_bytes())));
        // A process may become another program.
        if let Some(known) = self.known.get(&(pid, start, uid))
            && known.executable == executable
        {
            return Some(Arc::clone(known));
        }
        let file =
            executable.as_ref().and_then(|path| Label::new(path.as_str().rsplit('/').next()?.as_bytes()));
        let name = file.or_else(|| Label::new(&self.read(pid, "comm")?));
        let container = self.read(pid, "cgroup").and_then(|text| container(&text));
        // It may have ended, and its number be another's, while it was read.
        if self.start(pid) != Some(start) {
            return None;
        }
        let origin = ProcessRef {
            name,
            package: None,
            pid: Some(pid),
            uid: Some(uid),
            executable,
            container,
            source: OriginSource::Socket,
        };
        if self.known.len() >= MAX_KNOWN {
            self.known.clear();
        }
        let origin = Arc::new(origin);
        self.known.insert((pid, start, uid), Arc::clone(&origin));
        Some(origin)
    }

    /// When a process began, in ticks since the system did (proc_pid_stat(5), field 22).
    fn start(&self, pid: u32) -> Option<u64> {
        let stat = self.read(pid, "stat")?;
        // The name may hold blanks and brackets; the last bracket ends it, and field 3 follows.
        let after = stat.iter().rposition(|b| *b == b')')?;
        let rest = std::str::from_utf8(stat.get(after + 1..)?).ok()?;
        rest.split_ascii_whitespace().nth(19)?.parse().ok()
    }

    fn read(&self, pid: u32, file: &str) -> Option<Vec<u8>> {
        let mut bytes = fs::read(self.root.join(pid.to_string()).join(file)).ok()?;
        bytes.truncate(MAX_FILE);
        while bytes.last() == Some(&b'\n') {
            bytes.pop();
        }
        Some(bytes)
    }
}

/// `socket:[123]` → 123.
fn socket_inode(link: &std::path::Path) -> Option<u32> {
    link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
}

/// The path of an executable that was replaced or removed while it runs, as it was.
fn replaced(path: &[u8]) -> &[u8] {
    path.strip_suffix(b" (deleted)").unwrap_or(path)
}

/// The container's id out of a control group's path: 64 hexadecimal digits, as Docker, Podman, containerd and CRI-O
/// name them (`docker-<id>.scope`, `/docker/<id>`, `cri-containerd-<id>.scope`, `libpod-<id>.scope`).
pub(super) fn container(cgroup: &[u8]) -> Option<Label> {
    let id = cgroup.split(|b| !b.is_ascii_hexdigit()).rfind(|part| part.len() == 64)?;
    Label::new(id)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn process(root: &std::path::Path, pid: u32, start: u64, exe: &str, inodes: &[u32]) {
        let folder = root.join(pid.to_string());
        fs::create_dir_all(folder.join("fd")).unwrap();
        let stat = format!("{pid} (a ) b) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 {start} 0 0");
        fs::write(folder.join("stat"), stat).unwrap();
        fs::write(folder.join("comm"), "wechat\n").unwrap();
        fs::write(folder.join("cgroup"), format!("0::/system.slice/docker-{}.scope\n", "ab".repeat(32)))
            .unwrap();
        if !exe.is_empty() {
            symlink(exe, folder.join("exe")).unwrap();
        }
        for (number, inode) in inodes.iter().enumerate() {
            symlink(format!("socket:[{inode}]"), folder.join("fd").join(number.to_string())).unwrap();
        }
    }

    #[test]
    fn a_socket_leads_to_the_process_that_holds_it() {
        let root = tempfile::tempdir().unwrap();
        process(root.path(), 20, 5, "/usr/bin/curl (deleted)", &[7, 8]);
        process(root.path(), 30, 5, "", &[9]);
        let mut procfs = Procfs::new(root.path());
        let holders = procfs.holders(&HashSet::from([7, 9, 100]));
        assert_eq!(holders.of, HashMap::from([(7, vec![20]), (9, vec![30])]));
        let maker = procfs.maker(&[20], 1000).unwrap();
        assert_eq!(maker.name, Label::new(b"curl"));
        assert_eq!(maker.executable, Label::new(b"/usr/bin/curl"));
        assert_eq!((maker.pid, maker.uid), (Some(20), Some(1000)));
        assert_eq!(maker.container, Label::new("ab".repeat(32).as_bytes()));
        assert!(Arc::ptr_eq(&maker, &procfs.maker(&[20], 1000).unwrap()), "read once");
        // Without the right to see the executable, what it calls itself.
        assert_eq!(procfs.maker(&[30], 0).unwrap().name, Label::new(b"wechat"));
    }

    #[test]
    fn a_number_that_is_used_again_is_another_process() {
        let root = tempfile::tempdir().unwrap();
        process(root.path(), 20, 5, "/usr/bin/curl", &[]);
        let mut procfs = Procfs::new(root.path());
        assert_eq!(procfs.maker(&[20], 0).unwrap().name, Label::new(b"curl"));
        fs::remove_dir_all(root.path().join("20")).unwrap();
        process(root.path(), 20, 6, "/usr/bin/wget", &[]);
        assert_eq!(procfs.maker(&[20], 0).unwrap().name, Label::new(b"wget"));
    }

    #[test]
    fn a_process_that_becomes_another_program_is_that_one() {
        let root = tempfile::tempdir().unwrap();
        process(root.path(), 20, 5, "/usr/bin/bash", &[]);
        let mut procfs = Procfs::new(root.path());
        assert_eq!(procfs.maker(&[20], 0).unwrap().name, Label::new(b"bash"));
        fs::remove_file(root.path().join("20/exe")).unwrap();
        symlink("/usr/bin/curl", root.path().join("20/exe")).unwrap();
        assert_eq!(procfs.maker(&[20], 0).unwrap().name, Label::new(b"curl"));
    }

    #[test]
    fn who_started_after_the_deed_did_not_do_it() {
        let root = tempfile::tempdir().unwrap();
        let ticks = rustix::param::clock_ticks_per_second();
        process(root.path(), 20, 5 * ticks, "/usr/bin/curl", &[]);
        let mut procfs = Procfs::new(root.path());
        let second = 1_000_000_000;
        assert_eq!(procfs.doer(20, 0, 5 * second).unwrap().name, Label::new(b"curl"));
        assert_eq!(procfs.doer(20, 0, 5 * second - 1), None, "the number was another's then");
        assert_eq!(procfs.doer(21, 0, 5 * second), None, "gone");
    }

    #[test]
    fn several_programs_that_share_a_socket_are_nobody() {
        let root = tempfile::tempdir().unwrap();
        process(root.path(), 1, 1, "/sbin/init", &[7]);
        process(root.path(), 20, 5, "/usr/sbin/nginx", &[7]);
        process(root.path(), 21, 5, "/usr/sbin/nginx", &[7]);
        process(root.path(), 22, 5, "/usr/bin/curl", &[7]);
        let mut procfs = Procfs::new(root.path());
        assert_eq!(procfs.maker(&[1, 20, 21], 0).unwrap().pid, Some(20), "workers of one program, and init");
        assert_eq!(procfs.maker(&[20, 22], 0), None);
    }

    #[test]
    fn broken_files_are_no_process() {
        let root = tempfile::tempdir().unwrap();
        process(root.path(), 20, 5, "/usr/bin/curl", &[]);
        for stat in ["", "20 (x", "20 (x) S", "20 (x) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 z"] {
            fs::write(root.path().join("20/stat"), stat).unwrap();
            assert_eq!(Procfs::new(root.path()).maker(&[20], 0), None);
        }
        assert_eq!(container(b"0::/user.slice/user-1000.slice"), None);
    }
}
