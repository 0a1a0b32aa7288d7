//! Whether database files changed: by time, size and number of the file, so that a file swapped for one of the same age is seen.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

/// Time (seconds, nanoseconds), size and inode; `None`: the file is not there.
type Stamp = Option<(i64, i64, u64, u64)>;

/// Files, and what they were like when they were last looked at.
#[derive(Debug)]
pub struct GeoWatch {
    files: Vec<(PathBuf, Stamp)>,
}

impl GeoWatch {
    /// Remembers the files as they are now.
    pub fn new(files: &[PathBuf]) -> Self {
        Self { files: files.iter().map(|path| (path.clone(), stamp(path))).collect() }
    }

    /// Whether any of them is another than at the last look.
    pub fn changed(&mut self) -> bool {
        let mut changed = false;
        for (path, seen) in &mut self.files {
            let now = stamp(path);
            changed |= *seen != now;
            *seen = now;
        }
        changed
    }
}

fn stamp(path: &PathBuf) -> Stamp {
    fs::metadata(path).ok().map(|about| (about.mtime(), about.mtime_nsec(), about.size(), about.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_comes_goes_or_is_swapped_has_changed_once() {
        let folder = tempfile::tempdir().unwrap();
        let (path, other) = (folder.path().join("a"), folder.path().join("b"));
        let mut watch = GeoWatch::new(std::slice::from_ref(&path));
        assert!(!watch.changed());
        fs::write(&path, "one").unwrap();
        fs::write(&other, "two").unwrap();
        assert_eq!((watch.changed(), watch.changed()), (true, false));
        // The same size, and the same age to the nanosecond.
        let time = fs::metadata(&path).unwrap().modified().unwrap();
        fs::File::options().write(true).open(&other).unwrap().set_modified(time).unwrap();
        fs::rename(&other, &path).unwrap();
        assert_eq!((watch.changed(), watch.changed()), (true, false));
        fs::remove_file(&path).unwrap();
        assert_eq!((watch.changed(), watch.changed()), (true, false));
    }
}
