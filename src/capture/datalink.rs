//! Live interfaces without libpcap, through `pnet`'s packet sockets (`backend = "pnet"`).
//!
//! What is lost by it is told by [`limitations`] and as a gap at the start. It makes one system call per frame.

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use pnet::datalink::{Channel, Config, DataLinkReceiver, channel};

use super::live::{lost, now};
use super::{CaptureConfig, CaptureError, Drops, Frame, LinkType, MAX_FRAME, PacketSource, Pump};
use crate::model::{Gap, ObservationPoint};

/// Hardware types of Linux (if_arp.h) as link types: Ethernet, loopback (framed as Ethernet), and the two without
/// a link header: none, and raw IP.
const HARDWARE: [(u16, LinkType); 4] =
    [(1, LinkType::ETHERNET), (772, LinkType::ETHERNET), (0xfffe, LinkType::RAW), (519, LinkType::RAW)];

/// What this backend cannot do, as sentences for people.
pub fn limitations() -> &'static [&'static str] {
    &[
        "frames are time-stamped when they are read, not when they arrive",
        "frames that the kernel drops are not counted",
        "no filter and no snapshot length",
        "vlan tags that the kernel or the network card strips are lost",
        "heavy traffic is lost far earlier than with the backend `pcap`",
    ]
}

/// One interface through a packet socket.
pub(super) struct PnetSource {
    name: String,
    receiver: Box<dyn DataLinkReceiver>,
    link: LinkType,
    point: Arc<ObservationPoint>,
    poll_interval: Duration,
    gaps: Vec<Gap>,
}

impl PnetSource {
    /// Opens an interface.
    pub(super) fn open(config: &CaptureConfig, name: &str, id: u16) -> Result<Self, CaptureError> {
        let failed = |message: String| CaptureError::Open { interface: name.to_owned(), message };
        let interface = pnet::datalink::interfaces()
            .into_iter()
            .find(|interface| interface.name == name)
            .ok_or_else(|| failed("it has vanished".to_owned()))?;
        let link = link_type(name).map_err(failed)?;
        let options = Config {
            read_buffer_size: MAX_FRAME,
            read_timeout: Some(config.poll_interval.0),
            promiscuous: config.promiscuous,
            ..Config::default()
        };
        let receiver = match channel(&interface, options) {
            Ok(Channel::Ethernet(_, receiver)) => receiver,
            Ok(_) => return Err(failed("the system gives no frames of it".to_owned())),
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                return Err(CaptureError::Permission {
                    interface: name.to_owned(),
                    message: error.to_string(),
                });
            }
            Err(error) => return Err(failed(error.to_string())),
        };
        let gap = Gap {
            source: name.to_owned(),
            kind: "limited_backend",
            offset: None,
            at: None,
            detail: format!("the backend `pnet` is in use: {}", limitations().join("; ")),
        };
        let point = Arc::new(ObservationPoint { id, name: name.into(), time_digits: 9 });
        let poll_interval = config.poll_interval.0;
        Ok(Self { name: name.to_owned(), receiver, link, point, poll_interval, gaps: vec![gap] })
    }
}

fn link_type(name: &str) -> Result<LinkType, String> {
    let text = std::fs::read_to_string(format!("/sys/class/net/{name}/type"))
        .map_err(|error| format!("its hardware type cannot be read: {error}"))?;
    let hardware: u16 = text.trim().parse().map_err(|_| "its hardware type is no number".to_owned())?;
    let known = HARDWARE.iter().find(|(number, _)| *number == hardware).map(|(_, link)| *link);
    known.ok_or_else(|| format!("hardware type {hardware} needs the backend `pcap`"))
}

impl PacketSource for PnetSource {
    fn points(&self) -> Vec<Arc<ObservationPoint>> {
        vec![Arc::clone(&self.point)]
    }

    fn pump(&mut self, budget: usize, sink: &mut dyn FnMut(&Frame<'_>)) -> Result<Pump, CaptureError> {
        let began = now();
        for handed in 0..budget.max(1) {
            match self.receiver.next() {
                Ok(bytes) => {
                    let time = now();
                    let wire_len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
                    sink(&Frame {
                        time,
                        bytes,
                        wire_len,
                        link_type: self.link,
                        point: 0,
                        origin: None,
                        relayed: false,
                    });
                    // A trickle must not hold the caller for a whole budget.
                    if time.since(began) >= self.poll_interval {
                        break;
                    }
                }
                Err(error) if matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::Interrupted) => {
                    if handed > 0 {
                        break;
                    }
                    lost(&self.name).map_or(Ok(()), Err)?;
                    // Stamped on reading: nothing older is outstanding.
                    return Ok(Pump::Idle(now()));
                }
                Err(error) => {
                    return Err(lost(&self.name).unwrap_or_else(|| CaptureError::InterfaceLost {
                        interface: self.name.clone(),
                        message: error.to_string(),
                    }));
                }
            }
        }
        Ok(Pump::More)
    }

    fn drops(&mut self) -> Drops {
        Drops::default()
    }

    fn take_gaps(&mut self) -> Vec<Gap> {
        std::mem::take(&mut self.gaps)
    }
}
