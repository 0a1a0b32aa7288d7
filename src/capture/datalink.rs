//! A live interface without libpcap, through pnet's packet socket.
//!
//! For hosts without libpcap, and lossy: the small default socket buffer drops frames above some tens of thousands a
//! second, times are taken when a frame is read, there is no drop counter and no filter, and VLAN tags that the
//! network card took off are lost. All of that is put on record when it opens.

use std::io::ErrorKind;
use std::sync::Arc;

use pnet::datalink::{self, Channel, Config, DataLinkReceiver};

use crate::model::{Gap, ObservationPoint};

use super::frame::{Frame, LinkType};
use super::{CaptureConfig, CaptureError, Drops, PacketSource, Pump};

/// An open interface.
pub(super) struct DatalinkCapture {
    name: String,
    receiver: Box<dyn DataLinkReceiver>,
    point: Arc<ObservationPoint>,
    told: bool,
}

impl DatalinkCapture {
    /// Opens an interface.
    pub(super) fn open(config: &CaptureConfig, name: &str) -> Result<Self, CaptureError> {
        let Some(interface) = datalink::interfaces().into_iter().find(|i| i.name == name) else {
            return Err(CaptureError::NoInterface { name: name.to_owned(), known: super::interfaces::known() });
        };
        let options = Config {
            read_buffer_size: 1 << 16,
            read_timeout: Some(config.poll_interval.0),
            promiscuous: config.promiscuous,
            ..Config::default()
        };
        let fail = |message: String| CaptureError::Interface { name: name.to_owned(), message };
        match datalink::channel(&interface, options) {
            Ok(Channel::Ethernet(_, receiver)) => Ok(Self {
                name: name.to_owned(),
                receiver,
                point: Arc::new(ObservationPoint { id: 0, name: name.into(), time_digits: 9 }),
                told: false,
            }),
            Ok(_) => Err(fail("is no Ethernet-like interface".into())),
            Err(error) => Err(fail(format!("{error}; capturing needs the capability CAP_NET_RAW"))),
        }
    }
}

impl PacketSource for DatalinkCapture {
    fn points(&self) -> Vec<Arc<ObservationPoint>> {
        vec![Arc::clone(&self.point)]
    }

    fn pump(&mut self, budget: usize, sink: &mut dyn FnMut(&Frame<'_>)) -> Result<Pump, CaptureError> {
        for taken in 0..budget {
            match self.receiver.next() {
                Ok(bytes) => sink(&Frame {
                    time: super::live::now(),
                    bytes,
                    wire_len: u32::try_from(bytes.len()).unwrap_or(u32::MAX),
                    link_type: LinkType::ETHERNET,
                    point: 0,
                }),
                Err(e) if matches!(e.kind(), ErrorKind::TimedOut | ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
                    return Ok(if taken > 0 { Pump::More } else { Pump::Idle(super::live::now()) });
                }
                Err(e) => return Err(CaptureError::Lost { name: self.name.clone(), message: e.to_string() }),
            }
        }
        Ok(Pump::More)
    }

    fn drops(&mut self) -> Drops {
        Drops::default()
    }

    fn take_gaps(&mut self) -> Vec<Gap> {
        if std::mem::replace(&mut self.told, true) {
            return Vec::new();
        }
        vec![Gap {
            source: self.name.clone(),
            kind: "lossy_backend",
            offset: None,
            at: None,
            detail: "the pnet backend has no drop counter: what it loses under load is not counted; times are taken \
                     on reading, and VLAN tags taken off by the network card are not seen"
                .to_owned(),
        }]
    }
}
