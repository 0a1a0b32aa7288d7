//! The thread that looks at this host's sockets, beside live sources only: a file's flows are not this host's.

use std::net::IpAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::capture;
use crate::processes::{HostProcesses, Poller, ProcessesConfig};
use crate::telemetry::Throttle;

use super::clock;
use super::live::Shared;

/// The longest that it sleeps, so that a stop is heard.
const LONGEST_SLEEP: Duration = Duration::from_millis(50);
/// How often the host's own addresses are read anew.
const ADDRESSES_EVERY: Duration = Duration::from_secs(10);

/// The thread's state.
pub(super) struct ProcessThread {
    poller: Poller,
    interval: Duration,
    addresses: Vec<IpAddr>,
    read: Instant,
    throttle: Throttle,
}

impl ProcessThread {
    /// Opens the kernel's tables and takes a first look; nothing where that is not wanted or cannot be had.
    pub(super) fn open(config: &ProcessesConfig, backend: &Mutex<Option<String>>) -> Option<Self> {
        let words = match Poller::open(config) {
            _ if !config.enabled => return None,
            Ok(poller) => {
                let words = poller.backend();
                let mut thread = Self {
                    poller,
                    interval: config.interval.0,
                    addresses: own_addresses(),
                    read: clock::monotonic(),
                    throttle: Throttle::default(),
                };
                thread.poll();
                tracing::info!(backend = words, interval = %config.interval, "processes of this host are told");
                set(backend, words);
                return Some(thread);
            }
            Err(error) => error.to_string(),
        };
        tracing::warn!("processes of this host are not told: {words}");
        set(backend, format!("none: {words}"));
        None
    }

    /// What the flow stage asks.
    pub(super) fn shared(&self) -> Arc<HostProcesses> {
        self.poller.shared()
    }

    /// Looks again and again until the sources are at their end or the program stops.
    pub(super) fn run(mut self, shared: &Shared) {
        let mut next = clock::monotonic() + self.interval;
        while !shared.stop.load(Ordering::SeqCst) && shared.feeds_open.load(Ordering::SeqCst) > 0 {
            let now = clock::monotonic();
            if now < next {
                thread::sleep((next - now).min(LONGEST_SLEEP));
                continue;
            }
            if now.saturating_duration_since(self.read) > ADDRESSES_EVERY {
                self.addresses = own_addresses();
                self.read = now;
            }
            self.poll();
            next = clock::monotonic() + self.interval;
        }
    }

    fn poll(&mut self) {
        if let Err(error) = self.poller.poll(self.addresses.iter().copied(), clock::now())
            && let Some(times) = self.throttle.allow("socket_poll")
        {
            tracing::warn!(times, %error, "the sockets of this host could not be looked at");
        }
    }
}

fn set(backend: &Mutex<Option<String>>, words: String) {
    *backend.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(words);
}

fn own_addresses() -> Vec<IpAddr> {
    capture::interfaces().into_iter().flat_map(|i| i.addresses).map(|net| net.addr()).collect()
}
