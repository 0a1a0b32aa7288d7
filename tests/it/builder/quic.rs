//! QUIC version 1 Initial packets (RFC 9000 §17.2.2), encrypted as clients do (RFC 9001 §5).

use ring::aead::quic::{AES_128, HeaderProtectionKey};
use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::hkdf;

use super::{be16, vec8};

/// RFC 9001 §5.2.
const SALT: [u8; 20] = [
    0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17, 0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc,
    0xbb, 0x7f, 0x0a,
];
const VERSION: [u8; 4] = [0, 0, 0, 1];
/// A client's first datagram is at least this long (RFC 9000 §14.1).
const SMALLEST: usize = 1200;

struct Length(usize);

impl hkdf::KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

fn expand(secret: &hkdf::Prk, label: &str, length: usize) -> Vec<u8> {
    let info = [&be16(length)[..], &vec8(format!("tls13 {label}").as_bytes()), &[0]].concat();
    let mut out = vec![0; length];
    secret.expand(&[&info], Length(length)).unwrap().fill(&mut out).unwrap();
    out
}

/// A number in two bytes (RFC 9000 §16).
fn varint(n: usize) -> [u8; 2] {
    assert!(n < 0x4000);
    be16(n | 0x4000)
}

/// A CRYPTO frame (RFC 9000 §19.6).
pub(crate) fn crypto(offset: usize, bytes: &[u8]) -> Vec<u8> {
    [&[6][..], &varint(offset), &varint(bytes.len()), bytes].concat()
}

/// A client's Initial datagram with these frames, padded to 1200 bytes. `id` is the connection id of its first one.
pub(crate) fn initial(id: [u8; 8], number: u32, frames: &[u8]) -> Vec<u8> {
    let secret = hkdf::Salt::new(hkdf::HKDF_SHA256, &SALT).extract(&id);
    let client = hkdf::Prk::new_less_safe(hkdf::HKDF_SHA256, &expand(&secret, "client in", 32));
    let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &expand(&client, "quic key", 16)).unwrap());
    let header_key = HeaderProtectionKey::new(&AES_128, &expand(&client, "quic hp", 16)).unwrap();
    let mut nonce: [u8; 12] = expand(&client, "quic iv", 12).try_into().unwrap();
    for (byte, n) in nonce[8..].iter_mut().zip(number.to_be_bytes()) {
        *byte ^= n;
    }

    let fixed = 1 + 4 + 1 + id.len() + 1 + 1 + 2 + 4;
    let mut sealed = frames.to_vec();
    sealed.resize(frames.len().max(SMALLEST - fixed - 16), 0);
    let length = varint(4 + sealed.len() + 16);
    let mut header = [&[0xc3][..], &VERSION, &vec8(&id), &[0, 0], &length, &number.to_be_bytes()].concat();
    let nonce = Nonce::assume_unique_for_key(nonce);
    key.seal_in_place_append_tag(nonce, Aad::from(&header[..]), &mut sealed).unwrap();

    let mask = header_key.new_mask(&sealed[..16]).unwrap();
    header[0] ^= mask[0] & 0x0f;
    let number_at = header.len() - 4;
    for (byte, m) in header[number_at..].iter_mut().zip(&mask[1..]) {
        *byte ^= m;
    }
    [header, sealed].concat()
}

/// A packet with a short header, as all that follow the handshake have.
pub(crate) fn short(id: [u8; 8], seed: u64, length: usize) -> Vec<u8> {
    [&[0x43][..], &id, &super::noise(seed, length)].concat()
}
