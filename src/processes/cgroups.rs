//! Control groups by their number, which is the inode of their folder: the container of a process that is gone.

use std::collections::HashMap;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::DirEntryExt;
use std::path::{Path, PathBuf};

use super::procfs::container;
use crate::model::Label;

/// Folders looked at in one look.
const MOST: usize = 16_384;
/// How deep the tree is followed; systemd and the container engines stay well above.
const DEPTH: usize = 12;

/// The tree, with the containers found in it.
#[derive(Debug)]
pub(super) struct Cgroups {
    tree: PathBuf,
    known: HashMap<u64, Option<Label>>,
    /// Whether the tree may be looked at again: once between two polls.
    fresh: bool,
}

impl Cgroups {
    /// The tree mounted here; an empty path is no tree.
    pub(super) fn new(tree: PathBuf) -> Self {
        Self { tree, known: HashMap::new(), fresh: true }
    }

    /// Lets the next unknown number be looked for.
    pub(super) const fn may_look(&mut self) {
        self.fresh = true;
    }

    /// The container whose control group has this number.
    pub(super) fn container(&mut self, number: u64) -> Option<Label> {
        if !self.known.contains_key(&number) && std::mem::take(&mut self.fresh) {
            self.known.clear();
            look(&self.tree, &mut self.known, DEPTH);
        }
        self.known.get(&number).cloned().flatten()
    }
}

fn look(folder: &Path, known: &mut HashMap<u64, Option<Label>>, depth: usize) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        if known.len() >= MOST {
            return;
        }
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            let path = entry.path();
            known.insert(entry.ino(), container(path.as_os_str().as_bytes()));
            if depth > 0 {
                look(&path, known, depth - 1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    #[test]
    fn a_number_leads_to_its_container() {
        let tree = tempfile::tempdir().unwrap();
        let id = "cd".repeat(32);
        let make = |path: &str| {
            let folder = tree.path().join(path);
            fs::create_dir_all(&folder).unwrap();
            fs::metadata(folder).unwrap().ino()
        };
        let (plain, docker) = (make("user.slice"), make(&format!("system.slice/docker-{id}.scope/init")));
        let mut cgroups = Cgroups::new(tree.path().to_owned());
        assert_eq!(
            cgroups.container(docker),
            Label::new(id.as_bytes()),
            "also in a group below the container's"
        );
        assert_eq!(cgroups.container(plain), None);
        let later = make(&format!("docker/{id}"));
        assert_eq!(cgroups.container(later), None, "one look between two polls");
        cgroups.may_look();
        assert_eq!(cgroups.container(later), Label::new(id.as_bytes()));
        assert_eq!(Cgroups::new(PathBuf::new()).container(1), None);
    }
}
