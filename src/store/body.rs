//! How a flow or an alert lies in its row: JSON of the model's own types, compressed.
//!
//! The model's types, not the documents of `deliver`: so that a stored flow can be judged again by other rules and data.

use std::io;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// zstd's level: 1 costs about as much as writing the JSON, and higher ones gain little on records this small.
const LEVEL: i32 = 1;
/// No record is longer; a damaged row must not ask for more memory.
const LONGEST: usize = 4 << 20;

/// Packs a value.
pub(super) fn pack<T: Serialize>(value: &T) -> io::Result<Vec<u8>> {
    zstd::bulk::compress(&serde_json::to_vec(value)?, LEVEL)
}

/// Packs bytes that are a document already.
pub(super) fn pack_bytes(bytes: &[u8]) -> io::Result<Vec<u8>> {
    zstd::bulk::compress(bytes, LEVEL)
}

/// Unpacks bytes.
pub(super) fn unpack_bytes(bytes: &[u8]) -> io::Result<Vec<u8>> {
    zstd::bulk::decompress(bytes, LONGEST)
}

/// Unpacks a value.
pub(super) fn unpack<T: DeserializeOwned>(bytes: &[u8]) -> io::Result<T> {
    Ok(serde_json::from_slice(&unpack_bytes(bytes)?)?)
}
