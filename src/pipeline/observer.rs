//! One observation point's packet path: capture → decode → inspect → meter, on one thread, to the end.

use std::collections::BTreeMap;

use crate::capture::{CaptureError, Frame, PacketSource, Pump};
use crate::decode::{Decoder, Fragment, Packet};
use crate::inspect::{Datagram, DeviceWatch};
use crate::meter::{Meter, Observation};
use crate::model::{DeviceObservation, Gap, Ledger, PacketLedger, Protocol, Timestamp};

/// Frames handled at most between two looks at the world outside (stop flag, queue).
const MOST_FRAMES: usize = 4096;

/// Decodes and meters what one source lends.
pub struct Observer<S> {
    source: S,
    path: PacketPath,
    points: usize,
    /// Frames to take next. Observation points come up while a file is read, and records name them, so the first
    /// steps are short: one frame, then ever more while no new point comes up.
    frames: usize,
    gaps: Vec<Gap>,
    /// The source has ended; its flows are being ended, some in each step.
    ended: bool,
}

/// The part of an observer that a frame touches.
struct PacketPath {
    decoder: Decoder,
    meter: Meter,
    devices: DeviceWatch,
    /// What devices said in the packet in hand, kept to save the allocation.
    said: Vec<DeviceObservation>,
    released: Vec<Packet<'static>>,
    out: Vec<Observation>,
}

/// What a step came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// There may be more.
    More,
    /// Nothing came; it was this late by the source's clock.
    Idle(Timestamp),
    /// The source has ended; all flows are ended too.
    End,
}

impl<S: PacketSource> Observer<S> {
    /// Joins a source, a decoder and a meter.
    pub fn new(source: S, decoder: Decoder, meter: Meter) -> Self {
        let path = PacketPath {
            decoder,
            meter,
            devices: DeviceWatch::default(),
            said: Vec::new(),
            released: Vec::new(),
            out: Vec::new(),
        };
        let mut observer =
            Self { source, path, points: usize::MAX, frames: 1, gaps: Vec::new(), ended: false };
        observer.refresh_points();
        observer
    }

    /// Takes some frames; observations gather in [`Observer::take_observations`].
    pub fn step(&mut self) -> Result<Step, CaptureError> {
        if self.ended {
            let all = self.path.meter.finish_some(MOST_FRAMES, &mut self.path.out);
            return Ok(if all { Step::End } else { Step::More });
        }
        let path = &mut self.path;
        let pumped = self.source.pump(self.frames, &mut |frame| path.frame(frame));
        self.frames = (self.frames * 2).min(MOST_FRAMES);
        self.refresh_points();
        self.gaps.extend(self.source.take_gaps());
        let names = self.source.take_names();
        if !names.is_empty() {
            // A name stands before the packets that it helps: so it goes before what they gave.
            self.path.out.splice(0..0, names.into_iter().map(Observation::Name));
        }
        Ok(match pumped? {
            Pump::More => Step::More,
            Pump::Idle(now) => {
                self.path.decoder.advance(now);
                self.path.decoder.take_released(&mut self.path.released);
                self.path.meter_released();
                self.path.inspect_datagrams();
                self.path.meter.advance(now, &mut self.path.out);
                Step::Idle(now)
            }
            Pump::End => {
                self.ended = true;
                self.path.decoder.finish(&mut self.path.released);
                self.path.meter_released();
                self.path.inspect_datagrams();
                Step::More
            }
        })
    }

    /// Ends all flows, as when the program stops.
    pub fn finish(&mut self) {
        self.path.decoder.finish(&mut self.path.released);
        self.path.meter_released();
        self.path.inspect_datagrams();
        self.path.meter.finish(&mut self.path.out);
    }

    /// The observations since the last call.
    pub fn take_observations(&mut self) -> Vec<Observation> {
        std::mem::take(&mut self.path.out)
    }

    /// How many observations wait.
    pub fn waiting(&self) -> usize {
        self.path.out.len()
    }

    /// The source, to ask it for what it knows.
    pub fn source(&self) -> &S {
        &self.source
    }

    /// The source, to ask it for what only it can settle.
    pub fn source_mut(&mut self) -> &mut S {
        &mut self.source
    }

    /// What this observer saw and did not see so far.
    pub fn ledger(&mut self) -> Ledger {
        self.gaps.extend(self.path.meter.take_gaps());
        let drops = self.source.drops();
        let packets = PacketLedger {
            kernel_drops: drops.kernel,
            interface_drops: drops.interface,
            ..self.path.decoder.ledger()
        };
        let limits: BTreeMap<String, u64> = self
            .path
            .meter
            .limits()
            .into_iter()
            .chain(self.path.decoder.limits())
            .chain(self.path.devices.limits())
            .chain(self.source.limits())
            .filter(|(_, count)| *count > 0)
            .collect();
        Ledger {
            packets,
            flows: self.path.meter.ledger(),
            limits,
            gaps: self.gaps.clone(),
            notes: Vec::new(),
        }
    }

    /// Tells the meter of observation points that came up while reading.
    fn refresh_points(&mut self) {
        let points = self.source.points();
        if points.len() != self.points {
            self.points = points.len();
            self.frames = 1;
            self.path.meter.set_points(points);
        }
    }
}

impl PacketPath {
    fn frame(&mut self, frame: &Frame<'_>) {
        if let Some(packet) = self.decoder.decode(frame) {
            self.learn(&packet);
            self.meter.observe(&packet, &mut self.out);
        }
        if let Some(arp) = self.decoder.take_arp() {
            self.devices.arp(&arp.bytes, arp.from, arp.at, &mut self.said);
            self.tell_said();
        }
        if self.decoder.has_released() {
            self.decoder.take_released(&mut self.released);
            self.meter_released();
        }
        if self.decoder.has_datagrams() {
            self.inspect_datagrams();
        }
    }

    /// What fragments made: they were counted one by one before.
    fn inspect_datagrams(&mut self) {
        for datagram in self.decoder.take_datagrams() {
            let packet = datagram.packet();
            self.learn(&packet);
            self.meter.inspect(&packet, &mut self.out);
        }
    }

    /// What a device says of itself, on its own link: inside tunnels the link addresses are not its own.
    fn learn(&mut self, packet: &Packet<'_>) {
        let of_use = match packet.protocol {
            Protocol::UDP => DeviceWatch::wants(packet.source.port, packet.destination.port),
            Protocol::ICMPV6 => packet.icmp_type.is_some_and(DeviceWatch::wants_icmp6),
            _ => false,
        };
        if !of_use || packet.tunnel_depth > 0 || packet.payload.is_empty() || packet.fragment != Fragment::No
        {
            return;
        }
        let datagram = Datagram {
            at: packet.time,
            from: packet.source,
            to: packet.destination,
            from_mac: packet.source_mac,
            to_mac: packet.destination_mac,
            payload: packet.payload,
        };
        match packet.icmp_type {
            Some(kind) => self.devices.neighbour(kind, &datagram, &mut self.said),
            None => self.devices.datagram(&datagram, &mut self.said),
        }
        self.tell_said();
    }

    fn tell_said(&mut self) {
        self.out.extend(self.said.drain(..).map(|seen| Observation::Device(Box::new(seen))));
    }

    fn meter_released(&mut self) {
        for packet in self.released.drain(..) {
            self.meter.observe(&packet, &mut self.out);
        }
    }
}
