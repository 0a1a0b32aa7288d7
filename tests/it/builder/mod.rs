//! Makes captures out of protocol bytes, layer by layer, for the golden cases and the whole-program tests.
//!
//! Everything is written from the standards here and shares no code with the program, so that a mistake on one side is
//! not hidden by the same mistake on the other. The same calls make the same bytes: time, "random" values and
//! identifiers are counted, never drawn.

pub(crate) mod dns;
pub(crate) mod file;
pub(crate) mod http;
pub(crate) mod net;
pub(crate) mod quic;
pub(crate) mod scene;
pub(crate) mod tcp;
pub(crate) mod tls;

/// Big-endian bytes of a length or number that must fit.
pub(crate) fn be16(n: usize) -> [u8; 2] {
    u16::try_from(n).unwrap().to_be_bytes()
}

/// The same for 24 bits, as TLS handshakes have them.
pub(crate) fn be24(n: usize) -> [u8; 3] {
    let [zero, rest @ ..] = u32::try_from(n).unwrap().to_be_bytes();
    assert_eq!(zero, 0);
    rest
}

/// The same for 32 bits.
pub(crate) fn be32(n: usize) -> [u8; 4] {
    u32::try_from(n).unwrap().to_be_bytes()
}

/// A vector with its length in one byte before it.
pub(crate) fn vec8(bytes: &[u8]) -> Vec<u8> {
    [&[u8::try_from(bytes.len()).unwrap()][..], bytes].concat()
}

/// A vector with its length in two bytes before it.
pub(crate) fn vec16(bytes: &[u8]) -> Vec<u8> {
    [&be16(bytes.len())[..], bytes].concat()
}

/// Bytes that look like encrypted ones: the same for the same seed (xorshift64*, Vigna 2016).
pub(crate) fn noise(seed: u64, count: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(2).wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut out = Vec::with_capacity(count + 8);
    while out.len() < count {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        out.extend(state.wrapping_mul(0x2545_f491_4f6c_dd1d).to_be_bytes());
    }
    out.truncate(count);
    out
}
