//! A capture file as it is stored: opened, counted, hashed, decompressed.
//!
//! Checksums of regular files are taken by a thread of their own that reads the file itself, so the packet path does
//! not pay for them; a pipe is hashed as it passes.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use flate2::read::MultiGzDecoder;
use ring::digest;

use super::CaptureError;

/// What standard input is called.
pub(super) const STDIN: &str = "-";

/// Counts stored bytes as they are read, and hashes them where no second reading is possible.
struct Counted<R> {
    input: R,
    read: Arc<AtomicU64>,
    total: Arc<AtomicU64>,
    hash: Option<Arc<Mutex<digest::Context>>>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.input.read(buffer)?;
        self.read.fetch_add(n as u64, Ordering::Relaxed);
        self.total.fetch_add(n as u64, Ordering::Relaxed);
        if let (Some(hash), Some(bytes)) = (&self.hash, buffer.get(..n)) {
            hash.lock().unwrap_or_else(PoisonError::into_inner).update(bytes);
        }
        Ok(n)
    }
}

/// A stored capture, ready to be read.
pub(super) struct Stored {
    pub(super) input: Box<dyn Read + Send>,
    /// Stored bytes of this file read so far.
    pub(super) read: Arc<AtomicU64>,
    /// Size, for a regular file.
    pub(super) size: Option<u64>,
    /// The running checksum of a pipe.
    pub(super) hash: Option<Arc<Mutex<digest::Context>>>,
}

impl Stored {
    /// Opens a file (or standard input) and looks through gzip and zstd.
    pub(super) fn open(path: &Path, total: &Arc<AtomicU64>) -> Result<Self, CaptureError> {
        let fail = |error| CaptureError::Open { path: path.display().to_string(), error };
        let read = Arc::new(AtomicU64::new(0));
        let (input, size, hash): (Box<dyn Read + Send>, _, _) = if path == Path::new(STDIN) {
            (Box::new(io::stdin()), None, Some(()))
        } else {
            let file = File::open(path).map_err(fail)?;
            let about = file.metadata().map_err(fail)?;
            if about.is_dir() {
                return Err(fail(io::Error::new(io::ErrorKind::IsADirectory, "is a directory")));
            }
            let regular = about.is_file();
            (Box::new(file), regular.then_some(about.len()), (!regular).then_some(()))
        };
        let hash = hash.map(|()| Arc::new(Mutex::new(digest::Context::new(&digest::SHA256))));
        let counted =
            Counted { input, read: Arc::clone(&read), total: Arc::clone(total), hash: hash.clone() };
        Ok(Self { input: unpack(counted).map_err(fail)?, read, size, hash })
    }
}

/// Sniffs gzip and zstd by their magic bytes.
fn unpack(mut input: impl Read + Send + 'static) -> io::Result<Box<dyn Read + Send>> {
    let mut head = Vec::with_capacity(4);
    input.by_ref().take(4).read_to_end(&mut head)?;
    let whole = io::Cursor::new(head.clone()).chain(input);
    Ok(match *head.as_slice() {
        [0x1f, 0x8b, ..] => Box::new(MultiGzDecoder::new(io::BufReader::with_capacity(1 << 16, whole))),
        [0x28, 0xb5, 0x2f, 0xfd] => Box::new(zstd::Decoder::new(whole)?),
        _ => Box::new(whole),
    })
}

/// Takes the checksums of regular files in the background.
pub(super) struct Hasher {
    thread: Option<JoinHandle<Vec<Option<String>>>>,
    done: Vec<Option<String>>,
}

impl Hasher {
    /// Starts on the files; `None` in the result for what cannot be read again.
    pub(super) fn start(paths: Vec<Option<PathBuf>>) -> Self {
        let work = move || paths.iter().map(|p| p.as_deref().and_then(|p| sha256(p).ok())).collect();
        let thread = thread::Builder::new().name("sha256".into()).spawn(work).ok();
        Self { thread, done: Vec::new() }
    }

    /// The checksum of the file with that number; waits for it.
    pub(super) fn get(&mut self, number: usize) -> Option<String> {
        if let Some(thread) = self.thread.take() {
            self.done = thread.join().unwrap_or_default();
        }
        self.done.get(number).cloned().flatten()
    }
}

fn sha256(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut context = digest::Context::new(&digest::SHA256);
    let mut buffer = vec![0; 1 << 18];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hex(context.finish().as_ref())),
            n => context.update(buffer.get(..n).unwrap_or_default()),
        }
    }
}

/// Lower-case hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
