//! One frame → one packet, or exactly why not.

mod packet;

pub use packet::{Fragment, Packet, TcpSegment};
