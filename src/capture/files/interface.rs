//! One interface of a pcapng section: how its time stamps count, and where its frames go
//! (draft-ietf-opsawg-pcapng, section 4.2).

use super::delivery::{Desk, Route, Track};
use super::options::Options;
use super::order::Order;
use crate::capture::LinkType;
use crate::model::Timestamp;

const OPTION_NAME: u16 = 2;
const OPTION_TIME_RESOLUTION: u16 = 9;
const OPTION_TIME_OFFSET: u16 = 14;
/// Longest interface name taken over from a file, in bytes; Linux allows 15, Windows uses 50-byte device paths.
const MAX_NAME: usize = 64;

/// How many nanoseconds a unit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scale {
    Times(u64),
    DividedBy(u64),
    ShiftedBy(u32),
    /// Units too small to ever make a nanosecond in 64 bits.
    Zero,
}

/// One interface.
#[derive(Debug, Clone, Copy)]
pub(super) struct Interface {
    /// Where its frames go.
    pub(super) route: Route,
    /// Bytes kept of each frame; 0 means all.
    pub(super) snaplen: u32,
    scale: Scale,
    offset_nanos: i128,
}

impl Interface {
    /// From the body of an Interface Description Block; nothing when it is too short.
    pub(super) fn parse(body: &[u8], order: Order, track: &mut Track, desk: &mut Desk) -> Option<Self> {
        let link = LinkType::from_file(order.u16_at(body, 0)?);
        let snaplen = order.u32_at(body, 4)?;
        let mut resolution = 6;
        let mut offset_seconds = 0;
        let mut name = None;
        for (code, value) in Options::new(body.get(8..).unwrap_or_default(), order) {
            match (code, value) {
                (OPTION_TIME_RESOLUTION, [value]) => resolution = *value,
                (OPTION_TIME_OFFSET, value) => {
                    offset_seconds = value.try_into().map_or(offset_seconds, |bytes| order.i64(bytes));
                }
                (OPTION_NAME, value) => name = readable(value),
                _ => {}
            }
        }
        let (scale, digits) = scale(resolution);
        Some(Self {
            route: track.route(desk, link, name.as_deref(), digits),
            snaplen,
            scale,
            offset_nanos: i128::from(offset_seconds) * 1_000_000_000,
        })
    }

    /// The time of a time stamp of this interface, clamped to the range of [`Timestamp`].
    #[inline]
    pub(super) fn time(&self, high: u32, low: u32) -> Timestamp {
        let units = (u64::from(high) << 32) | u64::from(low);
        let nanos = match self.scale {
            Scale::Times(factor) => u128::from(units) * u128::from(factor),
            Scale::DividedBy(divisor) => u128::from(units / divisor),
            Scale::ShiftedBy(bits) => (u128::from(units) * 1_000_000_000) >> bits,
            Scale::Zero => 0,
        };
        let nanos = i128::try_from(nanos).unwrap_or(i128::MAX).saturating_add(self.offset_nanos);
        let clamped = nanos.clamp(i128::from(i64::MIN), i128::from(i64::MAX));
        Timestamp::from_nanos(i64::try_from(clamped).unwrap_or_default())
    }
}

/// Units and digits of the second of an `if_tsresol` value: 10^-v, or 2^-v with the high bit set.
fn scale(resolution: u8) -> (Scale, u8) {
    let exponent = u32::from(resolution & 0x7f);
    if resolution & 0x80 != 0 {
        // ceil(exponent * log10(2)) digits show each unit.
        let digits = (exponent * 30_103).div_ceil(100_000).min(9);
        return (Scale::ShiftedBy(exponent), u8::try_from(digits).unwrap_or(9));
    }
    let digits = u8::try_from(exponent.min(9)).unwrap_or(9);
    let scale = if exponent <= 9 {
        Scale::Times(10_u64.pow(9 - exponent))
    } else {
        10_u64.checked_pow(exponent - 9).map_or(Scale::Zero, Scale::DividedBy)
    };
    (scale, digits)
}

/// An interface name as text that is safe to show: bounded, printable ASCII, `None` when nothing is left.
fn readable(bytes: &[u8]) -> Option<String> {
    let text: String = bytes
        .iter()
        .filter(|b| b.is_ascii_graphic() || **b == b' ')
        .take(MAX_NAME)
        .map(|b| char::from(*b))
        .collect();
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}
