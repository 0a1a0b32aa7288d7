//! Where frames come from: capture files and live interfaces.

mod frame;

pub use frame::{Frame, LinkType};
