//! The few things a file must be able to do, apart from the writer, so that tests can let each of them fail.

use std::fmt;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use crate::deliver::JsonlError;

/// A torn line longer than this is none of ours: documents are a few kilobytes.
const MAX_TORN: u64 = 16 << 20;

/// How much is read at a time when looking for the last line's beginning.
const BLOCK: usize = 64 << 10;

/// Device and inode number: which file it is, whatever its name.
pub(super) type Identity = (u64, u64);

/// An open file.
pub(super) trait Medium: Send + fmt::Debug {
    /// Appends some of `bytes`; how many.
    fn append(&mut self, bytes: &[u8]) -> io::Result<usize>;
    /// Makes what was appended durable.
    fn sync(&mut self) -> io::Result<()>;
    /// Cuts the file to `length` and makes that durable.
    fn cut(&mut self, length: u64) -> io::Result<()>;
    /// Its length.
    fn length(&self) -> io::Result<u64>;
    /// Fills `buffer` from `offset`.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;
    /// Which file it is.
    fn identity(&self) -> Identity;
    /// Whether it is a file that can be synced and cut, not a pipe or device.
    fn is_regular(&self) -> bool;
}

/// Where files are opened.
pub(super) trait Disk: Send + fmt::Debug {
    /// Opens or creates the file for appending and locks it.
    fn open(&mut self, path: &Path) -> Result<Box<dyn Medium>, JsonlError>;
    /// Which file the path names now, if any.
    fn identity(&self, path: &Path) -> Option<Identity>;
}

/// The real one.
#[derive(Debug)]
pub(super) struct RealDisk;

#[derive(Debug)]
struct RealFile {
    file: File,
    identity: Identity,
    regular: bool,
}

impl Disk for RealDisk {
    fn open(&mut self, path: &Path) -> Result<Box<dyn Medium>, JsonlError> {
        let failed = |source| JsonlError::Open { path: path.to_owned(), source };
        let special = std::fs::metadata(path).is_ok_and(|m| !m.is_file());
        // A pipe opened for reading too would have a reader of its own and never tell that the real one is gone.
        let mut options = OpenOptions::new();
        options.append(true).create(true).read(!special).mode(0o600);
        let file = options.open(path).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        let regular = metadata.is_file();
        if regular {
            // Not every file system can lock; then two writers are the admin's to avoid.
            if !lock(&file) {
                return Err(JsonlError::Busy { path: path.to_owned() });
            }
            if metadata.len() == 0 {
                // A new file is only there for good when its folder is.
                let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
                File::open(folder).and_then(|f| f.sync_all()).map_err(failed)?;
            }
        }
        Ok(Box::new(RealFile { file, identity: (metadata.dev(), metadata.ino()), regular }))
    }

    fn identity(&self, path: &Path) -> Option<Identity> {
        std::fs::metadata(path).ok().map(|m| (m.dev(), m.ino()))
    }
}

impl Medium for RealFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        if self.regular { self.file.sync_data() } else { Ok(()) }
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.file.set_len(length)?;
        self.file.sync_data()
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.file.read_exact_at(buffer, offset)
    }

    fn identity(&self) -> Identity {
        self.identity
    }

    fn is_regular(&self) -> bool {
        self.regular
    }
}

/// Cuts off a last line that has no end; gives the bytes cut. Only what whither may have written is touched: the beginning
/// of a JSON object, or the zeros that some file systems leave after a power cut.
pub(super) fn mend(medium: &mut dyn Medium, path: &Path) -> Result<u64, JsonlError> {
    let failed = |source| JsonlError::Open { path: path.to_owned(), source };
    let length = medium.length().map_err(failed)?;
    let whole = last_line_end(medium, length).map_err(failed)?;
    if whole == length {
        return Ok(0);
    }
    let mut first = [0];
    medium.read_at(&mut first, whole).map_err(failed)?;
    if !matches!(first, [b'{' | 0]) || length - whole > MAX_TORN {
        return Err(JsonlError::NotJsonLines { path: path.to_owned() });
    }
    medium.cut(whole).map_err(failed)?;
    Ok(length - whole)
}

/// The offset after the last line end; 0 when there is none. Looks back a little further than a line may be torn.
fn last_line_end(medium: &dyn Medium, length: u64) -> io::Result<u64> {
    let mut end = length;
    let mut buffer = vec![0; BLOCK];
    while end > 0 && length - end <= MAX_TORN {
        let start = end.saturating_sub(BLOCK as u64);
        let size = usize::try_from(end - start).unwrap_or(BLOCK);
        let block = buffer.get_mut(..size).unwrap_or_default();
        medium.read_at(block, start)?;
        if let Some(at) = block.iter().rposition(|b| *b == b'\n') {
            return Ok(start + at as u64 + 1);
        }
        end = start;
    }
    Ok(end)
}

/// Whether the file is ours. A program that a sink starts holds every descriptor of ours between its fork and its exec, so
/// a lock of our own that was just given up can seem taken for a moment.
fn lock(file: &File) -> bool {
    for _ in 0..20 {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => std::thread::sleep(std::time::Duration::from_millis(5)),
            _ => return true,
        }
    }
    false
}
