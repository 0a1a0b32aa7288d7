//! Live interfaces through libpcap: frames are lent straight from the ring that the kernel fills.
//!
//! Choices that look odd and are measured: a filter is always set, even an empty one, because the kernel ignores
//! the snapshot length without one; immediate mode is never used, because it falls back to an older ring with a
//! fifteenth of the speed; and waiting is done here with `poll`, because libpcap's own read timeout does not fire
//! on a quiet interface.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use pcap::{Active, Capture, Precision};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::datalink::PnetSource;
use super::origin::Origins;
use super::{
    Backend, CaptureConfig, CaptureError, Drops, Frame, LinkType, MAX_FRAME, PacketSource, Pump, interfaces,
};
use crate::model::{Gap, ObservationPoint, Timestamp};

/// The pseudo-interface that stands for all.
const ANY: &str = "any";
/// How long nothing must come before the interface is looked at: asking the system costs more than a poll.
const CHECK_AFTER: Duration = Duration::from_secs(1);

/// Opens live interfaces.
#[derive(Debug)]
pub struct LiveCapture;

impl LiveCapture {
    /// One source per interface, in the order named; the observation points' ids are dense over all of them.
    ///
    /// # Errors
    /// The first interface that does not exist, is down, may not be opened, or for which the filter is wrong.
    pub fn open(
        config: &CaptureConfig,
        interfaces: &[String],
    ) -> Result<Vec<Box<dyn PacketSource>>, CaptureError> {
        let mut sources: Vec<Box<dyn PacketSource>> = Vec::with_capacity(interfaces.len());
        for (at, name) in interfaces.iter().enumerate() {
            let id = u16::try_from(at).unwrap_or(u16::MAX);
            check_exists(name, config.backend)?;
            sources.push(match config.backend {
                Backend::Pcap => Box::new(PcapSource::open(config, name, id)?),
                Backend::Pnet => Box::new(PnetSource::open(config, name, id)?),
            });
        }
        Ok(sources)
    }
}

fn check_exists(name: &str, backend: Backend) -> Result<(), CaptureError> {
    if name == ANY && backend == Backend::Pcap {
        return Ok(());
    }
    let all = interfaces();
    match all.iter().find(|interface| interface.name == name) {
        Some(interface) if interface.up => Ok(()),
        Some(_) => Err(CaptureError::Open {
            interface: name.to_owned(),
            message: format!("it is down; bring it up first (`ip link set {name} up`)"),
        }),
        None => Err(CaptureError::NoSuchInterface {
            interface: name.to_owned(),
            known: all.into_iter().map(|interface| interface.name).collect::<Vec<_>>().join(", "),
        }),
    }
}

/// Why an interface that was opened gives nothing any more, if so.
pub(super) fn lost(name: &str) -> Option<CaptureError> {
    if name == ANY {
        return None;
    }
    let message = match interfaces().iter().find(|interface| interface.name == name) {
        Some(interface) if interface.up => return None,
        Some(_) => "it went down",
        None => "it has vanished",
    };
    Some(CaptureError::InterfaceLost { interface: name.to_owned(), message: message.to_owned() })
}

/// The system's time.
#[allow(clippy::disallowed_methods, reason = "a live source is where time enters the program")]
pub(super) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::EPOCH.plus(since)
}

/// A 32-bit counter that wraps, followed as 64 bits.
#[derive(Debug, Default)]
struct Wrapping {
    last: u32,
    total: u64,
}

impl Wrapping {
    fn follow(&mut self, value: u32) -> u64 {
        self.total += u64::from(value.wrapping_sub(self.last));
        self.last = value;
        self.total
    }
}

/// One interface through libpcap.
struct PcapSource {
    name: String,
    capture: Capture<Active>,
    link: LinkType,
    origins: Origins,
    point: Arc<ObservationPoint>,
    poll_interval: Duration,
    quiet: Duration,
    kernel: Wrapping,
    interface: Wrapping,
}

impl PcapSource {
    fn open(config: &CaptureConfig, name: &str, id: u16) -> Result<Self, CaptureError> {
        let opening = |error: pcap::Error| opening_error(name, &error);
        let poll_interval = config.poll_interval.0;
        let inactive = Capture::from_device(name)
            .map_err(opening)?
            .snaplen(i32::try_from(config.snaplen.0.min(MAX_FRAME as u64)).unwrap_or(i32::MAX))
            .buffer_size(i32::try_from(config.buffer_size.0).unwrap_or(i32::MAX))
            .promisc(config.promiscuous && name != ANY)
            // The kernel hands over a block that is not full after this time.
            .timeout(i32::try_from(poll_interval.as_millis()).unwrap_or(i32::MAX).max(1))
            .precision(Precision::Nano);
        let mut capture = inactive.open().and_then(Capture::setnonblock).map_err(opening)?;
        capture.filter(&config.filter, true).map_err(|error| CaptureError::BadFilter {
            filter: config.filter.clone(),
            target: format!("interface `{name}`"),
            message: message(&error),
        })?;
        let link = LinkType::from_dlt(capture.get_datalink().0);
        let point = Arc::new(ObservationPoint { id, name: name.into(), time_digits: 9 });
        Ok(Self {
            name: name.to_owned(),
            capture,
            link,
            origins: Origins::default(),
            point,
            poll_interval,
            quiet: Duration::ZERO,
            kernel: Wrapping::default(),
            interface: Wrapping::default(),
        })
    }

