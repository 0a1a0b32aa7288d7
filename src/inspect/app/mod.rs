//! Protocols of single applications, known by their content. One file per protocol (or family), one line here.
//!
//! They leave alone what a protocol means: `appid` joins the word in `Facts::app_protocol` with the catalogue. A
//! signature that rests on fewer than 32 fixed bits must look at more than the first packet.

use super::contract::Signature;

/// For byte streams.
pub(super) static STREAMS: &[&Signature] = &[];

/// For datagrams.
pub(super) static DATAGRAMS: &[&Signature] = &[];
