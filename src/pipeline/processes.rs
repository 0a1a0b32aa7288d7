//! The threads that look at this host's sockets, beside live sources only: a file's flows are not this host's.

use std::net::IpAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::capture;
use crate::processes::{BirthWatcher, HostProcesses, Poller, ProcessesConfig, Watchers};
use crate::telemetry::Throttle;

use super::clock;
use super::live::Shared;

/// The longest that it sleeps, so that a stop is heard.
const LONGEST_SLEEP: Duration = Duration::from_millis(50);
/// How often the host's own addresses are read anew.
const ADDRESSES_EVERY: Duration = Duration::from_secs(10);

/// The threads' parts.
pub(super) struct Processes {
    /// What the flow stage asks.
    pub(super) shared: Arc<HostProcesses>,
    /// Looks again and again.
    pub(super) polls: PollThread,
    /// Hears of sockets at their birth, where the kernel lets it.
    pub(super) births: Option<BirthThread>,
}

impl Processes {
    /// Opens the kernel's tables and takes a first look; nothing where that is not wanted or cannot be had.
    pub(super) fn open(config: &ProcessesConfig, backend: &Mutex<Option<String>>) -> Option<Self> {
        if !config.enabled {
            return None;
        }
        let Watchers { poller, births, backend: words, shared } = match Watchers::open(config) {
            Ok(watchers) => watchers,
            Err(error) => {
                tracing::warn!("processes of this host are not told: {error}");
                set(backend, format!("none: {error}"));
                return None;
            }
        };
        let mut polls = PollThread {
            poller,
            interval: config.interval.0,
            addresses: own_addresses(),
            read: clock::monotonic(),
            throttle: Throttle::default(),
        };
        polls.poll();
        tracing::info!(backend = words, interval = %config.interval, "processes of this host are told");
        set(backend, words);
        Some(Self { shared, polls, births: births.map(BirthThread) })
    }
}

/// The thread that hears of births: its own, so that a walk over all processes never makes it late.
pub(super) struct BirthThread(BirthWatcher);

impl BirthThread {
    /// Listens until the sources are at their end or the program stops.
    pub(super) fn run(mut self, shared: &Shared) {
        while goes_on(shared) {
            self.0.wait(LONGEST_SLEEP);
            self.0.take(clock::now());
        }
    }
}

fn goes_on(shared: &Shared) -> bool {
    !shared.stop.load(Ordering::SeqCst) && shared.feeds_open.load(Ordering::SeqCst) > 0
}

/// The thread that polls.
pub(super) struct PollThread {
    poller: Poller,
    interval: Duration,
    addresses: Vec<IpAddr>,
    read: Instant,
    throttle: Throttle,
}

impl PollThread {
    /// Looks again and again until the sources are at their end or the program stops.
    pub(super) fn run(mut self, shared: &Shared) {
        let mut next = clock::monotonic() + self.interval;
        while goes_on(shared) {
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