    fn dispatch(&mut self, budget: usize, sink: &mut dyn FnMut(&Frame<'_>)) -> Result<usize, CaptureError> {
        // The pcap crate panics on counts beyond C's int.
        let budget = budget.clamp(1, 1 << 20);
        let link_type = self.link;
        let origins = &mut self.origins;
        let handed = self.capture.dispatch(Some(budget), |packet| {
            let header = packet.header;
            // With nanosecond precision the microseconds field holds nanoseconds.
            let nanos = u32::try_from(header.ts.tv_usec).unwrap_or(0);
            let time = Timestamp::from_parts(header.ts.tv_sec, nanos);
            let wire_len = header.len.max(header.caplen);
            sink(&Frame {
                time,
                bytes: packet.data,
                wire_len,
                link_type,
                point: 0,
                origin: origins.of_header(link_type, packet.data),
                relayed: false,
            });
        });
        handed.map_err(|error| {
            lost(&self.name).unwrap_or_else(|| CaptureError::InterfaceLost {
                interface: self.name.clone(),
                message: message(&error),
            })
        })
    }

    fn wait(&self) {
        let timeout = Timespec::try_from(self.poll_interval).ok();
        let mut fds = [PollFd::new(&self.capture, PollFlags::IN)];
        // An interrupted or failed wait is a short one: the next call dispatches and tells what is wrong.
        let _ = poll(&mut fds, timeout.as_ref());
    }
}

impl PacketSource for PcapSource {
    fn points(&self) -> Vec<Arc<ObservationPoint>> {
        vec![Arc::clone(&self.point)]
    }

    fn pump(&mut self, budget: usize, sink: &mut dyn FnMut(&Frame<'_>)) -> Result<Pump, CaptureError> {
        if self.dispatch(budget, sink)? > 0 {
            self.quiet = Duration::ZERO;
            return Ok(Pump::More);
        }
        // Frames may lie in a block that the kernel has not handed over yet: they are at most one interval old.
        let settled = now().minus(self.poll_interval);
        self.wait();
        if self.dispatch(budget, sink)? > 0 {
            self.quiet = Duration::ZERO;
            return Ok(Pump::More);
        }
        self.quiet += self.poll_interval;
        if self.quiet >= CHECK_AFTER {
            self.quiet = Duration::ZERO;
            lost(&self.name).map_or(Ok(()), Err)?;
        }
        Ok(Pump::Idle(settled))
    }

    fn drops(&mut self) -> Drops {
        let Ok(stat) = self.capture.stats() else {
            return Drops { kernel: self.kernel.total, interface: self.interface.total };
        };
        Drops { kernel: self.kernel.follow(stat.dropped), interface: self.interface.follow(stat.if_dropped) }
    }

    fn take_gaps(&mut self) -> Vec<Gap> {
        Vec::new()
    }

    fn limits(&self) -> BTreeMap<String, u64> {
        let full = self.origins.full;
        (full > 0).then(|| ("origins_not_kept".to_owned(), full)).into_iter().collect()
    }
}

fn message(error: &pcap::Error) -> String {
    match error {
        pcap::Error::PcapError(message) => message.clone(),
        other => other.to_string(),
    }
}

fn opening_error(name: &str, error: &pcap::Error) -> CaptureError {
    let (interface, message) = (name.to_owned(), message(error));
    let lower = message.to_ascii_lowercase();
    if lower.contains("permi") || lower.contains("not permitted") || lower.contains("cap_net_raw") {
        CaptureError::Permission { interface, message }
    } else {
        CaptureError::Open { interface, message }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_32_bit_counter_that_wraps_keeps_counting() {
        let mut counter = Wrapping::default();
        assert_eq!(counter.follow(u32::MAX - 1), u64::from(u32::MAX) - 1);
        assert_eq!(counter.follow(3), u64::from(u32::MAX) + 4);
        assert_eq!(counter.follow(3), u64::from(u32::MAX) + 4);
    }

    #[test]
    fn an_interface_that_does_not_exist_is_named_with_those_that_do() {
        let wrong = ["nosuch0".to_owned()];
        let error = LiveCapture::open(&CaptureConfig::default(), &wrong).err().unwrap().to_string();
        assert!(error.contains("`nosuch0`") && error.contains("lo"), "{error}");
    }

    #[test]
    fn a_missing_permission_names_the_capability() {
        let denied = pcap::Error::PcapError("socket: Operation not permitted".to_owned());
        assert!(opening_error("eth0", &denied).to_string().contains("CAP_NET_RAW"));
    }
}
