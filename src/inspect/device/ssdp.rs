//! UPnP discovery (UPnP Device Architecture 1.1 §1.2, §1.3): what a device's `SERVER` line says, where its `LOCATION` is its own.

use super::{Datagram, Refused};
use crate::model::{DeviceObservation, DeviceOrigin, DeviceText};

/// Lines read of one message.
const MAX_LINES: usize = 24;

pub(super) fn read(datagram: &Datagram<'_>) -> Result<DeviceObservation, Refused> {
    let mut lines = datagram.payload.split(|b| *b == b'\n').map(<[u8]>::trim_ascii);
    let first = lines.next().unwrap_or_default();
    if !first.starts_with(b"NOTIFY ") && !first.starts_with(b"HTTP/1.1 200") {
        return Err(Refused::Nothing);
    }
    let (mut server, mut location) = (None, None);
    for line in lines.take(MAX_LINES) {
        let Some(colon) = line.iter().position(|b| *b == b':') else { continue };
        let (name, value) = line.split_at(colon);
        let value = value.get(1..).unwrap_or_default().trim_ascii();
        if name.eq_ignore_ascii_case(b"server") {
            server = DeviceText::from_wire(value);
        } else if name.eq_ignore_ascii_case(b"location") {
            location = Some(value);
        }
    }
    let (Some(server), Some(location)) = (server, location) else { return Err(Refused::Nothing) };
    let own = format!("http://{}", datagram.from.addr);
    let rest = location.strip_prefix(own.as_bytes()).ok_or(Refused::Foreign)?;
    if !matches!(rest.first(), Some(b':' | b'/') | None) {
        return Err(Refused::Foreign);
    }
    let mut seen = DeviceObservation::new(DeviceOrigin::Ssdp, datagram.at);
    seen.mac = datagram.from_mac.filter(|m| !m.is_zero() && !m.is_group());
    seen.addr = Some(datagram.from.addr);
    seen.model = Some(server);
    Ok(seen)
}
