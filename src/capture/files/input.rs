//! From a path to a stream of capture bytes: files, pipes and standard input (`-`), gzip and zstd recognised by
//! their magic; counts the stored bytes, and hashes those of streams that cannot be read twice.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Cursor, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use ring::digest::{Context, SHA256};

use super::window::Source;
use crate::capture::CaptureError;

/// Compressions around each other that are undone; more is no capture but a bomb.
const MAX_LAYERS: usize = 2;
const GZIP: [u8; 2] = [0x1f, 0x8b];
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// What has been read of one input as it is stored.
pub(super) struct Tally {
    bytes: AtomicU64,
    ended: AtomicBool,
    digest: Option<Mutex<Context>>,
}

impl Tally {
    /// Stored bytes read so far.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// The SHA-256 of a stream that was hashed while it was read, once it is read to its end.
    pub(super) fn sha256(&self) -> Option<String> {
        let digest = self.digest.as_ref().filter(|_| self.ended.load(Ordering::Relaxed))?;
        let context = digest.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Some(hex(context.finish().as_ref()))
    }
}

/// One opened input.
pub(super) struct Input {
    /// The bytes of the capture, decompressed.
    pub(super) source: Source,
    /// What was read of it.
    pub(super) tally: Arc<Tally>,
    /// Stored length, of regular files.
    pub(super) length: Option<u64>,
}

/// Opens `path`; `hash` asks for the digest of streams (regular files are hashed elsewhere).
pub(super) fn open(path: &Path, hash: bool) -> Result<Input, CaptureError> {
    let unreadable = |source| CaptureError::Unreadable { path: path.to_owned(), source };
    let (raw, length): (Source, _) = if path == Path::new("-") {
        (Box::new(io::stdin()), None)
    } else {
        let file = File::open(path).map_err(unreadable)?;
        let meta = file.metadata().map_err(unreadable)?;
        if meta.is_dir() {
            return Err(unreadable(io::Error::from(ErrorKind::IsADirectory)));
        }
        (Box::new(file), meta.is_file().then_some(meta.len()))
    };
    counted(raw, length, hash, path)
}

/// The input that these bytes are (for fuzzing).
pub(super) fn of_bytes(bytes: Vec<u8>) -> Result<Input, CaptureError> {
    counted(Box::new(Cursor::new(bytes)), None, false, Path::new("-"))
}

fn counted(raw: Source, length: Option<u64>, hash: bool, path: &Path) -> Result<Input, CaptureError> {
    let digest = (hash && length.is_none()).then(|| Mutex::new(Context::new(&SHA256)));
    let tally = Arc::new(Tally { bytes: AtomicU64::new(0), ended: AtomicBool::new(false), digest });
    let stored = Box::new(Stored { raw, tally: Arc::clone(&tally) });
    Ok(Input { source: unpack(stored, path)?, tally, length })
}

/// Undoes compression.
fn unpack(mut source: Source, path: &Path) -> Result<Source, CaptureError> {
    for _ in 0..MAX_LAYERS {
        let (head, whole) =
            peek(source).map_err(|source| CaptureError::Unreadable { path: path.to_owned(), source })?;
        source = if head.starts_with(&GZIP) {
            Box::new(flate2::read::MultiGzDecoder::new(whole))
        } else if head.starts_with(&ZSTD) || is_zstd_skippable(&head) {
            let decoder = zstd::stream::read::Decoder::new(whole)
                .map_err(|source| CaptureError::Unreadable { path: path.to_owned(), source })?;
            Box::new(decoder)
        } else {
            return Ok(whole);
        };
    }
    Ok(source)
}

/// A zstd stream may begin with a frame of user data (RFC 8878, section 3.1.2).
fn is_zstd_skippable(head: &[u8]) -> bool {
    matches!(head, [0x50..=0x5f, 0x2a, 0x4d, 0x18])
}

/// The first four bytes, fewer if there are no more, and the stream as if they had not been read.
fn peek(mut source: Source) -> io::Result<(Vec<u8>, Source)> {
    let mut head = Vec::with_capacity(4);
    source.by_ref().take(4).read_to_end(&mut head)?;
    Ok((head.clone(), Box::new(Cursor::new(head).chain(source))))
}

/// What a file's first bytes are, in words.
pub(super) fn describe(head: &[u8]) -> String {
    let known = match head {
        [] => "an empty file",
        [0xfd, b'7', b'z', b'X', ..] => "xz compression (unpack it first)",
        [b'B', b'Z', b'h', ..] => "bzip2 compression (unpack it first)",
        [b'P', b'K', 3, 4, ..] => "a zip archive (unpack it first)",
        [b's', b'n', b'o', b'o', ..] => "a snoop capture (convert it with `editcap -F pcapng`)",
        [0x1f, 0x8b, ..] | [0x28, 0xb5, 0x2f, 0xfd, ..] => {
            "compression inside compression inside compression"
        }
        _ => "",
    };
    if !known.is_empty() {
        return known.to_owned();
    }
    let bytes: Vec<String> = head.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("the first bytes {}", bytes.join(" "))
}

/// The stored bytes, counted and perhaps hashed.
struct Stored {
    raw: Source,
    tally: Arc<Tally>,
}

impl Read for Stored {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.raw.read(buffer)?;
        self.tally.bytes.fetch_add(count as u64, Ordering::Relaxed);
        if count == 0 && !buffer.is_empty() {
            self.tally.ended.store(true, Ordering::Relaxed);
        }
        if let Some(digest) = &self.tally.digest {
            let bytes = buffer.get(..count).unwrap_or_default();
            digest.lock().unwrap_or_else(PoisonError::into_inner).update(bytes);
        }
        Ok(count)
    }
}

/// SHA-256 of a whole file; nothing when it cannot be read to its end, or `stop` is set.
pub(super) fn hash_file(path: &PathBuf, stop: &AtomicBool) -> Option<String> {
    let mut file = File::open(path).ok()?;
    let mut context = Context::new(&SHA256);
    let mut buffer = vec![0; 256 * 1024];
    loop {
        if stop.load(Ordering::Relaxed) {
            return None;
        }
        match file.read(&mut buffer) {
            Ok(0) => return Some(hex(context.finish().as_ref())),
            Ok(count) => context.update(buffer.get(..count)?),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return None,
        }
    }
}

/// Lower-case hex.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
