//! The digests of regular files, computed on a thread of its own that reads the files itself, so that the packet
//! path does not pay for them. One thread for all files: a disk is not read faster by many.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use super::input::hash_file;

type Digests = BTreeMap<usize, String>;

/// The thread, or what it found.
pub(super) struct Hasher {
    thread: Option<JoinHandle<Digests>>,
    stop: Arc<AtomicBool>,
    digests: Digests,
}

impl Hasher {
    /// Begins with files by their numbers; without any there is no thread.
    pub(super) fn start(files: Vec<(usize, PathBuf)>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        if files.is_empty() {
            return Self { thread: None, stop, digests: Digests::new() };
        }
        let seen = Arc::clone(&stop);
        let work = move || {
            let digest = |(at, path): &(usize, PathBuf)| Some((*at, hash_file(path, &seen)?));
            files.iter().filter_map(digest).collect()
        };
        // A thread that cannot be had costs the digests, not the run.
        let thread = thread::Builder::new().name("capture-hash".to_owned()).spawn(work).ok();
        Self { thread, stop, digests: Digests::new() }
    }

    /// Waits for all digests, by the files' numbers.
    pub(super) fn finish(&mut self) -> &Digests {
        if let Some(thread) = self.thread.take() {
            self.digests = thread.join().unwrap_or_default();
        }
        &self.digests
    }
}

impl Drop for Hasher {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}
